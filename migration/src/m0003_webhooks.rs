//! The third step: webhook endpoints, what is to be delivered to them, and what became of each attempt.

use sea_orm_migration::prelude::*;

/// `0003_webhooks`
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m0003_webhooks"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect::run(manager, include_str!("m0003_webhooks.sql")).await
    }
}
