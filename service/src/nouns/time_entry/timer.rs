//! Timers: at most one running entry per person. A unique index enforces it; starts by one person are serialised by the
//! row of their membership, so that the index never has to refuse one.

use entity::value::{Date, EventType, Instant, Note, ProjectId, TaskId, TimeEntryId, TimeZone, Timestamp, UserId};
use entity::{member, project, time_entry};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};

use super::lock::lock_visible_project;
use super::{TimeEntry, check_active, derive_columns, new_row, no_such_task, span, task_of};
use crate::access::action::Action;
use crate::contract::error::Error;
use crate::contract::input::{Field, Input, Reference, Required, Validate, references};
use crate::contract::outcome::{Effect, Written};
use crate::contract::reason::Reason;
use crate::door::write::Write;
use crate::door::{Cx, Signal};
use crate::outbox;

crate::input! {
    /// What to start a timer on.
    pub struct StartTimerInput {
        /// Identifier of the project that the time is spent on; it must be `ACTIVE` (else 409 `project_not_active`).
        pub project_id: Required<ProjectId>,
        /// Identifier of a task of that project. Null means no task.
        pub task_id: Field<TaskId>,
        /// What is being done: at most 10,000 characters. Null or an empty text means no note.
        pub note: Field<Note>,
        /// Whether the time is billed; by default as the task says, else `true`. Always false on `NON_BILLABLE`
        /// projects.
        pub billable: Field<bool>,
        /// Day that the time counts for; by default the day of the start in `timeZone`, else in the offset of `startedAt`,
        /// else in UTC.
        pub entry_date: Field<Date>,
        /// IANA time zone that decides on which day the timer started, such as `Europe/Helsinki`; UTC by default.
        pub time_zone: Field<TimeZone>,
        /// Time at which the timer started, with an offset: at most 24 hours ago and not in the future; now by default.
        pub started_at: Field<Instant>,
    }
    read_only "id" "orgId" "userId" "invoiceId" "stoppedAt" "version" "createdAt" "updatedAt" "deletedAt"
}

crate::input! {
    /// When to stop the timer.
    pub struct StopTimerInput {
        /// Time at which the work ended, with an offset; now by default.
        pub stopped_at: Field<Instant>,
    }
}

impl Validate for StartTimerInput {
    fn references(&self) -> Vec<(String, Reference)> {
        references(&[
            ("projectId", self.project_id.get().copied().map(Reference::Project)),
            ("taskId", self.task_id.get().copied().map(Reference::Task)),
        ])
    }

    fn problems(&self) -> entity::value::FieldErrors {
        self.field_problems()
    }
}

impl Validate for StopTimerInput {
    fn problems(&self) -> entity::value::FieldErrors {
        self.field_problems()
    }
}

/// The caller's running timer, if there is one.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
#[crate::boxed]
pub async fn running(cx: &Cx) -> Result<Option<TimeEntry>, Error> {
    let user = cx.caller().user_id;
    let read = cx.read(Action::GetRunningTimer)?;
    let rows = read.all::<time_entry::Entity>(|query| {
        let own = query.filter(time_entry::Column::UserId.eq(user)).filter(time_entry::Column::DeletedAt.is_null());
        own.filter(time_entry::Column::DurationSeconds.is_null())
    });
    Ok(rows.await?.into_iter().next().map(TimeEntry::from))
}

/// Starts a timer and stops the caller's running one first. A running timer on the same project and task is returned.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `Conflict` (state or idempotency key), or `Internal` (database).
#[crate::boxed]
pub async fn start(cx: &Cx, input: StartTimerInput) -> Result<Written<TimeEntry>, Error> {
    cx.write_effect(Action::StartTimer, input, async |write, input| {
        let (user_id, member_id) = (write.caller()?.user_id, write.caller()?.member_id);
        let StartTimerInput { project_id, task_id, note, billable, entry_date, time_zone, started_at, not_taken: _ } =
            input;
        let sent = started_at.take();
        let start = sent.map_or(write.now, Instant::utc);
        span::check_new_start(start, write.now).map_err(Error::Invalid)?;
        // The project, then the member, then what belongs to both: the order in which people are added and removed, too.
        let project_id = project_id.value()?;
        write.lock_shared::<project::Entity>(project_id).await?;
        write.lock_exclusive::<member::Entity>(member_id).await?;
        let project = lock_visible_project(write, project_id).await?;
        let project = project.ok_or_else(|| Error::invalid("projectId", "not found"))?;
        let task = match task_id.take() {
            Some(id) => {
                let Some(task) = task_of(write, &project, id).await? else {
                    return Err(Error::invalid("taskId", no_such_task(write, id).await?));
                };
                Some(task)
            }
            None => None,
        };
        check_active(&project)?;
        if let Some(running) = running_of(write, user_id).await? {
            if running.project_id == project.id && running.task_id == task.as_ref().map(|task| task.id) {
                return Ok(Effect::Found(running.into()));
            }
            // Two timers of one person do not overlap, unless the former started later than the new one.
            let stop = running.started_at.filter(|former| *former < start).map(|_| start.min(write.now));
            finish(write, running, stop).await?;
        }
        let date = match (entry_date.take(), time_zone.take()) {
            (Some(date), _) => date,
            (None, Some(zone)) => zone.date(start),
            (None, None) => sent.map_or(start.date(), Instant::date),
        };
        let mut row = new_row(write, user_id, &project, task.as_ref(), billable.take(), note.take(), date);
        row.started_at = Some(start);
        write.insert::<time_entry::Entity>(row.clone()).await?;
        changed(write, &row);
        Ok(Effect::Created(row.into()))
    })
    .await
}

/// A timer was started, changed or stopped: its person's subscriptions hear of it after the commit.
pub(super) fn changed(write: &Write, row: &time_entry::Model) {
    write.after_commit(Signal::Timer { user_id: row.user_id, entry_id: row.id });
}

async fn running_of(write: &Write, user: UserId) -> Result<Option<time_entry::Model>, Error> {
    let running = write.find::<time_entry::Entity>(|query| {
        let own = query.filter(time_entry::Column::UserId.eq(user)).filter(time_entry::Column::DeletedAt.is_null());
        own.filter(time_entry::Column::DurationSeconds.is_null()).lock_exclusive()
    });
    running.await
}

/// Stops a timer, whatever the state of its project. A timer of more than 24 hours is saved with 24.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Conflict` (state or key), or `Internal`
/// (database).
#[crate::boxed]
pub async fn stop(cx: &Cx, id: TimeEntryId, input: StopTimerInput) -> Result<Written<TimeEntry>, Error> {
    cx.write(Action::StopTimer, input, async |write, input| {
        let row = write.lock_exclusive::<time_entry::Entity>(id).await?;
        if row.duration_seconds.is_some() {
            return Err(Error::conflict(Reason::NotRunning, "the timer has been stopped already"));
        }
        Ok(finish(write, row, input.stopped_at.take().map(Instant::utc)).await?.into())
    })
    .await
}

/// Stops the caller's running timer, whichever it is.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Conflict` (state or key), or `Internal`
/// (database).
#[crate::boxed]
pub async fn stop_running(cx: &Cx, input: StopTimerInput) -> Result<Written<TimeEntry>, Error> {
    cx.write(Action::StopRunningTimer, input, async |write, input| {
        let running = running_of(write, write.caller()?.user_id).await?;
        let running = running.ok_or_else(|| Error::conflict(Reason::NotRunning, "no timer of yours is running"))?;
        Ok(finish(write, running, input.stopped_at.take().map(Instant::utc)).await?.into())
    })
    .await
}

/// Stops a running entry, by default now, and emits `time_entry.created`, since the entry now has a duration.
async fn finish(write: &Write, row: time_entry::Model, at: Option<Timestamp>) -> Result<time_entry::Model, Error> {
    let start = row.started_at.ok_or_else(|| Error::bug("a running entry has no start"))?;
    let at = at.unwrap_or(write.now.max(start));
    let mut after = row.clone();
    span::set_instants(&mut after, start, span::stop_of(start, at)).map_err(Error::Invalid)?;
    // The project may have stopped being billable while the timer ran.
    let project = write.find::<project::Entity>(|query| query.filter(project::Column::Id.eq(row.project_id)));
    if let Some(project) = project.await? {
        derive_columns(&mut after, &project);
    }
    let after = write.update::<time_entry::Entity>(&row, after).await?;
    changed(write, &after);
    outbox::emit(write, EventType::TimeEntryCreated, &TimeEntry::from(after.clone())).await?;
    Ok(after)
}
