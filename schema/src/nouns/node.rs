//! Anything that has an id, by its id alone (Relay's global object identification).

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{
    Context, ContextSelectionSet, ID, Interface, Object, OutputType, Positioned, Result, ServerResult, Value,
};
use service::record_kind::RecordKind;
use service::value::Id;
use service::webhook::endpoint::WebhookEndpoint;
use service::{Cx, Error, record_kind};

use crate::engine::answer::Answer;
use crate::engine::error::OrFail;
use crate::engine::object::object;
use crate::nouns::client::ClientNode;
use crate::nouns::event::EventNode;
use crate::nouns::expense::ExpenseNode;
use crate::nouns::invoice::InvoiceNode;
use crate::nouns::member::MemberNode;
use crate::nouns::project::ProjectNode;
use crate::nouns::task::TaskNode;
use crate::nouns::time_entry::TimeEntryNode;
use crate::nouns::token::TokenNode;
use crate::nouns::webhook_delivery::WebhookDeliveryNode;
use crate::nouns::{cx, parse_id};

/// A record that has an identifier.
#[expect(clippy::large_enum_variant, reason = "one at a time, on its way into an answer")]
#[derive(Interface)]
#[graphql(field(name = "id", ty = "Id", desc = "The id, the same as over REST."))]
pub enum Node {
    /// A client.
    Client(ClientNode),
    /// A project.
    Project(ProjectNode),
    /// A task.
    Task(TaskNode),
    /// A time entry.
    TimeEntry(TimeEntryNode),
    /// An expense.
    Expense(ExpenseNode),
    /// An invoice.
    Invoice(InvoiceNode),
    /// A member.
    Member(MemberNode),
    /// A token.
    Token(TokenNode),
    /// A webhook endpoint.
    WebhookEndpoint(WebhookEndpoint),
    /// A delivery of an event to an endpoint.
    WebhookDelivery(WebhookDeliveryNode),
    /// An event.
    Event(EventNode),
}

impl Node {
    /// The live record with this id, if the caller sees one: a look for its kind, then the record.
    pub(crate) async fn find(cx: &Cx, id: Id) -> Result<Node, Error> {
        Ok(match record_kind::kind_of(cx, id).await? {
            RecordKind::Client => Node::Client(ClientNode(service::client::get(cx, id.of()).await?)),
            RecordKind::Project => Node::Project(ProjectNode(service::project::get(cx, id.of()).await?)),
            RecordKind::Task => Node::Task(TaskNode(service::task::get(cx, id.of()).await?)),
            RecordKind::TimeEntry => Node::TimeEntry(TimeEntryNode(service::time_entry::get(cx, id.of()).await?)),
            RecordKind::Expense => Node::Expense(ExpenseNode(service::expense::get(cx, id.of()).await?)),
            RecordKind::Invoice => Node::Invoice(InvoiceNode(service::invoice::find(cx, id.of()).await?)),
            RecordKind::Member => Node::Member(MemberNode(service::member::get(cx, id.of()).await?)),
            RecordKind::Token => Node::Token(TokenNode(service::token::get(cx, id.of()).await?)),
            RecordKind::WebhookEndpoint => Node::WebhookEndpoint(service::webhook::endpoint::get(cx, id.of()).await?),
            RecordKind::WebhookDelivery => {
                Node::WebhookDelivery(WebhookDeliveryNode(service::webhook::delivery::get(cx, id.of()).await?))
            }
            RecordKind::Event => Node::Event(EventNode(service::event::get(cx, id.of()).await?)),
        })
    }
}

/// Any record as the value of a field.
pub struct AnyNode(Node);

impl OutputType for AnyNode {
    fn type_name() -> Cow<'static, str> {
        <Node as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Node::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        match &self.0 {
            Node::Client(node) => object(ctx, node).await,
            Node::Project(node) => object(ctx, node).await,
            Node::Task(node) => object(ctx, node).await,
            Node::TimeEntry(node) => object(ctx, node).await,
            Node::Expense(node) => object(ctx, node).await,
            Node::Invoice(node) => object(ctx, node).await,
            Node::Member(node) => object(ctx, node).await,
            Node::Token(node) => object(ctx, node).await,
            Node::WebhookEndpoint(node) => object(ctx, node).await,
            Node::WebhookDelivery(node) => object(ctx, node).await,
            Node::Event(node) => object(ctx, node).await,
        }
    }
}

/// The queries of this noun.
#[derive(Default)]
pub struct NodeQueries;

/// The queries of this noun.
#[Object]
impl NodeQueries {
    /// A record that has an identifier.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of a record of any kind.")] id: ID,
    ) -> Result<Option<Arc<AnyNode>>> {
        let cx = cx(ctx)?;
        let key = format!("node {}", id.as_str());
        let found = ctx.data::<Answer>()?.once(key, async { Node::find(cx, parse_id(&id)).await.map(AnyNode) }).await;
        found.map(Some).or_fail(cx)
    }
}
