//! The first step: every table of the contract, with the indexes that its lists are read by.

use sea_orm_migration::prelude::*;

/// The first step. Its name is stored in every database, so it stays what it was when the step was written.
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m0001_house"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect::run(manager, include_str!("m0001_tables.sql")).await
    }
}
