//! One request of a connection: from the HTTP library to the endpoint, and its answer back.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use http_body_util::combinators::BoxBody;
use hyper::body::{Bytes, Incoming};
use hyper::service::Service;
use poem::http::uri::Scheme;
use poem::http::{self, HeaderValue, StatusCode, Version, header};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Body, Endpoint, Request, Response};

use super::activity::Activity;
use super::body::{AnswerBody, LentBody};
use super::connection::Connections;
use crate::http::request::Malformed;

/// An answer that is on its way.
type Answering = Pin<Box<dyn Future<Output = Result<http::Response<AnswerBody>, Infallible>> + Send>>;

/// Answers the requests of one connection.
pub(super) struct Handler<E> {
    pub(super) connections: Arc<Connections<E>>,
    pub(super) activity: Arc<Activity>,
    pub(super) local: LocalAddr,
    pub(super) remote: RemoteAddr,
}

impl<E: Endpoint<Output = Response> + 'static> Service<http::Request<Incoming>> for Handler<E> {
    type Response = http::Response<AnswerBody>;
    type Error = Infallible;
    // Boxed, since the library reserves space for it as long as the connection is open, and most of the time none is.
    type Future = Answering;

    fn call(&self, request: http::Request<Incoming>) -> Answering {
        let exchange = self.activity.begin(request.version() == Version::HTTP_2);
        let (connections, activity) = (self.connections.clone(), self.activity.clone());
        let (local, remote) = (self.local.clone(), self.remote.clone());
        Box::pin(async move {
            let is_http1 = request.version() < Version::HTTP_2;
            let wants_socket = is_http1 && asks_for_websocket(&request);
            if wants_socket {
                // The connection is made one that can be handed over before the request is answered.
                activity.want_upgrade();
                tokio::task::yield_now().await;
            }
            let (request, lent) = received(request, local, remote);
            let expects_continue = request.headers().contains_key(header::EXPECT);
            // Boxed, so that the memory of all that was done is free while the rest of a body is read.
            let mut response = Box::pin(connections.endpoint.get_response(request)).await;
            if let Some(lent) = lent {
                // Who waits for `100 Continue` has sent no body yet, and sends none after another answer.
                let is_read = if expects_continue { lent.is_read() } else { connections.discard(lent).await };
                if !is_read && is_http1 {
                    activity.leave_body_unread();
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
            }
            if wants_socket && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            let response: http::Response<BoxBody<Bytes, io::Error>> = response.into();
            Ok(response.map(|body| AnswerBody::new(body, exchange)))
        })
    }
}

/// Whether a request asks to make its connection a WebSocket. Other protocols are not spoken.
fn asks_for_websocket(request: &http::Request<Incoming>) -> bool {
    let mut asked = request.headers().get_all(header::UPGRADE).iter().filter_map(|value| value.to_str().ok());
    asked.any(|value| value.split(',').any(|name| name.trim().eq_ignore_ascii_case("websocket")))
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
