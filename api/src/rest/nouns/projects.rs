//! `/projects`.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use service::project::{self, CreateProjectInput, Project, ProjectFilter, ProjectSort, UpdateProjectInput};

use super::Tag;
use crate::http::rejection::Rejection;
use crate::rest::answers::{Changed, Created, List, NoContent, Tagged};
use crate::rest::extract::{Access, Body, IfMatch, PathId, Query};

pub struct Projects;

#[OpenApi(tag = "Tag::Projects")]
impl Projects {
    /// List projects
    #[oai(path = "/projects", method = "get", operation_id = "listProjects")]
    async fn list_projects(
        &self,
        Access(cx): Access,
        query: Query<ProjectFilter, ProjectSort>,
    ) -> Result<List<Project>, Rejection> {
        Ok(List(project::list(&cx, &query.0).await?))
    }

    /// Create a project
    #[oai(path = "/projects", method = "post", operation_id = "createProject")]
    async fn create_project(
        &self,
        Access(cx): Access,
        body: Body<CreateProjectInput>,
    ) -> Result<Created<Project>, Rejection> {
        Ok(Created { written: project::create(&cx, body.0).await?, list: "/projects" })
    }

    /// Get a project
    #[oai(path = "/projects/:id", method = "get", operation_id = "getProject")]
    async fn get_project(&self, Access(cx): Access, id: Path<PathId>) -> Result<Tagged<Project>, Rejection> {
        Ok(Tagged(project::get(&cx, id.0.0).await?))
    }

    /// Change a project
    #[oai(path = "/projects/:id", method = "patch", operation_id = "updateProject")]
    async fn update_project(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
        body: Body<UpdateProjectInput>,
    ) -> Result<Changed<Project>, Rejection> {
        Ok(Changed(project::update(&cx, id.0.0, &expected.0, body.0).await?))
    }

    /// Archive a project
    ///
    /// It takes no new time any more.
    #[oai(path = "/projects/:id/archive", method = "post", operation_id = "archiveProject")]
    async fn archive_project(&self, Access(cx): Access, id: Path<PathId>) -> Result<Changed<Project>, Rejection> {
        Ok(Changed(project::archive(&cx, id.0.0).await?))
    }

    /// Restore a project
    ///
    /// Archived or deleted: it is ACTIVE again.
    #[oai(path = "/projects/:id/restore", method = "post", operation_id = "restoreProject")]
    async fn restore_project(&self, Access(cx): Access, id: Path<PathId>) -> Result<Changed<Project>, Rejection> {
        Ok(Changed(project::restore(&cx, id.0.0).await?))
    }

    /// Delete a project
    #[oai(path = "/projects/:id", method = "delete", operation_id = "deleteProject")]
    async fn delete_project(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
    ) -> Result<NoContent, Rejection> {
        Ok(NoContent(project::delete(&cx, id.0.0, &expected.0).await?))
    }
}
