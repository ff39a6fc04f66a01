//! A bound on the bytes that a receiver sends before the head of its response: interim responses such as `100 Continue`
//! count too, and there may be any number of them.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most bytes before the end of a response's head. The head itself is at most 64 KiB, and the client may read as much
/// again of the body before it reports the head.
const MAX_BEFORE_HEAD: usize = 256 * 1024;

/// The bytes that a connection may still read until the head of the response is there. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct HeadBudget(Arc<Inner>);

struct Inner {
    remaining: AtomicUsize,
    /// Whether the head of the last response has been received, and no request was begun since.
    received: AtomicBool,
}

impl Default for Inner {
    fn default() -> Inner {
        Inner { remaining: AtomicUsize::new(MAX_BEFORE_HEAD), received: AtomicBool::new(false) }
    }
}

impl HeadBudget {
    /// Lifts the bound until the next request: the body of the response follows, which has a bound of its own.
    pub(super) fn head_received(&self) {
        self.0.received.store(true, Ordering::Relaxed);
    }

    /// Restores the bound with the first byte of a request.
    fn written(&self) {
        if self.0.received.swap(false, Ordering::Relaxed) {
            self.0.remaining.store(MAX_BEFORE_HEAD, Ordering::Relaxed);
        }
    }

    fn read(&self, bytes: usize) -> Result<(), TooMuchBeforeHead> {
        if self.0.received.load(Ordering::Relaxed) {
            return Ok(());
        }
        let take = |remaining: usize| remaining.checked_sub(bytes);
        let taken = self.0.remaining.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.map(drop).map_err(|_| TooMuchBeforeHead)
    }
}

/// A receiver has sent more than `MAX_BEFORE_HEAD` without a response.
#[derive(Debug)]
pub(super) struct TooMuchBeforeHead;

impl std::error::Error for TooMuchBeforeHead {}

impl fmt::Display for TooMuchBeforeHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the receiver sent more than {} KiB before a response", MAX_BEFORE_HEAD / 1024)
    }
}

/// A connection whose reads fail once the budget is spent.
pub(super) struct Bounded<S> {
    stream: S,
    head: HeadBudget,
}

impl<S> Bounded<S> {
    pub(super) fn new(stream: S, head: HeadBudget) -> Bounded<S> {
        Bounded { stream, head }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let read = buf.filled().len() - before;
        match self.head.read(read) {
            Ok(()) => polled,
            Err(flood) => Poll::Ready(Err(io::Error::other(flood))),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.head.written();
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
