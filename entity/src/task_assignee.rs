//! Who a task is assigned to.

use crate::value::{OrganizationId, TaskId, Timestamp, UserId};

crate::table! {
    "task_assignee" key { task_id: TaskId, user_id: UserId, organization_id: OrganizationId }
    created_at: Timestamp,
}
