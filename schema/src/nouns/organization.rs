//! The workspace.

use async_graphql::{Context, Object, Result};
use service::organization::Organization;

use crate::engine::error::OrFail;
use crate::nouns::cx;

/// The queries of this noun.
#[derive(Default)]
pub struct OrganizationQueries;

/// The queries of this noun.
#[Object]
impl OrganizationQueries {
    /// The workspace of the token.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Organization> {
        let cx = cx(ctx)?;
        service::organization::get(cx).await.or_fail(cx)
    }
}
