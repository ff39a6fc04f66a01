//! Every table with rows of Hoursmith, and what a database says of its columns.

use super::MaintenanceError;
use super::connection::{ColumnKind, Raw, Value};
use crate::access::scope::SCOPED_TABLES;

/// The tables of no workspace that those of workspaces refer to.
const BEFORE: [&str; 2] = ["organization", "user_account"];
/// The other tables of no workspace. Triggers raise the last while others are filled, so it comes last and replaces what they
/// have made.
const AFTER: [&str; 2] = ["spent_challenge", "access_epoch"];

/// Every table that a transfer takes over, each after those that it refers to. A test compares them with the tables of both
/// databases; what migrations write about themselves is made by them.
pub fn all() -> impl Iterator<Item = &'static str> {
    BEFORE.into_iter().chain(SCOPED_TABLES.iter().copied()).chain(AFTER)
}

/// The tables that migrations fill.
pub(super) const OF_MIGRATIONS: [&str; 2] = ["seaql_migrations", "migration_mark"];

/// A table as a database describes it, without its generated columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<(String, ColumnKind)>,
    /// The columns of the primary key, in its order.
    pub(super) key: Vec<String>,
}

impl Table {
    pub(super) fn kinds(&self) -> Vec<ColumnKind> {
        self.columns.iter().map(|(_, kind)| *kind).collect()
    }

    /// This table with its columns in the order of another one, and the kinds of this database.
    pub(super) fn in_order_of(&self, other: &Table) -> Result<Table, MaintenanceError> {
        let mut columns = Vec::new();
        for (name, _) in &other.columns {
            let own = self.columns.iter().find(|(own, _)| own == name);
            columns.push(own.cloned().ok_or_else(|| different(&self.name, name))?);
        }
        if let Some((more, _)) = self.columns.iter().find(|(own, _)| !columns.iter().any(|(name, _)| name == own)) {
            return Err(different(&self.name, more));
        }
        Ok(Table { name: self.name.clone(), columns, key: other.key.clone() })
    }
}

fn different(table: &str, column: &str) -> MaintenanceError {
    MaintenanceError::new(format!(
        "the two databases differ: only one has the column {column} of {table}; migrate both with this release"
    ))
}

/// The names of all tables of a database.
pub(super) async fn names(db: &mut Raw) -> Result<Vec<String>, MaintenanceError> {
    let sql = if db.is_postgres() {
        "SELECT table_name::text FROM information_schema.tables \
         WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY 1"
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1"
    };
    db.texts(sql, &[]).await
}

/// Asks a database for the columns of a table.
pub(super) async fn describe(db: &mut Raw, table: &str) -> Result<Table, MaintenanceError> {
    let named = [Value::Text(table.to_owned())];
    let (columns, key) = if db.is_postgres() {
        (
            "SELECT column_name::text, data_type::text FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = $1 AND is_generated = 'NEVER' ORDER BY ordinal_position",
            "SELECT a.attname::text FROM pg_index i \
             CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, place) \
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
             WHERE i.indrelid = to_regclass(quote_ident($1)) AND i.indisprimary ORDER BY k.place",
        )
    } else {
        (
            "SELECT name, type FROM pragma_table_xinfo($1) WHERE hidden = 0 ORDER BY cid",
            "SELECT name FROM pragma_table_xinfo($1) WHERE pk > 0 ORDER BY pk",
        )
    };
    let rows = db.rows(columns, &named, &[ColumnKind::Text, ColumnKind::Text]).await?;
    let columns = rows.into_iter().map(|row| match <[Value; 2]>::try_from(row) {
        Ok([Value::Text(name), Value::Text(declared)]) => Ok((name, kind(table, &declared)?)),
        _ => Err(MaintenanceError::new(format!("the columns of {table} cannot be read"))),
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let key = db.texts(key, &named).await?;
    if columns.is_empty() || key.is_empty() {
        return Err(MaintenanceError::new(format!(
            "there is no table {table} with a primary key; migrate the database first"
        )));
    }
    Ok(Table { name: table.to_owned(), columns, key })
}

fn kind(table: &str, declared: &str) -> Result<ColumnKind, MaintenanceError> {
    Ok(match declared.to_ascii_lowercase().as_str() {
        "smallint" | "integer" | "bigint" => ColumnKind::Integer,
        "boolean" => ColumnKind::Boolean,
        "date" => ColumnKind::Date,
        "text" | "character varying" => ColumnKind::Text,
        "uuid" => ColumnKind::Uuid,
        "bytea" | "blob" => ColumnKind::Bytes,
        other => {
            return Err(MaintenanceError::new(format!(
                "a column of {table} has the type {other}, which cannot be taken over"
            )));
        }
    })
}

/// How many rows each table has.
pub(super) async fn counts(db: &mut Raw) -> Result<Vec<(String, i64)>, MaintenanceError> {
    let present = names(db).await?;
    let mut counts = Vec::new();
    for table in all().filter(|table| present.iter().any(|own| own == table)) {
        let count = db.number(&format!("SELECT COUNT(*) FROM \"{table}\"")).await?;
        counts.push((table.to_owned(), count));
    }
    Ok(counts)
}

/// Whether there is a row of Hoursmith in it.
pub(super) async fn first_used(db: &mut Raw) -> Result<Option<String>, MaintenanceError> {
    let present = names(db).await?;
    for table in all().filter(|table| present.iter().any(|own| own == table)) {
        let found = db.number(&format!("SELECT COUNT(*) FROM (SELECT 1 FROM \"{table}\" LIMIT 1) AS found")).await?;
        if found > 0 {
            return Ok(Some(table.to_owned()));
        }
    }
    Ok(None)
}
