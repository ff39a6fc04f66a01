//! One event on its way to one endpoint, written in the transaction of the event.

use sea_orm::entity::prelude::*;

use crate::value::{DeliveryStatus, EventId, Id, OrganizationId, Timestamp, WebhookDeliveryId, WebhookEndpointId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_delivery")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookDeliveryId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    pub endpoint_id: WebhookEndpointId,
    pub event_id: EventId,
    pub event_type: String,
    pub status: DeliveryStatus,
    pub reason: Option<String>,
    pub attempt_count: i32,
    pub next_attempt_at: Option<Timestamp>,
    pub last_attempt_at: Option<Timestamp>,
    pub last_response_status: Option<i32>,
    pub replay_of: Option<WebhookDeliveryId>,
    pub due_at: Option<Timestamp>,
    pub lease: Option<Id>,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
