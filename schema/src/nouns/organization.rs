//! The workspace.

use async_graphql::{Context, Object, Result};
use service::organization::Organization;

use crate::engine::error::OrFail;
use crate::engine::object::{Output, nodes};
use crate::nouns::cx;

nodes! {
    Organization => self: Organization;
}

/// The queries of this noun.
#[derive(Default)]
pub struct OrganizationQueries;

/// The queries of this noun.
#[Object]
impl OrganizationQueries {
    /// The workspace of the token.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Output<Organization>> {
        let cx = cx(ctx)?;
        service::organization::get(cx).await.map(Output).or_fail(cx)
    }
}
