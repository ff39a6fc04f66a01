//! What became of one attempt to deliver.

use crate::value::{OrganizationId, Timestamp, WebhookDeliveryId};

crate::table! {
    "webhook_attempt" key { organization_id: OrganizationId, delivery_id: WebhookDeliveryId, number: i32 }
    started_at: Timestamp,
    duration_ms: i32,
    response_status: Option<i32>,
    error: Option<String>,
    response_excerpt: Option<String>,
}
