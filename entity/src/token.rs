//! An API token of a member: its prefix and the SHA-256 of the whole, never the token.

use sea_orm::entity::prelude::*;

use crate::value::{MemberId, OrganizationId, Timestamp, TokenId, TokenScope};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "token")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TokenId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    pub member_id: MemberId,
    pub name: String,
    pub prefix: String,
    pub hash: Vec<u8>,
    pub scope: TokenScope,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
