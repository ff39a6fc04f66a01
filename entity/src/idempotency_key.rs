//! The stored reply of a write with an idempotency key, valid for 24 hours, written in the transaction of the change.

use crate::value::{Id, OrganizationId, Role, Timestamp, UserId};

crate::table! {
    "idempotency_key" key { organization_id: OrganizationId, user_id: UserId, key: String }
    fingerprint: Vec<u8>,
    role: Role,
    record_id: Id,
    record_version: Option<i32>,
    created: bool,
    body: String,
    expires_at: Timestamp,
}
