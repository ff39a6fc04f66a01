//! A session of a member on the settings pages: the SHA-256 of its secret, never the secret.

use crate::value::{MemberId, OrganizationId, SessionId, Timestamp};

crate::table! {
    "session" key { id: SessionId, organization_id: OrganizationId }
    member_id: MemberId,
    hash: Vec<u8>,
    sign_in_method: String,
    device: Option<String>,
    address: String,
    created_at: Timestamp,
    seen_at: Timestamp,
    expires_at: Timestamp,
    ends_at: Timestamp,
    ended_at: Option<Timestamp>,
}
