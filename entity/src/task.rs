//! A step of a project.

use sea_orm::entity::prelude::*;

use crate::value::{Date, Decimal, OrganizationId, ProjectId, TaskId, TaskPriority, TaskStatus, Timestamp};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "task")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TaskId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    pub external_id: Option<String>,
    pub project_id: ProjectId,
    pub name: String,
    pub name_key: String,
    pub search_key: String,
    pub description: Option<String>,
    pub status: TaskStatus,
    pub priority: TaskPriority,
    pub billable: bool,
    pub estimated_hours: Option<Decimal>,
    pub tags: String,
    pub assignee_ids: String,
    pub start_date: Option<Date>,
    pub due_date: Option<Date>,
    pub end_date: Option<Date>,
    pub completed_at: Option<Timestamp>,
    pub version: i32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
