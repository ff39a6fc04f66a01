//! Money spent for a client.

use sea_orm::entity::prelude::*;

use crate::value::{Currency, Date, ExpenseCategory, Id, Money, Timestamp};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "expense")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Id,
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Id,
    pub external_id: Option<String>,
    pub client_id: Id,
    pub project_id: Option<Id>,
    pub invoice_id: Option<Id>,
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
