//! The GraphQL endpoint, by the GraphQL-over-HTTP text: POST with JSON, GET for queries only; answers as JSON, or as
//! server-sent events. Refusals before execution keep their status and answer `{"errors": […]}`.

mod events;
mod request;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Response as GraphqlResponse, ServerError, Value};
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response, Result};
use schema::{Gateway, Kind, Prepared, Refused, Sent, before_execution, refused_for_now};
use service::value::Timestamp;
use service::{Admission, Admitted, Budget, Cx, Error, IdempotencyKey, RequestFacts};

use crate::address::Address;
use crate::budget;
use crate::middleware::{caught, request_id};
use crate::rest::envelope::REPLAYED;
use crate::rest::error::{self, Refusal};
use crate::rest::pipeline::{Stop, fingerprint, header_text, read_json};
use crate::server::Server;
use request::{Accepts, GRAPHQL};

/// How long an operation may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Around the schema. Cheap to clone.
#[derive(Clone)]
pub struct Graphql {
    gateway: Arc<Gateway>,
    server: Arc<Server>,
}

/// What a request has spent, for the headers and for `extensions.cost`.
#[derive(Clone, Copy)]
struct Spent {
    points: u32,
    budget: Budget,
}

impl Endpoint for Graphql {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        if socket::is_upgrade(&request) {
            return Ok(socket::accept(self, request).await);
        }
        let id = request_id(&request);
        let accepts = Accepts::of(&request);
        let mut spent = None;
        let answer = caught(self.run(&mut request, accepts, &id, &mut spent)).await;
        let mut response = match answer.unwrap_or_else(|fault| Err(fault.into())) {
            Ok(response) => response,
            Err(stop) => refused(stop, accepts.for_refusals(), &id, spent.as_ref()),
        };
        if let Some(spent) = spent {
            budget::add_headers(&spent.budget, response.headers_mut());
        }
        Ok(response)
    }
}

impl Graphql {
    /// Around a schema.
    pub(crate) fn new(server: Arc<Server>, gateway: Arc<Gateway>) -> Graphql {
        Graphql { gateway, server }
    }

    /// 405, 401 (or its 429), 402, 429, 413, 415, 400, 406; then bounds and cost; then the execution.
    async fn run(
        &self,
        request: &mut Request,
        accepts: Accepts,
        id: &str,
        spent: &mut Option<Spent>,
    ) -> Result<Response, Stop> {
        let by_get = match *request.method() {
            Method::GET | Method::HEAD => true,
            Method::POST => false,
            _ => {
                // Told to everybody alike; a good token pays for it as for any request, and is told what it has left.
                if request.headers().contains_key(header::AUTHORIZATION)
                    && let Ok(admission) = self.admit(request).await
                {
                    *spent = Some(Spent { points: 1, budget: admission.budget });
                }
                let allowed = vec![Method::GET, Method::HEAD, Method::POST, Method::OPTIONS];
                return Err(Refusal::MethodNotAllowed(allowed).into());
            }
        };
        let admission = self.admit(request).await?;
        let door = spent.insert(Spent { points: 1, budget: admission.budget });
        let pass = admission.pass?;

        let keyed = request.headers().contains_key("idempotency-key");
        let mut print = [0; 32];
        let body = if by_get { None } else { Some(read_json(request).await?) };
        if accepts.single.is_none() && !accepts.events {
            return Err(Refusal::NotAcceptable.into());
        }
        let sent = match body {
            None => request::from_query(request)?,
            Some(body) => {
                if keyed {
                    print = fingerprint(&Method::POST, "/graphql", Some(&body));
                }
                request::from_json(body)?
            }
        };
        let prepared = match self.gateway.prepare(sent) {
            Ok(prepared) => prepared,
            Err(Refused::Over(error)) => return Err(error.into()),
            Err(unreadable) => return Ok(render(unreadable.into_response(id), accepts.for_refusals(), door)),
        };
        let mut facts = RequestFacts { request_id: id.to_owned(), ..RequestFacts::default() };
        match prepared.kind() {
            Kind::Mutation { .. } if by_get => return Err(Refusal::MethodNotAllowed(vec![Method::POST]).into()),
            Kind::Mutation { single } if keyed => {
                if !single {
                    let told = "goes with a document of exactly one mutation field, outside of fragments; send one request for each";
                    return Err(Error::invalid("Idempotency-Key", told).into());
                }
                facts.key = IdempotencyKey::read(header_text(request, "idempotency-key").or(Some("")), true);
                facts.fingerprint = print;
            }
            Kind::Subscription if !accepts.events => return Err(Refusal::NotAStream.into()),
            _ => {}
        }
        let cx = charge(pass, &prepared, facts, door).await?;
        if prepared.kind() == Kind::Subscription {
            return Ok(events::subscribe(self, prepared, cx, *door).await);
        }
        let answer = self.execute(prepared, cx.clone()).await;
        door.budget = cx.budget();
        let mut response = match accepts.single {
            Some(kind) => render(answer?, kind, door),
            None => events::single(answer?, door),
        };
        if cx.is_replay() {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(response)
    }

    async fn admit(&self, request: &Request) -> Result<Admission, Error> {
        let address = Address::of(request, &self.server.trusted_proxies);
        self.server.app.admit(header_text(request, header::AUTHORIZATION.as_str()), address.0).await
    }

    /// Executes a query or a mutation, within the time that it may take. A batch with a key is paid for while it is executed,
    /// and before anything has happened: one that is too dear is refused like any other, and so is one whose twin still
    /// runs.
    async fn execute(&self, prepared: Prepared, cx: Cx) -> Result<GraphqlResponse, Error> {
        let answer = tokio::time::timeout(TIMEOUT, self.gateway.execute(prepared, cx)).await;
        let answer = answer.map_err(|_| Error::TooSlow)?;
        refused_for_now(&answer).map_or(Ok(answer), Err)
    }

    /// The same of what came by a message, which is let in by itself.
    async fn enter(
        &self,
        pass: Admitted,
        sent: Sent,
        id: &str,
        door: &mut Spent,
    ) -> Result<(Prepared, Cx), Box<GraphqlResponse>> {
        let prepared = self.gateway.prepare(sent).map_err(|refused| Box::new(refused.into_response(id)))?;
        let facts = RequestFacts { request_id: id.to_owned(), ..RequestFacts::default() };
        let cx = charge(pass, &prepared, facts, door).await;
        cx.map(|cx| (prepared, cx)).map_err(|refused| Box::new(Refused::Over(refused).into_response(id)))
    }
}

/// Takes what a document costs beyond the point that was taken at the door. With a key, what a batch costs is taken when
/// the key is known to be new.
async fn charge(pass: Admitted, prepared: &Prepared, facts: RequestFacts, spent: &mut Spent) -> Result<Cx, Error> {
    spent.points = prepared.points();
    let keyed = matches!(facts.key, IdempotencyKey::Key(_));
    let cx = pass.enter(RequestFacts { limited: true, ..facts });
    let charged = match keyed {
        true => cx.charge_points(prepared.points_of_replay()).await,
        false => cx.prepay(prepared.points()).await.map(drop),
    };
    spent.budget = cx.budget();
    charged?;
    Ok(cx)
}

/// `extensions.cost`: what the document costs, what the token has left, and when it has all again.
fn cost(spent: &Spent) -> Value {
    let Budget { sustained, sizes, .. } = spent.budget;
    let at = Timestamp::from_millis(spent.budget.full_at.saturating_mul(1000));
    let cost = serde_json::json!({
        "requested": spent.points,
        "remaining": sustained.min(sizes.sustained),
        "resetAt": at,
    });
    Value::from_json(cost).unwrap_or_default()
}

/// An answer with its cost, as it is sent: one that was not executed has no data.
fn body(mut answer: GraphqlResponse, spent: Option<&Spent>) -> Vec<u8> {
    if let Some(spent) = spent {
        answer.extensions.insert("cost".into(), cost(spent));
    }
    let written = if before_execution(&answer) {
        #[derive(serde::Serialize)]
        struct NotExecuted<'a> {
            errors: &'a [ServerError],
            #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
            extensions: &'a std::collections::BTreeMap<String, Value>,
        }
        serde_json::to_vec(&NotExecuted { errors: &answer.errors, extensions: &answer.extensions })
    } else {
        serde_json::to_vec(&answer)
    };
    written.unwrap_or_else(|cause| {
        tracing::error!(%cause, "an answer does not serialize");
        br#"{"errors":[{"message":"something went wrong on our side","extensions":{"code":"internal"}}]}"#.to_vec()
    })
}

/// 200 whenever there is something to execute; a document that cannot be is 400 for those who know the media type.
fn render(answer: GraphqlResponse, kind: &'static str, spent: &Spent) -> Response {
    let unknown = before_execution(&answer) && kind == GRAPHQL;
    json(if unknown { StatusCode::BAD_REQUEST } else { StatusCode::OK }, kind, body(answer, Some(spent)))
}

fn json(status: StatusCode, kind: &'static str, bytes: Vec<u8>) -> Response {
    Response::builder().status(status).content_type(kind).body(bytes).into_response()
}

fn refused(stop: Stop, kind: &'static str, id: &str, spent: Option<&Spent>) -> Response {
    let (status, refused, http) = match stop {
        Stop::Http(refusal) => (refusal.status(), refusal.error(), Some(refusal)),
        Stop::Service(refused) => (error::status(&refused), refused, None),
    };
    refused.log();
    let mut told = ServerError::new(refused.to_string(), None);
    told.extensions = Some(schema::extensions(&refused, id));
    let mut response = json(status, kind, body(GraphqlResponse::from_errors(vec![told]), spent));
    error::add_headers(&refused, &mut response);
    if let Some(refusal) = http {
        refusal.add_headers(&mut response);
    }
    response
}
