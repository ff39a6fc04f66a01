//! The eighth step: the trace of an event.

use sea_orm_migration::prelude::*;

/// `m0008_event_traceparent`
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m0008_event_traceparent"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect::run(manager, include_str!("m0008_event_traceparent.sql")).await
    }
}
