//! The socket of a connection: reports what happens on it, lingers before it closes on a client that still sends, and
//! puts the refusals of the HTTP library into the envelope.

use std::io::{ErrorKind, IoSlice, Result};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::activity::Activity;
use super::flood::{Flood, GOAWAY, Protocol};
use super::head::Head;
use super::permits::ConnectionPermit;
use crate::http::space::Spaces;

/// How long, and for how many bytes, a connection is read after its last answer.
const LINGER_TIMEOUT: Duration = Duration::from_secs(5);
const LINGER_BYTES: usize = 64 * 1024 * 1024;
/// Bytes that are discarded at a time.
const DISCARD: usize = 16 * 1024;
/// Bytes of a head that are read at a time.
const PART_OF_HEAD: usize = 4 * 1024;
/// Bytes that the HTTP library gets at a time: its buffer doubles with each read that fills it.
const READ: usize = 16 * 1024 - 1;

/// Makes the answer to a request that the HTTP library has refused with this status, for a client at this address.
pub(super) type Refuse = Box<dyn Fn(&str, SocketAddr) -> Vec<u8> + Send + Sync>;

/// A socket with its activity and its permit.
pub(super) struct Socket {
    stream: TcpStream,
    address: SocketAddr,
    activity: Arc<Activity>,
    refuse: Arc<Refuse>,
    linger: Option<Linger>,
    flood: Flood,
    /// What has come of the next head, and what of it the HTTP library has not read yet.
    head: Head,
    ahead: Bytes,
    permit: ConnectionPermit,
}

/// What comes on a connection that waited.
#[derive(Debug)]
pub(super) enum Opening {
    /// A request over HTTP/1.1 or an earlier version, or what is none.
    Http1,
    /// Requests over HTTP/2.
    Http2,
    /// The beginning of TLS, which is not spoken here.
    Tls,
    /// A head that is so long that there is no space for it.
    NoSpace,
    /// The end.
    Closed,
}

/// The time after the last answer, in which what the client still sends is read and discarded. Closing at once would
/// reset the connection, and the answer would be lost with it.
struct Linger {
    until: Pin<Box<Sleep>>,
    bytes: usize,
    is_half_closed: bool,
}

impl Socket {
    pub(super) fn new(
        stream: TcpStream,
        address: SocketAddr,
        activity: Arc<Activity>,
        refuse: Arc<Refuse>,
        permit: ConnectionPermit,
    ) -> Socket {
        Socket {
            stream,
            address,
            activity,
            refuse,
            linger: None,
            flood: Flood::new(),
            head: Head::default(),
            ahead: Bytes::new(),
            permit,
        }
    }

    /// Reads until a head is whole, or until it will never be one.
    pub(super) fn poll_head(&mut self, cx: &mut Context<'_>, spaces: &Spaces) -> Poll<Opening> {
        let mut part = [0; PART_OF_HEAD];
        loop {
            let mut buffer = ReadBuf::new(&mut part);
            if ready!(self.poll_stream(cx, &mut buffer)).is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Opening::Closed);
            }
            if self.head.add(buffer.filled(), spaces, self.permit.address()).is_err() {
                return Poll::Ready(Opening::NoSpace);
            }
            let opening = match self.flood.protocol() {
                None => continue,
                Some(Protocol::Http2) => Opening::Http2,
                Some(Protocol::Http1) if self.head.is_tls() => return Poll::Ready(Opening::Tls),
                Some(Protocol::Http1) if self.head.is_ready() => Opening::Http1,
                Some(Protocol::Http1) => continue,
            };
            let (bytes, spaces) = self.head.take();
            self.ahead = bytes.into();
            self.activity.occupy(spaces);
            return Poll::Ready(opening);
        }
    }

    /// Takes back what the HTTP library has read and not used: the beginning of the next head, or all of it.
    pub(super) fn take_back(&mut self, unused: Bytes, spaces: &Spaces) -> Option<Opening> {
        let unread = std::mem::take(&mut self.ahead);
        if unused.is_empty() && unread.is_empty() {
            return None;
        }
        self.activity.received();
        let address = self.permit.address();
        if self.head.add(&unused, spaces, address).is_err() || self.head.add(&unread, spaces, address).is_err() {
            return Some(Opening::NoSpace);
        }
        if !self.head.is_ready() {
            return None;
        }
        let (bytes, spaces) = self.head.take();
        self.ahead = bytes.into();
        self.activity.occupy(spaces);
        Some(Opening::Http1)
    }

    /// Sends the answer to what will be no request, and then nothing more.
    pub(super) fn refuse(&mut self, answer: &[u8]) {
        // A socket that waits takes these few bytes at once, or the client does without them.
        let _ = self.stream.try_write(answer);
        self.activity.leave_body_unread();
    }

    /// Reads from the connection itself, and sees what is read.
    fn poll_stream(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() == before {
            return Poll::Ready(Ok(()));
        }
        let given = self.activity.received();
        if self.flood.allows(&buffer.filled()[before..], given) {
            return Poll::Ready(Ok(()));
        }
        self.activity.flood();
        if self.flood.is_http2() && !self.activity.is_blocked() {
            // The connection ends whether it is read or not.
            let _ = self.stream.try_write(GOAWAY);
        }
        Poll::Ready(Err(ErrorKind::ConnectionAborted.into()))
    }

    /// Reports the outcome of a write.
    fn written(&self, outcome: Poll<Result<usize>>) -> Poll<Result<usize>> {
        match &outcome {
            Poll::Ready(Ok(bytes)) => self.activity.sent(*bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.activity.blocked(),
        }
        outcome
    }

    /// Writes an answer in the envelope in place of the empty one of the HTTP library. It is a few hundred bytes and the last
    /// on its connection, so that a part of it is not resumed.
    fn poll_refusal(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Option<Poll<Result<usize>>> {
        let status = library_refusal(bytes)?;
        if !self.activity.is_in_head() {
            return None;
        }
        let answer = (self.refuse)(status, self.address);
        let outcome = pin!(&mut self.stream).poll_write(cx, &answer);
        Some(outcome.map_ok(|_| bytes.len()))
    }
}

/// The status of an answer that the HTTP library has made by itself: it is empty, and without our request id.
fn library_refusal(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes.strip_prefix(b"HTTP/1.1 ")?).ok()?;
    let is_alone = text.starts_with('4') && text.ends_with("\r\n\r\n") && text.matches("\r\n\r\n").count() == 1;
    let is_ours = text.contains("x-request-id");
    text.get(..3).filter(|_| is_alone && !is_ours)
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        if !self.ahead.is_empty() {
            let part = self.ahead.len().min(buffer.remaining());
            buffer.put_slice(&self.ahead.split_to(part));
            if self.ahead.is_empty() {
                self.ahead = Bytes::new();
            }
            return Poll::Ready(Ok(()));
        }
        if buffer.remaining() <= READ {
            return self.poll_stream(cx, buffer);
        }
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(READ));
        ready!(self.poll_stream(cx, &mut part))?;
        let read = part.filled().len();
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        if let Some(outcome) = self.poll_refusal(cx, bytes) {
            return outcome;
        }
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        if let [bytes] = slices
            && let Some(outcome) = self.poll_refusal(cx, bytes)
        {
            return outcome;
        }
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.activity.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if !self.activity.has_unread_body() {
            return Pin::new(&mut self.stream).poll_shutdown(cx);
        }
        let Socket { stream, linger, .. } = &mut *self;
        let linger = linger.get_or_insert_with(|| Linger {
            until: Box::pin(tokio::time::sleep_until(Instant::now() + LINGER_TIMEOUT)),
            bytes: 0,
            is_half_closed: false,
        });
        if !linger.is_half_closed {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
            linger.is_half_closed = true;
        }
        loop {
            if linger.until.as_mut().poll(cx).is_ready() || linger.bytes >= LINGER_BYTES {
                return Poll::Ready(Ok(()));
            }
            let mut discarded = [0; DISCARD];
            let mut buffer = ReadBuf::new(&mut discarded);
            match ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => linger.bytes += buffer.filled().len(),
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_library_s_own_refusals_are_replaced() {
        for (bytes, status) in [
            ("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", Some("400")),
            ("HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\r\n", Some("431")),
            ("HTTP/1.1 401 Unauthorized\r\nx-request-id: 1\r\n\r\n", None),
            ("HTTP/1.1 200 OK\r\n\r\n", None),
            ("HTTP/1.1 400 Bad Request\r\n\r\n{}", None),
            ("HTTP/1.1 400 Bad", None),
        ] {
            assert_eq!(library_refusal(bytes.as_bytes()), status, "{bytes}");
        }
    }
}
