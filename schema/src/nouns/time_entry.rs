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

/// A time entry: time that a person spent on a project, or a running timer while it has no duration. Members see their
/// own entries only.
pub struct TimeEntryNode(pub(crate) TimeEntry);

/// A time entry: time that a person spent on a project, or a running timer while it has no duration. Members see their
/// own entries only.
#[Object(name = "TimeEntry")]
impl TimeEntryNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &TimeEntry {
        &self.0
    }

    /// Identifier of the time entry (UUID v7), the same as over REST.
    pub async fn id(&self) -> Id {
        self.0.id
    }

    /// The project that the time was spent on; null for a Member who has left it.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<ProjectNode>> {
        Ok(one(ctx, Action::GetProject, Some(ProjectById(self.0.project_id))).await?.map(ProjectNode))
    }

    /// The task that the time was spent on; null if there is none.
    async fn task(&self, ctx: &Context<'_>) -> Result<Option<TaskNode>> {
        Ok(one(ctx, Action::GetTask, self.0.task_id.map(TaskById)).await?.map(TaskNode))
    }

    /// The invoice that bills the time; null while it is not billed, and for Members.
    async fn invoice(&self, ctx: &Context<'_>) -> Result<Option<InvoiceNode>> {
        Ok(one(ctx, Action::GetInvoice, self.0.invoice_id.map(InvoiceById)).await?.map(InvoiceNode))
    }

    /// The member whose time it is.
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
        /// A page of time entries. `search` looks in the note.
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

    /// A time entry by its identifier; null with the error `not_found` if the caller sees none.
    async fn time_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the time entry.")] id: ID,
    ) -> Result<Option<TimeEntryNode>> {
        let cx = cx(ctx)?;
        service::time_entry::get(cx, parse_id(&id)).await.map(TimeEntryNode).map(Some).or_fail(cx)
    }

    /// The caller's running timer; null if none is running.
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
    /// Creates a time entry and sends the event `time_entry.created`. The project must be `ACTIVE`.
    async fn create_time_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The fields of the new time entry.")] input: CreateTimeEntryInput,
    ) -> Result<CreateTimeEntryPayload> {
        let record = record(ctx, service::time_entry::create(cx(ctx)?, input).await)?;
        Ok(CreateTimeEntryPayload { time_entry: TimeEntryNode(record) })
    }

    /// Changes a time entry: an absent field keeps its value, null clears a nullable one. A billed entry is refused
    /// (reason `invoiced`).
    async fn update_time_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the time entry.")] id: ID,
        #[graphql(desc = "The fields to change.")] input: UpdateTimeEntryInput,
        #[graphql(
            desc = "Version that the change is meant for; any other version is refused (`conflict`, reason `stale`)."
        )]
        expected_version: Option<i32>,
    ) -> Result<UpdateTimeEntryPayload> {
        let expected = expected(expected_version);
        let record = record(ctx, service::time_entry::update(cx(ctx)?, parse_id(&id), &expected, input).await)?;
        Ok(UpdateTimeEntryPayload { time_entry: TimeEntryNode(record) })
    }

    /// Deletes a time entry, or discards a running timer. A billed entry is refused (reason `invoiced`).
    async fn delete_time_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the time entry.")] id: ID,
        #[graphql(
            desc = "Version that the change is meant for; any other version is refused (`conflict`, reason `stale`)."
        )]
        expected_version: Option<i32>,
    ) -> Result<DeleteTimeEntryPayload> {
        let expected = expected(expected_version);
        let deleted: Deleted = record(ctx, service::time_entry::delete(cx(ctx)?, parse_id(&id), &expected).await)?;
        Ok(DeleteTimeEntryPayload { id: deleted.id })
    }

    /// Creates up to 100 time entries, all or none. Costs one point per entry.
    async fn create_time_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The entries, 1 to 100.")] input: Vec<CreateTimeEntryInput>,
    ) -> Result<CreateTimeEntriesPayload> {
        let entries = record(ctx, service::time_entry::create_batch(cx(ctx)?, Batch::from(input)).await)?;
        Ok(CreateTimeEntriesPayload { time_entries: entries.into_iter().map(TimeEntryNode).collect() })
    }

    /// Starts a timer for the caller. A timer that is already running is stopped first; on the same project and task it
    /// goes on instead.
    async fn start_timer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is started on.")] input: StartTimerInput,
    ) -> Result<StartTimerPayload> {
        let entry = record(ctx, service::time_entry::start(cx(ctx)?, input).await)?;
        Ok(StartTimerPayload { time_entry: TimeEntryNode(entry) })
    }

    /// Stops a running timer and sends the event `time_entry.created`. A timer that ran for more than 24 hours is saved
    /// with 24 hours.
    async fn stop_timer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the time entry.")] id: ID,
        #[graphql(desc = "Time at which the work ended, with an offset; now by default.")] stopped_at: Field<Instant>,
    ) -> Result<StopTimerPayload> {
        let input = StopTimerInput { stopped_at, ..StopTimerInput::default() };
        let entry = record(ctx, service::time_entry::stop(cx(ctx)?, parse_id(&id), input).await)?;
        Ok(StopTimerPayload { time_entry: TimeEntryNode(entry) })
    }
}

/// The result of creating a time entry.
#[derive(SimpleObject)]
pub struct CreateTimeEntryPayload {
    /// The created time entry.
    pub(crate) time_entry: TimeEntryNode,
}

/// The result of changing a time entry.
#[derive(SimpleObject)]
pub struct UpdateTimeEntryPayload {
    /// The changed time entry.
    pub(crate) time_entry: TimeEntryNode,
}

/// The result of deleting a time entry.
#[derive(SimpleObject)]
pub struct DeleteTimeEntryPayload {
    /// Identifier of the time entry.
    pub(crate) id: Id,
}

/// The result of creating several time entries.
#[derive(SimpleObject)]
pub struct CreateTimeEntriesPayload {
    /// The created time entries, in the order sent.
    pub(crate) time_entries: Vec<TimeEntryNode>,
}

/// The result of starting a timer.
#[derive(SimpleObject)]
pub struct StartTimerPayload {
    /// The time entry of the timer.
    pub(crate) time_entry: TimeEntryNode,
}

/// The result of stopping a timer.
#[derive(SimpleObject)]
pub struct StopTimerPayload {
    /// The time entry of the timer.
    pub(crate) time_entry: TimeEntryNode,
}
