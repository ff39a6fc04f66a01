//! Loading a level at a time: what a query needs is gathered until nothing of it can go on without, and then read.
//!
//! The library's own way waits for a moment instead, which is too long on a fast machine and too short on a busy one.
//!
//! Decision: `docs/decisions/0009-loaders-run-when-execution-stalls.md`.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use async_graphql::dataloader::DataLoader;
use async_graphql::{Request, Response};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream, FuturesUnordered};
use service::Cx;

use crate::Schema;
use crate::engine::answer::{Answer, MAX_ANSWER_BYTES};
use crate::engine::loader::Loaders;

/// Keys of one read: a level of more is read in parts. Twice the rows that a document can pay for, since those of a list
/// without pages are not counted one by one; and, a key being one value of a statement, with the values of a filter still
/// below the 32,766 that SQLite takes.
pub(crate) const MAX_KEYS: usize = 30_000;

/// One read, not begun.
type Batch = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Reads that begin when the execution comes to a rest.
#[derive(Clone, Default)]
pub(crate) struct Queue(Arc<Mutex<Vec<Batch>>>);

impl Queue {
    /// Adds one.
    pub(crate) fn add(&self, read: impl Future<Output = ()> + Send + 'static) {
        self.push(Box::pin(read));
    }

    fn push(&self, batch: Batch) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
    }

    fn take(&self) -> Vec<Batch> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Executes a request on behalf of a caller, with loaders of its own. Reads begin only when the execution has come to a
/// rest, that is, when every field of a level has said what it needs. An answer of more than `limit` bytes is given up.
pub(crate) async fn execute(schema: &Schema, request: Request, cx: Cx, limit: usize) -> Response {
    let (mut reads, request) = Reads::of(request, &cx);
    let answer = Answer::within(limit);
    let mut execution = pin!(schema.execute(request.data(cx).data(answer.clone())));
    poll_fn(|task| {
        let (polled, rests) = poll_until_rest(task, |task| execution.as_mut().poll(task));
        if let Some(error) = answer.overflow() {
            return Poll::Ready(Response::from_errors(vec![error]));
        }
        if polled.is_pending() && rests {
            reads.advance(task);
        }
        polled
    })
    .await
}

/// Executes an operation with many answers, a subscription.
pub(crate) fn subscribe(schema: &Schema, request: Request, cx: Cx) -> BoxStream<'static, Response> {
    let (mut reads, request) = Reads::of(request, &cx);
    let answer = Answer::within(MAX_ANSWER_BYTES);
    let mut execution = schema.execute_stream(request.data(cx).data(answer.clone()));
    let mut has_ended = false;
    let answers = stream::poll_fn(move |task| {
        if has_ended {
            return Poll::Ready(None);
        }
        let (polled, rests) = poll_until_rest(task, |task| execution.as_mut().poll_next(task));
        if polled.is_pending() && rests {
            reads.advance(task);
        }
        has_ended = polled.is_ready() && answer.is_last();
        polled
    });
    answers.fuse().boxed()
}

/// Polls an execution, and says whether it rests: one that has woken its own task meanwhile has only let others go first,
/// as a wide level does after some of its fields, and is polled again before anything is read.
fn poll_until_rest<T>(task: &mut Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> (Poll<T>, bool) {
    let probe = Arc::new(WakeProbe { woken: AtomicBool::new(false), task: task.waker().clone() });
    let polled = poll(&mut Context::from_waker(&Waker::from(probe.clone())));
    (polled, !probe.woken.load(Ordering::Acquire))
}

/// Wakes the task, and knows that it did.
struct WakeProbe {
    woken: AtomicBool,
    task: Waker,
}

impl Wake for WakeProbe {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

/// The reads of one execution: those that were asked for, and those that run.
struct Reads {
    waiting: Queue,
    running: FuturesUnordered<Batch>,
}

impl Reads {
    /// Those of a request, which is given what its fields ask for them by.
    fn of(request: Request, cx: &Cx) -> (Reads, Request) {
        let waiting = Queue::default();
        let gathered = waiting.clone();
        let gather = move |batch: Batch| gathered.push(batch);
        let loaders = DataLoader::new(Loaders(cx.clone()), gather).delay(Duration::ZERO).max_batch_size(MAX_KEYS);
        let request = request.data(loaders).data(waiting.clone());
        (Reads { waiting, running: FuturesUnordered::new() }, request)
    }

    /// Begins what was asked for since, and drives what runs. A read that ends wakes the fields that wait for it, and with
    /// them the task.
    fn advance(&mut self, task: &mut Context<'_>) {
        self.running.extend(self.waiting.take());
        while let Poll::Ready(Some(())) = self.running.poll_next_unpin(task) {}
    }
}
