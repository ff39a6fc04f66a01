//! The outbox: what happened, written in the transaction of the change.

use sea_orm::entity::prelude::*;

use crate::value::{EventId, OrganizationId, Timestamp};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EventId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    pub kind: String,
    pub body: String,
    pub created_at: Timestamp,
    /// The trace of the request that has made it, for receivers.
    pub traceparent: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
