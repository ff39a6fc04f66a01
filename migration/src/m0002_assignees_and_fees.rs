//! What tasks and invoicing need: who a task is assigned to, as answers show it; where a fixed fee was billed.

use sea_orm_migration::prelude::*;

/// `0002_assignees_and_fees`
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m0002_assignees_and_fees"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect::run(manager, include_str!("m0002_assignees_and_fees.sql")).await
    }
}
