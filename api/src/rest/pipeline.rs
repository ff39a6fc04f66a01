//! The gate in front of every REST operation: the order of refusals, on one screen.

use std::sync::Arc;
use std::time::Duration;

use poem::http::{HeaderValue, Method, header};
use poem::{Endpoint, Request, Response, Result};
use service::value::{FieldErrors, Json};
use service::{Admission, Error, Feature, IdempotencyKey, RequestFacts};
use sha2::{Digest, Sha256};

use super::error::{self, Fault, Refusal};
use super::extract::{Sent, tags};
use super::route::{Operation, Routes, Takes};
use crate::address::Address;
use crate::budget::Spent;
use crate::middleware::{caught, request_id};
use crate::server::Server;

/// The largest body that anything needs.
pub const MAX_BODY: usize = 1024 * 1024;

/// How long a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// Wraps the operations of poem-openapi.
pub struct Pipeline<E> {
    pub(crate) inner: E,
    pub(crate) routes: Routes,
    pub(crate) server: Arc<Server>,
}

/// Why a request did not reach its operation.
pub(crate) enum Stop {
    Http(Refusal),
    Service(Error),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Http(refusal)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Service(error)
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for Pipeline<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let id = request_id(&request);
        let head = request.method() == Method::HEAD;
        let looks = matches!(*request.method(), Method::GET | Method::HEAD);
        let unless = request.headers().get(header::IF_NONE_MATCH).filter(|_| looks).cloned();
        let mut spent = Spent::default();
        let mut response = match self.enter(&mut request, &id, &mut spent).await {
            Ok(()) => match caught(self.inner.call(request)).await {
                Ok(Ok(response)) => response,
                Ok(Err(refused)) => match refused.downcast_ref::<Fault>() {
                    Some(fault) => error::response(&fault.0, &id),
                    None => return Err(refused),
                },
                Err(fault) => error::response(&fault, &id),
            },
            Err(Stop::Http(refusal)) => refusal.response(&id),
            Err(Stop::Service(refused)) => error::response(&refused, &id),
        };
        spent.add_headers(response.headers_mut());
        if let Some(unless) = unless {
            not_modified(&unless, &mut response);
        }
        if head {
            drop_body(&mut response).await;
        }
        Ok(response)
    }
}

impl<E> Pipeline<E> {
    /// 404 path, 405, 401 (or its 429), 402, 429, 413, 415, 400; what comes after is the operation's.
    async fn enter(&self, request: &mut Request, id: &str, spent: &mut Spent) -> Result<(), Stop> {
        let operation = match self.operation(request) {
            Ok(operation) => operation,
            Err(refusal) => {
                // Told to everybody alike; a good token pays for it as for any request, and is told what it has left.
                if request.headers().contains_key(header::AUTHORIZATION)
                    && let Ok(admission) = self.admit(request, Feature::ApiAccess).await
                {
                    *spent = Spent::AtDoor(admission.budget);
                }
                return Err(refusal.into());
            }
        };
        let admission = self.admit(request, operation.feature).await?;
        *spent = Spent::AtDoor(admission.budget);
        let pass = admission.pass?;

        let method = request.method().clone();
        let mut not_taken = if operation.query { FieldErrors::none() } else { unknown_parameters(request) };
        let body = match operation.body {
            Takes::Body => Some(read_json(request).await?),
            Takes::Optional if is_empty(request) => Some(Json::Object(vec![])),
            Takes::Optional => Some(read_json(request).await?),
            Takes::Nothing if is_empty(request) || !matches!(method, Method::PUT | Method::POST) => None,
            Takes::Nothing => {
                not_taken.nest("", not_nothing(&read_json(request).await?));
                None
            }
        };

        let key = header_text(request, "idempotency-key");
        let key = match request.headers().contains_key("idempotency-key") {
            // A key that is not even text is as malformed as any other.
            true => IdempotencyKey::read(Some(key.unwrap_or_default()), true),
            false => IdempotencyKey::read(None, method == Method::POST),
        };
        let fingerprint = match key {
            IdempotencyKey::Key(_) => fingerprint(&method, request.original_uri().path(), body.as_ref()),
            _ => [0; 32],
        };
        let facts =
            RequestFacts { request_id: id.to_owned(), key, limited: true, fingerprint, not_taken, dry_run: false };
        let cx = pass.enter(facts);
        *spent = Spent::Inside(cx.clone());
        request.extensions_mut().insert(cx);
        if let Some(body) = body {
            request.extensions_mut().insert(Sent::new(body));
        }
        Ok(())
    }
}

impl<E> Pipeline<E> {
    /// The operation of a path and method.
    fn operation(&self, request: &mut Request) -> Result<Operation, Refusal> {
        let path = request.uri().path();
        let is_text = percent_encoding::percent_decode_str(path).decode_utf8().is_ok();
        let methods = self.routes.find(path).filter(|_| is_text).ok_or(Refusal::NoSuchPath)?;
        if request.method() == Method::HEAD && methods.takes(&Method::GET) {
            request.set_method(Method::GET);
        }
        methods.get(request.method()).ok_or_else(|| Refusal::MethodNotAllowed(methods.allowed()))
    }

    async fn admit(&self, request: &Request, feature: Feature) -> Result<Admission, Error> {
        let address = Address::of(request, &self.server.trusted_proxies);
        let authorization = header_text(request, header::AUTHORIZATION.as_str());
        self.server.app.admit_to(feature, authorization, address.0).await
    }
}

/// The parameters of a query that nobody reads.
fn unknown_parameters(request: &Request) -> FieldErrors {
    let mut problems = FieldErrors::none();
    for (name, _) in form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
        problems.add(name, "unknown; nothing is taken from the query here");
    }
    problems
}

/// A header as text, if it is text.
pub(crate) fn header_text<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

/// What makes two requests the same request: method, path and the value of the body.
pub(crate) fn fingerprint(method: &Method, path: &str, body: Option<&Json>) -> [u8; 32] {
    let hash = Sha256::new().chain_update(method.as_str()).chain_update("\n").chain_update(path).chain_update("\n");
    hash.chain_update(body.map(Json::canonical).unwrap_or_default()).finalize().into()
}

/// Reads a body of JSON, within its bounds.
pub(crate) async fn read_json(request: &mut Request) -> Result<Json, Stop> {
    let announced = header_text(request, header::CONTENT_LENGTH.as_str()).and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MAX_BODY as u64) {
        return Err(Refusal::TooLarge.into());
    }
    let bytes = match tokio::time::timeout(BODY_PATIENCE, request.take_body().into_bytes_limit(MAX_BODY)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(poem::error::ReadBodyError::PayloadTooLarge)) => return Err(Refusal::TooLarge.into()),
        _ => return Err(Error::BadRequest("the body could not be read to its end".into()).into()),
    };
    if !is_json(request) || request.headers().contains_key(header::CONTENT_ENCODING) {
        return Err(Refusal::NotJson.into());
    }
    Json::parse(&bytes).map_err(|why| Error::BadRequest(why.to_string().into()).into())
}

/// Whether no body was sent. It is asked itself, since over HTTP/2 a head need not tell (RFC 9113, section 8.1.1).
fn is_empty(request: &mut Request) -> bool {
    let body = request.take_body();
    let is_empty = body.is_empty();
    request.set_body(body);
    is_empty
}

/// What is wrong with a body where none is taken: `{}` is as good as none.
fn not_nothing(body: &Json) -> FieldErrors {
    let Json::Object(pairs) = body else {
        return FieldErrors::at("body", format!("must be left out, or be {{}}, not {}", body.kind()));
    };
    let mut problems = FieldErrors::none();
    pairs.iter().for_each(|(key, _)| problems.add(key, "unknown"));
    problems
}

/// `application/json`, in UTF-8 if it names a charset.
fn is_json(request: &Request) -> bool {
    let Some(kind) = header_text(request, header::CONTENT_TYPE.as_str()) else { return false };
    let mut parts = kind.split(';').map(str::trim);
    let named = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let utf8 = parts.filter_map(|part| part.split_once('=')).all(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("charset") || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    });
    named && utf8
}

/// 304 for a record that the client has already (RFC 9110, section 13.1.2).
fn not_modified(unless: &HeaderValue, response: &mut Response) {
    let Some(current) = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()) else { return };
    let current = current.trim_matches('"');
    let known = unless.to_str().is_ok_and(|sent| tags(sent).any(|tag| tag == current || tag == "*"));
    if known && response.status() == poem::http::StatusCode::OK {
        response.set_status(poem::http::StatusCode::NOT_MODIFIED);
        response.take_body();
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
}

async fn drop_body(response: &mut Response) {
    if let Ok(bytes) = response.take_body().into_bytes().await {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    }
}
