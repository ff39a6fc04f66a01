//! From a document to its answers: bounds and cost first, then execution, then completion.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use async_graphql::parser::types::{DocumentOperations, OperationDefinition, OperationType, Selection};
use async_graphql::{Request, Response, ServerError, Value, Variables};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use service::live::Subscriber;
use service::value::FieldErrors;
use service::{Cx, Error};

use crate::engine::answer::MAX_ANSWER_BYTES;
use crate::engine::batch;
use crate::engine::bounds::{MAX_ERRORS, check_text};
use crate::engine::completion::SchemaIndex;
use crate::engine::cost::{Cost, MAX_COST};
use crate::engine::documents::{Document, Documents};
use crate::engine::error::extensions;
use crate::engine::in_flight::InFlight;
use crate::engine::literals::{readable, without_minus_zero};
use crate::engine::merging::check_merging;
use crate::engine::session::{EventPrice, Run};
use crate::engine::trusted::TrustedDocuments;
use crate::engine::{operation_root, type_rules};
use crate::{Schema, build, sdl};

/// What is known of the types, read from the schema when the first document arrives.
static INDEX: LazyLock<SchemaIndex> = LazyLock::new(|| SchemaIndex::of(&sdl()));

/// The schema, and the documents that were read.
pub struct Gateway {
    schema: Schema,
    documents: Documents,
    trusted: TrustedDocuments,
    in_flight: InFlight,
}

/// A request as it was sent.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// The document.
    pub query: String,
    /// Which of its operations, if it has several.
    pub operation_name: Option<String>,
    /// The values of its variables.
    pub variables: Variables,
    /// The id of a stored document, to be executed in place of one that is sent.
    pub document_id: Option<String>,
    /// Whether the id is a hash of Apollo's persisted queries, whose clients fall back to sending the document.
    pub is_persisted: bool,
}

/// A document within its bounds.
pub struct Prepared {
    operation_name: Option<String>,
    variables: Arc<Variables>,
    document: Arc<Document>,
    cost: Cost,
}

/// What an operation is, as far as a transport needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It reads; or the document has no operation of that name, which the execution reports.
    Query,
    /// It changes. One that has a single field may go with an idempotency key.
    Mutation {
        /// Exactly one field, outside of fragments.
        single: bool,
    },
    /// It answers once for each event.
    Subscription,
}

/// Why a document is not executed.
pub enum Refused {
    /// It is not GraphQL, or it breaks a rule of the type system.
    Unreadable(Box<Response>),
    /// It is over a bound.
    Over(Error),
    /// It is named by its hash, and no documents are stored: the client sends it in full.
    NotStored,
}

impl Default for Gateway {
    fn default() -> Gateway {
        Gateway::new(TrustedDocuments::default())
    }
}

impl Prepared {
    /// The name of the operation that is executed, if it has one.
    pub fn operation_name(&self) -> Option<&str> {
        match &self.document.parsed.operations {
            DocumentOperations::Multiple(operations) if operations.len() == 1 => {
                operations.keys().next().map(|name| name.as_str())
            }
            _ => self.operation_name.as_deref(),
        }
    }
}

impl Gateway {
    /// With the documents of a manifest.
    pub fn new(trusted: TrustedDocuments) -> Gateway {
        Gateway { schema: build(), documents: Documents::default(), trusted, in_flight: InFlight::default() }
    }

    /// Whether only the documents of the manifest are executed.
    pub fn is_closed(&self) -> bool {
        self.trusted.excludes_others()
    }

    /// Reads a document, within its bounds, and reckons what it costs. Nothing is executed.
    ///
    /// # Errors
    /// The document is not GraphQL, exceeds a limit, or cannot be paid for.
    pub fn prepare(&self, sent: Sent) -> Result<Prepared, Refused> {
        self.prepare_within(MAX_COST, sent)
    }

    /// The same, for a transport that takes at most `most` points.
    ///
    /// # Errors
    /// As `prepare`.
    pub fn prepare_within(&self, most: u32, sent: Sent) -> Result<Prepared, Refused> {
        let document = self.document(&sent)?;
        let Sent { operation_name, mut variables, .. } = sent;
        let operation = document.operation(operation_name.as_deref());
        let cost = document.cost(|| INDEX.cost_within(most, &document.parsed, operation, &variables));
        let cost = cost.and_then(|cost| cost.within(most)).map_err(invalid)?;
        if let Some(operation) = operation {
            type_rules::check_values(&INDEX, operation, &variables).map_err(unreadable)?;
            for definition in &operation.variable_definitions {
                let (name, ty) = (&definition.node.name.node, &definition.node.var_type.node);
                match definition.node.default_value() {
                    // The library looks for the defaults of `@skip` and `@include` only here.
                    Some(default) => {
                        variables.entry(name.clone()).or_insert_with(|| default.clone());
                    }
                    // The library would report it only for the field that uses the variable.
                    None if !ty.nullable && !variables.contains_key(name) => {
                        let message = format!("Variable \"${name}\" of required type \"{ty}\" was not provided.");
                        return Err(unreadable(ServerError::new(message, Some(definition.pos))));
                    }
                    None => {}
                }
            }
        }
        Ok(Prepared { operation_name, variables: Arc::new(variables), document, cost })
    }

    /// The document that is sent, or that is named.
    fn document(&self, sent: &Sent) -> Result<Arc<Document>, Refused> {
        let named = sent.document_id.as_deref().filter(|_| sent.query.is_empty() || !sent.is_persisted);
        if let Some(id) = named {
            let known = self.trusted.get(id).cloned();
            let message = "no document of this server has this `documentId`";
            return known.ok_or_else(|| match sent.is_persisted {
                true => Refused::NotStored,
                false => Refused::Over(Error::BadRequest(message.into())),
            });
        }
        if sent.is_persisted && sent.query.is_empty() {
            return Err(Refused::NotStored);
        }
        if let Some(document) = self.trusted.with_text(&sent.query) {
            return Ok(document.clone());
        }
        if self.trusted.excludes_others() {
            let message = "this server executes only the documents of its manifest; name one by `documentId`";
            return Err(Refused::Over(Error::BadRequest(message.into())));
        }
        match self.documents.get(&sent.query) {
            Some(document) => Ok(document),
            None => read(&INDEX, &sent.query).map(Arc::new),
        }
    }

    /// Executes a query or a mutation, whose answer has at most 8 MiB.
    pub async fn execute(&self, prepared: &Prepared, cx: Cx) -> Response {
        self.execute_within(MAX_ANSWER_BYTES, prepared, cx).await
    }

    /// Executes a query or a mutation, whose answer has at most so many bytes, once the documents that are executed leave space
    /// for what it costs.
    pub async fn execute_within(&self, limit: usize, prepared: &Prepared, cx: Cx) -> Response {
        let _executed = self.in_flight.enter(cx.caller().organization_id().any(), prepared.points()).await;
        let request = self.request(prepared);
        let id = cx.request_id().to_owned();
        let mut response = batch::execute(&self.schema, request, cx, limit).await;
        self.finish(prepared, &id, &mut response);
        response
    }

    /// Executes any operation; a subscription answers until it is dropped, or its connection is cut. Each of its events is
    /// charged like the first, and has 15 s. What it holds in memory all the while is counted against its token.
    pub fn subscribe(self: Arc<Self>, prepared: Prepared, cx: Cx, watch: Subscriber) -> BoxStream<'static, Response> {
        let memory = match watch.reserve(cx.caller().token_id(), prepared.memory()) {
            Ok(memory) => memory,
            Err(error) => {
                let refused = refusal(&error, cx.request_id());
                return futures_util::stream::once(async { refused }).boxed();
            }
        };
        let mut request = self.request(&prepared).data(watch);
        if let Some(field) = prepared.subscribed() {
            request = request.data(EventPrice { points: prepared.points(), field });
        }
        let id = cx.request_id().to_owned();
        let answers = batch::subscribe(&self.schema, request, cx);
        answers
            .map(move |mut response| {
                let _reserved = &memory;
                self.finish(&prepared, &id, &mut response);
                response
            })
            .boxed()
    }

    fn request(&self, prepared: &Prepared) -> Request {
        let Prepared { operation_name, variables, document, .. } = prepared;
        let run = Run {
            documents: self.documents.clone(),
            document: document.clone(),
            operation_name: operation_name.clone(),
            variables: variables.clone(),
        };
        let mut request = Request::new("").variables((**variables).clone()).data(run);
        request.operation_name = operation_name.clone();
        request.set_parsed_query(document.parsed.clone());
        request
    }

    /// Completes an answer, and gives its errors our codes.
    fn finish(&self, prepared: &Prepared, request_id: &str, response: &mut Response) {
        if let Some(operation) = prepared.operation()
            && !before_execution(response)
        {
            INDEX.complete(&prepared.document.parsed, operation, &prepared.variables, response);
        }
        drop_repeated(&mut response.errors);
        response.errors.truncate(MAX_ERRORS);
        response.errors.iter_mut().for_each(|error| complete(error, request_id));
    }
}

fn unreadable(error: ServerError) -> Refused {
    Refused::Unreadable(Box::new(Response::from_errors(vec![error])))
}

/// Reads a document within its bounds, by the rules of the type system.
pub(crate) fn read(index: &SchemaIndex, text: &str) -> Result<Document, Refused> {
    check_text(text).map_err(invalid)?;
    let mut parsed = async_graphql::parser::parse_query(readable(&without_minus_zero(text)))
        .map_err(|error| unreadable(error.into()))?;
    type_rules::check_text(text).map_err(unreadable)?;
    type_rules::check_document(index, &parsed).map_err(unreadable)?;
    check_merging(index, &parsed).map_err(unreadable)?;
    operation_root::flatten(&mut parsed).map_err(unreadable)?;
    Ok(Document::new(text, parsed))
}

fn invalid(errors: FieldErrors) -> Refused {
    Refused::Over(Error::Invalid(errors))
}

impl Refused {
    /// As an answer, of a transport that has no status codes.
    pub fn into_response(self, request_id: &str) -> Response {
        match self {
            Refused::Unreadable(mut response) => {
                response.errors.iter_mut().for_each(|error| complete(error, request_id));
                *response
            }
            Refused::Over(error) => refusal(&error, request_id),
            Refused::NotStored => refusal(&Error::BadRequest("PersistedQueryNotSupported".into()), request_id),
        }
    }
}

/// An error of the service as a whole answer.
pub(crate) fn refusal(error: &Error, request_id: &str) -> Response {
    let mut reported = ServerError::new(error.to_string(), None);
    reported.extensions = Some(extensions(error, request_id));
    Response::from_errors(vec![reported])
}

impl Prepared {
    /// What it costs.
    pub fn points(&self) -> u32 {
        self.cost.points
    }

    /// What it costs if what it does was done before, under the same key.
    pub fn points_of_replay(&self) -> u32 {
        self.cost.of_replay
    }

    /// Bytes of memory that it holds while it is executed: its document and its variables, of which the library has copies of
    /// its own.
    fn memory(&self) -> usize {
        let variables: usize = self.variables.values().map(memory_of).sum();
        2 * (self.document.memory() + variables)
    }

    /// What its operation is.
    pub fn kind(&self) -> Kind {
        let Some(operation) = self.operation() else { return Kind::Query };
        match operation.ty {
            OperationType::Query => Kind::Query,
            OperationType::Subscription => Kind::Subscription,
            OperationType::Mutation => {
                // `__typename` is a field of every type, and changes nothing.
                let is_typename = |selection: &Selection| match selection {
                    Selection::Field(field) => field.node.name.node == "__typename",
                    _ => false,
                };
                let fields = operation.selection_set.node.items.iter().map(|item| &item.node);
                let fields: Vec<_> = fields.filter(|item| !is_typename(item)).collect();
                Kind::Mutation { single: matches!(fields[..], [Selection::Field(_)]) }
            }
        }
    }

    fn operation(&self) -> Option<&OperationDefinition> {
        self.document.operation(self.operation_name.as_deref())
    }

    /// The name in the answer of the field that is subscribed to.
    fn subscribed(&self) -> Option<String> {
        match &self.operation()?.selection_set.node.items.first()?.node {
            Selection::Field(field) => Some(field.node.response_key().node.to_string()),
            _ => None,
        }
    }
}

/// Bytes of memory of variables: of each value, and of its text.
fn memory_of(value: &Value) -> usize {
    const VALUE: usize = 100;
    VALUE
        + match value {
            Value::String(text) => text.len(),
            Value::List(items) => items.iter().map(memory_of).sum(),
            Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + memory_of(value)).sum(),
            _ => 0,
        }
}

/// The library reports some errors once for each of its passes over the document.
fn drop_repeated(errors: &mut Vec<ServerError>) {
    let mut seen = HashSet::new();
    errors.retain(|error| {
        let place: Vec<_> = error.locations.iter().map(|at| (at.line, at.column)).collect();
        let path: Vec<_> = error.path.iter().map(|part| format!("{part:?}")).collect();
        seen.insert((error.message.clone(), place, path))
    });
}

/// Whether nothing was executed: the document, its variables or its operation were refused.
pub fn before_execution(response: &Response) -> bool {
    let refused = response.data == Value::Null && !response.errors.is_empty();
    refused && response.errors.iter().all(|error| error.path.is_empty())
}

/// An error that the library made has no code: it is about the document, so it is a bad request.
fn complete(error: &mut ServerError, request_id: &str) {
    // The parser draws the place of the fault below the line that it is in, and then says what it expected there.
    if let Some((first, _)) = error.message.split_once('\n') {
        error.message = match first.trim().starts_with("-->") {
            true => not_graphql(&error.message),
            false => first.to_owned(),
        };
    }
    let known = error.extensions.as_ref().is_some_and(|extensions| extensions.get("code").is_some());
    if !known {
        let refused = Error::BadRequest(error.message.clone().into());
        error.extensions = Some(extensions(&refused, request_id));
    }
}

/// What the parser says, in one line.
fn not_graphql(drawn: &str) -> String {
    match drawn.lines().rev().find_map(|line| line.trim().strip_prefix("= ")) {
        Some(expected) => {
            let expected = expected.replace("EOI", "the end of the document").replace('_', " ");
            format!("the document is not GraphQL: {expected}")
        }
        None => "the document is not GraphQL".into(),
    }
}
