//! The outermost middleware, around every answer: request id, log line, panics, headers, cross-origin rules, compression;
//! and the envelope for what no endpoint has answered.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use poem::web::{Compress, CompressionAlgo, CompressionLevel};
use poem::{Endpoint, IntoResponse, Request, Response};
use service::Error;
use tracing::Instrument;

use super::accept::ranges;
use super::rejection::{self, HttpRejection};
use super::request::{Malformed, RequestId, header_text};
use super::server::Server;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Answers of fewer bytes are sent as they are: compression would gain little.
const COMPRESS_FROM: usize = 1024;

const ALLOWED_HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match";
const EXPOSED_HEADERS: &str = "ETag, Location, Retry-After, X-Request-Id, Idempotent-Replayed, X-RateLimit-Limit, \
    X-RateLimit-Remaining, X-RateLimit-Reset, RateLimit-Policy, RateLimit";
const ALLOWED_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Gives the methods of a path, if a surface knows them.
pub(crate) type AllowedMethods = Box<dyn Fn(&str) -> Option<Vec<Method>> + Send + Sync>;

/// Wraps the whole route tree.
pub(crate) struct Middleware<E> {
    pub(crate) inner: E,
    pub(crate) allowed_methods: AllowedMethods,
    pub(crate) server: Arc<Server>,
}

impl<E: Endpoint<Output = Response>> Endpoint for Middleware<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let id = self.id_of(&request);
        request.extensions_mut().insert(RequestId(id.clone()));
        let method = request.method().clone();
        // Never the query: it may hold search terms.
        let path = request.uri().path().to_owned();
        let counted = path.clone();
        let span = tracing::info_span!("request", id = %id, %method, path);
        let started = tokio::time::Instant::now();

        let origin = self.allowed_origin(&request);
        let algorithm = accepted_algorithm(&request);
        let malformed = request.extensions().get::<Malformed>().copied();
        let mut response = if let Some(Malformed(why)) = malformed {
            HttpRejection::Malformed(why).response(&id)
        } else if method == Method::OPTIONS {
            self.options(request.uri().path())
        } else {
            let answer = caught(self.inner.call(request)).instrument(span.clone()).await;
            span.in_scope(|| answered(answer, &id))
        };

        self.add_headers(response.headers_mut(), &id, method == Method::OPTIONS, origin);
        if let Some(metrics) = &self.server.metrics {
            metrics.answered(&method, &counted, response.status(), started.elapsed());
        }
        let status = response.status().as_u16();
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        span.in_scope(|| tracing::info!(status, ms, "answered"));
        Ok(match algorithm {
            Some(algorithm) if method != Method::HEAD => compressed(response, algorithm).await,
            _ => response,
        })
    }
}

impl<E> Middleware<E> {
    /// The caller's own request id if it is well-formed, else a new one.
    fn id_of(&self, request: &Request) -> Arc<str> {
        let is_valid = |id: &&str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
            (1..=128).contains(&id.len()) && id.bytes().all(plain)
        };
        match header_text(request, REQUEST_ID.as_str()).filter(is_valid) {
            Some(own) => own.into(),
            None => self.server.app.new_request_id().into(),
        }
    }

    /// The request's origin, if the operator allows it.
    fn allowed_origin(&self, request: &Request) -> Option<HeaderValue> {
        let origin = request.headers().get(header::ORIGIN)?;
        self.server.cors_origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()).then(|| origin.clone())
    }

    /// Names the methods that a path takes; for paths outside of the REST surface, all methods of the server.
    fn options(&self, path: &str) -> Response {
        let known = (self.allowed_methods)(path)
            .map(|methods| methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", "));
        let mut response = StatusCode::NO_CONTENT.into_response();
        if let Ok(allow) = HeaderValue::from_str(known.as_deref().unwrap_or(ALLOWED_METHODS)) {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        response
    }

    fn add_headers(&self, headers: &mut HeaderMap, id: &str, preflight: bool, origin: Option<HeaderValue>) {
        if let Ok(id) = HeaderValue::from_str(id) {
            headers.insert(REQUEST_ID, id);
        }
        let fixed = HeaderValue::from_static;
        headers.entry(header::CACHE_CONTROL).or_insert(fixed("private, no-cache"));
        headers.insert(header::VARY, fixed("Authorization, Accept, Origin"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
        let Some(origin) = origin else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, fixed(EXPOSED_HEADERS));
        if preflight {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, fixed(ALLOWED_HEADERS));
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, fixed(ALLOWED_METHODS));
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, fixed("600"));
        }
    }
}

/// Puts into the envelope what no endpoint has put there: unknown paths, panics, the framework's own errors.
fn answered(answer: Result<poem::Result<Response>, Error>, id: &str) -> Response {
    match answer {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => match error.status() {
            StatusCode::NOT_FOUND => HttpRejection::NoSuchPath.response(id),
            StatusCode::METHOD_NOT_ALLOWED => {
                HttpRejection::MethodNotAllowed(vec![Method::GET, Method::HEAD]).response(id)
            }
            status => rejection::response(&Error::bug(format!("unexpected error {status}: {error}")), id),
        },
        Err(fault) => rejection::response(&fault, id),
    }
}

/// Turns a panic into a fault of the server, to be answered like any other.
pub(crate) async fn caught<T>(answer: impl Future<Output = T>) -> Result<T, Error> {
    AssertUnwindSafe(answer).catch_unwind().await.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Error::bug(format!("a handler panicked: {text}"))
    })
}

/// Brotli before gzip, if the client accepts either.
fn accepted_algorithm(request: &Request) -> Option<CompressionAlgo> {
    let accepted = header_text(request, header::ACCEPT_ENCODING.as_str())?;
    let takes = |name: &str| ranges(accepted).any(|(coding, quality)| coding == name && quality > 0.0);
    if takes("br") {
        Some(CompressionAlgo::BR)
    } else if takes("gzip") {
        Some(CompressionAlgo::GZIP)
    } else {
        None
    }
}

async fn compressed(mut response: Response, algorithm: CompressionAlgo) -> Response {
    let coded = response.headers().contains_key(header::CONTENT_ENCODING);
    // A stream of events must not be gathered first.
    if response.content_type().is_some_and(|kind| kind.starts_with("text/event-stream")) {
        return response;
    }
    let Ok(bytes) = response.take_body().into_bytes().await else { return response };
    let worth = bytes.len() >= COMPRESS_FROM && !coded;
    response.set_body(bytes);
    if worth {
        Compress::new(response, algorithm).with_quality(CompressionLevel::Fastest).into_response()
    } else {
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_answered_in_the_envelope_without_its_text() {
        let response = answered(caught(async { panic!("the password is swordfish") }).await, "id-1");
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = response.into_body().into_string().await.unwrap();
        let envelope: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((&envelope["error"]["code"], &envelope["error"]["requestId"]), (&"internal".into(), &"id-1".into()));
        assert!(!body.contains("swordfish"));
    }
}
