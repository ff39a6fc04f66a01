//! The outermost middleware, around every answer: request id, log line, panics, headers, cross-origin rules, compression;
//! and the envelope for what no endpoint has answered.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use poem::{Endpoint, IntoResponse, Request, Response};
use service::Error;
use service::observed::Observed;
use service::observed::TraceParent;
use tracing::Instrument;

use super::accept::{Coding, ranges};
use super::access_log::{Line, is_probe, prefix_of_token, size_of};
use super::address::Address;
use super::compress::{Effort, compress};
use super::rejection::{self, HttpRejection, VARY};
use super::request::{Malformed, RequestId, header_text};
use super::server::Server;
use crate::{pages, rest};

/// The header that names a request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Answers of fewer bytes are sent as they are: compression would gain little.
const COMPRESS_FROM: usize = 1024;
/// Answers of at least so many bytes are compressed beside the tasks of other requests.
const COMPRESS_ASIDE: usize = 256 * 1024;

const ALLOWED_HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id, \
    traceparent, apollographql-client-name, apollographql-client-version";
/// What a page that speaks MCP sends besides: the headers that its protocol mirrors from the message.
const MCP_HEADERS: &str = "MCP-Protocol-Version, Mcp-Method, Mcp-Name";
const EXPOSED_HEADERS: &str = "ETag, Link, Location, Retry-After, X-Request-Id, Idempotent-Replayed, X-RateLimit-Limit, \
    X-RateLimit-Remaining, X-RateLimit-Reset, RateLimit-Policy, RateLimit";
const ALLOWED_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Marks, among the extensions of an answer, a body that all requests share, so that it takes no memory of its own.
#[derive(Clone)]
pub(crate) struct SharedBody;

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
        normalize_path(request.uri_mut());
        // Never the query: it may hold search terms.
        let path = request.uri().path().to_owned();
        let span = tracing::info_span!("request", id = %id, %method, path = path.as_str());
        let started = tokio::time::Instant::now();
        let trace = header_text(&request, "traceparent").and_then(TraceParent::parse);
        let trace = trace.map(|trace| trace.with_state(header_text(&request, "tracestate").unwrap_or_default()));
        // Probes come every few seconds and say nothing.
        let tracer = self.server.app.tracer().filter(|_| !is_probe(&path));
        let traced = tracer.map(|tracer| tracer.request(method.to_string(), trace.as_ref()));
        let observed = Observed::new(trace, traced.clone());
        let token = prefix_of_token(&request).map(str::to_owned);

        let origin = self.allowed_origin(&request, &path);
        let address = Address::of(&request, &self.server.trusted_proxies).0;
        let coding = Coding::accepted(&request, None);
        let malformed = request.extensions().get::<Malformed>().copied();
        let wants_page = header_text(&request, header::ACCEPT.as_str()).is_some_and(prefers_html);
        let mut response = if let Some(Malformed(why)) = malformed {
            HttpRejection::Malformed(why).response(&id)
        } else if method == Method::OPTIONS {
            self.options(request.uri().path())
        } else {
            let work = caught(self.inner.call(request));
            let work = async { answered(work.await, &id) };
            observed.clone().scope(work.instrument(span.clone())).await
        };
        if response.status() == StatusCode::NOT_FOUND && is_public(&path) {
            response = self.lost(response, &path, wants_page, &id);
        }

        let preflight = (method == Method::OPTIONS).then(|| allowed_headers(&path));
        self.add_headers(response.headers_mut(), &id, preflight, origin.clone());
        let mut response = match coding.name() {
            Some(name) => compressed(response, coding, name).await,
            None => response,
        };
        if method == Method::HEAD {
            leave_body(&mut response).await;
        }
        let bytes = size_of(&mut response);
        let is_shared = response.extensions().get::<SharedBody>().is_some();
        let response = match is_shared {
            true => response,
            false => match self.server.memory.hold(response, address).await {
                Some(response) => response,
                None => {
                    span.in_scope(|| tracing::warn!("no space for a large answer"));
                    let mut busy = HttpRejection::Busy.response(&id);
                    self.add_headers(busy.headers_mut(), &id, None, origin);
                    busy
                }
            },
        };
        if let Some(metrics) = &self.server.metrics {
            let noted = observed.noted();
            metrics.answered(&method, &path, noted.route.as_deref(), response.status(), started.elapsed());
        }
        let line = Line {
            id: &id,
            method: &method,
            path: &path,
            token: token.as_deref(),
            address,
            bytes,
            took: started.elapsed(),
        };
        span.in_scope(|| line.write(&response, &observed));
        if let Some(traced) = traced {
            line.end_span(&traced, &response, &observed);
        }
        Ok(response)
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

    /// The request's origin, if the operator allows it; any origin may ask what it may do with a public document.
    fn allowed_origin(&self, request: &Request, path: &str) -> Option<HeaderValue> {
        let origin = request.headers().get(header::ORIGIN)?;
        if request.method() == Method::OPTIONS && is_public(path) {
            return Some(HeaderValue::from_static("*"));
        }
        self.server.cors_origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()).then(|| origin.clone())
    }

    /// Names the methods that a path takes; for paths that no surface knows, all methods of the server.
    fn options(&self, path: &str) -> Response {
        let known = (self.allowed_methods)(path)
            .map(|methods| methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", "));
        let mut response = StatusCode::NO_CONTENT.into_response();
        if let Ok(allow) = HeaderValue::from_str(known.as_deref().unwrap_or(ALLOWED_METHODS)) {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        response
    }

    /// The answer to a path that does not exist outside of the surfaces: a page for a person, and a hint for a program that has
    /// left out the base of REST.
    fn lost(&self, response: Response, path: &str, wants_page: bool, id: &str) -> Response {
        if wants_page {
            return pages::not_found();
        }
        match (self.allowed_methods)(&format!("{}{path}", rest::BASE)) {
            Some(_) => HttpRejection::PathWithoutBase.response(id),
            None => response,
        }
    }

    fn add_headers(
        &self,
        headers: &mut HeaderMap,
        id: &str,
        preflight: Option<HeaderValue>,
        origin: Option<HeaderValue>,
    ) {
        if let Ok(id) = HeaderValue::from_str(id) {
            headers.insert(REQUEST_ID, id);
        }
        let fixed = HeaderValue::from_static;
        headers.entry(header::CACHE_CONTROL).or_insert(fixed("private, no-cache"));
        headers.insert(header::VARY, fixed(VARY));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
        let Some(origin) = origin else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, fixed(EXPOSED_HEADERS));
        if let Some(allowed) = preflight {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, fixed(ALLOWED_METHODS));
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, fixed("600"));
        }
    }
}

/// Whether a path leads to documents and pages for everybody, which any origin may read.
fn is_public(path: &str) -> bool {
    let below = |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let schema = path == "/graphql/schema.graphql";
    schema || !["/api/v1", "/graphql", "/mcp", "/settings"].iter().any(|prefix| below(prefix))
}

/// Whether a person asks: browsers name HTML, and programs seldom do.
fn prefers_html(accept: &str) -> bool {
    ranges(accept).any(|(name, quality)| name == "text/html" && quality >= 1.0)
}

/// The headers that a page of an allowed origin may send to a path.
fn allowed_headers(path: &str) -> HeaderValue {
    let all = format!("{ALLOWED_HEADERS}, {MCP_HEADERS}");
    match path == "/mcp" || path.starts_with("/mcp/") {
        true => HeaderValue::from_str(&all).unwrap_or(HeaderValue::from_static(ALLOWED_HEADERS)),
        false => HeaderValue::from_static(ALLOWED_HEADERS),
    }
}

/// Decodes the percent-encoded letters, digits and `-._~` of a path, which mean the same encoded and plain (RFC 3986,
/// section 6.2.2.2). What is encoded otherwise stays as it is.
fn normalize_path(uri: &mut Uri) {
    if !uri.path().contains('%') {
        return;
    }
    let mut parts = uri.path().split('%');
    let mut path = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.filter(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte)) {
            Some(byte) => {
                path.push(char::from(byte));
                path.push_str(&part[2..]);
            }
            None => path.extend(["%", part]),
        }
    }
    if let Some(query) = uri.query() {
        path.extend(["?", query]);
    }
    let mut replaced = uri.clone().into_parts();
    replaced.path_and_query = path.parse().ok();
    if let Ok(normalized) = Uri::from_parts(replaced) {
        *uri = normalized;
    }
}

/// Puts into the envelope what no endpoint has put there: unknown paths, panics, the framework's own errors.
fn answered(answer: Result<poem::Result<Response>, Error>, id: &str) -> Response {
    match answer {
        Ok(Ok(response)) => response,
        // A path whose encoded bytes are no text.
        Ok(Err(error)) if error.is::<poem::error::ParsePathError>() => HttpRejection::NoSuchPath.response(id),
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

/// Leaves the body of an answer to HEAD, of which the length stays: that of the answer to GET, in the same coding (RFC 9110,
/// section 8.6). Not of a 304, whose length would be that of the record.
async fn leave_body(response: &mut Response) {
    if response.status() == StatusCode::NOT_MODIFIED || response.extensions().get::<SharedBody>().is_some() {
        return;
    }
    let body = response.take_body();
    // A stream of events has no length, and an end that nobody waits for.
    if is_stream(response) {
        return;
    }
    if let Ok(bytes) = body.into_bytes().await {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    }
}

fn is_stream(response: &Response) -> bool {
    response.content_type().is_some_and(|kind| kind.starts_with("text/event-stream"))
}

/// Compresses an answer that has been gathered: no stream of events, nothing that is coded already, no record with a
/// version as its tag (a strong tag would have to differ between codings, and records are small).
async fn compressed(mut response: Response, coding: Coding, name: &'static str) -> Response {
    let headers = response.headers();
    if is_stream(&response) || headers.contains_key(header::CONTENT_ENCODING) || headers.contains_key(header::ETAG) {
        return response;
    }
    let Ok(bytes) = response.take_body().into_bytes().await else { return response };
    let coded = match bytes.len() {
        0..COMPRESS_FROM => None,
        COMPRESS_FROM..COMPRESS_ASIDE => compress(&bytes, coding, Effort::Answer).ok(),
        _ => {
            let bytes = bytes.clone();
            let coded = tokio::task::spawn_blocking(move || compress(&bytes, coding, Effort::Answer)).await;
            coded.ok().and_then(Result::ok)
        }
    };
    if let Some(coded) = coded {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        response.headers_mut().remove(header::CONTENT_LENGTH);
        response.set_body(coded);
    } else {
        response.set_body(bytes);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_path_need_not_encode_is_decoded() {
        for (sent, normalized) in [
            ("/api/v1/%63lients?a=%63", "/api/v1/clients?a=%63"),
            ("/a%2Fb%2f%7E%zz%4", "/a%2Fb%2f~%zz%4"),
            ("/%C3%A4", "/%C3%A4"),
            ("/plain", "/plain"),
        ] {
            let mut uri: Uri = sent.parse().unwrap();
            normalize_path(&mut uri);
            assert_eq!(uri, normalized, "{sent}");
        }
    }

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
