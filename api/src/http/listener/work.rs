//! What a connection does: it waits for a request, is served by the HTTP library, or ends. Only while it is served, the
//! library's buffers are there.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use poem::{Endpoint, Response};
use tokio::io::AsyncWrite;

use super::activity::Activity;
use super::handler::Handler;
use super::socket::{Opening, Socket};
use crate::http::space::Spaces;

/// How long a connection without a request is served, so that one that is busy need not be prepared for each of them.
const QUIET: Duration = Duration::from_secs(1);

type Io = TokioIo<Socket>;

/// The state of a connection.
pub(super) enum ConnectionState<E: Endpoint<Output = Response> + 'static> {
    /// Waits for the head of a request.
    Waiting(Box<Socket>),
    /// The head has come, and the request is to be served.
    Ready(Box<Socket>, Opening),
    /// Serves requests over HTTP/1.1, of which so many were begun before.
    Http1(Box<http1::Connection<Io, Handler<E>>>, u64),
    /// The same, and the connection can be handed over.
    Upgradeable(Box<http1::UpgradeableConnection<Io, Handler<E>>>),
    /// Serves requests over HTTP/2.
    Http2(Box<http2::Connection<Io, Handler<E>, TokioExecutor>>),
    /// Reads on for a while, so that the last answer reaches its client.
    Closing(Box<Socket>),
    /// Is over, or between two of these.
    Ended,
}

/// What is to be done with a connection.
pub(super) enum Next {
    /// Something has come, and is to be served, or refused.
    Open(Opening),
    /// A request asks for another protocol.
    Upgrade,
    /// No request is open: it waits again.
    Wait,
    /// It is over.
    End,
}

impl<E: Endpoint<Output = Response> + 'static> ConnectionState<E> {
    /// Goes on until something is to be done. With many connections open, each waits as soon as nothing goes on.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        activity: &Activity,
        spaces: &Spaces,
        are_many: bool,
    ) -> Poll<Next> {
        match self {
            ConnectionState::Waiting(socket) => socket.poll_head(cx, spaces).map(Next::Open),
            ConnectionState::Ready(_, opening) => Poll::Ready(Next::Open(std::mem::replace(opening, Opening::Closed))),
            ConnectionState::Http1(connection, before) => match Pin::new(connection.as_mut()).poll(cx) {
                Poll::Ready(_) => Poll::Ready(Next::End),
                Poll::Pending if activity.takes_upgrade() => Poll::Ready(Next::Upgrade),
                // The rest of a head is waited for without the library.
                Poll::Pending if activity.requests() > *before && activity.is_quiet() => {
                    let waits = are_many || activity.is_in_head() || activity.quiet_for() >= QUIET;
                    if waits { Poll::Ready(Next::Wait) } else { Poll::Pending }
                }
                Poll::Pending => Poll::Pending,
            },
            ConnectionState::Upgradeable(connection) => Pin::new(connection.as_mut()).poll(cx).map(|_| Next::End),
            ConnectionState::Http2(connection) => Pin::new(connection.as_mut()).poll(cx).map(|_| Next::End),
            ConnectionState::Closing(socket) => Pin::new(socket.as_mut()).poll_shutdown(cx).map(|_| Next::End),
            ConnectionState::Ended => Poll::Ready(Next::End),
        }
    }

    /// Finishes what is open, and begins nothing more.
    pub(super) fn stop(&mut self) {
        match self {
            ConnectionState::Http1(connection, _) => Pin::new(connection.as_mut()).graceful_shutdown(),
            ConnectionState::Upgradeable(connection) => Pin::new(connection.as_mut()).graceful_shutdown(),
            ConnectionState::Http2(connection) => Pin::new(connection.as_mut()).graceful_shutdown(),
            ConnectionState::Waiting(_)
            | ConnectionState::Ready(..)
            | ConnectionState::Closing(_)
            | ConnectionState::Ended => {}
        }
    }

    /// Makes a connection that serves one that can be handed over.
    pub(super) fn upgradeable(self) -> ConnectionState<E> {
        match self {
            ConnectionState::Http1(connection, _) => ConnectionState::Upgradeable(Box::new(connection.with_upgrades())),
            other => other,
        }
    }

    /// Makes a connection that serves one that waits, without the library's buffers.
    pub(super) fn waiting(self, spaces: &Spaces) -> ConnectionState<E> {
        let ConnectionState::Http1(connection, _) = self else { return self };
        let parts = connection.into_parts();
        let mut socket = Box::new(parts.io.into_inner());
        match socket.take_back(parts.read_buf, spaces) {
            None => ConnectionState::Waiting(socket),
            Some(opening) => ConnectionState::Ready(socket, opening),
        }
    }

    /// The socket of a connection that waits.
    pub(super) fn into_socket(self) -> Option<Box<Socket>> {
        match self {
            ConnectionState::Waiting(socket) | ConnectionState::Ready(socket, _) => Some(socket),
            _ => None,
        }
    }
}
