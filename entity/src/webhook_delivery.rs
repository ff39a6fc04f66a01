//! One event on its way to one endpoint, written in the transaction of the event.

use crate::value::{DeliveryStatus, EventId, Id, OrganizationId, Timestamp, WebhookDeliveryId, WebhookEndpointId};

crate::table! {
    "webhook_delivery" key { id: WebhookDeliveryId, organization_id: OrganizationId }
    endpoint_id: WebhookEndpointId,
    event_id: EventId,
    event_type: String,
    status: DeliveryStatus,
    reason: Option<String>,
    attempt_count: i32,
    next_attempt_at: Option<Timestamp>,
    last_attempt_at: Option<Timestamp>,
    last_response_status: Option<i32>,
    replay_of: Option<WebhookDeliveryId>,
    due_at: Option<Timestamp>,
    lease: Option<Id>,
    created_at: Timestamp,
}
