//! The pipeline in front of every REST operation: the order of rejections, on one screen.

use std::sync::Arc;

use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, Request, Response, Result};
use service::value::{FieldErrors, Json};
use service::{IdempotencyKey, RequestFacts};

use super::BASE;
use super::extract::ParsedBody;
use super::route::{OperationFacts, Routes, Takes};
use crate::http::admission::{admit, admit_rejected};
use crate::http::budget::RateState;
use crate::http::middleware::caught;
use crate::http::rejection::{self, HttpRejection, Rejection};
use crate::http::request::{fingerprint, header_text, is_empty, read_json, request_id, tags};
use crate::http::server::Server;

/// Wraps the operations of poem-openapi.
pub(crate) struct Pipeline<E> {
    pub(crate) inner: E,
    pub(crate) routes: Routes,
    pub(crate) server: Arc<Server>,
}

impl<E: Endpoint<Output = Response>> Endpoint for Pipeline<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let id = request_id(&request);
        let is_head = request.method() == Method::HEAD;
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let if_none_match = request.headers().get(header::IF_NONE_MATCH).filter(|_| reads).cloned();
        let mut rate = RateState::default();
        let mut response = match self.enter(&mut request, &id, &mut rate).await {
            Ok(()) => match caught(self.inner.call(request)).await {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => match error.downcast_ref::<Rejection>() {
                    Some(rejection) => rejection.response(&id),
                    None => return Err(error),
                },
                Err(fault) => rejection::response(&fault, &id),
            },
            Err(rejection) => rejection.response(&id),
        };
        rate.add_headers(response.headers_mut());
        if let Some(if_none_match) = if_none_match {
            not_modified(&if_none_match, &mut response);
        }
        if is_head {
            drop_body(&mut response).await;
        }
        Ok(response)
    }
}

impl<E> Pipeline<E> {
    /// Rejects in the order 404 path, 405, 401 (or its 429), 402, 429, 413, 415, 400; what comes after is the operation's.
    async fn enter(&self, request: &mut Request, id: &str, rate: &mut RateState) -> Result<(), Rejection> {
        let operation = match self.operation(request) {
            Ok(operation) => operation,
            Err(rejection) => {
                if let Some(budget) = admit_rejected(&self.server, request).await {
                    *rate = RateState::AtDoor(budget);
                }
                return Err(rejection.into());
            }
        };
        let admission = admit(&self.server, request, operation.feature).await?;
        *rate = RateState::AtDoor(admission.budget);
        let admitted = admission.pass?;

        let method = request.method().clone();
        let mut not_taken = if operation.query { FieldErrors::none() } else { unknown_parameters(request) };
        let body = match operation.body {
            Takes::Body => Some(read_json(request).await?),
            Takes::Optional if is_empty(request) => Some(Json::Object(vec![])),
            Takes::Optional => Some(read_json(request).await?),
            Takes::Nothing if is_empty(request) || !matches!(method, Method::PUT | Method::POST) => None,
            Takes::Nothing => {
                not_taken.nest("", unexpected_body(&read_json(request).await?));
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
            IdempotencyKey::Key(_) => fingerprint(&method, &format!("{BASE}{}", request.uri().path()), body.as_ref()),
            _ => [0; 32],
        };
        let facts =
            RequestFacts { request_id: id.to_owned(), key, limited: true, fingerprint, not_taken, dry_run: false };
        let cx = admitted.enter(facts);
        *rate = RateState::Inside(cx.clone());
        request.extensions_mut().insert(cx);
        if let Some(body) = body {
            request.extensions_mut().insert(ParsedBody::new(body));
        }
        Ok(())
    }

    /// Finds the operation of the path and method.
    fn operation(&self, request: &mut Request) -> Result<OperationFacts, HttpRejection> {
        let path = request.uri().path();
        let is_text = percent_encoding::percent_decode_str(path).decode_utf8().is_ok();
        let methods = self.routes.find(path).filter(|_| is_text).ok_or(HttpRejection::NoSuchPath)?;
        if request.method() == Method::HEAD && methods.takes(&Method::GET) {
            request.set_method(Method::GET);
        }
        methods.get(request.method()).ok_or_else(|| HttpRejection::MethodNotAllowed(methods.allowed()))
    }
}

/// The parameters of the query of an operation that takes none.
fn unknown_parameters(request: &Request) -> FieldErrors {
    let mut problems = FieldErrors::none();
    for (name, _) in form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
        problems.add(name, "unknown; nothing is taken from the query here");
    }
    problems
}

/// What is wrong with a body of an operation that takes none: `{}` counts as no body.
fn unexpected_body(body: &Json) -> FieldErrors {
    let Json::Object(pairs) = body else {
        return FieldErrors::at("body", format!("must be left out, or be {{}}, not {}", body.kind()));
    };
    let mut problems = FieldErrors::none();
    pairs.iter().for_each(|(key, _)| problems.add(key, "unknown"));
    problems
}

/// Turns the answer into 304 if the client has the current version already (RFC 9110, section 13.1.2).
fn not_modified(if_none_match: &HeaderValue, response: &mut Response) {
    let Some(current) = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()) else { return };
    let current = current.trim_matches('"');
    let known = if_none_match.to_str().is_ok_and(|sent| tags(sent).any(|tag| tag == current || tag == "*"));
    if known && response.status() == StatusCode::OK {
        response.set_status(StatusCode::NOT_MODIFIED);
        response.take_body();
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
}

async fn drop_body(response: &mut Response) {
    if let Ok(bytes) = response.take_body().into_bytes().await {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    }
}
