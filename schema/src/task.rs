//! Tasks and what they belong to.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Object, Result};
use service::member::Member;
use service::task::Task;

use crate::connection::connection;
use crate::cx;
use crate::error::OrFail;
use crate::loader::{Loaders, MemberByUser, ProjectById};
use crate::project::ProjectNode;

/// A step of a project.
pub struct TaskNode(pub(crate) Task);

/// A step of a project.
#[Object(name = "Task")]
impl TaskNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Task {
        &self.0
    }

    /// The project that it is a step of.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<ProjectNode>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        Ok(loaders.load_one(ProjectById(self.0.project_id)).await.or_fail(cx(ctx)?)?.map(ProjectNode))
    }

    /// The people who do it, in the order in which they were named; Members see themselves.
    async fn assignees(&self, ctx: &Context<'_>) -> Result<Vec<Member>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        let people = self.0.assignee_ids.iter().map(|person| MemberByUser(*person));
        let mut found = loaders.load_many(people).await.or_fail(cx(ctx)?)?;
        Ok(self.0.assignee_ids.iter().filter_map(|person| found.remove(&MemberByUser(*person))).collect())
    }
}

connection!(TaskConnection, TaskEdge, TaskNode);
