//! A workspace: the tenant that everything else belongs to.

use sea_orm::entity::prelude::*;

use crate::value::{Currency, OrganizationId, Plan, Timestamp};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "organization")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrganizationId,
    pub name: String,
    pub plan: Plan,
    pub default_currency: Currency,
    pub invoice_prefix: String,
    pub next_invoice_number: i64,
    pub legal_name: Option<String>,
    pub tax_id: Option<String>,
    pub business_email: Option<String>,
    pub business_website: Option<String>,
    pub version: i32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
