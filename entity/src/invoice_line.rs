//! One line of an invoice.

use sea_orm::entity::prelude::*;

use crate::value::{Decimal, InvoiceId, InvoiceLineId, Money, OrganizationId, ProjectId, TaskId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "invoice_line")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InvoiceLineId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    pub invoice_id: InvoiceId,
    pub position: i32,
    pub description: String,
    pub quantity: Decimal,
    pub unit_price: Money,
    pub amount: Money,
    pub project_id: Option<ProjectId>,
    pub task_id: Option<TaskId>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
