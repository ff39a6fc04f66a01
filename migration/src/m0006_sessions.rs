//! The sixth step: how members sign in to the settings pages.

use sea_orm_migration::prelude::*;

/// `m0006_sessions`
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m0006_sessions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect::run(manager, include_str!("m0006_sessions.sql")).await
    }
}
