//! From a document to its answers: bounds and cost first, then execution, then completion.

use std::sync::Arc;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
};
use async_graphql::{Request, Response, ServerError, Value, Variables};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use service::live::Subscriber;
use service::{Cx, Error};

use crate::engine::batch;
use crate::engine::bounds::{MAX_ERRORS, check_text};
use crate::engine::completion::{NodeTypes, SchemaIndex};
use crate::engine::cost::Cost;
use crate::engine::error::extensions;
use crate::{Schema, build, sdl};

/// The schema, and what is known of its types.
pub struct Gateway {
    schema: Schema,
    index: SchemaIndex,
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
}

/// A document within its bounds.
pub struct Prepared {
    sent: Sent,
    document: ExecutableDocument,
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
    /// It is not GraphQL.
    Unreadable(Box<Response>),
    /// It is over a bound.
    Over(Error),
}

impl Default for Gateway {
    fn default() -> Gateway {
        Gateway { schema: build(), index: SchemaIndex::of(&sdl()) }
    }
}

impl Gateway {
    /// Reads a document, within its bounds, and reckons what it costs. Nothing is executed.
    pub fn prepare(&self, sent: Sent) -> Result<Prepared, Refused> {
        check_text(&sent.query).map_err(|problems| Refused::Over(Error::Invalid(problems)))?;
        let document = async_graphql::parser::parse_query(&sent.query)
            .map_err(|error| Refused::Unreadable(Box::new(Response::from_errors(vec![ServerError::from(error)]))))?;
        let operation = chosen(&document, sent.operation_name.as_deref());
        let cost = self.index.cost(&document, operation, &sent.variables);
        let cost = cost.map_err(|problems| Refused::Over(Error::Invalid(problems)))?;
        if operation.is_some_and(|operation| operation.ty == OperationType::Subscription && fields(operation) != 1) {
            let message = "a subscription has exactly one field; start one for each";
            return Err(Refused::Over(Error::BadRequest(message.into())));
        }
        Ok(Prepared { sent, document, cost })
    }

    /// Executes a query or a mutation.
    pub async fn execute(&self, prepared: Prepared, cx: Cx) -> Response {
        let (request, node_types) = prepared.request();
        let id = cx.request_id().to_owned();
        let mut response = batch::execute(&self.schema, request, cx).await;
        self.finish(&prepared, &node_types, &id, &mut response);
        response
    }

    /// Executes any operation; a subscription answers until it is dropped, or its connection is cut.
    pub fn subscribe(self: Arc<Self>, prepared: Prepared, cx: Cx, watch: Subscriber) -> BoxStream<'static, Response> {
        let (request, node_types) = prepared.request();
        let id = cx.request_id().to_owned();
        let answers = batch::subscribe(&self.schema, request.data(watch), cx);
        answers
            .map(move |mut response| {
                self.finish(&prepared, &node_types, &id, &mut response);
                response
            })
            .boxed()
    }

    /// Completes an answer, and gives its errors our codes.
    fn finish(&self, prepared: &Prepared, node_types: &NodeTypes, request_id: &str, response: &mut Response) {
        if let Some(operation) = prepared.operation()
            && !before_execution(response)
        {
            self.index.complete(&prepared.document, operation, &prepared.sent.variables, node_types, response);
        }
        response.errors.truncate(MAX_ERRORS);
        response.errors.iter_mut().for_each(|error| complete(error, request_id));
    }
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

    /// What its operation is.
    pub fn kind(&self) -> Kind {
        let Some(operation) = self.operation() else { return Kind::Query };
        match operation.ty {
            OperationType::Query => Kind::Query,
            OperationType::Subscription => Kind::Subscription,
            OperationType::Mutation => {
                let fields = &operation.selection_set.node.items;
                Kind::Mutation { single: fields.len() == 1 && matches!(fields[0].node, Selection::Field(_)) }
            }
        }
    }

    fn operation(&self) -> Option<&OperationDefinition> {
        chosen(&self.document, self.sent.operation_name.as_deref())
    }

    fn request(&self) -> (Request, NodeTypes) {
        let node_types = NodeTypes::default();
        let mut request = Request::new("").variables(self.sent.variables.clone()).data(node_types.clone());
        request.operation_name = self.sent.operation_name.clone();
        request.set_parsed_query(self.document.clone());
        (request, node_types)
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

/// The root fields that are seen without following fragments; a fragment counts as one.
fn fields(operation: &OperationDefinition) -> usize {
    operation.selection_set.node.items.len()
}

/// Whether nothing was executed: the document, its variables or its operation were refused.
pub fn before_execution(response: &Response) -> bool {
    let refused = response.data == Value::Null && !response.errors.is_empty();
    refused && response.errors.iter().all(|error| error.path.is_empty())
}

/// An error that the library made has no code: it is about the document, so it is a bad request.
fn complete(error: &mut ServerError, request_id: &str) {
    // A parser draws the place of the fault with the whole line; the first line of what it says is for people.
    if let Some((first, _)) = error.message.split_once('\n') {
        error.message =
            if first.trim().starts_with("-->") { "the document is not GraphQL".into() } else { first.to_owned() };
    }
    let known = error.extensions.as_ref().is_some_and(|extensions| extensions.get("code").is_some());
    if !known {
        let refused = Error::BadRequest(error.message.clone().into());
        error.extensions = Some(extensions(&refused, request_id));
    }
}
