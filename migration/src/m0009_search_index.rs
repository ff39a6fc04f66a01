//! The ninth step: searches in PostgreSQL find their rows by an index of trigrams.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

/// `m0009_search_index`
pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m0009_search_index"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        if db.get_database_backend() == DbBackend::Postgres {
            db.execute_unprepared(include_str!("m0009_search_index.postgres.sql")).await?;
        }
        Ok(())
    }
}
