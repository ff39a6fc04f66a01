//! Tasks: the node, its lists, queries, mutations and loaders.

use std::sync::Arc;

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use service::task::{CreateTaskInput, Task, TaskArgs, TaskFilter, TaskSort, UpdateTaskInput};
use service::time_entry::{TimeEntryFilter, TimeEntrySort};
use service::value::{Id, TaskId};
use service::{Action, Deleted, Precondition};

use crate::engine::connection::lists;
use crate::engine::error::OrFail;
use crate::engine::loader::{Linked, Loaders, OfPerson, OfProject, below_loaders, by_id_loader, one};
use crate::engine::object::{Output, Outputs, nodes};
use crate::nouns::member::{MemberByUser, MemberNode};
use crate::nouns::project::{ProjectById, ProjectNode};
use crate::nouns::time_entry::TimeEntryNode;
use crate::nouns::{cx, expected, parse_id, record, shared};

/// A task: a step of a project, assigned to members. Members see the tasks of their projects.
pub struct TaskNode(pub(crate) Task);

/// A task: a step of a project, assigned to members. Members see the tasks of their projects.
#[Object(name = "Task")]
impl TaskNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Task {
        &self.0
    }

    #[graphql(flatten)]
    async fn lists(&self) -> TaskLists {
        TaskLists(self.0.id.any())
    }

    /// Identifier of the task (UUID v7), the same as over REST.
    pub async fn id(&self) -> Id {
        self.0.id.any()
    }

    /// The project that the task belongs to.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<Linked<ProjectNode>>> {
        one(ctx, Action::GetProject, Some(ProjectById(self.0.project_id))).await
    }

    /// Members that the task is assigned to, in the order in which they were assigned; a Member sees only themself.
    async fn assignees(&self, ctx: &Context<'_>) -> Result<Outputs<Arc<MemberNode>>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        let people = self.0.assignee_ids.iter().map(|person| MemberByUser(*person));
        let mut found = loaders.load_many(people).await.or_fail(cx(ctx)?)?;
        let named = self.0.assignee_ids.iter().filter_map(|person| found.remove(&MemberByUser(*person)));
        Ok(Outputs(named.collect()))
    }
}

nodes! {
    TaskNode => 0: Task;
    CreateTaskPayload;
    UpdateTaskPayload;
    DeleteTaskPayload;
    ArchiveTaskPayload;
    RestoreTaskPayload;
}

lists! {
    /// What belongs to a task.
    TaskLists(Id) {
        /// Time entries on the task; Members see their own.
        time_entries[search]: TimeEntryFilter, TimeEntrySort => TimeEntryNode[ListTimeEntries], (below OfTask);
    }
}

/// A task by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TaskById(pub(crate) TaskId);

by_id_loader!(TaskById => TaskNode, service::task::by_ids);

below_loaders! {
    OfProject: TaskArgs => TaskNode, service::task::list_of_projects;
    OfPerson: TaskArgs => TaskNode, service::task::list_of_people;
}

lists! {
    /// The list of this noun.
    TaskRootLists() {
        /// A page of tasks. `search` looks in name and description.
        tasks[search]: TaskFilter, TaskSort => TaskNode[], (flat service::task::list);
    }
}

/// The queries of this noun.
#[derive(Default)]
pub struct TaskQueries;

/// The queries of this noun.
#[Object]
impl TaskQueries {
    #[graphql(flatten)]
    async fn lists(&self) -> TaskRootLists {
        TaskRootLists()
    }

    /// A task by its identifier; null with the error `not_found` if the caller sees none.
    async fn task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the task.")] id: ID,
    ) -> Result<Option<Linked<TaskNode>>> {
        let cx = cx(ctx)?;
        shared(ctx, "task", &id, async { service::task::get(cx, parse_id(&id)).await.map(TaskNode) }).await
    }
}

/// The mutations of this noun.
#[derive(Default)]
pub struct TaskMutations;

/// The mutations of this noun.
#[Object]
impl TaskMutations {
    /// Creates a task and sends the event `task.created`. Members who are assigned are put on the project.
    async fn create_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The fields of the new task.")] input: CreateTaskInput,
    ) -> Result<Output<CreateTaskPayload>> {
        let record = record(ctx, service::task::create(cx(ctx)?, input).await)?;
        Ok(Output(CreateTaskPayload { task: Output(TaskNode(record)) }))
    }

    /// Changes a task: an absent field keeps its value, null clears a nullable one. A change to `DONE` sets
    /// `completedAt` and sends the event `task.completed`.
    async fn update_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the task.")] id: ID,
        #[graphql(desc = "The fields to change.")] input: UpdateTaskInput,
        #[graphql(
            desc = "The version that the record must still have; otherwise the error is `conflict` with reason `stale`. Without it, any version is changed."
        )]
        expected_version: Option<i32>,
    ) -> Result<Output<UpdateTaskPayload>> {
        let expected = expected(expected_version);
        let record = record(ctx, service::task::update(cx(ctx)?, parse_id(&id), &expected, input).await)?;
        Ok(Output(UpdateTaskPayload { task: Output(TaskNode(record)) }))
    }

    /// Deletes a task. Its time stays.
    async fn delete_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the task.")] id: ID,
        #[graphql(
            desc = "The version that the record must still have; otherwise the error is `conflict` with reason `stale`. Without it, any version is changed."
        )]
        expected_version: Option<i32>,
    ) -> Result<Output<DeleteTaskPayload>> {
        let expected = expected(expected_version);
        let deleted: Deleted = record(ctx, service::task::delete(cx(ctx)?, parse_id(&id), &expected).await)?;
        Ok(Output(DeleteTaskPayload { deleted_id: deleted.id }))
    }

    /// Deletes a task, and returns it. Its time stays.
    async fn archive_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the task.")] id: ID,
    ) -> Result<Output<ArchiveTaskPayload>> {
        let task = record(ctx, service::task::archive(cx(ctx)?, parse_id(&id), &Precondition::Any).await)?;
        Ok(Output(ArchiveTaskPayload { task: Output(TaskNode(task)) }))
    }

    /// Restores a deleted task. Refused while its project is deleted (reason `project_deleted`).
    async fn restore_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the task.")] id: ID,
    ) -> Result<Output<RestoreTaskPayload>> {
        let task = record(ctx, service::task::restore(cx(ctx)?, parse_id(&id)).await)?;
        Ok(Output(RestoreTaskPayload { task: Output(TaskNode(task)) }))
    }
}

/// The result of creating a task.
#[derive(SimpleObject)]
pub struct CreateTaskPayload {
    /// The created task.
    pub(crate) task: Output<TaskNode>,
}

/// The result of changing a task.
#[derive(SimpleObject)]
pub struct UpdateTaskPayload {
    /// The changed task.
    pub(crate) task: Output<TaskNode>,
}

/// The result of deleting a task.
#[derive(SimpleObject)]
pub struct DeleteTaskPayload {
    /// The id of what was deleted.
    pub(crate) deleted_id: Id,
}

/// The result of deleting a task.
#[derive(SimpleObject)]
pub struct ArchiveTaskPayload {
    /// The archived task.
    pub(crate) task: Output<TaskNode>,
}

/// The result of restoring a task.
#[derive(SimpleObject)]
pub struct RestoreTaskPayload {
    /// The restored task.
    pub(crate) task: Output<TaskNode>,
}
