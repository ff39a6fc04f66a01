//! Anything that has an id, by its id alone (Relay's global object identification).

use std::borrow::Cow;
use std::convert;
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

/// The records that can be found by their id alone, in one line each: kind, type, how it is read, and how it is shown.
macro_rules! records {
    ($($kind:ident($node:ident), $about:literal, $read:path => $shown:expr;)*) => {
        /// A record that has an identifier.
        #[expect(clippy::large_enum_variant, reason = "one at a time, on its way into an answer")]
        #[derive(Interface)]
        #[graphql(field(name = "id", ty = "Id", desc = "The id, the same as over REST."))]
        pub enum Node {
            $(#[doc = $about] $kind($node)),*
        }

        impl Node {
            /// The live record with this id, if the caller sees one: a look for its kind, then the record.
            pub(crate) async fn find(cx: &Cx, id: Id) -> Result<Node, Error> {
                Ok(match record_kind::kind_of(cx, id).await? {
                    $(RecordKind::$kind => Node::$kind($shown($read(cx, id.of()).await?))),*
                })
            }

            async fn resolve(&self, ctx: &ContextSelectionSet<'_>) -> ServerResult<Value> {
                match self { $(Node::$kind(node) => object(ctx, node).await),* }
            }
        }
    };
}

records! {
    Client(ClientNode), "A client.", service::client::get => ClientNode;
    Project(ProjectNode), "A project.", service::project::get => ProjectNode;
    Task(TaskNode), "A task.", service::task::get => TaskNode;
    TimeEntry(TimeEntryNode), "A time entry.", service::time_entry::get => TimeEntryNode;
    Expense(ExpenseNode), "An expense.", service::expense::get => ExpenseNode;
    Invoice(InvoiceNode), "An invoice.", service::invoice::find => InvoiceNode;
    Member(MemberNode), "A member.", service::member::get => MemberNode;
    Token(TokenNode), "A token.", service::token::get => TokenNode;
    WebhookEndpoint(WebhookEndpoint), "A webhook endpoint.", service::webhook::endpoint::get => convert::identity;
    WebhookDelivery(WebhookDeliveryNode), "A delivery of an event to an endpoint.", service::webhook::delivery::get => WebhookDeliveryNode;
    Event(EventNode), "An event.", service::event::get => EventNode;
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
        self.0.resolve(ctx).await
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
