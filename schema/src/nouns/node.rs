//! Anything that has an id, by its id alone (Relay's global object identification).

use async_graphql::{Context, ID, Interface, Object, Result};
use service::event::Event;
use service::record_kind::RecordKind;
use service::value::Id;
use service::webhook::endpoint::WebhookEndpoint;
use service::{Cx, Error, record_kind};

use crate::engine::completion::NodeTypes;
use crate::engine::error::OrFail;
use crate::nouns::client::ClientNode;
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
#[graphql(field(name = "id", ty = "Id", desc = "Identifier of the record (UUID v7), the same as over REST."))]
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
    Event(Event),
}

impl Node {
    /// The live record with this id, if the caller sees one: a look for its kind, then the record.
    pub(crate) async fn find(cx: &Cx, id: Id) -> Result<Node, Error> {
        Ok(match record_kind::kind_of(cx, id).await? {
            RecordKind::Client => Node::Client(ClientNode(service::client::get(cx, id).await?)),
            RecordKind::Project => Node::Project(ProjectNode(service::project::get(cx, id).await?)),
            RecordKind::Task => Node::Task(TaskNode(service::task::get(cx, id).await?)),
            RecordKind::TimeEntry => Node::TimeEntry(TimeEntryNode(service::time_entry::get(cx, id).await?)),
            RecordKind::Expense => Node::Expense(ExpenseNode(service::expense::get(cx, id).await?)),
            RecordKind::Invoice => Node::Invoice(InvoiceNode(service::invoice::find(cx, id).await?)),
            RecordKind::Member => Node::Member(MemberNode(service::member::get(cx, id).await?)),
            RecordKind::Token => Node::Token(TokenNode(service::token::get(cx, id).await?)),
            RecordKind::WebhookEndpoint => Node::WebhookEndpoint(service::webhook::endpoint::get(cx, id).await?),
            RecordKind::WebhookDelivery => {
                Node::WebhookDelivery(WebhookDeliveryNode(service::webhook::delivery::get(cx, id).await?))
            }
            RecordKind::Event => Node::Event(service::event::get(cx, id).await?),
        })
    }

    /// The name of its type.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Node::Client(_) => "Client",
            Node::Project(_) => "Project",
            Node::Task(_) => "Task",
            Node::TimeEntry(_) => "TimeEntry",
            Node::Expense(_) => "Expense",
            Node::Invoice(_) => "Invoice",
            Node::Member(_) => "Member",
            Node::Token(_) => "Token",
            Node::WebhookEndpoint(_) => "WebhookEndpoint",
            Node::WebhookDelivery(_) => "WebhookDelivery",
            Node::Event(_) => "Event",
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
    ) -> Result<Option<Node>> {
        let cx = cx(ctx)?;
        let node = Node::find(cx, parse_id(&id)).await.or_fail(cx)?;
        ctx.data::<NodeTypes>()?.found(ctx.item.node.response_key().node.as_str(), node.kind());
        Ok(Some(node))
    }
}
