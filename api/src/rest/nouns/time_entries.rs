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
    ///
    /// Time entries of the workspace, running timers included; for a Member their own. `search` looks in the note.
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
    /// Creates a time entry and sends the event `time_entry.created`. The duration is given by `durationSeconds`,
    /// by `duration`, by `startedAt` together with `stoppedAt`, or by `startedAt` together with one of the first two, from
    /// which `stoppedAt` follows. The project must be `ACTIVE` (else 409 `project_not_active`).
    #[oai(path = "/time-entries", method = "post", operation_id = "createTimeEntry")]
    async fn create_time_entry(
        &self,
        Access(cx): Access,
        body: Body<CreateTimeEntryInput>,
    ) -> Result<Created<TimeEntry>, Rejection> {
        Ok(Created { written: time_entry::create(&cx, body.0).await?, list: "/time-entries" })
    }

    /// Log several time entries
    ///
    /// Creates up to 100 time entries, all or none, and sends one event `time_entry.created` for each. Costs one
    /// rate-limit point per entry.
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
    /// Returns the caller's running timer; `data` is null if none is running.
    #[oai(path = "/time-entries/running", method = "get", operation_id = "getRunningTimer")]
    async fn get_running_timer(&self, Access(cx): Access) -> Result<Data<Option<TimeEntry>>, Rejection> {
        Ok(Data(time_entry::running(&cx).await?))
    }

    /// Start a timer
    ///
    /// Starts a timer for the caller. A timer that is already running is stopped first, which sends
    /// `time_entry.created` for it; on the same project and task it goes on instead and is returned (200).
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
    /// Stops a running timer and sends the event `time_entry.created`. It works even if the project is archived or the
    /// caller is no longer on it. A timer that ran for more than 24 hours is saved with 24 hours. A timer that is not
    /// running is refused (409 `not_running`).
    #[oai(path = "/time-entries/:id/stop", method = "post", operation_id = "stopTimer")]
    async fn stop_timer(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        body: OptionalBody<StopTimerInput>,
    ) -> Result<Changed<TimeEntry>, Rejection> {
        Ok(Changed(time_entry::stop(&cx, id.0.into(), body.0).await?))
    }

    /// Stop the running timer
    ///
    /// Stops the caller's running timer, whichever it is, and sends the event `time_entry.created`. For clients that do
    /// not know its identifier. Refused if none is running (409 `not_running`).
    #[oai(path = "/time-entries/running/stop", method = "post", operation_id = "stopRunningTimer")]
    async fn stop_running_timer(
        &self,
        Access(cx): Access,
        body: OptionalBody<StopTimerInput>,
    ) -> Result<Changed<TimeEntry>, Rejection> {
        Ok(Changed(time_entry::stop_running(&cx, body.0).await?))
    }

    /// Get a time entry
    ///
    /// Returns one time entry. For a Member, entries of other people are not found (404).
    #[oai(path = "/time-entries/:id", method = "get", operation_id = "getTimeEntry")]
    async fn get_time_entry(&self, Access(cx): Access, id: Path<PathId>) -> Result<Tagged<TimeEntry>, Rejection> {
        Ok(Tagged(time_entry::get(&cx, id.0.into()).await?))
    }

    /// Change a time entry
    ///
    /// Changes the fields that are sent. A billed entry is refused (409 `invoiced`). Of a running timer only `note`,
    /// `billable`, `taskId`, `entryDate` and `startedAt` change. A Member changes own entries on present projects only.
    #[oai(path = "/time-entries/:id", method = "patch", operation_id = "updateTimeEntry")]
    async fn update_time_entry(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
        body: Body<UpdateTimeEntryInput>,
    ) -> Result<Changed<TimeEntry>, Rejection> {
        Ok(Changed(time_entry::update(&cx, id.0.into(), &expected.0, body.0).await?))
    }

    /// Delete a time entry
    ///
    /// Deletes a time entry, or discards a running timer. A billed entry is refused (409 `invoiced`).
    #[oai(path = "/time-entries/:id", method = "delete", operation_id = "deleteTimeEntry")]
    async fn delete_time_entry(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
    ) -> Result<NoContent, Rejection> {
        Ok(NoContent(time_entry::delete(&cx, id.0.into(), &expected.0).await?))
    }
}
