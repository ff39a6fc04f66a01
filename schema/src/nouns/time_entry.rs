//! Time entries and timers: the node, queries, mutations and loaders.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use service::input::Field;
use service::time_entry::{
    Batch, CreateTimeEntryInput, StartTimerInput, StopTimerInput, TimeEntry, TimeEntryArgs, TimeEntryFilter,
    TimeEntrySort, UpdateTimeEntryInput,
};
use service::value::{Id, Instant};
use service::{Action, Deleted};

use crate::engine::connection::lists;
use crate::engine::error::OrFail;
use crate::engine::loader::{Linked, OfClient, OfInvoice, OfPerson, OfProject, OfTask, below_loaders, one};
use crate::engine::object::{Output, Outputs, nodes};
use crate::nouns::client::{ClientById, ClientNode};
use crate::nouns::invoice::{InvoiceById, InvoiceNode};
use crate::nouns::member::{MemberByUser, MemberNode};
use crate::nouns::project::{ProjectById, ProjectNode};
use crate::nouns::task::{TaskById, TaskNode};
use crate::nouns::{cx, expected, parse_id, record, shared};

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
        self.0.id.any()
    }

    /// The project that the time was spent on; null for a Member who has left it.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<Linked<ProjectNode>>> {
        one(ctx, Action::GetProject, Some(ProjectById(self.0.project_id))).await
    }

    /// The client whose project it was spent on; null for those who do not see clients.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<Linked<ClientNode>>> {
        if !cx(ctx)?.may(Action::GetClient) {
            return Ok(None);
        }
        match one::<_, ProjectNode>(ctx, Action::GetProject, Some(ProjectById(self.0.project_id))).await? {
            Some(Output(project)) => one(ctx, Action::GetClient, Some(ClientById(project.0.client_id))).await,
            None => Ok(None),
        }
    }

    /// The task that the time was spent on; null if there is none.
    async fn task(&self, ctx: &Context<'_>) -> Result<Option<Linked<TaskNode>>> {
        one(ctx, Action::GetTask, self.0.task_id.map(TaskById)).await
    }

    /// The invoice that bills the time; null while it is not billed, and for Members.
    async fn invoice(&self, ctx: &Context<'_>) -> Result<Option<Linked<InvoiceNode>>> {
        one(ctx, Action::GetInvoice, self.0.invoice_id.map(InvoiceById)).await
    }

    /// The member whose time it is.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<Linked<MemberNode>>> {
        one(ctx, Action::GetMember, Some(MemberByUser(self.0.user_id))).await
    }
}

nodes! {
    TimeEntryNode => 0: TimeEntry;
    CreateTimeEntryPayload;
    UpdateTimeEntryPayload;
    DeleteTimeEntryPayload;
    CreateTimeEntriesPayload;
    StartTimerPayload;
    StopTimerPayload;
}

below_loaders! {
    OfClient: TimeEntryArgs => TimeEntryNode, service::time_entry::list_of_clients;
    OfProject: TimeEntryArgs => TimeEntryNode, service::time_entry::list_of_projects;
    OfTask: TimeEntryArgs => TimeEntryNode, service::time_entry::list_of_tasks;
    OfInvoice: TimeEntryArgs => TimeEntryNode, service::time_entry::list_of_invoices;
    OfPerson: TimeEntryArgs => TimeEntryNode, service::time_entry::list_of_people;
}

lists! {
    /// The list of this noun.
    TimeEntryRootLists() {
        /// A page of time entries. `search` looks in the note.
        time_entries[search]: TimeEntryFilter, TimeEntrySort => TimeEntryNode[], (flat service::time_entry::list);
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
    ) -> Result<Option<Linked<TimeEntryNode>>> {
        let cx = cx(ctx)?;
        shared(ctx, "time_entry", &id, async { service::time_entry::get(cx, parse_id(&id)).await.map(TimeEntryNode) })
            .await
    }

    /// The caller's running timer; null if none is running.
    async fn running_timer(&self, ctx: &Context<'_>) -> Result<Option<Output<TimeEntryNode>>> {
        let cx = cx(ctx)?;
        Ok(service::time_entry::running(cx).await.or_fail(cx)?.map(TimeEntryNode).map(Output))
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
    ) -> Result<Output<CreateTimeEntryPayload>> {
        let record = record(ctx, service::time_entry::create(cx(ctx)?, input).await)?;
        Ok(Output(CreateTimeEntryPayload { time_entry: Output(TimeEntryNode(record)) }))
    }

    /// Changes a time entry: an absent field keeps its value, null clears a nullable one. A billed entry is refused
    /// (reason `invoiced`).
    async fn update_time_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the time entry.")] id: ID,
        #[graphql(desc = "The fields to change.")] input: UpdateTimeEntryInput,
        #[graphql(
            desc = "The version that the record must still have; otherwise the error is `conflict` with reason `stale`. Without it, any version is changed."
        )]
        expected_version: Option<i32>,
    ) -> Result<Output<UpdateTimeEntryPayload>> {
        let expected = expected(expected_version);
        let record = record(ctx, service::time_entry::update(cx(ctx)?, parse_id(&id), &expected, input).await)?;
        Ok(Output(UpdateTimeEntryPayload { time_entry: Output(TimeEntryNode(record)) }))
    }

    /// Deletes a time entry, or discards a running timer. A billed entry is refused (reason `invoiced`).
    async fn delete_time_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the time entry.")] id: ID,
        #[graphql(
            desc = "The version that the record must still have; otherwise the error is `conflict` with reason `stale`. Without it, any version is changed."
        )]
        expected_version: Option<i32>,
    ) -> Result<Output<DeleteTimeEntryPayload>> {
        let expected = expected(expected_version);
        let deleted: Deleted = record(ctx, service::time_entry::delete(cx(ctx)?, parse_id(&id), &expected).await)?;
        Ok(Output(DeleteTimeEntryPayload { deleted_id: deleted.id }))
    }

    /// Creates up to 100 time entries, all or none. Costs one point per entry.
    async fn create_time_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The entries, 1 to 100.")] input: Vec<CreateTimeEntryInput>,
    ) -> Result<Output<CreateTimeEntriesPayload>> {
        let entries = record(ctx, service::time_entry::create_batch(cx(ctx)?, Batch::from(input)).await)?;
        Ok(Output(CreateTimeEntriesPayload { time_entries: Outputs(entries.into_iter().map(TimeEntryNode).collect()) }))
    }

    /// Starts a timer for the caller. A timer that is already running is stopped first; on the same project and task it
    /// goes on instead.
    async fn start_timer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is started on.")] input: StartTimerInput,
    ) -> Result<Output<StartTimerPayload>> {
        let entry = record(ctx, service::time_entry::start(cx(ctx)?, input).await)?;
        Ok(Output(StartTimerPayload { time_entry: Output(TimeEntryNode(entry)) }))
    }

    /// Stops a running timer and sends the event `time_entry.created`. A timer that ran for more than 24 hours is saved
    /// with 24 hours.
    async fn stop_timer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Id of the time entry; by default the running timer of the caller.")] id: Option<ID>,
        #[graphql(desc = "Time at which the work ended, with an offset; now by default.")] stopped_at: Field<Instant>,
    ) -> Result<Output<StopTimerPayload>> {
        let input = StopTimerInput { stopped_at, ..StopTimerInput::default() };
        let stopped = match id {
            Some(id) => service::time_entry::stop(cx(ctx)?, parse_id(&id), input).await,
            None => service::time_entry::stop_running(cx(ctx)?, input).await,
        };
        let entry = record(ctx, stopped)?;
        Ok(Output(StopTimerPayload { time_entry: Output(TimeEntryNode(entry)) }))
    }
}

/// The result of creating a time entry.
#[derive(SimpleObject)]
pub struct CreateTimeEntryPayload {
    /// The created time entry.
    pub(crate) time_entry: Output<TimeEntryNode>,
}

/// The result of changing a time entry.
#[derive(SimpleObject)]
pub struct UpdateTimeEntryPayload {
    /// The changed time entry.
    pub(crate) time_entry: Output<TimeEntryNode>,
}

/// The result of deleting a time entry.
#[derive(SimpleObject)]
pub struct DeleteTimeEntryPayload {
    /// The id of what was deleted.
    pub(crate) deleted_id: Id,
}

/// The result of creating several time entries.
#[derive(SimpleObject)]
pub struct CreateTimeEntriesPayload {
    /// The created time entries, in the order sent.
    pub(crate) time_entries: Outputs<TimeEntryNode>,
}

/// The result of starting a timer.
#[derive(SimpleObject)]
pub struct StartTimerPayload {
    /// The time entry of the timer.
    pub(crate) time_entry: Output<TimeEntryNode>,
}

/// The result of stopping a timer.
#[derive(SimpleObject)]
pub struct StopTimerPayload {
    /// The time entry of the timer.
    pub(crate) time_entry: Output<TimeEntryNode>,
}
