//! The GraphQL endpoint, by the GraphQL-over-HTTP text: POST with JSON, GET for queries only. Refusals before execution
//! keep their status and answer `{"errors": […]}`.

use std::sync::Arc;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
};
use async_graphql::{Response as GraphqlResponse, ServerError, Variables};
use poem::http::{Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response, Result};
use service::value::Json;
use service::{Error, IdempotencyKey, RequestFacts};

use crate::address::Address;
use crate::budget::Spent;
use crate::frame::request_id;
use crate::rest::error::{self, Refusal};
use crate::rest::gate::{Stop, fingerprint, header_text, read_json};
use crate::server::Server;

/// The media type of the specification, and the one that everybody asks for.
const GRAPHQL: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

/// Around `Schema::execute`.
pub struct Graphql {
    pub(crate) schema: schema::Schema,
    pub(crate) shapes: schema::Shapes,
    pub(crate) server: Arc<Server>,
}

/// A request as it came, by either method.
#[derive(Default)]
struct Sent {
    query: String,
    operation_name: Option<String>,
    variables: Variables,
    /// The whole of it by value, for idempotency.
    body: Option<Json>,
}

impl Endpoint for Graphql {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let id = request_id(&request);
        let Some(kind) = accepted(&request) else {
            return Ok(refused(Stop::Http(Refusal::NotAcceptable), JSON, &id));
        };
        let mut spent = Spent::default();
        let mut response = match self.run(&mut request, &id, &mut spent).await {
            Ok(outcome) => render(&outcome, kind),
            Err(stop) => refused(stop, kind, &id),
        };
        spent.add_headers(response.headers_mut());
        Ok(response)
    }
}

impl Graphql {
    async fn run(&self, request: &mut Request, id: &str, spent: &mut Spent) -> Result<GraphqlResponse, Stop> {
        let by_get = match *request.method() {
            Method::GET | Method::HEAD => true,
            Method::POST => false,
            _ => {
                return Err(
                    Refusal::MethodNotAllowed(vec![Method::GET, Method::HEAD, Method::POST, Method::OPTIONS]).into()
                );
            }
        };
        let address = Address::of(request, &self.server.trusted_proxies);
        let authorization = header_text(request, header::AUTHORIZATION.as_str());
        let admission = self.server.app.admit(authorization, address.0).await?;
        *spent = Spent::AtDoor(admission.budget);
        let pass = admission.pass?;

        let sent = if by_get { from_query(request)? } else { from_body(read_json(request).await?)? };
        let key_sent = request.headers().contains_key("idempotency-key");
        let mut facts = RequestFacts { request_id: id.to_owned(), limited: true, ..RequestFacts::default() };
        let document = async_graphql::parser::parse_query(&sent.query).ok();
        let operation = document.as_ref().and_then(|document| chosen(document, sent.operation_name.as_deref()));
        if let Some(operation) = operation.filter(|operation| operation.ty == OperationType::Mutation) {
            if by_get {
                return Err(Refusal::MethodNotAllowed(vec![Method::POST]).into());
            }
            if key_sent {
                let fields = &operation.selection_set.node.items;
                if fields.len() != 1 || !matches!(fields[0].node, Selection::Field(_)) {
                    let told = "goes with a document of exactly one mutation field, outside of fragments; send one request for each";
                    return Err(Error::invalid("Idempotency-Key", told).into());
                }
                facts.key = IdempotencyKey::read(header_text(request, "idempotency-key").or(Some("")), true);
                facts.fingerprint = fingerprint(&Method::POST, "/graphql", sent.body.as_ref());
            }
        }
        let mut query = async_graphql::Request::new(sent.query).variables(sent.variables.clone());
        query.operation_name = sent.operation_name.clone();
        let cx = pass.enter(facts);
        *spent = Spent::Inside(cx.clone());
        let mut outcome = schema::execute(&self.schema, query, cx).await;
        if let (Some(document), Some(operation)) = (&document, operation)
            && !before_execution(&outcome)
        {
            self.shapes.complete(document, operation, &sent.variables, &mut outcome);
        }
        for error in &mut outcome.errors {
            complete(error, id);
        }
        Ok(outcome)
    }
}

/// The operation that a document and a name choose.
fn chosen<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a OperationDefinition> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(&operation.node),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name).map(|operation| &operation.node),
        (DocumentOperations::Multiple(operations), None) => match operations.len() {
            1 => operations.values().next().map(|operation| &operation.node),
            _ => None,
        },
    }
}

fn from_query(request: &Request) -> Result<Sent, Stop> {
    let mut sent = Sent::default();
    for (name, value) in form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
        match name.as_ref() {
            "query" => sent.query = value.into_owned(),
            "operationName" if !value.is_empty() => sent.operation_name = Some(value.into_owned()),
            "variables" if !value.is_empty() => {
                let json = Json::parse(value.as_bytes()).map_err(|why| bad(format!("variables: {why}")))?;
                sent.variables = variables(json)?;
            }
            _ => {}
        }
    }
    if sent.query.is_empty() { Err(bad("send the document as `query`")) } else { Ok(sent) }
}

fn from_body(body: Json) -> Result<Sent, Stop> {
    let Json::Object(pairs) = &body else {
        return Err(bad("the body must be one JSON object with `query`; batches are not taken"));
    };
    let mut sent = Sent::default();
    for (name, value) in pairs.clone() {
        match (name.as_str(), value) {
            ("query", Json::Text(query)) => sent.query = query,
            ("operationName", Json::Text(name)) => sent.operation_name = Some(name),
            ("variables", json @ Json::Object(_)) => sent.variables = variables(json)?,
            ("operationName" | "variables" | "extensions", Json::Null) | ("extensions", Json::Object(_)) => {}
            ("query", _) => return Err(bad("`query` must be a string")),
            ("operationName", _) => return Err(bad("`operationName` must be a string or null")),
            ("variables", _) => return Err(bad("`variables` must be an object or null")),
            ("extensions", _) => return Err(bad("`extensions` must be an object or null")),
            _ => {}
        }
    }
    if sent.query.is_empty() {
        return Err(bad("send the document as `query`"));
    }
    sent.body = Some(body);
    Ok(sent)
}

fn bad(message: impl Into<String>) -> Stop {
    Stop::Service(Error::BadRequest(message.into().into()))
}

fn variables(json: Json) -> Result<Variables, Stop> {
    let Json::Object(pairs) = json else { return Err(bad("`variables` must be an object")) };
    let mut variables = Variables::default();
    for (name, value) in pairs {
        variables.insert(async_graphql::Name::new(name), value.into());
    }
    Ok(variables)
}

/// Which of the two media types the client takes, if any.
fn accepted(request: &Request) -> Option<&'static str> {
    let Some(accept) = header_text(request, header::ACCEPT.as_str()) else { return Some(JSON) };
    let ranges = accept.split(',').map(|range| range.split(';').next().unwrap_or_default().trim());
    let mut json = false;
    for range in ranges {
        match range.to_ascii_lowercase().as_str() {
            GRAPHQL => return Some(GRAPHQL),
            JSON | "application/*" | "*/*" | "" => json = true,
            _ => {}
        }
    }
    json.then_some(JSON)
}

/// Whether nothing was executed: the document, its variables or its operation were refused.
fn before_execution(outcome: &GraphqlResponse) -> bool {
    let refused = outcome.data == async_graphql::Value::Null && !outcome.errors.is_empty();
    refused && outcome.errors.iter().all(|error| error.path.is_empty())
}

/// 200 whenever there is something to execute; a document that cannot be is 400 for those who know the media type.
fn render(outcome: &GraphqlResponse, kind: &'static str) -> Response {
    let before_execution = before_execution(outcome);
    let status = if before_execution && kind == GRAPHQL { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    if before_execution {
        return json(status, kind, &serde_json::json!({ "errors": outcome.errors }));
    }
    json(status, kind, outcome)
}

fn json(status: StatusCode, kind: &'static str, answer: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(answer) {
        Ok(bytes) => Response::builder().status(status).content_type(kind).body(bytes),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// An error that the library made tells no code: it is about the document, so it is a bad request.
fn complete(error: &mut ServerError, id: &str) {
    // A parser draws the place of the fault with the whole line; the first line of what it says is for people.
    if let Some((first, _)) = error.message.split_once('\n') {
        error.message =
            if first.trim().starts_with("-->") { "the document is not GraphQL".into() } else { first.to_owned() };
    }
    let known = error.extensions.as_ref().is_some_and(|extensions| extensions.get("code").is_some());
    if !known {
        let refused = Error::BadRequest(error.message.clone().into());
        error.extensions = Some(schema::extensions(&refused, id));
    }
}

fn refused(stop: Stop, kind: &'static str, id: &str) -> Response {
    let (status, refused, http) = match stop {
        Stop::Http(refusal) => (refusal.status(), refusal.error(), Some(refusal)),
        Stop::Service(refused) => (error::status(&refused), refused, None),
    };
    refused.log();
    let mut told = ServerError::new(refused.to_string(), None);
    told.extensions = Some(schema::extensions(&refused, id));
    let mut response = json(status, kind, &serde_json::json!({ "errors": [told] }));
    error::add_headers(&refused, &mut response);
    if let Some(refusal) = http {
        refusal.add_headers(&mut response);
    }
    response
}
