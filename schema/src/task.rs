//! Tasks and what belongs to them.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Object, Result};
use service::Action;
use service::task::Task;
use service::time_entry::{TimeEntryFilter, TimeEntrySort};
use service::value::Id;

use crate::connection::{connection, lists};
use crate::cx;
use crate::error::OrFail;
use crate::loader::{Loaders, MemberByUser, ProjectById, one};
use crate::member::MemberNode;
use crate::project::ProjectNode;
use crate::time_entry::{TimeEntryConnection, TimeEntryNode};

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
