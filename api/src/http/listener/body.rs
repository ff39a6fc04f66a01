//! The bodies of a request and of its answer: what a handler leaves of the first is read and discarded, and the second is
//! handed over in parts, so that it shows whether the client reads it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::timeout;

use super::activity::Exchange;
use crate::http::request::MAX_BODY;

/// How long the rest of a body is read before its request is answered.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest part of an answer that is handed over at once. The HTTP library asks for the next one when the client has
/// read most of it, and a client that reads less than this within the write timeout has its connection closed.
const PART: usize = 32 * 1024;

type Inner = BoxBody<Bytes, io::Error>;

/// The parts that any body may arrive in, and the bytes for which it may have one more: a part of one byte costs as much as
/// one of thousands.
const PARTS: usize = 1_024;
const BYTES_PER_PART: usize = 64;

/// A body that is lent to a handler and can be taken back.
#[derive(Clone)]
pub(super) struct LentBody(Arc<Mutex<Lent>>);

struct Lent {
    inner: Inner,
    parts: usize,
    bytes: usize,
}

impl LentBody {
    pub(super) fn new(inner: Inner) -> LentBody {
        LentBody(Arc::new(Mutex::new(Lent { inner, parts: 0, bytes: 0 })))
    }

    fn lock(&self) -> MutexGuard<'_, Lent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is left.
    pub(super) fn is_read(&self) -> bool {
        self.lock().inner.is_end_stream()
    }

    /// Reads and discards what the handler has left, within bounds. False if something is left even then.
    pub(super) async fn discard(mut self) -> bool {
        if self.is_read() {
            return true;
        }
        if self.lock().inner.size_hint().lower() > MAX_BODY as u64 {
            return false;
        }
        let rest = async {
            let mut discarded = 0;
            while let Some(frame) = self.frame().await {
                let Ok(frame) = frame else { return false };
                discarded += frame.data_ref().map_or(0, Bytes::len);
                if discarded > MAX_BODY {
                    return false;
                }
            }
            true
        };
        timeout(DISCARD_TIMEOUT, rest).await.unwrap_or(false)
    }
}

impl Body for LentBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut lent = self.lock();
        let polled = ready!(Pin::new(&mut lent.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &polled {
            lent.parts += 1;
            lent.bytes += frame.data_ref().map_or(0, Bytes::len);
            if lent.parts > PARTS + lent.bytes / BYTES_PER_PART {
                return Poll::Ready(Some(Err(io::Error::other("the body arrives in too many parts"))));
            }
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.lock().inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().inner.size_hint()
    }
}

/// The body of an answer; its request is open until this is dropped.
pub(super) struct AnswerBody {
    inner: Inner,
    rest: Bytes,
    exchange: Exchange,
}

impl AnswerBody {
    pub(super) fn new(inner: Inner, exchange: Exchange) -> AnswerBody {
        exchange.waits_for_client();
        AnswerBody { inner, rest: Bytes::new(), exchange }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.rest.is_empty() {
            let polled = Pin::new(&mut self.inner).poll_frame(cx);
            if polled.is_pending() {
                self.exchange.waits_for_server();
            }
            match ready!(polled) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => self.rest = bytes,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end_or_error => return Poll::Ready(end_or_error),
            }
        }
        self.exchange.waits_for_client();
        let part = self.rest.len().min(PART);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(part)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let inner = self.inner.size_hint();
        let mut hint = SizeHint::new();
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(inner.lower() + rest);
        hint
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        if self.is_end_stream() {
            self.exchange.complete();
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::super::activity::Activity;
    use super::*;

    fn full(bytes: usize) -> Inner {
        Full::new(Bytes::from(vec![7; bytes])).map_err(io::Error::other).boxed()
    }

    #[tokio::test]
    async fn an_answer_is_handed_over_in_parts() {
        let activity = Activity::new();
        let mut body = AnswerBody::new(full(PART + 1), activity.begin(false));
        assert_eq!(body.size_hint().exact(), Some(PART as u64 + 1));
        let mut part = async || body.frame().await.and_then(Result::ok).and_then(|frame| frame.into_data().ok());
        assert_eq!((part().await.map(|part| part.len()), part().await.map(|part| part.len())), (Some(PART), Some(1)));
        assert!(body.is_end_stream());
    }

    #[tokio::test]
    async fn what_a_handler_leaves_is_discarded_up_to_a_bound() {
        let lent = LentBody::new(full(1000));
        assert!(lent.clone().discard().await && lent.is_end_stream());
        assert!(!LentBody::new(full(MAX_BODY + 1)).discard().await);
    }

    #[tokio::test]
    async fn a_body_in_crumbs_is_given_up() {
        let crumbs = |bytes: usize, parts: usize| {
            let part = move |_| Ok::<_, io::Error>(Frame::data(Bytes::from(vec![7; bytes])));
            LentBody::new(http_body_util::StreamBody::new(futures_util::stream::iter((0..parts).map(part))).boxed())
        };
        assert!(crumbs(1, PARTS).discard().await);
        assert!(!crumbs(1, 2 * PARTS).discard().await);
        assert!(crumbs(BYTES_PER_PART, 10 * PARTS).discard().await);
    }
}
