//! `/projects/{id}/members`.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use service::member::{Member, MemberFilter, MemberSort};
use service::project_member;

use super::Tag;
use crate::http::rejection::Rejection;
use crate::rest::answers::{List, NoContent, Put};
use crate::rest::extract::{Access, PathId, Query};

pub struct ProjectMembers;

#[OpenApi(tag = "Tag::Projects")]
impl ProjectMembers {
    /// List the members of a project
    ///
    /// Members who are on the project. Owners, Admins and Managers reach every project without being on it.
    #[oai(path = "/projects/:projectId/members", method = "get", operation_id = "listProjectMembers")]
    async fn list_project_members(
        &self,
        Access(cx): Access,
        #[oai(name = "projectId")] id: Path<PathId>,
        query: Query<MemberFilter, MemberSort>,
    ) -> Result<List<Member>, Rejection> {
        Ok(List(project_member::list(&cx, id.0.into(), &query.0).await?))
    }

    /// Add a member to a project
    ///
    /// Puts a member on the project, so that a Member sees it and logs time on it. Takes no body, or `{}`.
    #[oai(path = "/projects/:projectId/members/:userId", method = "put", operation_id = "addProjectMember")]
    async fn add_project_member(
        &self,
        Access(cx): Access,
        #[oai(name = "projectId")] id: Path<PathId>,
        #[oai(name = "userId")] user_id: Path<PathId>,
    ) -> Result<Put<Member>, Rejection> {
        Ok(Put(project_member::add(&cx, id.0.into(), user_id.0.into()).await?))
    }

    /// Remove a member from a project
    ///
    /// Takes a member off the project. Tasks of the project are no longer assigned to them; their time stays.
    #[oai(path = "/projects/:projectId/members/:userId", method = "delete", operation_id = "removeProjectMember")]
    async fn remove_project_member(
        &self,
        Access(cx): Access,
        #[oai(name = "projectId")] id: Path<PathId>,
        #[oai(name = "userId")] user_id: Path<PathId>,
    ) -> Result<NoContent, Rejection> {
        Ok(NoContent(project_member::remove(&cx, id.0.into(), user_id.0.into()).await?))
    }
}
