//! Where a workspace wants its events sent to, with its sealed secrets.

use crate::value::{EndpointStatus, OrganizationId, Timestamp, WebhookEndpointId};

crate::table! {
    "webhook_endpoint" key { id: WebhookEndpointId, organization_id: OrganizationId }
    external_id: Option<String>,
    url: String,
    events: String,
    description: Option<String>,
    enabled: bool,
    status: EndpointStatus,
    secret: Vec<u8>,
    secret_prefix: String,
    previous_secret: Option<Vec<u8>>,
    previous_until: Option<Timestamp>,
    version: i32,
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted_at: Option<Timestamp>,
}
