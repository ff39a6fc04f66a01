//! Anything that has an id, by its id alone (Relay's global object identification).

use async_graphql::Interface;
use service::event_log::EventRecord;
use service::node::Node as Kind;
use service::value::Id;
use service::webhook::endpoint::WebhookEndpoint;
use service::{Cx, Error, node};

use crate::client::ClientNode;
use crate::expense::ExpenseNode;
use crate::invoice::InvoiceNode;
use crate::member::{MemberNode, TokenNode};
use crate::project::ProjectNode;
use crate::task::TaskNode;
use crate::time_entry::TimeEntryNode;
use crate::webhook::WebhookDeliveryNode;

/// Anything that has an id.
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
    Event(EventRecord),
}

impl Node {
    /// The live record with this id, if the caller sees one: a look for its kind, then the record.
    pub(crate) async fn find(cx: &Cx, id: Id) -> Result<Node, Error> {
        Ok(match node::kind_of(cx, id).await? {
            Kind::Client => Node::Client(ClientNode(service::client::get(cx, id).await?)),
            Kind::Project => Node::Project(ProjectNode(service::project::get(cx, id).await?)),
            Kind::Task => Node::Task(TaskNode(service::task::get(cx, id).await?)),
            Kind::TimeEntry => Node::TimeEntry(TimeEntryNode(service::time_entry::get(cx, id).await?)),
            Kind::Expense => Node::Expense(ExpenseNode(service::expense::get(cx, id).await?)),
            Kind::Invoice => Node::Invoice(InvoiceNode(service::invoice::find(cx, id).await?)),
            Kind::Member => Node::Member(MemberNode(service::member::get(cx, id).await?)),
            Kind::Token => Node::Token(TokenNode(service::token::get(cx, id).await?)),
            Kind::WebhookEndpoint => Node::WebhookEndpoint(service::webhook::endpoint::get(cx, id).await?),
            Kind::WebhookDelivery => {
                Node::WebhookDelivery(WebhookDeliveryNode(service::webhook::delivery::get(cx, id).await?))
            }
            Kind::Event => Node::Event(service::event_log::get(cx, id).await?),
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
