//! `/time-entries`.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use service::time_entry::{
    self, Batch, CreateTimeEntryInput, StartTimerInput, StopTimerInput, TimeEntry, TimeEntryFilter, TimeEntrySort,
    UpdateTimeEntryInput,
};

use super::Tag;
use crate::http::rejection::Rejection;
use crate::rest::answers::{Changed, Created, CreatedAll, Data, List, NoContent, Started, Tagged};
use crate::rest::extract::{Access, Body, IfMatch, OptionalBody, PathId, Query};

pub struct TimeEntries;

#[OpenApi(tag = "Tag::TimeEntries")]
impl TimeEntries {
    /// List time entries
    #[oai(path = "/time-entries", method = "get", operation_id = "listTimeEntries")]
    async fn list_time_entries(
        &self,
        Access(cx): Access,
        query: Query<TimeEntryFilter, TimeEntrySort>,
    ) -> Result<List<TimeEntry>, Rejection> {
        Ok(List(time_entry::list(&cx, &query.0).await?))
    }

    /// Log time
    ///
    /// The span is `durationSeconds`, or `duration`, or `startedAt` with `stoppedAt`.
    #[oai(path = "/time-entries", method = "post", operation_id = "createTimeEntry")]
    async fn create_time_entry(
        &self,
        Access(cx): Access,
        body: Body<CreateTimeEntryInput>,
    ) -> Result<Created<TimeEntry>, Rejection> {
        Ok(Created { written: time_entry::create(&cx, body.0).await?, list: "/time-entries" })
    }

    /// Log up to 100 entries at once
    ///
    /// All or nothing, under one key; answered in the order sent. Costs a point an entry.
    #[oai(path = "/time-entries/batch", method = "post", operation_id = "createTimeEntries")]
    async fn create_time_entries(
        &self,
        Access(cx): Access,
        body: Body<Batch>,
    ) -> Result<CreatedAll<TimeEntry>, Rejection> {
        Ok(CreatedAll(time_entry::create_batch(&cx, body.0).await?))
    }

    /// Get the running timer
    ///
    /// The caller's own; null if none runs.
    #[oai(path = "/time-entries/running", method = "get", operation_id = "getRunningTimer")]
    async fn get_running_timer(&self, Access(cx): Access) -> Result<Data<Option<TimeEntry>>, Rejection> {
        Ok(Data(time_entry::running(&cx).await?))
    }

    /// Start a timer
    ///
    /// The caller's running one is stopped. On the same project and task it goes on instead, which is 200.
    #[oai(path = "/time-entries/start", method = "post", operation_id = "startTimer")]
    async fn start_timer(
        &self,
        Access(cx): Access,
        body: Body<StartTimerInput>,
    ) -> Result<Started<TimeEntry>, Rejection> {
        Ok(Started(Created { written: time_entry::start(&cx, body.0).await?, list: "/time-entries" }))
    }

    /// Stop a timer
    ///
    /// Works whatever has become of its project. Beyond 24 hours it saves 24.
    #[oai(path = "/time-entries/:id/stop", method = "post", operation_id = "stopTimer")]
    async fn stop_timer(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        body: OptionalBody<StopTimerInput>,
    ) -> Result<Changed<TimeEntry>, Rejection> {
        Ok(Changed(time_entry::stop(&cx, id.0.0, body.0).await?))
    }

    /// Stop the running timer
    ///
    /// Stops the caller's running timer, whichever it is: for clients that do not know its id. 409 `not_running` if none runs.
    #[oai(path = "/time-entries/running/stop", method = "post", operation_id = "stopRunningTimer")]
    async fn stop_running_timer(
        &self,
        Access(cx): Access,
        body: OptionalBody<StopTimerInput>,
    ) -> Result<Changed<TimeEntry>, Rejection> {
        Ok(Changed(time_entry::stop_running(&cx, body.0).await?))
    }

    /// Get a time entry
    #[oai(path = "/time-entries/:id", method = "get", operation_id = "getTimeEntry")]
    async fn get_time_entry(&self, Access(cx): Access, id: Path<PathId>) -> Result<Tagged<TimeEntry>, Rejection> {
        Ok(Tagged(time_entry::get(&cx, id.0.0).await?))
    }

    /// Change a time entry
    #[oai(path = "/time-entries/:id", method = "patch", operation_id = "updateTimeEntry")]
    async fn update_time_entry(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
        body: Body<UpdateTimeEntryInput>,
    ) -> Result<Changed<TimeEntry>, Rejection> {
        Ok(Changed(time_entry::update(&cx, id.0.0, &expected.0, body.0).await?))
    }

    /// Delete a time entry
    #[oai(path = "/time-entries/:id", method = "delete", operation_id = "deleteTimeEntry")]
    async fn delete_time_entry(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
    ) -> Result<NoContent, Rejection> {
        Ok(NoContent(time_entry::delete(&cx, id.0.0, &expected.0).await?))
    }
}
