//! What can be asked.

use async_graphql::{Context, ID, Object, Result};
use service::client::{ClientFilter, ClientSort};
use service::event::{Event, EventFilter, EventSort};
use service::expense::{ExpenseFilter, ExpenseSort};
use service::input::Field;
use service::invoice::{InvoiceFilter, InvoiceSort};
use service::member::{Me, MemberFilter, MemberSort};
use service::organization::Organization;
use service::project::{ProjectFilter, ProjectSort};
use service::report::{TimeReport, TimeReportArgs};
use service::task::{TaskFilter, TaskSort};
use service::time_entry::{TimeEntryFilter, TimeEntrySort};
use service::token::{TokenFilter, TokenSort};
use service::value::{AmountShown, FieldErrors, Id, ReportGroup, TimeZone};
use service::webhook::delivery::{WebhookDeliveryFilter, WebhookDeliverySort};
use service::webhook::endpoint::{WebhookEndpoint, WebhookEndpointFilter, WebhookEndpointSort};

use crate::client::{ClientConnection, ClientNode};
use crate::connection::lists;
use crate::cx;
use crate::error::OrFail;
use crate::expense::{ExpenseConnection, ExpenseNode};
use crate::invoice::{InvoiceConnection, InvoiceNode};
use crate::member::{MemberConnection, MemberNode, TokenConnection, TokenNode};
use crate::node::Node;
use crate::project::{ProjectConnection, ProjectNode};
use crate::shape::Kinds;
use crate::task::{TaskConnection, TaskNode};
use crate::time_entry::{TimeEntryConnection, TimeEntryNode};
use crate::webhook::{EventConnection, WebhookDeliveryConnection, WebhookDeliveryNode, WebhookEndpointConnection};

/// What can be asked.
pub struct Query;

/// What is no UUID stands for no row, and is not found.
pub(crate) fn id(id: &ID) -> Id {
    id.parse().unwrap_or(Id::NONE)
}

lists! {
    /// The lists.
    QueryLists() {
        /// Clients, a page at a time.
        clients: ClientFilter, ClientSort => ClientConnection(ClientNode), (flat service::client::list);
        /// Projects, a page at a time.
        projects: ProjectFilter, ProjectSort => ProjectConnection(ProjectNode), (flat service::project::list);
        /// Tasks, a page at a time.
        tasks: TaskFilter, TaskSort => TaskConnection(TaskNode), (flat service::task::list);
        /// Time entries, a page at a time.
        time_entries: TimeEntryFilter, TimeEntrySort => TimeEntryConnection(TimeEntryNode), (flat service::time_entry::list);
        /// Expenses, a page at a time.
        expenses: ExpenseFilter, ExpenseSort => ExpenseConnection(ExpenseNode), (flat service::expense::list);
        /// Invoices, a page at a time.
        invoices: InvoiceFilter, InvoiceSort => InvoiceConnection(InvoiceNode), (flat service::invoice::list);
        /// Members, a page at a time.
        members: MemberFilter, MemberSort => MemberConnection(MemberNode), (flat service::member::list);
        /// Live tokens, a page at a time: own ones; for Owner and Admin all of the workspace.
        tokens: TokenFilter, TokenSort => TokenConnection(TokenNode), (flat service::token::list);
        /// Webhook endpoints, a page at a time.
        webhook_endpoints: WebhookEndpointFilter, WebhookEndpointSort => WebhookEndpointConnection(std::convert::identity), (flat service::webhook::endpoint::list);
        /// Deliveries of events to endpoints, a page at a time.
        webhook_deliveries: WebhookDeliveryFilter, WebhookDeliverySort => WebhookDeliveryConnection(WebhookDeliveryNode), (flat service::webhook::delivery::list);
        /// Events, a page at a time.
        events: EventFilter, EventSort => EventConnection(std::convert::identity), (flat service::event::list);
    }
}

/// What can be asked.
#[Object]
impl Query {
    #[graphql(flatten)]
    async fn lists(&self) -> QueryLists {
        QueryLists()
    }

    /// Who asks, and what their token may do.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Me> {
        let cx = cx(ctx)?;
        service::member::me(cx).await.or_fail(cx)
    }

    /// The workspace.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Organization> {
        let cx = cx(ctx)?;
        service::organization::get(cx).await.or_fail(cx)
    }

    /// Anything that has an id.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of a record of any kind.")] id: ID,
    ) -> Result<Option<Node>> {
        let cx = cx(ctx)?;
        let node = Node::find(cx, self::id(&id)).await.or_fail(cx)?;
        ctx.data::<Kinds>()?.found(ctx.item.node.response_key().node.as_str(), node.kind());
        Ok(Some(node))
    }

    /// One client.
    async fn client(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Result<Option<ClientNode>> {
        let cx = cx(ctx)?;
        service::client::get(cx, self::id(&id)).await.map(ClientNode).map(Some).or_fail(cx)
    }

    /// One project.
    async fn project(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Result<Option<ProjectNode>> {
        let cx = cx(ctx)?;
        service::project::get(cx, self::id(&id)).await.map(ProjectNode).map(Some).or_fail(cx)
    }

    /// One task.
    async fn task(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Result<Option<TaskNode>> {
        let cx = cx(ctx)?;
        service::task::get(cx, self::id(&id)).await.map(TaskNode).map(Some).or_fail(cx)
    }

    /// One time entry.
    async fn time_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
    ) -> Result<Option<TimeEntryNode>> {
        let cx = cx(ctx)?;
        service::time_entry::get(cx, self::id(&id)).await.map(TimeEntryNode).map(Some).or_fail(cx)
    }

    /// One expense.
    async fn expense(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Result<Option<ExpenseNode>> {
        let cx = cx(ctx)?;
        service::expense::get(cx, self::id(&id)).await.map(ExpenseNode).map(Some).or_fail(cx)
    }

    /// One invoice.
    async fn invoice(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Result<Option<InvoiceNode>> {
        let cx = cx(ctx)?;
        service::invoice::find(cx, self::id(&id)).await.map(InvoiceNode).map(Some).or_fail(cx)
    }

    /// One member.
    async fn member(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Result<Option<MemberNode>> {
        let cx = cx(ctx)?;
        service::member::get(cx, self::id(&id)).await.map(MemberNode).map(Some).or_fail(cx)
    }

    /// One live token: an own one; for Owner and Admin any of the workspace.
    async fn token(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Result<Option<TokenNode>> {
        let cx = cx(ctx)?;
        service::token::get(cx, self::id(&id)).await.map(TokenNode).map(Some).or_fail(cx)
    }

    /// The caller's running timer, if there is one.
    async fn running_timer(&self, ctx: &Context<'_>) -> Result<Option<TimeEntryNode>> {
        let cx = cx(ctx)?;
        Ok(service::time_entry::running(cx).await.or_fail(cx)?.map(TimeEntryNode))
    }

    /// Time, and what it earns, summed by one or two of what it was spent on, by whom and when.
    async fn time_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "By what: one or two.")] group_by: Vec<ReportGroup>,
        #[graphql(desc = "Only the time that fits all of it.")] filter: Option<TimeEntryFilter>,
        #[graphql(desc = "Where days begin, by its IANA name; UTC unless said.")] time_zone: Option<String>,
        #[graphql(desc = "Whether amounts are told; by default to those who see money.")] amount_shown: Option<
            AmountShown,
        >,
    ) -> Result<Option<TimeReport>> {
        let cx = cx(ctx)?;
        let args = TimeReportArgs {
            group_by: Field::Value(group_by),
            time_zone: time_zone.map_or(Field::Absent, |zone| Field::<TimeZone>::from_query(&[zone])),
            amount_shown: amount_shown.map_or(Field::Absent, Field::Value),
            filter: filter.unwrap_or_default(),
            not_taken: FieldErrors::none(),
        };
        service::report::time(cx, &args).await.map(Some).or_fail(cx)
    }

    /// One webhook endpoint.
    async fn webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
    ) -> Result<Option<WebhookEndpoint>> {
        let cx = cx(ctx)?;
        service::webhook::endpoint::get(cx, self::id(&id)).await.map(Some).or_fail(cx)
    }

    /// One delivery.
    async fn webhook_delivery(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
    ) -> Result<Option<WebhookDeliveryNode>> {
        let cx = cx(ctx)?;
        service::webhook::delivery::get(cx, self::id(&id)).await.map(WebhookDeliveryNode).map(Some).or_fail(cx)
    }

    /// One event.
    async fn event(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Result<Option<Event>> {
        let cx = cx(ctx)?;
        service::event::get(cx, self::id(&id)).await.map(Some).or_fail(cx)
    }
}
