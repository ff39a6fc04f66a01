//! Money spent for a client.

use sea_orm::entity::prelude::*;

use crate::value::{
    ClientId, Currency, Date, ExpenseCategory, ExpenseId, InvoiceId, Money, OrganizationId, ProjectId, Timestamp,
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "expense")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ExpenseId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    pub external_id: Option<String>,
    pub client_id: ClientId,
    pub project_id: Option<ProjectId>,
    pub invoice_id: Option<InvoiceId>,
    pub category: ExpenseCategory,
    pub custom_category: Option<String>,
    pub description: String,
    pub search_key: String,
    pub amount: Money,
    pub currency: Currency,
    pub billable: bool,
    pub expense_date: Date,
    pub version: i32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
