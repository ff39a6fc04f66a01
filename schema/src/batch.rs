//! Loading a level at a time: what a query needs is gathered until nothing of it can go on without, and then read.
//!
//! The library's own way waits for a moment instead, which is too long on a fast machine and too short on a busy one.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use async_graphql::dataloader::DataLoader;
use async_graphql::{Request, Response};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use service::Cx;

use crate::Schema;
use crate::loader::Loaders;

/// One read of a loader, not begun.
type Batch = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Executes a request on behalf of a caller, with loaders of its own. Reads begin only when the execution has come to a
/// rest, that is, when every field of a level has said what it needs.
pub async fn execute(schema: &Schema, request: Request, cx: Cx) -> Response {
    let waiting: Arc<Mutex<Vec<Batch>>> = Arc::default();
    let gathered = waiting.clone();
    let gather = move |batch: Batch| gathered.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
    let loaders = DataLoader::new(Loaders(cx.clone()), gather).delay(Duration::ZERO);

    let mut execution = pin!(schema.execute(request.data(cx).data(loaders)));
    let mut reads = FuturesUnordered::new();
    poll_fn(|task| {
        if let Poll::Ready(response) = execution.as_mut().poll(task) {
            return Poll::Ready(response);
        }
        reads.extend(waiting.lock().unwrap_or_else(PoisonError::into_inner).drain(..));
        // A read that ends wakes the fields that wait for it, and with them this task.
        while let Poll::Ready(Some(())) = reads.poll_next_unpin(task) {}
        Poll::Pending
    })
    .await
}
