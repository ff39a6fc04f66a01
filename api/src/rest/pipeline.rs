//! The pipeline in front of every REST operation: the order of rejections, on one screen.

use std::sync::Arc;

use poem::http::{HeaderValue, Method, StatusCode, Uri, header};
use poem::{Endpoint, IntoResponse, Request, Response, Result};
use service::value::{FieldErrors, Json};
use service::{Action, IdempotencyKey, RequestFacts, observed, policy};

use super::BASE;
use super::answers::NextCursor;
use super::extract::ParsedBody;
use super::price;
use super::route::{OperationFacts, Routes, Takes};
use crate::http::admission::{admit, admit_action, admit_rejected};
use crate::http::budget::RateState;
use crate::http::middleware::caught;
use crate::http::rejection::{self, HttpRejection, Rejection};
use crate::http::request::{
    fingerprint, idempotency_key, query_pairs, read_json, read_optional_json, request_id, tags,
};
use crate::http::server::Server;

/// Wraps the operations of poem-openapi.
pub(crate) struct Pipeline<E> {
    pub(crate) inner: E,
    pub(crate) routes: &'static Routes,
    pub(crate) server: Arc<Server>,
}

impl<E: Endpoint<Output = Response>> Endpoint for Pipeline<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let id = request_id(&request);
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let if_none_match: Vec<_> = match reads {
            true => request.headers().get_all(header::IF_NONE_MATCH).iter().cloned().collect(),
            false => vec![],
        };
        let mut rate = RateState::default();
        let target = request.uri().clone();
        let mut response = match self.enter(&mut request, &id, &mut rate).await {
            Ok(shows_secret) => match caught(self.inner.call(request)).await {
                Ok(Ok(response)) if shows_secret => {
                    response.with_header(header::CACHE_CONTROL, "no-store").into_response()
                }
                Ok(Ok(response)) => response,
                Ok(Err(error)) => match error.downcast_ref::<Rejection>() {
                    Some(rejection) => rejection.response(&id),
                    None => return Err(error),
                },
                Err(fault) => rejection::response(&fault, &id),
            },
            Err(rejection) => rejection.response(&id),
        };
        // An answer that was found without the database is for a caller as they are now, too.
        if let RateState::Inside(cx) = &rate
            && let Err(refused) = cx.confirm().await
        {
            response = rejection::response(&refused, &id);
        }
        rate.add_headers(response.headers_mut());
        if let Some(NextCursor(cursor)) = response.extensions_mut().remove() {
            add_next_link(&mut response, self.server.public_url.as_deref(), &target, &cursor);
        }
        if !if_none_match.is_empty() {
            not_modified(&if_none_match, &mut response);
        }
        Ok(response)
    }
}

impl<E> Pipeline<E> {
    /// Rejects in the order 404 path, 405, 401 (or its 429), 402, 429, 413, 415, 400, 403; what comes after is the operation's.
    /// The policy is asked before any field of the body is read, so that a caller who may not do this costs nothing more.
    /// Returns whether the answer may show a secret.
    async fn enter(&self, request: &mut Request, id: &str, rate: &mut RateState) -> Result<bool, Rejection> {
        let operation = match self.operation(request) {
            Ok(operation) => operation,
            Err(rejection) => {
                if let Some(budget) = admit_rejected(&self.server, request).await {
                    *rate = RateState::AtDoor(budget);
                }
                return Err(rejection.into());
            }
        };
        let admission = match operation.action {
            Some(action) => admit_action(&self.server, request, action).await?,
            None => admit(&self.server, request, operation.feature).await?,
        };
        *rate = RateState::AtDoor(admission.budget);
        let price = async |may_read| price::of_refused(&operation, request, may_read).await;
        let mut admitted = admission.priced(price).await.pass?;

        let method = request.method().clone();
        let json = match read_body(&operation, &method, request).await {
            Ok(json) => json,
            Err(rejection) => {
                // It is rejected to a caller as they are now.
                admitted.confirm().await?;
                return Err(rejection);
            }
        };
        // Where the plan that is needed depends on the body, 402 comes first, and the door asks both.
        let asked = operation.action.filter(|action| *action != Action::UpdateWebhookEndpoint);
        if let Some(action) = asked
            && policy::ensure_allowed(admitted.caller(), action).is_err()
        {
            // A caller is refused as they are now, not as they are remembered.
            admitted = admitted.confirm().await?;
            policy::ensure_allowed(admitted.caller(), action)?;
        }

        let mut not_taken = if operation.query { FieldErrors::none() } else { unknown_parameters(request) };
        let body = match operation.body {
            Takes::Nothing => {
                not_taken.nest("", json.as_ref().map_or_else(FieldErrors::none, unexpected_body));
                None
            }
            Takes::Optional => Some(json.unwrap_or(Json::Object(vec![]))),
            Takes::Body => json,
        };

        let key = idempotency_key(request, method == Method::POST);
        let fingerprint = match key {
            IdempotencyKey::Key(_) => fingerprint(&method, &format!("{BASE}{}", request.uri().path()), body.as_ref()),
            _ => [0; 32],
        };
        // What is refused before the database is asked is refused to a caller as they are now.
        let admitted = if not_taken.is_empty() { admitted } else { admitted.confirm().await? };
        let facts = RequestFacts { request_id: id.to_owned(), key, fingerprint, not_taken, ..RequestFacts::default() };
        let cx = admitted.enter(facts);
        *rate = RateState::Inside(cx.clone());
        request.extensions_mut().insert(cx);
        if let Some(body) = body {
            request.extensions_mut().insert(ParsedBody::new(body));
        }
        Ok(operation.action.is_some_and(Action::shows_secret))
    }

    /// Finds the operation of the path and method.
    fn operation(&self, request: &mut Request) -> Result<OperationFacts, HttpRejection> {
        let path = request.uri().path();
        let is_text = percent_encoding::percent_decode_str(path).decode_utf8().is_ok();
        let methods = self.routes.find(path).filter(|_| is_text).ok_or(HttpRejection::NoSuchPath)?;
        if request.method() == Method::HEAD && methods.takes(&Method::GET) {
            request.set_method(Method::GET);
        }
        let operation = methods.get(request.method());
        let operation = operation.ok_or_else(|| HttpRejection::MethodNotAllowed(methods.allowed()))?;
        observed::note(|noted| noted.route = Some(operation.route.clone()));
        Ok(operation)
    }
}

/// What was sent as a body, where an operation takes one or must say that it does not.
async fn read_body(
    operation: &OperationFacts,
    method: &Method,
    request: &mut Request,
) -> Result<Option<Json>, Rejection> {
    Ok(match operation.body {
        Takes::Body => Some(read_json(request).await?),
        Takes::Nothing if !matches!(*method, Method::PUT | Method::POST) => None,
        // Some generated clients send `null` where they are given no body.
        Takes::Optional | Takes::Nothing => read_optional_json(request).await?.filter(|body| *body != Json::Null),
    })
}

/// The parameters of the query of an operation that takes none.
fn unknown_parameters(request: &Request) -> FieldErrors {
    let mut problems = FieldErrors::none();
    for (name, _) in query_pairs(request) {
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

/// Adds the next page of a list (RFC 8288): the same target, which is below `BASE`, with the other cursor.
fn add_next_link(response: &mut Response, public_url: Option<&str>, target: &Uri, cursor: &str) {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let sent = form_urlencoded::parse(target.query().unwrap_or_default().as_bytes());
    query.extend_pairs(sent.filter(|(name, _)| name != "cursor")).append_pair("cursor", cursor);
    let base = public_url.unwrap_or_default().trim_end_matches('/');
    let link = format!("<{base}{BASE}{}?{}>; rel=\"next\"", target.path(), query.finish());
    if let Ok(link) = HeaderValue::from_str(&link) {
        response.headers_mut().insert(header::LINK, link);
    }
}

/// Turns the answer into 304 if the client has the current version already (RFC 9110, section 13.1.2).
fn not_modified(if_none_match: &[HeaderValue], response: &mut Response) {
    let Some(current) = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()) else { return };
    let current = current.trim_matches('"');
    let mut sent = if_none_match.iter().filter_map(|sent| sent.to_str().ok());
    let known = sent.any(|sent| tags(sent).any(|tag| tag == current || tag == "*"));
    if known && response.status() == StatusCode::OK {
        response.set_status(StatusCode::NOT_MODIFIED);
        response.take_body();
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
}
