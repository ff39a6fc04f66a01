//! The outbox: what happened, written in the transaction of the change.

use crate::value::{EventId, OrganizationId, Timestamp};

crate::table! {
    "event" key { id: EventId, organization_id: OrganizationId }
    kind: String,
    body: String,
    created_at: Timestamp,
    /// The trace of the request that has made it, for receivers.
    traceparent: Option<String>,
}
