//! Clients and what belongs to them.

use async_graphql::{Context, Object, Result};
use service::client::Client;
use service::project::{ProjectFilter, ProjectSort};
use service::sort::Sort;

use crate::connection::{Ask, Slice, connection};
use crate::loader::below;
use crate::project::{ProjectConnection, ProjectNode};

/// Who work is done for.
pub struct ClientNode(pub(crate) Client);

/// Who work is done for.
#[Object(name = "Client")]
impl ClientNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Client {
        &self.0
    }

    /// The projects for this client.
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a connection")]
    async fn projects(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<ProjectFilter>,
        sort: Option<Sort<ProjectSort>>,
        search: Option<String>,
        include_deleted: Option<bool>,
    ) -> Result<ProjectConnection> {
        let slice = Slice { first, after, last, before };
        let page = below(ctx, self.0.id, slice, Ask { filter, sort, search, include_deleted }).await?;
        Ok(ProjectConnection(page.map(ProjectNode)))
    }
}

connection!(ClientConnection, ClientEdge, ClientNode);
