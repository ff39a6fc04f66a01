//! Tasks: steps of a project, assigned to people.

mod input;
mod list;
mod people;

use entity::value::{
    Date, Decimal, EventType, FieldErrors, Id, OrganizationId, ProjectId, TaskId, TaskPriority, TaskStatus, Timestamp,
    UserId,
};
use entity::{member, project, task, time_entry};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use serde::Serialize;

pub use input::{CreateTaskInput, UpdateTaskInput};
pub use list::{TaskArgs, TaskFilter, TaskSort, list, list_of_people, list_of_projects};
pub(crate) use people::{add_to_project, projects_of, unassign};

use crate::access::action::Action;
use crate::access::policy;
use crate::contract::error::Error;
use crate::contract::outcome::{Deleted, Precondition, Record, Written};
use crate::contract::reason::Reason;
use crate::door::Cx;
use crate::door::write::Write;
use crate::outbox;

crate::contract::record::record! {
    /// A task: a step of a project, assigned to members. Members see the tasks of their projects.
    #[graphql(name = "TaskFields")]
    pub struct Task from task without name_key search_key {
        /// Identifier of the task (UUID v7).
        pub id: TaskId,
        /// Identifier of the workspace that the task belongs to.
        pub org_id: OrganizationId,
        /// Identifier of the task in another system, unique among live tasks; null if none was given.
        #[oai(nullable)]
        pub external_id: Option<String>,
        /// Identifier of the project that the task belongs to.
        pub project_id: ProjectId,
        /// Name of the task.
        pub name: String,
        /// Description of the task; null if there is none.
        #[oai(nullable)]
        pub description: Option<String>,
        /// State of the task. `DONE` sets `completedAt` and sends the event `task.completed`.
        pub status: TaskStatus,
        /// Priority of the task.
        pub priority: TaskPriority,
        /// Whether time on the task is billable, unless the time entry says otherwise.
        pub billable: bool,
        /// Estimated hours; null if there is no estimate.
        #[oai(nullable)]
        pub estimated_hours: Option<Decimal>,
        /// User identifiers of the people that the task is assigned to.
        pub assignee_ids: Vec<UserId>,
        /// Tags of the task, in the order given.
        pub tags: Vec<String>,
        /// Day on which the task begins; null if unknown.
        #[oai(nullable)]
        pub start_date: Option<Date>,
        /// Day on which the task is due; null if unknown.
        #[oai(nullable)]
        pub due_date: Option<Date>,
        /// Day on which the task ends; null if unknown.
        #[oai(nullable)]
        pub end_date: Option<Date>,
        /// Time at which the task became `DONE` (UTC); null while it is not.
        #[oai(nullable)]
        pub completed_at: Option<Timestamp>,
        /// Version of the task: 1 at creation, higher after every change. Send it as `If-Match` (REST) or `expectedVersion`
        /// (GraphQL) to change only this version.
        pub version: i32,
        /// Time at which the task was created (UTC).
        pub created_at: Timestamp,
        /// Time of the last change of the task (UTC); strictly later with every change.
        pub updated_at: Timestamp,
        /// Time at which the task was deleted (UTC); null while it is live.
        #[oai(nullable)]
        pub deleted_at: Option<Timestamp>,
    }
}

/// A list as it is stored: a JSON array.
fn array<T: Serialize>(items: &[T]) -> String {
    serde_json::to_string(items).unwrap_or_else(|_| "[]".into())
}

impl outbox::EventRecord for Task {
    const KEY: &'static str = "task";
}

impl Record for Task {
    fn id(&self) -> Id {
        self.id.any()
    }

    fn version(&self) -> Option<i32> {
        Some(self.version)
    }
}

/// One task.
///
/// # Errors
/// `Forbidden` (role or scope), `NotFound` (or not visible to the caller), or `Internal` (database).
#[crate::boxed]
pub async fn get(cx: &Cx, id: TaskId) -> Result<Task, Error> {
    Ok(cx.read(Action::GetTask)?.get::<task::Entity>(id).await?.into())
}

/// Tasks by id, deleted ones too: they still resolve as somebody's parent.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
#[crate::boxed]
pub async fn by_ids(cx: &Cx, ids: &[TaskId]) -> Result<Vec<Task>, Error> {
    let rows = cx.read(Action::GetTask)?.by_ids::<task::Entity>(ids).await?;
    Ok(rows.into_iter().map(Task::from).collect())
}

/// A new task.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `Conflict` (state or idempotency key), or `Internal` (database).
#[crate::boxed]
pub async fn create(cx: &Cx, input: CreateTaskInput) -> Result<Written<Task>, Error> {
    cx.create(Action::CreateTask, input, async |write, input| {
        let (project_id, named) = (input.project_id.clone().value()?, input.assignee_ids.get().cloned());
        let members = lock_references(write, project_id, true, &named.unwrap_or_default(), true).await?;
        let mut row = task::Model {
            id: write.new_id(),
            organization_id: write.organization_id(),
            project_id,
            status: TaskStatus::Todo,
            priority: TaskPriority::Medium,
            billable: true,
            tags: "[]".into(),
            assignee_ids: "[]".into(),
            version: 1,
            created_at: write.now,
            updated_at: write.now,
            ..task::Model::blank()
        };
        input.apply(&mut row);
        let completed = update_completion(&mut row, write.now);
        write.insert_last::<task::Entity>(row.clone()).await?;
        people::assign(write, &[], &row).await?;
        people::add_to_project(write, project_id, &members).await?;
        let task = Task::from(row);
        outbox::emit(write, EventType::TaskCreated, &task).await?;
        if completed {
            outbox::emit(write, EventType::TaskCompleted, &task).await?;
        }
        Ok(task)
    })
    .await
}

/// A task, read without a lock; deleted ones are found too.
async fn find_unlocked(write: &Write, id: TaskId) -> Result<Option<task::Model>, Error> {
    write.find::<task::Entity>(|query| query.filter(task::Column::Id.eq(id))).await
}

/// Locks what decides a change of a task, which was read in this state.
async fn lock_references_for(
    write: &Write,
    changes: &UpdateTaskInput,
    seen: Option<&task::Model>,
) -> Result<Vec<member::Model>, Error> {
    let (project_sent, people_sent) = (changes.project_id.is_sent(), changes.assignee_ids.is_sent());
    let stays = seen.map(|row| row.project_id);
    let Some(project) = changes.project_id.get().copied().or(stays) else { return Ok(vec![]) };
    let named = match changes.assignee_ids.get() {
        Some(sent) => sent.clone(),
        None if Some(project) != stays => seen.map(people::of).unwrap_or_default(),
        None => vec![],
    };
    lock_references(write, project, project_sent, &named, people_sent).await
}

/// Locks what decides a write of a task, in the order that every write follows: the project, the people, and after them
/// the task. Returns the memberships of the people, or every sent reference that was not found.
async fn lock_references(
    write: &Write,
    project: ProjectId,
    project_sent: bool,
    people: &[UserId],
    people_sent: bool,
) -> Result<Vec<member::Model>, Error> {
    let mut problems = FieldErrors::none();
    // Adding people to a project is serialised by its row.
    let found = if people.is_empty() {
        write.lock_shared::<project::Entity>(project).await?.is_some()
    } else {
        match write.lock_even_deleted::<project::Entity>(project).await {
            Err(Error::NotFound(_)) => false,
            other => other.map(|project| project.deleted_at.is_none())?,
        }
    };
    if project_sent && !found {
        problems.add("projectId", "not found");
    }
    let members = people::lock_memberships(write, people).await?;
    for (i, person) in people.iter().enumerate().filter(|_| people_sent) {
        if !members.iter().any(|member| member.user_id == *person) {
            problems.add(format!("assigneeIds[{i}]"), "not found");
        }
    }
    if problems.is_empty() { Ok(members) } else { Err(Error::Invalid(problems)) }
}

/// Sets or clears `completed_at` after the status. Returns whether the task has just been completed.
fn update_completion(row: &mut task::Model, now: Timestamp) -> bool {
    let completed = row.status == TaskStatus::Done && row.completed_at.is_none();
    if completed {
        row.completed_at = Some(now);
    } else if row.status != TaskStatus::Done {
        row.completed_at = None;
    }
    completed
}

/// Changes a task.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Stale`, `Conflict` (state or key), or `Internal`
/// (database).
#[crate::boxed]
pub async fn update(
    cx: &Cx,
    id: TaskId,
    expected: &Precondition,
    changes: UpdateTaskInput,
) -> Result<Written<Task>, Error> {
    cx.write(Action::UpdateTask, changes, async |write, changes| {
        // Read without a lock, to know what must be locked before the task itself.
        let seen = find_unlocked(write, id).await?;
        let mut members = lock_references_for(write, &changes, seen.as_ref()).await?;
        let before = write.lock_exclusive::<task::Entity>(id).await?;
        let moved =
            |seen: task::Model| seen.project_id != before.project_id || people::of(&seen) != people::of(&before);
        if seen.is_some_and(moved) {
            members = lock_references_for(write, &changes, Some(&before)).await?;
        }
        let caller = write.caller()?;
        if !policy::sees_all(caller.role) && !people::of(&before).contains(&caller.user_id) {
            let message = "your role changes tasks that are assigned to it only; ask for this one";
            return Err(Error::Forbidden(message.into()));
        }
        expected.check(before.version)?;
        let mut after = before.clone();
        changes.apply(&mut after);
        let mut problems = FieldErrors::none();
        input::check_dates(after.start_date, after.due_date, after.end_date, &mut problems);
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        if after.project_id != before.project_id {
            ensure_time_matches_project(write, id).await?;
        }
        let completed = update_completion(&mut after, write.now);
        let row = write.update::<task::Entity>(&before, after).await?;
        people::assign(write, &people::of(&before), &row).await?;
        people::add_to_project(write, row.project_id, &members).await?;
        let task = Task::from(row);
        if completed {
            outbox::emit(write, EventType::TaskCompleted, &task).await?;
        }
        Ok(task)
    })
    .await
}

/// Refuses to move a task that has time, since the task of an entry must belong to the project of the entry.
async fn ensure_time_matches_project(write: &Write, id: TaskId) -> Result<(), Error> {
    let tracked = write.count::<time_entry::Entity>(|query| {
        query.filter(time_entry::Column::TaskId.eq(id)).filter(time_entry::Column::DeletedAt.is_null())
    });
    if tracked.await? == 0 {
        return Ok(());
    }
    let message = "time was tracked on the task for its project; move or delete that time first";
    Err(Error::conflict(Reason::HasTime, message))
}

/// Deletes a task. Time entries on it keep their `taskId`.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Stale`, `Conflict` (state or key), or `Internal`
/// (database).
#[crate::boxed]
pub async fn delete(cx: &Cx, id: TaskId, expected: &Precondition) -> Result<Written<Deleted>, Error> {
    cx.write(Action::DeleteTask, (), async |write, ()| {
        let before = write.lock_exclusive::<task::Entity>(id).await?;
        expected.check(before.version)?;
        let after = task::Model { deleted_at: Some(write.now), ..before.clone() };
        write.update::<task::Entity>(&before, after).await?;
        Ok(Deleted { id: id.any() })
    })
    .await
}

/// Archives a task: deletes it, as `delete` does, but whatever its version, and returns it.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Conflict` (state or key), or `Internal`
/// (database).
#[crate::boxed]
pub async fn archive(cx: &Cx, id: TaskId) -> Result<Written<Task>, Error> {
    cx.write(Action::ArchiveTask, (), async |write, ()| {
        let before = write.lock_exclusive::<task::Entity>(id).await?;
        let after = task::Model { deleted_at: Some(write.now), ..before.clone() };
        Ok(write.update::<task::Entity>(&before, after).await?.into())
    })
    .await
}

/// Brings a deleted task back.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Conflict` (state or key), or `Internal`
/// (database).
#[crate::boxed]
pub async fn restore(cx: &Cx, id: TaskId) -> Result<Written<Task>, Error> {
    cx.write(Action::RestoreTask, (), async |write, ()| {
        let seen = find_unlocked(write, id).await?.ok_or(Error::NotFound("task"))?;
        let project =
            write.find::<project::Entity>(|query| query.filter(project::Column::Id.eq(seen.project_id)).lock_shared());
        let project = project.await?;
        let before = write.lock_even_deleted::<task::Entity>(id).await?;
        if before.deleted_at.is_some() && project.is_some_and(|project| project.deleted_at.is_some()) {
            return Err(Error::conflict(Reason::ProjectDeleted, "the task's project is deleted; restore it first"));
        }
        let after = task::Model { deleted_at: None, ..before.clone() };
        Ok(write.update::<task::Entity>(&before, after).await?.into())
    })
    .await
}
