//! An API token of a member: its prefix and the SHA-256 of the whole, never the token.

use crate::value::{MemberId, OrganizationId, Timestamp, TokenId, TokenScope};

crate::table! {
    "token" key { id: TokenId, organization_id: OrganizationId }
    member_id: MemberId,
    name: String,
    prefix: String,
    hash: Vec<u8>,
    scope: TokenScope,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
    created_at: Timestamp,
}
