//! Time entries and what they belong to.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Object, Result};
use service::member::Member;
use service::time_entry::TimeEntry;

use crate::connection::connection;
use crate::cx;
use crate::error::OrFail;
use crate::loader::{Loaders, MemberByUser, ProjectById};
use crate::project::ProjectNode;

/// Time spent on a project by a person.
pub struct TimeEntryNode(pub(crate) TimeEntry);

/// Time spent on a project by a person.
#[Object(name = "TimeEntry")]
impl TimeEntryNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &TimeEntry {
        &self.0
    }

    /// What it was spent on; null for a Member who has left the project.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<ProjectNode>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        Ok(loaders.load_one(ProjectById(self.0.project_id)).await.or_fail(cx(ctx)?)?.map(ProjectNode))
    }

    /// Whose time it is.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        loaders.load_one(MemberByUser(self.0.user_id)).await.or_fail(cx(ctx)?)
    }
}

connection!(TimeEntryConnection, TimeEntryEdge, TimeEntryNode);
