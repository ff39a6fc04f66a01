//! One text of SQL for both databases: the few words that differ are written as placeholders.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

/// Placeholder, SQLite's word, PostgreSQL's word. A `$key` is compared bytewise on both.
const WORDS: [(&str, &str, &str); 3] =
    [("$uuid", "BLOB", "UUID"), ("$bytes", "BLOB", "BYTEA"), ("$key", "TEXT", "TEXT COLLATE \"C\"")];

/// Runs every statement of a script.
pub(crate) async fn run(manager: &SchemaManager<'_>, script: &str) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let sqlite = db.get_database_backend() == DbBackend::Sqlite;
    let mut script = script.to_owned();
    for (placeholder, on_sqlite, on_postgres) in WORDS {
        script = script.replace(placeholder, if sqlite { on_sqlite } else { on_postgres });
    }
    db.execute_unprepared(&script).await?;
    Ok(())
}
