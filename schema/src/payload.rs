//! What mutations give back: one payload each, which can grow.

use async_graphql::SimpleObject;
use service::value::Id;

use crate::client::ClientNode;
use crate::expense::ExpenseNode;
use crate::member::MemberNode;
use crate::project::ProjectNode;
use crate::task::TaskNode;
use crate::time_entry::TimeEntryNode;

/// The client that was made.
#[derive(SimpleObject)]
pub struct CreateClientPayload {
    /// The client.
    pub(crate) client: ClientNode,
}

/// The client that was changed.
#[derive(SimpleObject)]
pub struct UpdateClientPayload {
    /// The client.
    pub(crate) client: ClientNode,
}

/// The client that is gone.
#[derive(SimpleObject)]
pub struct DeleteClientPayload {
    /// Its id.
    pub(crate) id: Id,
}

/// The project that was made.
#[derive(SimpleObject)]
pub struct CreateProjectPayload {
    /// The project.
    pub(crate) project: ProjectNode,
}

/// The project that was changed.
#[derive(SimpleObject)]
pub struct UpdateProjectPayload {
    /// The project.
    pub(crate) project: ProjectNode,
}

/// The project that is gone.
#[derive(SimpleObject)]
pub struct DeleteProjectPayload {
    /// Its id.
    pub(crate) id: Id,
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

/// The time entry that is gone.
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

/// The member who is on the project.
#[derive(SimpleObject)]
pub struct AddProjectMemberPayload {
    /// The member.
    pub(crate) member: MemberNode,
}

/// Who is not on the project any more.
#[derive(SimpleObject)]
pub struct RemoveProjectMemberPayload {
    /// The person.
    pub(crate) user_id: Id,
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

/// The project that was put away.
#[derive(SimpleObject)]
pub struct ArchiveProjectPayload {
    /// The project.
    pub(crate) project: ProjectNode,
}

/// The project that is back.
#[derive(SimpleObject)]
pub struct RestoreProjectPayload {
    /// The project.
    pub(crate) project: ProjectNode,
}

/// The token that was ended.
#[derive(SimpleObject)]
pub struct RevokeTokenPayload {
    /// Its id.
    pub(crate) id: Id,
}

/// The task that was made.
#[derive(SimpleObject)]
pub struct CreateTaskPayload {
    /// The task.
    pub(crate) task: TaskNode,
}

/// The task that was changed.
#[derive(SimpleObject)]
pub struct UpdateTaskPayload {
    /// The task.
    pub(crate) task: TaskNode,
}

/// The task that was deleted.
#[derive(SimpleObject)]
pub struct ArchiveTaskPayload {
    /// The task.
    pub(crate) task: TaskNode,
}

/// The task that is back.
#[derive(SimpleObject)]
pub struct RestoreTaskPayload {
    /// The task.
    pub(crate) task: TaskNode,
}

/// The task that is gone.
#[derive(SimpleObject)]
pub struct DeleteTaskPayload {
    /// Its id.
    pub(crate) id: Id,
}

/// The expense that was made.
#[derive(SimpleObject)]
pub struct CreateExpensePayload {
    /// The expense.
    pub(crate) expense: ExpenseNode,
}

/// The expense that was changed.
#[derive(SimpleObject)]
pub struct UpdateExpensePayload {
    /// The expense.
    pub(crate) expense: ExpenseNode,
}

/// The expense that is gone.
#[derive(SimpleObject)]
pub struct DeleteExpensePayload {
    /// Its id.
    pub(crate) id: Id,
}
