//! One connection, beside a watchdog that ends it at the deadlines of its activity: it waits for a request, and is served by
//! hyper, over HTTP/1.1 or HTTP/2, while there is one.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, Response};
use service::App;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until};

use super::Limits;
use super::activity::{Activity, Cut};
use super::body::LentBody;
use super::handler::Handler;
use super::head::{MAX_HEAD, space_for_heads};
use super::permits::{ConnectionPermit, ConnectionPermits};
use super::socket::{Opening, Refuse, Socket};
use super::work::{ConnectionState, Next};
use crate::http::metrics::ConnectionMetrics;
use crate::http::rejection::HttpRejection;
use crate::http::space::Spaces;

/// Requests that may be open on one HTTP/2 connection at once.
const MAX_STREAMS: u32 = 100;
/// Bytes of a request's body that are buffered for one HTTP/2 stream, and for all of a connection.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// Bytes of an answer that are buffered for one HTTP/2 stream.
const SEND_BUFFER: usize = 64 * 1024;
/// Bytes of the head of a request over HTTP/2.
const MAX_HEADERS: u32 = 16 * 1024;
/// Rejected requests whose bodies are read at once. Those of others are left, and their connections end.
const DISCARDED: usize = 1_000;
/// How often at least a connection is looked at: while it is served, and while it waits. Deadlines may come nearer between
/// two looks, by no more than this.
const LOOK: Duration = Duration::from_secs(1);
const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// Whether the server runs or stops.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Connections are served.
    Serving,
    /// Open requests are finished, and no new ones are taken.
    Draining,
    /// What is not finished now is cut.
    Ended,
}

/// What all connections of a listener share.
pub(super) struct Connections<E> {
    pub(super) endpoint: E,
    pub(super) limits: Limits,
    pub(super) permits: ConnectionPermits,
    heads: Spaces,
    discarded: Semaphore,
    metrics: Option<ConnectionMetrics>,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    app: App,
    refuse: Arc<Refuse>,
}

impl<E> Connections<E> {
    /// Counts connections that were refused, or had to wait.
    pub(super) fn count_refused(&self, reason: &str) {
        if let Some(metrics) = &self.metrics {
            metrics.refused(reason);
        }
    }

    /// A whole answer over HTTP/1.1 to a request that reaches no handler.
    pub(super) fn refusal(&self, rejection: &HttpRejection, address: SocketAddr) -> Vec<u8> {
        rejection.raw_response(&self.app.new_request_id(), address)
    }

    /// Reads and discards what is left of a body, within bounds. False if something is left even then.
    pub(super) async fn discard(&self, lent: LentBody) -> bool {
        match self.discarded.try_acquire() {
            Ok(_permit) => lent.discard().await,
            Err(_) => lent.is_read(),
        }
    }
}

impl<E: Endpoint<Output = Response> + 'static> Connections<E> {
    pub(super) fn new(
        endpoint: E,
        limits: Limits,
        permits: ConnectionPermits,
        metrics: Option<ConnectionMetrics>,
        app: App,
    ) -> Connections<E> {
        let mut http1 = http1::Builder::new();
        http1.max_buf_size(MAX_HEAD);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEADERS)
            .max_send_buf_size(SEND_BUFFER)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        let ids = app.clone();
        let refuse: Refuse = Box::new(move |status, address| {
            let rejection = match status {
                "431" | "414" => HttpRejection::HeadTooLarge,
                _ => HttpRejection::Malformed("the request is not well-formed HTTP"),
            };
            tracing::debug!(status, "a request was refused by the HTTP library");
            rejection.raw_response(&ids.new_request_id(), address)
        });
        let (heads, discarded) = (space_for_heads(), Semaphore::new(DISCARDED));
        Connections {
            endpoint,
            limits,
            permits,
            heads,
            discarded,
            metrics,
            http1,
            http2,
            app,
            refuse: Arc::new(refuse),
        }
    }

    /// Serves a connection until it ends.
    pub(super) async fn run(
        self: Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        permit: ConnectionPermit,
        mut stages: watch::Receiver<Stage>,
    ) {
        let _open = self.metrics.as_ref().map(ConnectionMetrics::opened);
        let local = stream.local_addr().map_or(LocalAddr::default(), |address| LocalAddr(Addr::SocketAddr(address)));
        let activity = Activity::new();
        let mut work = ConnectionState::Waiting(Box::new(Socket::new(
            stream,
            address,
            activity.clone(),
            self.refuse.clone(),
            permit,
        )));
        loop {
            let deadline = activity.deadline(&self.limits, self.permits.is_crowded());
            let longest = Instant::now() + self.longest_look(&work);
            let look = deadline.map_or(longest, |(at, _)| at.min(longest));
            tokio::select! {
                next = poll_fn(|cx| work.poll(cx, &activity, &self.heads, self.permits.are_many())) => {
                    let now = std::mem::replace(&mut work, ConnectionState::Ended);
                    work = match next {
                        Next::Open(opening) => self.open(now, opening, &activity, &local, address),
                        Next::Upgrade => now.upgradeable(),
                        Next::Wait => now.waiting(&self.heads),
                        Next::End => ConnectionState::Ended,
                    };
                    if *stages.borrow() != Stage::Serving {
                        work.stop();
                    }
                    if matches!(work, ConnectionState::Ended) {
                        activity.hand_over();
                        if activity.is_flooded() {
                            self.count_cut(Cut::Flood, address);
                        }
                        return;
                    }
                }
                changed = stages.changed() => {
                    if changed.is_err() || *stages.borrow_and_update() == Stage::Ended {
                        return;
                    }
                    activity.stop();
                    work.stop();
                    // One that was of use and waits for the next request has nothing to finish.
                    if matches!(work, ConnectionState::Waiting(_)) && activity.requests() > 0 && !activity.is_in_head() {
                        return;
                    }
                }
                () = sleep_until(look) => {
                    let due = activity.deadline(&self.limits, self.permits.is_crowded());
                    if let Some((_, cut)) = due.filter(|(at, _)| *at <= Instant::now()) {
                        self.count_cut(cut, address);
                        return;
                    }
                }
            }
        }
    }

    /// Serves or refuses what has come on a connection that waited.
    fn open(
        self: &Arc<Self>,
        work: ConnectionState<E>,
        opening: Opening,
        activity: &Arc<Activity>,
        local: &LocalAddr,
        address: SocketAddr,
    ) -> ConnectionState<E> {
        let Some(mut socket) = work.into_socket() else { return ConnectionState::Ended };
        let (connections, activity) = (self.clone(), activity.clone());
        let (local, remote) = (local.clone(), RemoteAddr(Addr::SocketAddr(address)));
        let begun = activity.requests();
        let handler = Handler { connections, activity, local, remote };
        match opening {
            Opening::Http1 => {
                ConnectionState::Http1(Box::new(self.http1.serve_connection(TokioIo::new(*socket), handler)), begun)
            }
            Opening::Http2 => {
                ConnectionState::Http2(Box::new(self.http2.serve_connection(TokioIo::new(*socket), handler)))
            }
            Opening::Tls => {
                tracing::warn!(
                    client = %address.ip(),
                    "a client spoke TLS to a port without TLS: terminate TLS in a proxy in front, and let it speak HTTP to this port"
                );
                socket.refuse(&self.refusal(&HttpRejection::Malformed("this port speaks HTTP without TLS"), address));
                ConnectionState::Closing(socket)
            }
            Opening::NoSpace => {
                tracing::debug!(%address, "there is no space for a long head");
                self.count_refused("head");
                socket.refuse(&self.refusal(&HttpRejection::Busy, address));
                ConnectionState::Closing(socket)
            }
            Opening::Closed => ConnectionState::Ended,
        }
    }

    /// Deadlines are met to within half of the shortest one.
    fn longest_look(&self, work: &ConnectionState<E>) -> Duration {
        let Limits { head_timeout, idle_timeout, write_timeout, .. } = self.limits;
        let longest = if matches!(work, ConnectionState::Http1(..)) { LOOK } else { LONGEST_LOOK };
        (head_timeout.min(idle_timeout).min(write_timeout) / 2).min(longest)
    }

    fn count_cut(&self, cut: Cut, address: SocketAddr) {
        tracing::debug!(%address, reason = cut.as_str(), "a connection is closed");
        if let Some(metrics) = &self.metrics {
            metrics.cut(cut.as_str());
        }
    }
}
