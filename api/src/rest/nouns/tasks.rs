//! `/tasks`.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use service::Precondition;
use service::task::{self, CreateTaskInput, Task, TaskFilter, TaskSort, UpdateTaskInput};

use super::Tag;
use crate::http::rejection::Rejection;
use crate::rest::answers::{Changed, Created, List, NoContent, Tagged};
use crate::rest::extract::{Access, Body, IfMatch, PathId, Query};

pub struct Tasks;

#[OpenApi(tag = "Tag::Tasks")]
impl Tasks {
    /// List tasks
    ///
    /// Tasks of the workspace; for a Member those of their projects. `search` looks in name and description.
    #[oai(path = "/tasks", method = "get", operation_id = "listTasks")]
    async fn list_tasks(
        &self,
        Access(cx): Access,
        query: Query<TaskFilter, TaskSort>,
    ) -> Result<List<Task>, Rejection> {
        Ok(List(task::list(&cx, &query.0).await?))
    }

    /// Create a task
    ///
    /// Creates a task and sends the event `task.created`, and `task.completed` if it is `DONE`. Members who are
    /// assigned are put on the project.
    #[oai(path = "/tasks", method = "post", operation_id = "createTask")]
    async fn create_task(&self, Access(cx): Access, body: Body<CreateTaskInput>) -> Result<Created<Task>, Rejection> {
        Ok(Created { written: task::create(&cx, body.0).await?, list: "/tasks" })
    }

    /// Get a task
    ///
    /// Returns one task.
    #[oai(path = "/tasks/:id", method = "get", operation_id = "getTask")]
    async fn get_task(&self, Access(cx): Access, id: Path<PathId>) -> Result<Tagged<Task>, Rejection> {
        Ok(Tagged(task::get(&cx, id.0.into()).await?))
    }

    /// Change a task
    ///
    /// Changes the fields that are sent. A change to `DONE` sets `completedAt` and sends the event `task.completed`. A
    /// Member may change only `status`, `description`, `priority`, `tags`, the dates and `estimatedHours`, and only of
    /// tasks assigned to them. A task with time stays on its project (409 `has_time`).
    #[oai(path = "/tasks/:id", method = "patch", operation_id = "updateTask")]
    async fn update_task(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
        body: Body<UpdateTaskInput>,
    ) -> Result<Changed<Task>, Rejection> {
        Ok(Changed(task::update(&cx, id.0.into(), &expected.0, body.0).await?))
    }

    /// Archive a task
    ///
    /// Deletes a task as DELETE does, and returns it: it is no longer listed, unlike an archived project. Its time stays;
    /// restore brings it back.
    #[oai(path = "/tasks/:id/archive", method = "post", operation_id = "archiveTask")]
    async fn archive_task(&self, Access(cx): Access, id: Path<PathId>) -> Result<Changed<Task>, Rejection> {
        Ok(Changed(task::archive(&cx, id.0.into(), &Precondition::Any).await?))
    }

    /// Restore a task
    ///
    /// Brings back a deleted task: `deletedAt` becomes null. Refused while its project is deleted (409
    /// `project_deleted`).
    #[oai(path = "/tasks/:id/restore", method = "post", operation_id = "restoreTask")]
    async fn restore_task(&self, Access(cx): Access, id: Path<PathId>) -> Result<Changed<Task>, Rejection> {
        Ok(Changed(task::restore(&cx, id.0.into()).await?))
    }

    /// Delete a task
    ///
    /// Deletes a task. Its time stays; restore brings it back.
    #[oai(path = "/tasks/:id", method = "delete", operation_id = "deleteTask")]
    async fn delete_task(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
    ) -> Result<NoContent, Rejection> {
        Ok(NoContent(task::delete(&cx, id.0.into(), &expected.0).await?))
    }
}
