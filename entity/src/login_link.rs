//! A one-use link into the settings pages, made by the operator: the SHA-256 of its code, never the code.

use sea_orm::entity::prelude::*;

use crate::value::{LoginLinkId, MemberId, OrganizationId, Timestamp};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "login_link")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LoginLinkId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    pub member_id: MemberId,
    pub hash: Vec<u8>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
