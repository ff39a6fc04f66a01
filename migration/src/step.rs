//! The steps: a name, a mark and SQL, a line each. A released one is never edited.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

use crate::Compatibility::{self, Compatible};

/// The steps of this release, in order. The first of them belong to the first release, which nothing runs beside. The name of
/// the first is stored in every database, so it stays what it was when the step was written.
pub(crate) const STEPS: [Step; 9] = [
    Step::new("m0001_house", Compatible, include_str!("m0001_tables.sql")),
    Step::new("m0002_assignees_and_fees", Compatible, include_str!("m0002_assignees_and_fees.sql")),
    Step::new("m0003_webhooks", Compatible, include_str!("m0003_webhooks.sql")),
    Step::new("m0004_report_by_zone", Compatible, include_str!("m0004_report_by_zone.sql")),
    // Triggers are written differently by the two databases.
    Step::new("m0005_access_epoch", Compatible, include_str!("m0005_access_epoch.sql"))
        .then(include_str!("m0005_access_epoch.postgres.sql"), include_str!("m0005_access_epoch.sqlite.sql")),
    Step::new("m0006_sessions", Compatible, include_str!("m0006_sessions.sql")),
    Step::new("m0007_migration_marks", Compatible, include_str!("m0007_migration_marks.sql")),
    Step::new("m0008_event_traceparent", Compatible, include_str!("m0008_event_traceparent.sql")),
    // SQLite has no trigrams of its own: docs/decisions/0065-searches-by-trigrams-on-postgresql.md
    Step::new("m0009_search_index", Compatible, "").then(include_str!("m0009_search_index.postgres.sql"), ""),
];

/// Placeholder, SQLite's word, PostgreSQL's word: the few words of a script that differ. A `$key` is compared bytewise on both.
const WORDS: [(&str, &str, &str); 3] =
    [("$uuid", "BLOB", "UUID"), ("$bytes", "BLOB", "BYTEA"), ("$key", "TEXT", "TEXT COLLATE \"C\"")];

/// One step: a script for both databases, then one for each.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    name: &'static str,
    pub(crate) compatibility: Compatibility,
    both: &'static str,
    postgres: &'static str,
    sqlite: &'static str,
}

impl Step {
    const fn new(name: &'static str, compatibility: Compatibility, both: &'static str) -> Step {
        Step { name, compatibility, both, postgres: "", sqlite: "" }
    }

    /// The same step with what is written differently for the two.
    const fn then(self, postgres: &'static str, sqlite: &'static str) -> Step {
        Step { postgres, sqlite, ..self }
    }
}

impl MigrationName for Step {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let is_sqlite = db.get_database_backend() == DbBackend::Sqlite;
        let mut script = self.both.to_owned();
        for (placeholder, on_sqlite, on_postgres) in WORDS {
            script = script.replace(placeholder, if is_sqlite { on_sqlite } else { on_postgres });
        }
        for script in [script.as_str(), if is_sqlite { self.sqlite } else { self.postgres }] {
            if !script.is_empty() {
                db.execute_unprepared(script).await?;
            }
        }
        Ok(())
    }
}
