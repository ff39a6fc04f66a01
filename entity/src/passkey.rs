//! A passkey of a member: its public key, and what else must be remembered of it.

use crate::value::{MemberId, OrganizationId, PasskeyId, Timestamp};

crate::table! {
    "passkey" key { id: PasskeyId, organization_id: OrganizationId }
    member_id: MemberId,
    name: String,
    credential_id: Vec<u8>,
    credential: String,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    removed_at: Option<Timestamp>,
}
