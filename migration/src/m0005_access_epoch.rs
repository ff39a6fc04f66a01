//! The fifth step: an access epoch for each workspace, raised by triggers.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

/// `m0005_access_epoch`
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m0005_access_epoch"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect::run(manager, include_str!("m0005_access_epoch.sql")).await?;
        // Triggers are written differently by the two.
        let triggers = match manager.get_connection().get_database_backend() {
            DbBackend::Postgres => include_str!("m0005_access_epoch.postgres.sql"),
            _ => include_str!("m0005_access_epoch.sqlite.sql"),
        };
        manager.get_connection().execute_unprepared(triggers).await?;
        Ok(())
    }
}
