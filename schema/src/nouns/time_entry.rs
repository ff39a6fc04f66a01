//! Time entries and timers: the node, queries, mutations and loaders.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use service::input::Field;
use service::time_entry::{
    Batch, CreateTimeEntryInput, StartTimerInput, StopTimerInput, TimeEntry, TimeEntryArgs, TimeEntryFilter,
    TimeEntrySort, UpdateTimeEntryInput,
};
use service::value::{Id, Instant};
use service::{Action, Deleted};

use crate::engine::connection::{connection, lists};
use crate::engine::error::OrFail;
use crate::engine::loader::{OfClient, OfInvoice, OfPerson, OfProject, OfTask, below_loaders, one};
use crate::nouns::invoice::{InvoiceById, InvoiceNode};
use crate::nouns::member::{MemberByUser, MemberNode};
use crate::nouns::project::{ProjectById, ProjectNode};
use crate::nouns::task::{TaskById, TaskNode};
use crate::nouns::{cx, expected, parse_id, record};

/// Time spent on a project by a person.
pub struct TimeEntryNode(pub(crate) TimeEntry);

/// Time spent on a project by a person.
#[Object(name = "TimeEntry")]
impl TimeEntryNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &TimeEntry {
        &self.0
    }

    /// The id.
    pub async fn id(&self) -> Id {
        self.0.id
    }

    /// What it was spent on; null for a Member who has left the project.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<ProjectNode>> {
        Ok(one(ctx, Action::GetProject, Some(ProjectById(self.0.project_id))).await?.map(ProjectNode))
    }

    /// The task of that project.
    async fn task(&self, ctx: &Context<'_>) -> Result<Option<TaskNode>> {
        Ok(one(ctx, Action::GetTask, self.0.task_id.map(TaskById)).await?.map(TaskNode))
    }

    /// The invoice that bills it; null for those who do not see invoices.
    async fn invoice(&self, ctx: &Context<'_>) -> Result<Option<InvoiceNode>> {
        Ok(one(ctx, Action::GetInvoice, self.0.invoice_id.map(InvoiceById)).await?.map(InvoiceNode))
    }

    /// Whose time it is.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<MemberNode>> {
        Ok(one(ctx, Action::GetMember, Some(MemberByUser(self.0.user_id))).await?.map(MemberNode))
    }
}

connection!(TimeEntryConnection, TimeEntryEdge, TimeEntryNode);

below_loaders! {
    OfClient: TimeEntryArgs => TimeEntry, service::time_entry::list_of_clients;
    OfProject: TimeEntryArgs => TimeEntry, service::time_entry::list_of_projects;
    OfTask: TimeEntryArgs => TimeEntry, service::time_entry::list_of_tasks;
    OfInvoice: TimeEntryArgs => TimeEntry, service::time_entry::list_of_invoices;
    OfPerson: TimeEntryArgs => TimeEntry, service::time_entry::list_of_people;
}

lists! {
    /// The list of this noun.
    TimeEntryRootLists() {
        /// Time entries, a page at a time.
        time_entries: TimeEntryFilter, TimeEntrySort => TimeEntryConnection(TimeEntryNode), (flat service::time_entry::list);
    }
}

/// The queries of this noun.
#[derive(Default)]
pub struct TimeEntryQueries;

/// The queries of this noun.
#[Object]
impl TimeEntryQueries {
    #[graphql(flatten)]
    async fn lists(&self) -> TimeEntryRootLists {
        TimeEntryRootLists()
    }

    /// One time entry.
    async fn time_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
    ) -> Result<Option<TimeEntryNode>> {
        let cx = cx(ctx)?;
        service::time_entry::get(cx, parse_id(&id)).await.map(TimeEntryNode).map(Some).or_fail(cx)
    }

    /// The caller's running timer, if there is one.
    async fn running_timer(&self, ctx: &Context<'_>) -> Result<Option<TimeEntryNode>> {
        let cx = cx(ctx)?;
        Ok(service::time_entry::running(cx).await.or_fail(cx)?.map(TimeEntryNode))
    }
}

/// The mutations of this noun.
#[derive(Default)]
pub struct TimeEntryMutations;

/// The mutations of this noun.
#[Object]
impl TimeEntryMutations {
    /// Log time.
    async fn create_time_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateTimeEntryInput,
    ) -> Result<CreateTimeEntryPayload> {
        let record = record(ctx, service::time_entry::create(cx(ctx)?, input).await)?;
        Ok(CreateTimeEntryPayload { time_entry: TimeEntryNode(record) })
    }

    /// Change a time entry: what is absent stays, null clears.
    async fn update_time_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "What changes.")] input: UpdateTimeEntryInput,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<UpdateTimeEntryPayload> {
        let expected = expected(expected_version);
        let record = record(ctx, service::time_entry::update(cx(ctx)?, parse_id(&id), &expected, input).await)?;
        Ok(UpdateTimeEntryPayload { time_entry: TimeEntryNode(record) })
    }

    /// Delete a time entry.
    async fn delete_time_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<DeleteTimeEntryPayload> {
        let expected = expected(expected_version);
        let deleted: Deleted = record(ctx, service::time_entry::delete(cx(ctx)?, parse_id(&id), &expected).await)?;
        Ok(DeleteTimeEntryPayload { id: deleted.id })
    }

    /// Log up to 100 entries at once, all or nothing.
    async fn create_time_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The entries, 1 to 100.")] input: Vec<CreateTimeEntryInput>,
    ) -> Result<CreateTimeEntriesPayload> {
        let entries = record(ctx, service::time_entry::create_batch(cx(ctx)?, Batch::from(input)).await)?;
        Ok(CreateTimeEntriesPayload { time_entries: entries.into_iter().map(TimeEntryNode).collect() })
    }

    /// Start a timer; the one that runs is stopped, and on the same project and task it goes on.
    async fn start_timer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is started on.")] input: StartTimerInput,
    ) -> Result<StartTimerPayload> {
        let entry = record(ctx, service::time_entry::start(cx(ctx)?, input).await)?;
        Ok(StartTimerPayload { time_entry: TimeEntryNode(entry) })
    }

    /// Stop a timer, now unless said.
    async fn stop_timer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "When it ended, with an offset; now unless said.")] stopped_at: Field<Instant>,
    ) -> Result<StopTimerPayload> {
        let input = StopTimerInput { stopped_at, ..StopTimerInput::default() };
        let entry = record(ctx, service::time_entry::stop(cx(ctx)?, parse_id(&id), input).await)?;
        Ok(StopTimerPayload { time_entry: TimeEntryNode(entry) })
    }
}

/// The time entry that was made.
#[derive(SimpleObject)]
pub struct CreateTimeEntryPayload {
    /// The time entry.
    pub(crate) time_entry: TimeEntryNode,
}

/// The time entry that was changed.
#[derive(SimpleObject)]
pub struct UpdateTimeEntryPayload {
    /// The time entry.
    pub(crate) time_entry: TimeEntryNode,
}

/// The time entry that was deleted.
#[derive(SimpleObject)]
pub struct DeleteTimeEntryPayload {
    /// Its id.
    pub(crate) id: Id,
}

/// The time entries that were made, in the order sent.
#[derive(SimpleObject)]
pub struct CreateTimeEntriesPayload {
    /// The time entries.
    pub(crate) time_entries: Vec<TimeEntryNode>,
}

/// The timer that runs.
#[derive(SimpleObject)]
pub struct StartTimerPayload {
    /// The time entry.
    pub(crate) time_entry: TimeEntryNode,
}

/// The timer that was stopped.
#[derive(SimpleObject)]
pub struct StopTimerPayload {
    /// The time entry.
    pub(crate) time_entry: TimeEntryNode,
}
