//! Time spent on a project by a person; running while it has no duration.

use sea_orm::entity::prelude::*;

use crate::value::{Date, InvoiceId, OrganizationId, ProjectId, TaskId, TimeEntryId, Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "time_entry")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TimeEntryId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    pub external_id: Option<String>,
    pub user_id: UserId,
    pub project_id: ProjectId,
    pub task_id: Option<TaskId>,
    pub invoice_id: Option<InvoiceId>,
    pub duration_seconds: Option<i32>,
    pub billable: bool,
    pub note: Option<String>,
    pub search_key: String,
    pub entry_date: Date,
    pub started_at: Option<Timestamp>,
    pub stopped_at: Option<Timestamp>,
    pub version: i32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
