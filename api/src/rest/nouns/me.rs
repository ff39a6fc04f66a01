//! `/me` and `/organization`.

use poem_openapi::OpenApi;
use service::{member, organization};

use super::Tag;
use crate::http::rejection::Rejection;
use crate::rest::answers::Data;
use crate::rest::extract::Access;

pub struct Me;

#[OpenApi(tag = "Tag::Workspace")]
impl Me {
    /// Get the caller
    ///
    /// Who asks, and what their token may do.
    #[oai(path = "/me", method = "get", operation_id = "getMe")]
    async fn get_me(&self, Access(cx): Access) -> Result<Data<member::Me>, Rejection> {
        Ok(Data(member::me(&cx).await?))
    }

    /// Get the workspace
    #[oai(path = "/organization", method = "get", operation_id = "getOrganization")]
    async fn get_organization(&self, Access(cx): Access) -> Result<Data<organization::Organization>, Rejection> {
        Ok(Data(organization::get(&cx).await?))
    }
}
