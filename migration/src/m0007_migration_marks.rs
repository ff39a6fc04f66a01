//! The seventh step: which steps older releases can work with.

use sea_orm_migration::prelude::*;

/// `m0007_migration_marks`
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m0007_migration_marks"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect::run(manager, include_str!("m0007_migration_marks.sql")).await
    }
}
