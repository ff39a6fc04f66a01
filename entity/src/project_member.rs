//! Who is on a project. Only Members need to be.

use crate::value::{OrganizationId, ProjectId, Timestamp, UserId};

crate::table! {
    "project_member" key { project_id: ProjectId, user_id: UserId, organization_id: OrganizationId }
    created_at: Timestamp,
}
