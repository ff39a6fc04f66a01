//! `/tasks`.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use service::task::{self, CreateTaskInput, Task, TaskFilter, TaskSort, UpdateTaskInput};

use super::Tag;
use crate::http::rejection::Rejection;
use crate::rest::answers::{Changed, Created, List, NoContent, Tagged};
use crate::rest::extract::{Access, Body, IfMatch, PathId, Query};

pub struct Tasks;

#[OpenApi(tag = "Tag::Tasks")]
impl Tasks {
    /// List tasks
    #[oai(path = "/tasks", method = "get", operation_id = "listTasks")]
    async fn list_tasks(
        &self,
        Access(cx): Access,
        query: Query<TaskFilter, TaskSort>,
    ) -> Result<List<Task>, Rejection> {
        Ok(List(task::list(&cx, &query.0).await?))
    }

    /// Create a task
    #[oai(path = "/tasks", method = "post", operation_id = "createTask")]
    async fn create_task(&self, Access(cx): Access, body: Body<CreateTaskInput>) -> Result<Created<Task>, Rejection> {
        Ok(Created { written: task::create(&cx, body.0).await?, list: "/tasks" })
    }

    /// Get a task
    #[oai(path = "/tasks/:id", method = "get", operation_id = "getTask")]
    async fn get_task(&self, Access(cx): Access, id: Path<PathId>) -> Result<Tagged<Task>, Rejection> {
        Ok(Tagged(task::get(&cx, id.0.0).await?))
    }

    /// Change a task
    #[oai(path = "/tasks/:id", method = "patch", operation_id = "updateTask")]
    async fn update_task(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
        body: Body<UpdateTaskInput>,
    ) -> Result<Changed<Task>, Rejection> {
        Ok(Changed(task::update(&cx, id.0.0, &expected.0, body.0).await?))
    }

    /// Delete a task, and get it
    #[oai(path = "/tasks/:id/archive", method = "post", operation_id = "archiveTask")]
    async fn archive_task(&self, Access(cx): Access, id: Path<PathId>) -> Result<Changed<Task>, Rejection> {
        Ok(Changed(task::archive(&cx, id.0.0).await?))
    }

    /// Restore a deleted task
    #[oai(path = "/tasks/:id/restore", method = "post", operation_id = "restoreTask")]
    async fn restore_task(&self, Access(cx): Access, id: Path<PathId>) -> Result<Changed<Task>, Rejection> {
        Ok(Changed(task::restore(&cx, id.0.0).await?))
    }

    /// Delete a task
    #[oai(path = "/tasks/:id", method = "delete", operation_id = "deleteTask")]
    async fn delete_task(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
    ) -> Result<NoContent, Rejection> {
        Ok(NoContent(task::delete(&cx, id.0.0, &expected.0).await?))
    }
}
