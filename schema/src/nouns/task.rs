//! Tasks: the node, its lists, queries, mutations and loaders.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use service::task::{CreateTaskInput, Task, TaskArgs, TaskFilter, TaskSort, UpdateTaskInput};
use service::time_entry::{TimeEntryFilter, TimeEntrySort};
use service::value::Id;
use service::{Action, Deleted};

use crate::engine::connection::{connection, lists};
use crate::engine::error::OrFail;
use crate::engine::loader::{Loaders, OfPerson, OfProject, below_loaders, by_id_loader, one};
use crate::nouns::member::{MemberByUser, MemberNode};
use crate::nouns::project::{ProjectById, ProjectNode};
use crate::nouns::time_entry::{TimeEntryConnection, TimeEntryNode};
use crate::nouns::{cx, expected, parse_id, record};

/// A step of a project.
pub struct TaskNode(pub(crate) Task);

/// A step of a project.
#[Object(name = "Task")]
impl TaskNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Task {
        &self.0
    }

    #[graphql(flatten)]
    async fn lists(&self) -> TaskLists {
        TaskLists(self.0.id)
    }

    /// The id.
    pub async fn id(&self) -> Id {
        self.0.id
    }

    /// The project that it is a step of.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<ProjectNode>> {
        Ok(one(ctx, Action::GetProject, Some(ProjectById(self.0.project_id))).await?.map(ProjectNode))
    }

    /// The people who do it, in the order in which they were named; Members see themselves.
    async fn assignees(&self, ctx: &Context<'_>) -> Result<Vec<MemberNode>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        let people = self.0.assignee_ids.iter().map(|person| MemberByUser(*person));
        let mut found = loaders.load_many(people).await.or_fail(cx(ctx)?)?;
        let named = self.0.assignee_ids.iter().filter_map(|person| found.remove(&MemberByUser(*person)));
        Ok(named.map(MemberNode).collect())
    }
}

lists! {
    /// What belongs to a task.
    TaskLists(Id) {
        /// The time spent on it; Members see their own.
        time_entries: TimeEntryFilter, TimeEntrySort => TimeEntryConnection(TimeEntryNode) if ListTimeEntries, (below OfTask);
    }
}

connection!(TaskConnection, TaskEdge, TaskNode);

/// A task by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TaskById(pub(crate) Id);

by_id_loader!(TaskById => Task, service::task::by_ids);

below_loaders! {
    OfProject: TaskArgs => Task, service::task::list_of_projects;
    OfPerson: TaskArgs => Task, service::task::list_of_people;
}

lists! {
    /// The list of this noun.
    TaskRootLists() {
        /// Tasks, a page at a time.
        tasks: TaskFilter, TaskSort => TaskConnection(TaskNode), (flat service::task::list);
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

    /// One task.
    async fn task(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Result<Option<TaskNode>> {
        let cx = cx(ctx)?;
        service::task::get(cx, parse_id(&id)).await.map(TaskNode).map(Some).or_fail(cx)
    }
}

/// The mutations of this noun.
#[derive(Default)]
pub struct TaskMutations;

/// The mutations of this noun.
#[Object]
impl TaskMutations {
    /// A new task.
    async fn create_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateTaskInput,
    ) -> Result<CreateTaskPayload> {
        let record = record(ctx, service::task::create(cx(ctx)?, input).await)?;
        Ok(CreateTaskPayload { task: TaskNode(record) })
    }

    /// Change a task: what is absent stays, null clears.
    async fn update_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "What changes.")] input: UpdateTaskInput,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<UpdateTaskPayload> {
        let expected = expected(expected_version);
        let record = record(ctx, service::task::update(cx(ctx)?, parse_id(&id), &expected, input).await)?;
        Ok(UpdateTaskPayload { task: TaskNode(record) })
    }

    /// Delete a task.
    async fn delete_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<DeleteTaskPayload> {
        let expected = expected(expected_version);
        let deleted: Deleted = record(ctx, service::task::delete(cx(ctx)?, parse_id(&id), &expected).await)?;
        Ok(DeleteTaskPayload { id: deleted.id })
    }

    /// Delete a task, and get it.
    async fn archive_task(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Result<ArchiveTaskPayload> {
        let task = record(ctx, service::task::archive(cx(ctx)?, parse_id(&id)).await)?;
        Ok(ArchiveTaskPayload { task: TaskNode(task) })
    }

    /// Bring a deleted task back.
    async fn restore_task(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Result<RestoreTaskPayload> {
        let task = record(ctx, service::task::restore(cx(ctx)?, parse_id(&id)).await)?;
        Ok(RestoreTaskPayload { task: TaskNode(task) })
    }
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
pub struct DeleteTaskPayload {
    /// Its id.
    pub(crate) id: Id,
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
