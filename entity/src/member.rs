//! A person in a workspace. Removing one ends the row; adding them again makes a new one.

use crate::value::{MemberId, OrganizationId, Role, Timestamp, UserId};

crate::table! {
    "member" key { id: MemberId, organization_id: OrganizationId }
    user_id: UserId,
    role: Role,
    name: String,
    email: String,
    search_key: String,
    version: i32,
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted_at: Option<Timestamp>,
}
