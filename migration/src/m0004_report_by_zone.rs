//! The fourth step: an index for reports by day in a time zone, which select entries by their start.

use sea_orm_migration::prelude::*;

/// `0004_report_by_zone`
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m0004_report_by_zone"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect::run(manager, include_str!("m0004_report_by_zone.sql")).await
    }
}
