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
    /// Returns the member that the token acts as, with role, plan and scopes as they are now. Use it to check a token.
    #[oai(path = "/me", method = "get", operation_id = "getMe")]
    async fn get_me(&self, Access(cx): Access) -> Result<Data<member::Me>, Rejection> {
        Ok(Data(member::me(&cx).await?))
    }

    /// Get the workspace
    ///
    /// Returns the workspace of the token. Members receive it without its legal name and tax number.
    #[oai(path = "/organization", method = "get", operation_id = "getOrganization")]
    async fn get_organization(&self, Access(cx): Access) -> Result<Data<organization::Organization>, Rejection> {
        Ok(Data(organization::get(&cx).await?))
    }
}
