//! A step of a project.

use crate::value::{Date, Decimal, OrganizationId, ProjectId, TaskId, TaskPriority, TaskStatus, Timestamp};

crate::table! {
    "task" key { id: TaskId, organization_id: OrganizationId }
    external_id: Option<String>,
    project_id: ProjectId,
    name: String,
    name_key: String,
    search_key: String,
    description: Option<String>,
    status: TaskStatus,
    priority: TaskPriority,
    billable: bool,
    estimated_hours: Option<Decimal>,
    tags: String,
    assignee_ids: String,
    start_date: Option<Date>,
    due_date: Option<Date>,
    end_date: Option<Date>,
    completed_at: Option<Timestamp>,
    version: i32,
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted_at: Option<Timestamp>,
}
