//! The GraphQL endpoint, by the GraphQL-over-HTTP specification: POST with JSON, GET for queries only; answers as JSON, or
//! as server-sent events. Rejections before execution keep their status and answer `{"errors": […]}`.

use std::sync::Arc;

use async_graphql::{Name, Response as GraphqlResponse, ServerError, Value};
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response, Result};
use schema::{Gateway, Kind, MAX_COST, Prepared, Refused, Sent, before_execution, refused_for_now};
use service::value::Timestamp;
use service::{Admitted, Budget, Cx, Error, IdempotencyKey, OPERATION_TIMEOUT, RequestFacts, observed};

use super::request::{self, Accepts, GRAPHQL};
use super::{socket, sse};
use crate::http::address::Address;
use crate::http::admission::{admit_rejected, admit_unconfirmed};
use crate::http::budget::{self, REPLAYED};
use crate::http::middleware::caught;
use crate::http::rejection::{HttpRejection, Rejection, note};
use crate::http::request::{IDEMPOTENCY_KEY, fingerprint, idempotency_key, read_json, request_id};
use crate::http::server::Server;

/// The endpoint around the schema. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Graphql {
    pub(super) gateway: Arc<Gateway>,
    pub(super) server: Arc<Server>,
}

/// The methods of `/graphql`.
pub(crate) const METHODS: [Method; 4] = [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS];

/// What a request costs and what its token has left, for the rate headers and for `extensions.cost`.
#[derive(Clone, Copy)]
pub(super) struct Charged {
    /// The cost of the document in points.
    pub(super) points: u32,
    /// What the token has left.
    pub(super) budget: Budget,
}

impl Endpoint for Graphql {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        if socket::is_upgrade(&request) {
            return Ok(socket::accept(self, request).await);
        }
        let id = request_id(&request);
        let accepts = Accepts::of(&request);
        let mut charged = None;
        let answer = caught(self.run(&mut request, accepts, &id, &mut charged)).await;
        let mut response = match answer.unwrap_or_else(|fault| Err(fault.into())) {
            Ok(response) => response,
            Err(rejection) => rejected(&rejection, accepts.for_rejections(), &id, charged.as_ref()),
        };
        if let Some(charged) = charged {
            budget::add_headers(&charged.budget, response.headers_mut());
        }
        Ok(response)
    }
}

impl Graphql {
    /// Around a schema that is built now.
    pub(crate) fn new(server: Arc<Server>, gateway: Arc<Gateway>) -> Graphql {
        Graphql { gateway, server }
    }

    /// Rejects in the order 405, 401 (or its 429), 402, 429, 413, 415, 400, 406, bounds and cost; then executes.
    async fn run(
        &self,
        request: &mut Request,
        accepts: Accepts,
        id: &str,
        charged: &mut Option<Charged>,
    ) -> Result<Response, Rejection> {
        let by_get = match *request.method() {
            Method::GET | Method::HEAD => true,
            Method::POST => false,
            _ => {
                *charged = admit_rejected(&self.server, request).await.map(|budget| Charged { points: 1, budget });
                return Err(HttpRejection::MethodNotAllowed(METHODS.to_vec()).into());
            }
        };
        let admission = admit_unconfirmed(&self.server, request).await?;
        let charged = charged.insert(Charged { points: 1, budget: admission.budget });
        let mut read = None;
        let price = async |may_read| {
            let points = self.price_of_refused(request, by_get, may_read).await;
            read = Some(points).filter(|_| may_read);
            points
        };
        let admission = admission.priced(price).await;
        // A refusal says what the document costs, where it was looked at.
        charged.points = read.unwrap_or(charged.points);
        let admitted = admission.pass?;
        let answered = self.answer(request, accepts, id, by_get, admitted.clone(), charged).await;
        // What is refused is refused to a caller as they are now.
        match answered {
            Err(refused) => {
                admitted.confirm_access().await?;
                Err(refused)
            }
            answered => answered,
        }
    }

    /// What a request would have cost that the rate limit has refused, so that its `Retry-After` is enough for all of it.
    /// `may_read` says that its document may be looked at: the burst bucket has admitted it, so that there are not many.
    async fn price_of_refused(&self, request: &mut Request, by_get: bool, may_read: bool) -> u32 {
        if !may_read {
            return MAX_COST;
        }
        let sent = match by_get {
            true => request::from_query(request).ok(),
            false => read_json(request).await.ok().and_then(|body| request::from_json(body).ok()),
        };
        // What is refused for another reason costs the one point of the door.
        sent.and_then(|sent| self.gateway.prepare(sent).ok()).map_or(1, |prepared| prepared.points())
    }

    /// Answers an admitted request; of what it reads, nothing is sent to a caller who is another one by now.
    async fn answer(
        &self,
        request: &mut Request,
        accepts: Accepts,
        id: &str,
        by_get: bool,
        admitted: Admitted,
        charged: &mut Charged,
    ) -> Result<Response, Rejection> {
        let keyed = request.headers().contains_key(IDEMPOTENCY_KEY);
        let mut body_fingerprint = [0; 32];
        let body = if by_get { None } else { Some(read_json(request).await?) };
        if accepts.single.is_none() && !accepts.events {
            return Err(HttpRejection::NotAcceptable.into());
        }
        let sent = match body {
            None => request::from_query(request)?,
            Some(body) => {
                if keyed {
                    body_fingerprint = fingerprint(&Method::POST, "/graphql", Some(&body));
                }
                request::from_json(body)?
            }
        };
        let prepared = match self.gateway.prepare(sent) {
            Ok(prepared) => prepared,
            Err(Refused::Over(error)) => return Err(error.into()),
            Err(refused) => {
                admitted.confirm_access().await?;
                return Ok(match refused {
                    Refused::NotStored => not_stored(id, accepts.for_rejections(), charged),
                    invalid => match accepts.single {
                        Some(_) => render(invalid.into_response(id), accepts.for_rejections(), charged),
                        None => sse::single(invalid.into_response(id), charged),
                    },
                });
            }
        };
        if let Some(name) = prepared.operation_name() {
            observed::note_operation(name);
        }
        let mut facts = RequestFacts { request_id: id.to_owned(), ..RequestFacts::default() };
        match prepared.kind() {
            Kind::Mutation { .. } if by_get => return Err(HttpRejection::MethodNotAllowed(vec![Method::POST]).into()),
            Kind::Mutation { single } if keyed => {
                if !single {
                    let message = "goes with a document of exactly one mutation field, outside of fragments; send one request for each";
                    return Err(Error::invalid("Idempotency-Key", message).into());
                }
                facts.key = idempotency_key(request, true);
                facts.fingerprint = body_fingerprint;
            }
            Kind::Subscription if !accepts.events => return Err(HttpRejection::NotAStream.into()),
            _ => {}
        }
        // A query makes sure of the caller as it reads.
        let admitted = if prepared.kind() == Kind::Query { admitted } else { admitted.confirm_access().await? };
        let mut cx = charge(admitted, &prepared, facts, charged).await?;
        if prepared.kind() == Kind::Subscription {
            let address = Address::of(request, &self.server.trusted_proxies).0;
            return Ok(sse::subscribe(self, prepared, cx, *charged, address).await);
        }
        let is_mutation = matches!(prepared.kind(), Kind::Mutation { .. });
        let mut answer = self.execute(&prepared, cx.clone()).await;
        if !is_mutation && let Some(renewed) = cx.renewed().await? {
            cx = renewed;
            answer = self.execute(&prepared, cx.clone()).await;
        }
        charged.budget = cx.budget();
        let mut response = match accepts.single {
            Some(kind) => render(answer?, kind, charged),
            None => sse::single(answer?, charged),
        };
        if is_mutation {
            // It may show a secret, such as that of a new webhook endpoint.
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if cx.is_replay() {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(response)
    }

    /// Executes a query or a mutation within the time that an operation may take. A batch with an idempotency key is charged
    /// during its execution, before it has any effect: if the points do not suffice, or a concurrent duplicate still runs, it
    /// is rejected like any other request.
    pub(super) async fn execute(&self, prepared: &Prepared, cx: Cx) -> Result<GraphqlResponse, Error> {
        let answer = tokio::time::timeout(OPERATION_TIMEOUT, self.gateway.execute(prepared, cx)).await;
        let answer = answer.map_err(|_| Error::TooSlow)?;
        refused_for_now(&answer).map_or(Ok(answer), Err)
    }

    /// Prepares and charges an operation that came by a message, which is admitted by itself.
    pub(super) async fn enter(
        &self,
        admitted: Admitted,
        sent: Sent,
        id: &str,
        charged: &mut Charged,
    ) -> Result<(Prepared, Cx), Box<GraphqlResponse>> {
        let prepared = self.gateway.prepare(sent).map_err(|refused| Box::new(refused.into_response(id)))?;
        let facts = RequestFacts { request_id: id.to_owned(), ..RequestFacts::default() };
        let cx = charge(admitted, &prepared, facts, charged).await;
        cx.map(|cx| (prepared, cx)).map_err(|refused| Box::new(Refused::Over(refused).into_response(id)))
    }
}

/// Charges what a document costs beyond the one point of admission. With an idempotency key, the points of a batch are
/// charged once the key is known to be new.
async fn charge(
    admitted: Admitted,
    prepared: &Prepared,
    facts: RequestFacts,
    charged: &mut Charged,
) -> Result<Cx, Error> {
    charged.points = prepared.points();
    let keyed = matches!(facts.key, IdempotencyKey::Key(_));
    let cx = admitted.enter(facts);
    let outcome = match keyed {
        true => cx.charge_points(prepared.points_of_replay()).await,
        false => cx.prepay(prepared.points()).await.map(drop),
    };
    charged.budget = cx.budget();
    outcome?;
    Ok(cx)
}

/// `extensions.cost`: what the document costs, what the token has left, and when its budget is full again.
fn cost(charged: &Charged) -> Value {
    let Budget { sustained, sizes, .. } = charged.budget;
    let at = Timestamp::from_millis(charged.budget.full_at.saturating_mul(1000));
    let cost = [
        ("requested", Value::from(charged.points)),
        ("remaining", Value::from(sustained.min(sizes.sustained))),
        ("resetAt", Value::from(at.to_string())),
    ];
    Value::Object(cost.into_iter().map(|(name, value)| (Name::new(name), value)).collect())
}

/// The bytes of an answer, with its cost; a document that was not executed has no `data`.
pub(super) fn body(mut answer: GraphqlResponse, charged: Option<&Charged>) -> Vec<u8> {
    note_errors(&answer);
    if let Some(charged) = charged {
        answer.extensions.insert("cost".into(), cost(charged));
    }
    let written = schema::write(&answer, !before_execution(&answer));
    written.unwrap_or_else(|cause| {
        tracing::error!(%cause, "an answer does not serialize");
        br#"{"errors":[{"message":"something went wrong on our side","extensions":{"code":"internal"}}]}"#.to_vec()
    })
}

/// Notes the first error of an answer.
fn note_errors(answer: &GraphqlResponse) {
    let Some(extensions) = answer.errors.first().and_then(|error| error.extensions.as_ref()) else { return };
    let text = |key: &str| match extensions.get(key) {
        Some(Value::String(text)) => Some(text.clone()),
        _ => None,
    };
    observed::note(|noted| (noted.code, noted.reason) = (text("code"), text("reason")));
}

/// The answer to a document: 200 if it was executed; else 400 for clients that accept the media type of GraphQL, and 200 for
/// the others.
fn render(answer: GraphqlResponse, kind: &'static str, charged: &Charged) -> Response {
    let is_bad = before_execution(&answer) && kind == GRAPHQL;
    json(if is_bad { StatusCode::BAD_REQUEST } else { StatusCode::OK }, kind, body(answer, Some(charged)))
}

/// The answer to the hash of a document: the client then sends the document.
fn not_stored(id: &str, kind: &'static str, charged: &Charged) -> Response {
    json(StatusCode::OK, kind, body(Refused::NotStored.into_response(id), Some(charged)))
}

fn json(status: StatusCode, kind: &'static str, bytes: Vec<u8>) -> Response {
    Response::builder().status(status).content_type(kind).body(bytes).into_response()
}

/// The answer to a request that was rejected before its execution.
pub(super) fn rejected(rejection: &Rejection, kind: &'static str, id: &str, charged: Option<&Charged>) -> Response {
    let by_http;
    let error = match rejection {
        Rejection::Http(rejection) => {
            by_http = rejection.error();
            &by_http
        }
        Rejection::Service(error) => error,
    };
    error.log();
    note(error);
    let mut answer = ServerError::new(error.to_string(), None);
    answer.extensions = Some(schema::extensions(error, id));
    let bytes = body(GraphqlResponse::from_errors(vec![answer]), charged);
    let mut response = json(rejection.status(), kind, bytes);
    rejection.add_headers(&mut response);
    response
}
