//! From a request to a WebSocket: the handshake (RFC 6455, section 4.2), and a stream that takes little until its client
//! has been admitted.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::{Request, Response, Upgraded};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use super::endpoint::rejected;
use super::request::{JSON, bad};
use crate::http::request::{MAX_BODY, request_id};

/// Bytes of all frames until the client is admitted.
const MAX_BEFORE_INIT: usize = 16 * 1024;
/// Bytes of the read buffer. Most connections wait for events and need no larger one.
const BUFFER: usize = 4 * 1024;

/// A WebSocket of a client.
pub(super) type Socket = WebSocketStream<Bounded<Upgraded>>;

/// Answers the handshake and runs a session on the connection, in a task of its own.
pub(super) fn accept<F: Future<Output = ()> + Send + 'static>(
    request: &Request,
    protocol: Option<&'static str>,
    session: impl FnOnce(Socket) -> F + Send + 'static,
) -> Response {
    let upgrade = accept_key(request).zip(request.take_upgrade().ok());
    let Some((key, upgrade)) = upgrade else {
        let error = bad("the handshake of a WebSocket is a GET with `Sec-WebSocket-Version: 13` and a key");
        return rejected(&error.into(), JSON, &request_id(request), None);
    };
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(MAX_BODY))
            .max_frame_size(Some(MAX_BODY));
        let bounded = Bounded { inner: upgraded, left: Some(MAX_BEFORE_INIT) };
        session(WebSocketStream::from_raw_socket(bounded, Role::Server, Some(config)).await).await;
    });
    let mut response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, key)
        .finish();
    if let Some(protocol) = protocol {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    }
    response
}

/// What answers the key of a handshake, if it is one of the version that is spoken here.
fn accept_key(request: &Request) -> Option<String> {
    let has = |headers: &HeaderMap, name, wanted: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(wanted))
    };
    let headers = request.headers();
    let is_handshake = request.method() == Method::GET
        && has(headers, header::CONNECTION, "upgrade")
        && has(headers, header::UPGRADE, "websocket")
        && has(headers, header::SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| is_handshake)?;
    Some(derive_accept_key(key.as_bytes()))
}

/// Takes the bound away that holds until a client is admitted; messages have one of their own.
pub(super) fn allow_large_messages(socket: &mut Socket) {
    socket.get_mut().left = None;
}

/// A message that closes the connection.
pub(super) fn close(code: u16, reason: String) -> Message {
    Message::Close(Some(CloseFrame { code: CloseCode::from(code), reason: reason.into() }))
}

/// Reads and discards what the client still sends: closing at once would reset the connection, and the reason in the last
/// message would be lost.
pub(super) async fn linger(mut socket: Socket) {
    use futures_util::SinkExt;
    let _ = socket.flush().await;
    let stream = &mut socket.get_mut().inner;
    let _ = tokio::io::AsyncWriteExt::shutdown(stream).await;
    let mut discarded = [0; BUFFER];
    while stream.read(&mut discarded).await.is_ok_and(|bytes| bytes > 0) {}
}

/// A stream that fails with `FileTooLarge` after so many bytes.
pub(super) struct Bounded<S> {
    inner: S,
    left: Option<usize>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        if let Some(left) = &mut self.left {
            let read = buffer.filled().len() - before;
            *left = left.checked_sub(read).ok_or(io::ErrorKind::FileTooLarge)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
