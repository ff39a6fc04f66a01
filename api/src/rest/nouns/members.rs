//! `/members`.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use service::member::{self, Member, MemberFilter, MemberSort};

use super::Tag;
use crate::http::rejection::Rejection;
use crate::rest::answers::{Data, List};
use crate::rest::extract::{Access, PathId, Query};

pub struct Members;

#[OpenApi(tag = "Tag::Members")]
impl Members {
    /// List members
    ///
    /// Members of the workspace who were not removed. A Member receives only their own record.
    #[oai(path = "/members", method = "get", operation_id = "listMembers")]
    async fn list_members(
        &self,
        Access(cx): Access,
        query: Query<MemberFilter, MemberSort>,
    ) -> Result<List<Member>, Rejection> {
        Ok(List(member::list(&cx, &query.0).await?))
    }

    /// Get a member
    ///
    /// Returns one member. For a Member, every record but their own is not found (404).
    #[oai(path = "/members/:id", method = "get", operation_id = "getMember")]
    async fn get_member(&self, Access(cx): Access, id: Path<PathId>) -> Result<Data<Member>, Rejection> {
        Ok(Data(member::get(&cx, id.0.into()).await?))
    }
}
