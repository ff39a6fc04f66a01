//! Projects and what belongs to them.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Object, Result};
use service::Action;
use service::member::Member;
use service::project::Project;
use service::sort::Sort;
use service::task::{TaskFilter, TaskSort};
use service::time_entry::{TimeEntryFilter, TimeEntrySort};

use crate::client::ClientNode;
use crate::connection::{Ask, Slice, connection};
use crate::cx;
use crate::error::OrFail;
use crate::loader::{ClientById, Loaders, MembersOfProject, below};
use crate::task::{TaskConnection, TaskNode};
use crate::time_entry::{TimeEntryConnection, TimeEntryNode};

/// A piece of work for a client.
pub struct ProjectNode(pub(crate) Project);

/// A piece of work for a client.
#[Object(name = "Project")]
impl ProjectNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Project {
        &self.0
    }

    /// Whom it is for; null for those who do not see clients.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<ClientNode>> {
        let cx = cx(ctx)?;
        if !cx.may(Action::GetClient) {
            return Ok(None);
        }
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        Ok(loaders.load_one(ClientById(self.0.client_id)).await.or_fail(cx)?.map(ClientNode))
    }

    /// Who is on it; Members see themselves.
    async fn members(&self, ctx: &Context<'_>) -> Result<Vec<Member>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        Ok(loaders.load_one(MembersOfProject(self.0.id)).await.or_fail(cx(ctx)?)?.unwrap_or_default())
    }

    /// Its steps.
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a connection")]
    async fn tasks(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<TaskFilter>,
        sort: Option<Sort<TaskSort>>,
        search: Option<String>,
        include_deleted: Option<bool>,
    ) -> Result<TaskConnection> {
        let slice = Slice { first, after, last, before };
        let page = below(ctx, self.0.id, slice, Ask { filter, sort, search, include_deleted }).await?;
        Ok(TaskConnection(page.map(TaskNode)))
    }

    /// The time spent on it; Members see their own.
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a connection")]
    async fn time_entries(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<TimeEntryFilter>,
        sort: Option<Sort<TimeEntrySort>>,
        search: Option<String>,
        include_deleted: Option<bool>,
    ) -> Result<TimeEntryConnection> {
        let slice = Slice { first, after, last, before };
        let page = below(ctx, self.0.id, slice, Ask { filter, sort, search, include_deleted }).await?;
        Ok(TimeEntryConnection(page.map(TimeEntryNode)))
    }
}

connection!(ProjectConnection, ProjectEdge, ProjectNode);
