//! `/projects`.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use service::Precondition;
use service::project::{self, CreateProjectInput, Project, ProjectFilter, ProjectSort, UpdateProjectInput};

use super::Tag;
use crate::http::rejection::Rejection;
use crate::rest::answers::{Changed, Created, List, NoContent, Tagged};
use crate::rest::extract::{Access, Body, IfMatch, PathId, Query};

pub struct Projects;

#[OpenApi(tag = "Tag::Projects")]
impl Projects {
    /// List projects
    ///
    /// Projects of the workspace; for a Member those that they are on. `search` looks in name and description.
    #[oai(path = "/projects", method = "get", operation_id = "listProjects")]
    async fn list_projects(
        &self,
        Access(cx): Access,
        query: Query<ProjectFilter, ProjectSort>,
    ) -> Result<List<Project>, Rejection> {
        Ok(List(project::list(&cx, &query.0).await?))
    }

    /// Create a project
    ///
    /// Creates a project and sends the event `project.created`. Without `hourlyRate` it copies the client's default
    /// rate.
    #[oai(path = "/projects", method = "post", operation_id = "createProject")]
    async fn create_project(
        &self,
        Access(cx): Access,
        body: Body<CreateProjectInput>,
    ) -> Result<Created<Project>, Rejection> {
        Ok(Created { written: project::create(&cx, body.0).await?, list: "/projects" })
    }

    /// Get a project
    ///
    /// Returns one project. Members receive it without rates, fee and money budget.
    #[oai(path = "/projects/:id", method = "get", operation_id = "getProject")]
    async fn get_project(&self, Access(cx): Access, id: Path<PathId>) -> Result<Tagged<Project>, Rejection> {
        Ok(Tagged(project::get(&cx, id.0.into()).await?))
    }

    /// Change a project
    ///
    /// Changes the fields that are sent. A project with expenses stays with its client (409 `has_expenses`), one with
    /// billed time too (409 `invoiced`).
    #[oai(path = "/projects/:id", method = "patch", operation_id = "updateProject")]
    async fn update_project(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
        body: Body<UpdateProjectInput>,
    ) -> Result<Changed<Project>, Rejection> {
        Ok(Changed(project::update(&cx, id.0.into(), &expected.0, body.0).await?))
    }

    /// Archive a project
    ///
    /// Sets the status to `ARCHIVED`: the project refuses new time entries, and keeps its time and tasks.
    #[oai(path = "/projects/:id/archive", method = "post", operation_id = "archiveProject")]
    async fn archive_project(&self, Access(cx): Access, id: Path<PathId>) -> Result<Changed<Project>, Rejection> {
        Ok(Changed(project::archive(&cx, id.0.into(), &Precondition::Any).await?))
    }

    /// Restore a project
    ///
    /// Brings back an archived or deleted project: the status becomes `ACTIVE` and `deletedAt` null. Refused while its
    /// client is deleted (409 `client_deleted`).
    #[oai(path = "/projects/:id/restore", method = "post", operation_id = "restoreProject")]
    async fn restore_project(&self, Access(cx): Access, id: Path<PathId>) -> Result<Changed<Project>, Rejection> {
        Ok(Changed(project::restore(&cx, id.0.into()).await?))
    }

    /// Delete a project
    ///
    /// Deletes a project. Refused while a timer runs on it (409 `timer_running`) and when it has billed time (409
    /// `invoiced`).
    #[oai(path = "/projects/:id", method = "delete", operation_id = "deleteProject")]
    async fn delete_project(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
    ) -> Result<NoContent, Rejection> {
        Ok(NoContent(project::delete(&cx, id.0.into(), &expected.0).await?))
    }
}
