//! A piece of work for a client.

use sea_orm::entity::prelude::*;

use crate::value::{
    ClientId, Color, Date, Decimal, InvoiceId, Money, OrganizationId, ProjectId, ProjectStatus, RateType, Timestamp,
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "project")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ProjectId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    pub external_id: Option<String>,
    pub client_id: ClientId,
    pub name: String,
    pub name_key: String,
    pub search_key: String,
    pub description: Option<String>,
    pub color: Option<Color>,
    pub status: ProjectStatus,
    pub rate_type: RateType,
    pub hourly_rate: Option<Money>,
    pub fixed_fee_amount: Option<Money>,
    pub budget_hours: Option<Decimal>,
    pub budget_amount: Option<Money>,
    pub start_date: Option<Date>,
    pub due_date: Option<Date>,
    pub fee_invoice_id: Option<InvoiceId>,
    pub version: i32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
