//! Who work is done for.

use sea_orm::entity::prelude::*;

use crate::value::{ClientId, Currency, Money, OrganizationId, Percent, Timestamp};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "client")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ClientId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    pub external_id: Option<String>,
    pub name: String,
    pub name_key: String,
    pub search_key: String,
    pub contact_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub website: Option<String>,
    pub currency: Currency,
    pub notes: Option<String>,
    pub billing_address: Option<String>,
    pub billing_line1: Option<String>,
    pub billing_line2: Option<String>,
    pub billing_city: Option<String>,
    pub billing_region: Option<String>,
    pub billing_postal_code: Option<String>,
    pub billing_country: Option<String>,
    pub billing_email: Option<String>,
    pub tax_number: Option<String>,
    pub default_rate: Option<Money>,
    pub default_payment_terms: Option<String>,
    pub default_tax_rate: Option<Percent>,
    pub require_po_number: bool,
    pub version: i32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
