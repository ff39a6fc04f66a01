//! One connection: HTTP/1.1 or HTTP/2 by hyper, beside a watchdog that ends it at the deadlines of its activity.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use poem::http::uri::Scheme;
use poem::http::{self, HeaderValue, Version, header};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Body, Endpoint, Request, Response};
use service::App;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::Limits;
use super::activity::{Activity, Cut};
use super::body::{AnswerBody, LentBody};
use super::places::{Place, Places};
use super::socket::{Refuse, Socket};
use crate::http::metrics::ConnectionMetrics;
use crate::http::rejection::HttpRejection;
use crate::http::request::Malformed;

/// Requests that may be open on one HTTP/2 connection at once.
const MAX_STREAMS: u32 = 100;
/// Bytes of a request's body that are buffered for one HTTP/2 stream, and for all of a connection.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// Bytes of an answer that are buffered for one HTTP/2 stream.
const SEND_BUFFER: usize = 64 * 1024;
/// Bytes of the head of a request over HTTP/2, and of the read buffer of HTTP/1.1, which holds its head.
const MAX_HEADERS: u32 = 16 * 1024;
const READ_BUFFER: usize = 128 * 1024;
/// How often at least a connection is looked at. Deadlines may come nearer between two looks, by no more than this.
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
    endpoint: Arc<E>,
    pub(super) limits: Limits,
    pub(super) places: Places,
    metrics: Option<ConnectionMetrics>,
    http: auto::Builder<TokioExecutor>,
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
    pub(super) fn refusal(&self, rejection: &HttpRejection) -> Vec<u8> {
        rejection.raw_response(&self.app.new_request_id())
    }
}

impl<E: Endpoint<Output = Response> + 'static> Connections<E> {
    pub(super) fn new(
        endpoint: E,
        limits: Limits,
        places: Places,
        metrics: Option<ConnectionMetrics>,
        app: App,
    ) -> Connections<E> {
        let mut http = auto::Builder::new(TokioExecutor::new());
        http.http1().max_buf_size(READ_BUFFER);
        http.http2()
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEADERS)
            .max_send_buf_size(SEND_BUFFER)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        let ids = app.clone();
        let refuse: Refuse = Box::new(move |status| {
            let rejection = match status {
                "431" | "414" => HttpRejection::HeadTooLarge,
                _ => HttpRejection::Malformed("the request is not well-formed HTTP"),
            };
            tracing::debug!(status, "a request was refused by the HTTP library");
            rejection.raw_response(&ids.new_request_id())
        });
        Connections { endpoint: Arc::new(endpoint), limits, places, metrics, http, app, refuse: Arc::new(refuse) }
    }

    /// Serves a connection until it ends.
    pub(super) async fn run(
        self: Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        place: Place,
        mut stages: watch::Receiver<Stage>,
    ) {
        let _open = self.metrics.as_ref().map(ConnectionMetrics::opened);
        let local = stream.local_addr().map_or(LocalAddr::default(), |address| LocalAddr(Addr::SocketAddr(address)));
        let activity = Activity::new();
        let socket = Socket::new(stream, activity.clone(), self.refuse.clone(), place);
        let service = service_fn(|request| {
            let (endpoint, exchange) = (self.endpoint.clone(), activity.begin(request.version() == Version::HTTP_2));
            let (activity, local) = (activity.clone(), local.clone());
            let remote = RemoteAddr(Addr::SocketAddr(address));
            // Boxed, since the library reserves space for it as long as the connection is open, and most of the time none is.
            Box::pin(async move {
                let (request, lent) = received(request, local, remote);
                let expects_continue = request.headers().contains_key(header::EXPECT);
                let is_http1 = request.version() < Version::HTTP_2;
                let mut response = endpoint.get_response(request).await;
                if let Some(lent) = lent {
                    // Who waits for `100 Continue` has sent no body yet, and sends none after another answer.
                    let is_read = if expects_continue { lent.is_read() } else { lent.discard().await };
                    if !is_read && is_http1 {
                        activity.leave_body_unread();
                        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                    }
                }
                let response: http::Response<BoxBody<Bytes, std::io::Error>> = response.into();
                Ok::<_, Infallible>(response.map(|body| AnswerBody::new(body, exchange)))
            })
        });
        let mut connection = pin!(self.http.serve_connection_with_upgrades(TokioIo::new(socket), service));
        loop {
            let deadline = activity.deadline(&self.limits, self.places.is_crowded());
            let now = Instant::now();
            let look = deadline.map_or(now + self.longest_look(), |(at, _)| at.min(now + self.longest_look()));
            tokio::select! {
                _ = connection.as_mut() => {
                    activity.hand_over();
                    if activity.is_flooded() {
                        self.count_cut(Cut::Flood, address);
                    }
                    return;
                }
                changed = stages.changed() => {
                    if changed.is_err() || *stages.borrow_and_update() == Stage::Ended {
                        return;
                    }
                    activity.stop();
                    connection.as_mut().graceful_shutdown();
                }
                () = sleep_until(look) => {
                    let due = activity.deadline(&self.limits, self.places.is_crowded());
                    if let Some((_, cut)) = due.filter(|(at, _)| *at <= Instant::now()) {
                        self.count_cut(cut, address);
                        return;
                    }
                }
            }
        }
    }

    /// Deadlines are met to within half of the shortest one.
    fn longest_look(&self) -> Duration {
        let Limits { head_timeout, idle_timeout, write_timeout, .. } = self.limits;
        (head_timeout.min(idle_timeout).min(write_timeout) / 2).min(LONGEST_LOOK)
    }

    fn count_cut(&self, cut: Cut, address: SocketAddr) {
        tracing::debug!(%address, reason = cut.as_str(), "a connection is closed");
        if let Some(metrics) = &self.metrics {
            metrics.cut(cut.as_str());
        }
    }
}

/// A request as handlers get it, and its body once more if it has one.
fn received(request: http::Request<Incoming>, local: LocalAddr, remote: RemoteAddr) -> (Request, Option<LentBody>) {
    let mut request = Request::from((request, local, remote, Scheme::HTTP));
    // RFC 9112, section 3.2. Over HTTP/2 and HTTP/1.0 the field may be absent.
    if request.version() == Version::HTTP_11 && request.headers().get_all(header::HOST).iter().count() != 1 {
        request.extensions_mut().insert(Malformed("send exactly one `Host` header"));
    }
    let body = request.take_body();
    if body.is_empty() {
        return (request, None);
    }
    let lent = LentBody::new(body.into());
    request.set_body(Body::from(BoxBody::new(lent.clone())));
    (request, Some(lent))
}
