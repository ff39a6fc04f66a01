//! Time entries: time spent on a project by a person.

mod change;
mod input;
mod list;
mod lock;
mod span;
mod timer;

use entity::value::{
    Date, EventType, FieldErrors, Id, Instant, InvoiceId, Note, OrganizationId, ProjectId, ProjectStatus, RateType,
    TaskId, TimeEntryId, Timestamp, UserId, fold,
};
use entity::{project, task, time_entry};
use sea_orm::{ColumnTrait, Condition};

pub use change::{delete, update};
pub use input::{Batch, CreateTimeEntryInput, UpdateTimeEntryInput};
pub use list::{
    TimeEntryArgs, TimeEntryFilter, TimeEntrySort, list, list_of_clients, list_of_invoices, list_of_people,
    list_of_projects, list_of_tasks,
};
pub use timer::{StartTimerInput, StopTimerInput, running, start, stop, stop_running};

use input::duration_sent;
use lock::{lock_projects_in_order, lock_visible};

use crate::access::action::Action;
use crate::contract::error::Error;
use crate::contract::outcome::{Record, Written};
use crate::contract::reason::Reason;
use crate::door::Cx;
use crate::door::write::Write;
use crate::nouns::member;
use crate::outbox;

crate::contract::record::record! {
    /// A time entry: time that a person spent on a project, or a running timer while it has no duration. Members see their
    /// own entries only.
    #[graphql(name = "TimeEntryFields")]
    pub struct TimeEntry from time_entry without search_key {
        /// Identifier of the time entry (UUID v7).
        pub id: TimeEntryId,
        /// Identifier of the workspace that the time entry belongs to.
        pub org_id: OrganizationId,
        /// Identifier of the time entry in another system, unique among live time entries; null if none was given.
        #[oai(nullable)]
        pub external_id: Option<String>,
        /// User identifier of the person whose time it is.
        pub user_id: UserId,
        /// Identifier of the project that the time was spent on.
        pub project_id: ProjectId,
        /// Identifier of a task of that project; null if the time was spent on none.
        #[oai(nullable)]
        pub task_id: Option<TaskId>,
        /// Identifier of the invoice that bills the time; null while it is not billed. A billed entry cannot be changed or
        /// deleted (409 `invoiced`).
        #[oai(nullable)]
        pub invoice_id: Option<InvoiceId>,
        /// Duration in seconds, from 0 to 86,400; null while the timer is running.
        #[oai(nullable)]
        pub duration_seconds: Option<i32>,
        /// Whether the time is billed; always false on `NON_BILLABLE` projects.
        pub billable: bool,
        /// What was done; null if there is no note.
        #[oai(nullable)]
        pub note: Option<String>,
        /// Day that the time counts for, in lists, reports and invoices.
        pub entry_date: Date,
        /// Time at which the work began (UTC); null if only a duration was given.
        #[oai(nullable)]
        pub started_at: Option<Timestamp>,
        /// Time at which the work ended (UTC); null while the timer is running, or if only a duration was given.
        #[oai(nullable)]
        pub stopped_at: Option<Timestamp>,
        /// Version of the time entry: 1 at creation, higher after every change. Send it as `If-Match` (REST) or
        /// `expectedVersion` (GraphQL) to change only this version.
        pub version: i32,
        /// Time at which the time entry was created (UTC).
        pub created_at: Timestamp,
        /// Time of the last change of the time entry (UTC); strictly later with every change.
        pub updated_at: Timestamp,
        /// Time at which the time entry was deleted (UTC); null while it is live.
        #[oai(nullable)]
        pub deleted_at: Option<Timestamp>,
    }
}

impl outbox::EventRecord for TimeEntry {
    const KEY: &'static str = "timeEntry";
}

impl Record for TimeEntry {
    fn id(&self) -> Id {
        self.id.any()
    }

    fn version(&self) -> Option<i32> {
        Some(self.version)
    }
}

/// One time entry.
///
/// # Errors
/// `Forbidden` (role or scope), `NotFound` (or not visible to the caller), or `Internal` (database).
#[crate::boxed]
pub async fn get(cx: &Cx, id: TimeEntryId) -> Result<TimeEntry, Error> {
    Ok(cx.read(Action::GetTimeEntry)?.get::<time_entry::Entity>(id).await?.into())
}

/// Logs time.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `Conflict` (state or idempotency key), or `Internal` (database).
#[crate::boxed]
pub async fn create(cx: &Cx, input: CreateTimeEntryInput) -> Result<Written<TimeEntry>, Error> {
    cx.create(Action::CreateTimeEntry, input, async |write, input| {
        let row = row_of(write, input).await?;
        write.insert_last::<time_entry::Entity>(row.clone()).await?;
        emit_created(write, row).await
    })
    .await
}

/// Logs up to 100 entries, all or nothing.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `Conflict` (state or idempotency key), or `Internal` (database).
#[crate::boxed]
pub async fn create_batch(cx: &Cx, input: Batch) -> Result<Written<Vec<TimeEntry>>, Error> {
    cx.create(Action::CreateTimeEntries, input, async |write, input| {
        let (mut rows, mut problems, mut blocked) = (Vec::new(), FieldErrors::none(), None);
        let entries = input.into_entries();
        lock_projects_in_order(write, entries.iter().filter_map(|entry| entry.project_id.get().copied())).await?;
        for (i, entry) in entries.into_iter().enumerate() {
            match row_of(write, entry).await {
                Ok(row) => rows.push(row),
                Err(Error::Invalid(inner)) => problems.nest(&format!("timeEntries[{i}]"), inner),
                // Errors in later entries are reported before the state that blocks an earlier one.
                Err(conflict @ Error::Conflict { .. }) => blocked = blocked.or(Some(conflict)),
                Err(other) => return Err(other),
            }
        }
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        if let Some(conflict) = blocked {
            return Err(conflict);
        }
        let mut entries = Vec::with_capacity(rows.len());
        for (i, row) in rows.into_iter().enumerate() {
            let inserted = write.insert::<time_entry::Entity>(row.clone()).await.map_err(|error| match error {
                Error::Invalid(inner) => {
                    problems.nest(&format!("timeEntries[{i}]"), inner);
                    Error::Invalid(std::mem::take(&mut problems))
                }
                other => other,
            });
            inserted?;
            entries.push(emit_created(write, row).await?);
        }
        Ok(entries)
    })
    .await
}

/// The row that an input describes. Everything that it names is locked shared, and every unknown reference is reported.
async fn row_of(write: &Write, input: CreateTimeEntryInput) -> Result<time_entry::Model, Error> {
    let caller = write.caller()?;
    let CreateTimeEntryInput { external_id, user_id, project_id, task_id, duration_seconds, duration, .. } = input;
    let CreateTimeEntryInput { billable, note, entry_date, started_at, stopped_at, .. } = input;

    let mut problems = FieldErrors::none();
    let user_id = user_id.take().unwrap_or(caller.user_id);
    if user_id != caller.user_id && !member::is_member(write, user_id).await? {
        problems.add("userId", "not found");
    }
    let task_id = task_id.take();
    let (project, task) = lock_visible(write, project_id.value()?, task_id).await?;
    if project.is_none() {
        problems.add("projectId", "not found");
    }
    let task = match (&project, task_id) {
        (Some(project), Some(id)) => {
            let task = task.filter(|task| task.project_id == project.id);
            if task.is_none() {
                problems.add("taskId", no_such_task(write, id).await?);
            }
            task
        }
        _ => None,
    };
    let (Some(project), true) = (project, problems.is_empty()) else { return Err(Error::Invalid(problems)) };
    check_active(&project)?;

    let start = started_at.take();
    let Some(entry_date) = entry_date.take().or(start.map(Instant::date)) else {
        return Err(Error::bug("a time entry has no date after validation"));
    };
    let mut row = new_row(write, user_id, &project, task.as_ref(), billable.take(), note.take(), entry_date);
    row.external_id = external_id.take().map(Into::into);
    match (duration_sent(duration_seconds.get(), duration.get()), start, stopped_at.take()) {
        (Some((field, seconds)), start, _) => {
            row.started_at = start.map(Instant::utc);
            span::set_duration(&mut row, field, seconds).map_err(Error::Invalid)?;
        }
        (None, Some(start), Some(stop)) => {
            span::set_instants(&mut row, start.utc(), stop.utc()).map_err(Error::Invalid)?;
        }
        _ => return Err(Error::bug("a time entry has no span after validation")),
    }
    Ok(row)
}

/// A new row that has neither duration nor instants yet.
fn new_row(
    write: &Write,
    user_id: UserId,
    project: &project::Model,
    task: Option<&task::Model>,
    billable: Option<bool>,
    note: Option<Note>,
    entry_date: Date,
) -> time_entry::Model {
    let mut row = time_entry::Model {
        id: write.new_id(),
        organization_id: write.organization_id(),
        user_id,
        project_id: project.id,
        task_id: task.map(|task| task.id),
        billable: billable.unwrap_or(task.is_none_or(|task| task.billable)),
        note: note.map(Into::into),
        entry_date,
        version: 1,
        created_at: write.now,
        updated_at: write.now,
        ..time_entry::Model::blank()
    };
    derive_columns(&mut row, project);
    row
}

/// Emits the event of a new row, and gives it as a record.
async fn emit_created(write: &Write, row: time_entry::Model) -> Result<TimeEntry, Error> {
    let entry = TimeEntry::from(row);
    outbox::emit(write, EventType::TimeEntryCreated, &entry).await?;
    Ok(entry)
}

/// Refuses new time on a project that is not ACTIVE.
fn check_active(project: &project::Model) -> Result<(), Error> {
    if project.status == ProjectStatus::Active {
        return Ok(());
    }
    let message = format!("the project is {} and takes no new time; make it ACTIVE first", project.status);
    Err(Error::conflict(Reason::ProjectNotActive, message))
}

async fn task_of(write: &Write, project: &project::Model, id: TaskId) -> Result<Option<task::Model>, Error> {
    Ok(write.lock_shared::<task::Entity>(id).await?.filter(|task| task.project_id == project.id))
}

/// Why a task is not taken: it does not exist, or it belongs to another project.
async fn no_such_task(write: &Write, id: TaskId) -> Result<&'static str, Error> {
    let exists = write.lock_shared::<task::Entity>(id).await?.is_some();
    Ok(if exists { "not found on this project" } else { "not found" })
}

/// Makes the entries of a project that has become NON_BILLABLE not billable, apart from those on an invoice.
pub(crate) async fn mark_not_billable(write: &Write, project: ProjectId) -> Result<(), Error> {
    use time_entry::Column;
    let rows = Condition::all()
        .add(Column::ProjectId.eq(project))
        .add(Column::Billable.eq(true))
        .add(Column::InvoiceId.is_null())
        .add(Column::DeletedAt.is_null());
    write.update_all::<time_entry::Entity>([(Column::Billable, false.into())], rows).await
}

/// Sets the columns that follow from others: `billable` on NON_BILLABLE projects, and the key for searches.
fn derive_columns(row: &mut time_entry::Model, project: &project::Model) {
    if project.rate_type == RateType::NonBillable {
        row.billable = false;
    }
    row.search_key = row.note.as_deref().map(fold).unwrap_or_default();
}
