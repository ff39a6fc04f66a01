//! From an error to an answer: the only place that knows the status codes of refusals.

use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{IntoResponse, Response};
use service::{Code, Error, ErrorBody};

/// What a handler gives back when an operation refuses. Rendered by the pipeline, which knows the request id.
#[derive(Debug)]
pub struct Fault(pub Error);

impl std::error::Error for Fault {}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault(error)
    }
}

impl From<Fault> for poem::Error {
    fn from(fault: Fault) -> poem::Error {
        let status = status(&fault.0);
        poem::Error::new(fault, status)
    }
}

/// Refusals are the same for every operation; the document's pass describes them.
impl poem_openapi::ApiResponse for Fault {
    fn meta() -> poem_openapi::registry::MetaResponses {
        poem_openapi::registry::MetaResponses { responses: vec![] }
    }

    fn register(_: &mut poem_openapi::registry::Registry) {}
}

/// A refusal that HTTP itself makes, before any operation is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such path.
    NoSuchPath,
    /// The path exists, the method does not.
    MethodNotAllowed(Vec<Method>),
    /// More body than anything needs.
    TooLarge,
    /// Not JSON by its own account.
    NotJson,
    /// Nothing that the client takes can be made.
    NotAcceptable,
    /// A subscription was asked for by somebody who takes one answer only.
    NotAStream,
}

impl Refusal {
    /// Its status code.
    pub fn status(&self) -> StatusCode {
        match self {
            Refusal::NoSuchPath => StatusCode::NOT_FOUND,
            Refusal::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::NotAcceptable | Refusal::NotAStream => StatusCode::NOT_ACCEPTABLE,
        }
    }

    /// The same as an error of the service: 404 keeps its code, the others are bad requests.
    pub fn error(&self) -> Error {
        match self {
            Refusal::NoSuchPath => Error::NotFound("path; /api-docs lists what there is"),
            Refusal::MethodNotAllowed(methods) => {
                let allowed: Vec<_> = methods.iter().map(Method::as_str).collect();
                Error::BadRequest(
                    format!("this path does not take that method; it takes {}", allowed.join(", ")).into(),
                )
            }
            Refusal::TooLarge => Error::BadRequest("the body is over 1 MiB; send less at once".into()),
            Refusal::NotJson => {
                Error::BadRequest("send the body as JSON, uncompressed, with `Content-Type: application/json`".into())
            }
            Refusal::NotAStream => Error::BadRequest(
                "a subscription goes on: send `Accept: text/event-stream`, or use a WebSocket (graphql-transport-ws)"
                    .into(),
            ),
            Refusal::NotAcceptable => Error::BadRequest("none of the types in Accept can be made here".into()),
        }
    }

    /// Its answer in the envelope.
    pub fn response(&self, request_id: &str) -> Response {
        let mut response = envelope(&self.error(), self.status(), request_id);
        self.add_headers(&mut response);
        response
    }

    /// Its headers: what is allowed instead.
    pub fn add_headers(&self, response: &mut Response) {
        if let Refusal::MethodNotAllowed(methods) = self {
            let allowed: Vec<_> = methods.iter().map(Method::as_str).collect();
            if let Ok(allow) = HeaderValue::from_str(&allowed.join(", ")) {
                response.headers_mut().insert(header::ALLOW, allow);
            }
        }
    }
}

/// The status code of an error.
pub fn status(error: &Error) -> StatusCode {
    match (error, error.code()) {
        (Error::Stale { .. }, _) => StatusCode::PRECONDITION_FAILED,
        (_, code) => status_of(code),
    }
}

/// The status code of a public code, but for a stale `If-Match`, which is 412.
pub fn status_of(code: Code) -> StatusCode {
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

/// The whole answer to an error.
pub fn response(error: &Error, request_id: &str) -> Response {
    error.log();
    let mut response = envelope(error, status(error), request_id);
    add_headers(error, &mut response);
    response
}

/// The headers that go with an error.
pub fn add_headers(error: &Error, response: &mut Response) {
    let headers = response.headers_mut();
    match error {
        Error::Unauthenticated(_) => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Error::RateLimited { retry_after } => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(*retry_after));
        }
        Error::InFlight => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(1));
        }
        Error::Stale { version } => {
            if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
                headers.insert(header::ETAG, tag);
            }
        }
        _ => {}
    }
}

fn envelope(error: &Error, status: StatusCode, request_id: &str) -> Response {
    #[derive(serde::Serialize)]
    struct Envelope<'a> {
        error: ErrorBody<'a>,
    }
    let bytes = serde_json::to_vec(&Envelope { error: error.body(request_id) }).unwrap_or_default();
    Response::builder().status(status).content_type("application/json").body(bytes).into_response()
}
