//! Where a workspace wants its events sent to, with its sealed secrets.

use sea_orm::entity::prelude::*;

use crate::value::{EndpointStatus, OrganizationId, Timestamp, WebhookEndpointId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_endpoint")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookEndpointId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    pub external_id: Option<String>,
    pub url: String,
    pub events: String,
    pub description: Option<String>,
    pub enabled: bool,
    pub status: EndpointStatus,
    pub secret: Vec<u8>,
    pub secret_prefix: String,
    pub previous_secret: Option<Vec<u8>>,
    pub previous_until: Option<Timestamp>,
    pub version: i32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
