//! A one-use link into the settings pages, made by the operator: the SHA-256 of its code, never the code.

use crate::value::{LoginLinkId, MemberId, OrganizationId, Timestamp};

crate::table! {
    "login_link" key { id: LoginLinkId, organization_id: OrganizationId }
    member_id: MemberId,
    hash: Vec<u8>,
    created_at: Timestamp,
    expires_at: Timestamp,
    used_at: Option<Timestamp>,
}
