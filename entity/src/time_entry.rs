//! Time spent on a project by a person; running while it has no duration.

use crate::value::{Date, InvoiceId, OrganizationId, ProjectId, TaskId, TimeEntryId, Timestamp, UserId};

crate::table! {
    "time_entry" key { id: TimeEntryId, organization_id: OrganizationId }
    external_id: Option<String>,
    user_id: UserId,
    project_id: ProjectId,
    task_id: Option<TaskId>,
    invoice_id: Option<InvoiceId>,
    duration_seconds: Option<i32>,
    billable: bool,
    note: Option<String>,
    search_key: String,
    entry_date: Date,
    started_at: Option<Timestamp>,
    stopped_at: Option<Timestamp>,
    version: i32,
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted_at: Option<Timestamp>,
}
