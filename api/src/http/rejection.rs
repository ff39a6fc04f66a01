//! From a rejection to an answer: the only place that knows status codes of errors.

use std::fmt;
use std::net::SocketAddr;

use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{IntoResponse, Request, Response};
use service::{Code, Error, ErrorBody, observed};

use super::request::request_id;

/// What every answer may depend on.
pub(crate) const VARY: &str = "Authorization, Accept, Origin, Accept-Encoding";

/// Seconds after which a client with too many connections may try again.
const CONNECTION_RETRY: u64 = 10;

/// Seconds after which what was given up after its time may be tried again: whatever has delayed it is over then, or it is too
/// much to ask.
const SLOW_RETRY: u64 = 5;

/// Why a request is not served: rejected by HTTP's own rules, or by the service. The pipelines render it, since they know
/// the request id.
#[derive(Debug)]
pub(crate) enum Rejection {
    /// Before an operation is known.
    Http(HttpRejection),
    /// By an operation, or on the way to it.
    Service(Error),
}

impl Rejection {
    /// Its status code.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Rejection::Http(rejection) => rejection.status(),
            Rejection::Service(error) => status(error),
        }
    }

    /// The whole answer in the envelope; a fault of the server is logged.
    pub(crate) fn response(&self, request_id: &str) -> Response {
        match self {
            Rejection::Http(rejection) => rejection.response(request_id),
            Rejection::Service(error) => response(error, request_id),
        }
    }

    /// The headers that go with it, whatever the body is.
    pub(crate) fn add_headers(&self, response: &mut Response) {
        match self {
            Rejection::Http(rejection) => rejection.add_headers(response),
            Rejection::Service(error) => add_headers(error, response),
        }
    }
}

impl From<HttpRejection> for Rejection {
    fn from(rejection: HttpRejection) -> Rejection {
        Rejection::Http(rejection)
    }
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Rejection {
        Rejection::Service(error)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rejection::Http(rejection) => rejection.error().fmt(f),
            Rejection::Service(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Rejection {}

impl From<Rejection> for poem::Error {
    fn from(rejection: Rejection) -> poem::Error {
        let status = rejection.status();
        poem::Error::new(rejection, status)
    }
}

/// Every operation has the same rejections; a pass over the document describes them.
impl poem_openapi::ApiResponse for Rejection {
    fn meta() -> poem_openapi::registry::MetaResponses {
        poem_openapi::registry::MetaResponses { responses: vec![] }
    }

    fn register(_: &mut poem_openapi::registry::Registry) {}
}

/// A rejection by HTTP's own rules, before any operation is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HttpRejection {
    /// There is no such path.
    NoSuchPath,
    /// There is no such path, and one of REST below its base.
    PathWithoutBase,
    /// The path exists and does not take the method; it takes these.
    MethodNotAllowed(Vec<Method>),
    /// The body is longer than any operation takes.
    TooLarge,
    /// The body does not declare itself to be JSON.
    NotJson,
    /// The form is longer than any page takes.
    FormTooLarge,
    /// The body does not declare itself to be a form.
    NotAForm,
    /// None of the media types that the client accepts can be made.
    NotAcceptable,
    /// A subscription was sent by a client that accepts a single answer only.
    NotAStream,
    /// The request breaks a rule of HTTP, which this names.
    Malformed(&'static str),
    /// The rules of MCP's transport forbid it, such as that of `Origin`; the status and the reason are theirs.
    Protocol(StatusCode, String),
    /// The target or the headers are larger than the server takes.
    HeadTooLarge,
    /// There is no space for a large answer, since others are being read slowly.
    Busy,
    /// The client's address has as many connections open as it may have.
    TooManyConnections,
}

impl HttpRejection {
    /// Its status code.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            HttpRejection::NoSuchPath | HttpRejection::PathWithoutBase => StatusCode::NOT_FOUND,
            HttpRejection::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            HttpRejection::TooLarge | HttpRejection::FormTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            HttpRejection::NotJson | HttpRejection::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            HttpRejection::NotAcceptable | HttpRejection::NotAStream => StatusCode::NOT_ACCEPTABLE,
            HttpRejection::Malformed(_) => StatusCode::BAD_REQUEST,
            HttpRejection::Protocol(status, _) => *status,
            HttpRejection::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            HttpRejection::TooManyConnections => StatusCode::TOO_MANY_REQUESTS,
            HttpRejection::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// This rejection as an error of the service: This rejection as an error of the service; most are bad requests.
    pub(crate) fn error(&self) -> Error {
        match self {
            HttpRejection::NoSuchPath => Error::NotFound("path; /api-docs lists what there is"),
            HttpRejection::PathWithoutBase => Error::NotFound("path; paths of REST begin with /api/v1"),
            HttpRejection::MethodNotAllowed(methods) => {
                let allowed: Vec<_> = methods.iter().map(Method::as_str).collect();
                Error::BadRequest(
                    format!("this path does not take that method; it takes {}", allowed.join(", ")).into(),
                )
            }
            HttpRejection::TooLarge => Error::BadRequest("the body is over 1 MiB; send less at once".into()),
            HttpRejection::NotJson => {
                Error::BadRequest("send the body as JSON, uncompressed, with `Content-Type: application/json`".into())
            }
            HttpRejection::FormTooLarge => Error::BadRequest("the form is over 64 KiB; enter less at once".into()),
            HttpRejection::NotAForm => Error::BadRequest("the body is not sent as a form".into()),
            HttpRejection::NotAStream => Error::BadRequest(
                "a subscription goes on: send `Accept: text/event-stream`, or use a WebSocket (graphql-transport-ws)"
                    .into(),
            ),
            HttpRejection::NotAcceptable => Error::BadRequest("none of the types in Accept can be made here".into()),
            HttpRejection::Malformed(why) => Error::BadRequest((*why).into()),
            HttpRejection::Protocol(_, why) => Error::BadRequest(why.clone().into()),
            HttpRejection::HeadTooLarge => {
                Error::BadRequest("the target or the headers of the request are too large".into())
            }
            HttpRejection::TooManyConnections => Error::RateLimited { retry_after: CONNECTION_RETRY },
            HttpRejection::Busy => Error::Unavailable,
        }
    }

    /// Its answer in the envelope.
    pub(crate) fn response(&self, request_id: &str) -> Response {
        let mut response = envelope(&self.error(), self.status(), request_id);
        self.add_headers(&mut response);
        response
    }

    /// The whole answer over HTTP/1.1, for a request that no handler sees. It ends its connection.
    pub(crate) fn raw_response(&self, id: &str, client: SocketAddr) -> Vec<u8> {
        let (status, error) = (self.status(), self.error());
        let body = body(&error, id);
        let retry = match &error {
            Error::RateLimited { retry_after } => format!("retry-after: {retry_after}\r\n"),
            Error::Unavailable => "retry-after: 1\r\n".to_owned(),
            _ => String::new(),
        };
        let client = client.ip();
        tracing::info!(id, %client, status = status.as_u16(), why = %error, "refused before it was a request");
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nx-request-id: {id}\r\n\
             cache-control: private, no-cache\r\nvary: {VARY}\r\nx-content-type-options: nosniff\r\n{retry}connection: close\r\n\r\n",
            body.len()
        );
        [head.into_bytes(), body].concat()
    }

    fn add_headers(&self, response: &mut Response) {
        match self {
            HttpRejection::MethodNotAllowed(methods) => {
                let allowed: Vec<_> = methods.iter().map(Method::as_str).collect();
                if let Ok(allow) = HeaderValue::from_str(&allowed.join(", ")) {
                    response.headers_mut().insert(header::ALLOW, allow);
                }
            }
            HttpRejection::Busy => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(1));
            }
            _ => {}
        }
    }
}

/// The answer to a method other than GET and HEAD, on a path that can only be read; `None` for those two.
pub(crate) fn reject_unless_read(request: &Request) -> Option<Response> {
    let allowed = vec![Method::GET, Method::HEAD, Method::OPTIONS];
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    (!reads).then(|| HttpRejection::MethodNotAllowed(allowed).response(&request_id(request)))
}

/// The status code of an error.
pub(crate) fn status(error: &Error) -> StatusCode {
    match (error, error.code()) {
        (Error::Stale { .. }, _) => StatusCode::PRECONDITION_FAILED,
        (Error::TooSlow | Error::Unavailable, _) => StatusCode::SERVICE_UNAVAILABLE,
        (_, code) => status_of(code),
    }
}

/// The status code of a public code, except for a stale `If-Match`, which is 412.
pub(crate) fn status_of(code: Code) -> StatusCode {
    match code {
        Code::BadRequest => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::ForbiddenPlan => StatusCode::PAYMENT_REQUIRED,
        Code::ForbiddenScope => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Conflict => StatusCode::CONFLICT,
        Code::ValidationError => StatusCode::UNPROCESSABLE_ENTITY,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The whole answer to an error, which is logged if it is a fault of the server.
pub(crate) fn response(error: &Error, request_id: &str) -> Response {
    error.log();
    let mut response = envelope(error, status(error), request_id);
    add_headers(error, &mut response);
    response
}

fn add_headers(error: &Error, response: &mut Response) {
    let headers = response.headers_mut();
    match error {
        Error::Unauthenticated(_) => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Error::RateLimited { retry_after } => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(*retry_after));
        }
        Error::InFlight | Error::Unavailable => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(1));
        }
        Error::TooSlow => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(SLOW_RETRY));
        }
        Error::Stale { version: Some(version) } => {
            if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
                headers.insert(header::ETAG, tag);
            }
        }
        _ => {}
    }
}

/// Notes with what a request was answered.
pub(crate) fn note(error: &Error) {
    observed::note(|noted| {
        noted.code = Some(error.code().as_str().to_owned());
        noted.reason = error.reason().map(str::to_owned);
    });
}

fn envelope(error: &Error, status: StatusCode, request_id: &str) -> Response {
    note(error);
    let bytes = body(error, request_id);
    Response::builder().status(status).content_type("application/json").body(bytes).into_response()
}

/// The bytes of an error in the envelope.
fn body(error: &Error, request_id: &str) -> Vec<u8> {
    #[derive(serde::Serialize)]
    struct Envelope<'a> {
        error: ErrorBody<'a>,
    }
    serde_json::to_vec(&Envelope { error: error.body(request_id) }).unwrap_or_default()
}
