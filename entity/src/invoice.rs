//! A bill to a client: a snapshot that does not change when its sources do.

use sea_orm::entity::prelude::*;

use crate::value::{
    ClientId, Currency, Date, InvoiceId, InvoiceStatus, Money, OrganizationId, PaymentStatus, Percent, Timestamp,
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "invoice")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InvoiceId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    pub client_id: ClientId,
    pub number: String,
    pub number_rank: i64,
    pub number_key: String,
    pub status: InvoiceStatus,
    pub payment_status: PaymentStatus,
    pub subtotal: Money,
    pub discount_amount: Money,
    pub tax_rate: Option<Percent>,
    pub tax_amount: Money,
    pub total: Money,
    pub amount_paid: Money,
    pub currency: Currency,
    pub notes: Option<String>,
    pub bill_to_name: String,
    pub issue_date: Option<Date>,
    pub due_date: Option<Date>,
    pub sent_at: Option<Timestamp>,
    pub paid_at: Option<Timestamp>,
    pub version: i32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
