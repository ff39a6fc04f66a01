//! Changing and deleting time entries.

use entity::time_entry;
use entity::value::{FieldErrors, TimeEntryId, Timestamp};

use super::input::{NO_START, NO_STOP, UpdateTimeEntryInput, duration_sent};
use super::lock::{lock, lock_visible_project};
use super::{TimeEntry, check_active, derive_columns, no_such_task, span, task_of, timer};
use crate::access::action::Action;
use crate::access::policy;
use crate::contract::error::Error;
use crate::contract::outcome::{Deleted, Precondition, Written};
use crate::contract::reason::Reason;
use crate::door::Cx;
use crate::door::write::Write;
use crate::nouns::member;

/// Changes a time entry.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Stale`, `Conflict` (state or key), or `Internal`
/// (database).
#[crate::boxed]
pub async fn update(
    cx: &Cx,
    id: TimeEntryId,
    expected: &Precondition,
    changes: UpdateTimeEntryInput,
) -> Result<Written<TimeEntry>, Error> {
    cx.write(Action::UpdateTimeEntry, changes, async |write, changes| {
        let (before, project) = lock(write, id, changes.project_id.get().copied()).await?;
        let gives = changes.user_id.get().is_some_and(|user| *user != before.user_id);
        if gives && !policy::administers(write.caller()?.role) {
            return Err(Error::Forbidden("only Owner and Admin give an entry to another person".into()));
        }
        check_writable(write, &before, expected).await?;
        let running = before.duration_seconds.is_none();
        if running {
            let problems = changes.refused_while_running();
            if !problems.is_empty() {
                return Err(Error::Invalid(problems));
            }
        }
        let mut after = before.clone();
        change_span(&mut after, &changes, running, write.now)?;
        let UpdateTimeEntryInput { external_id, user_id, project_id, task_id, billable, note, entry_date, .. } =
            changes;
        external_id.change(&mut after.external_id);
        note.change(&mut after.note);
        entry_date.change(&mut after.entry_date);
        billable.change(&mut after.billable);
        user_id.change(&mut after.user_id);
        let mut problems = FieldErrors::none();
        if gives && !member::is_member(write, after.user_id).await? {
            problems.add("userId", "not found");
        }
        let project = match project_id.take() {
            Some(other) if other != project.id => match lock_visible_project(write, other).await? {
                Some(other) => other,
                None => {
                    problems.add("projectId", "not found");
                    return Err(Error::Invalid(problems));
                }
            },
            _ => project,
        };
        let moved = project.id != before.project_id;
        let task_sent = task_id.is_sent();
        task_id.change(&mut after.task_id);
        if let Some(task) = after.task_id
            && (moved || after.task_id != before.task_id)
            && task_of(write, &project, task).await?.is_none()
        {
            problems.add(
                "taskId",
                if task_sent {
                    no_such_task(write, task).await?
                } else {
                    "the entry's task belongs to the former project; send another taskId, or null"
                },
            );
        }
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        if moved {
            check_active(&project)?;
        }
        after.project_id = project.id;
        derive_columns(&mut after, &project);
        let after = write.update::<time_entry::Entity>(&before, after).await?;
        if running {
            timer::changed(write, &after);
        }
        Ok(after.into())
    })
    .await
}

/// Changes the span of an entry: after instants the duration follows, after a duration the stop moves.
fn change_span(
    row: &mut time_entry::Model,
    changes: &UpdateTimeEntryInput,
    running: bool,
    now: Timestamp,
) -> Result<(), Error> {
    let (mut start, mut stop) = (row.started_at, row.stopped_at);
    changes.started_at.clone().change(&mut start);
    changes.stopped_at.clone().change(&mut stop);
    if running {
        if let Some(start) = changes.started_at.get() {
            span::check_running_start(start.utc(), now).map_err(Error::Invalid)?;
        }
        row.started_at = start;
        return Ok(());
    }
    if let Some((field, seconds)) = duration_sent(changes.duration_seconds.get(), changes.duration.get()) {
        return match (start, stop) {
            (None, Some(_)) => Err(Error::invalid("startedAt", NO_START)),
            _ => {
                row.started_at = start;
                span::set_duration(row, field, seconds).map_err(Error::Invalid)
            }
        };
    }
    if !changes.started_at.is_sent() && !changes.stopped_at.is_sent() {
        return Ok(());
    }
    match (start, stop) {
        (Some(start), Some(stop)) => span::set_instants(row, start, stop).map_err(Error::Invalid),
        (None, None) => {
            (row.started_at, row.stopped_at) = (None, None);
            Ok(())
        }
        (Some(_), None) => Err(Error::invalid("stoppedAt", NO_STOP)),
        (None, Some(_)) => Err(Error::invalid("startedAt", NO_START)),
    }
}

/// Deletes a time entry.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Stale`, `Conflict` (state or key), or `Internal`
/// (database).
#[crate::boxed]
pub async fn delete(cx: &Cx, id: TimeEntryId, expected: &Precondition) -> Result<Written<Deleted>, Error> {
    cx.write(Action::DeleteTimeEntry, (), async |write, ()| {
        let (before, _project) = lock(write, id, None).await?;
        check_writable(write, &before, expected).await?;
        let after = time_entry::Model { deleted_at: Some(write.now), ..before.clone() };
        let after = write.update::<time_entry::Entity>(&before, after).await?;
        if after.duration_seconds.is_none() {
            timer::changed(write, &after);
        }
        Ok(Deleted { id: id.any() })
    })
    .await
}

/// Refuses a Member who is not on the project any more, a stale version, and an entry that is on an invoice.
async fn check_writable(write: &Write, row: &time_entry::Model, expected: &Precondition) -> Result<(), Error> {
    if !policy::sees_all(write.caller()?.role) && lock_visible_project(write, row.project_id).await?.is_none() {
        return Err(Error::Forbidden("you are not on this entry's project any more, so you can only read it".into()));
    }
    expected.check(row.version)?;
    if row.invoice_id.is_some() {
        return Err(Error::conflict(Reason::Invoiced, "the entry is on an invoice and cannot be changed or deleted"));
    }
    Ok(())
}
