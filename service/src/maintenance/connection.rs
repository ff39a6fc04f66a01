//! One connection to either database, and rows of either in values of both.

use std::fmt::Write as _;
use std::str::FromStr;
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow};
use sea_orm::sqlx::query::Query;
use sea_orm::sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteRow};
use sea_orm::sqlx::{self, AssertSqlSafe, ConnectOptions, Connection, Postgres, Row, Sqlite};
use tokio::time::timeout;

use super::MaintenanceError;

/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(5);
/// How long SQLite waits for another process.
const BUSY: Duration = Duration::from_secs(30);

/// A value of a column. Numbers and truth values are integers, dates texts, ids bytes: as SQLite stores them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Value {
    /// About how much memory it takes.
    pub(super) fn size(&self) -> usize {
        match self {
            Value::Null | Value::Integer(_) => 16,
            Value::Text(text) => 32 + text.len(),
            Value::Bytes(bytes) => 32 + bytes.len(),
        }
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Integer,
    Boolean,
    Date,
    Text,
    Uuid,
    Bytes,
}

/// A connection to a database, for one who takes it as a whole. PostgreSQL is read in one transaction and with statements
/// that have no name, so that a pooler of transactions may be in between.
pub(super) enum Raw {
    Postgres(Box<PgConnection>, Purpose),
    Sqlite(Box<SqliteConnection>),
}

/// The URL of an embedded database in this file, whatever its name.
///
/// # Errors
/// The path is not UTF-8.
pub fn url_of(file: &std::path::Path) -> Result<String, MaintenanceError> {
    let path =
        file.to_str().ok_or_else(|| MaintenanceError::new(format!("the path {} is not UTF-8", file.display())))?;
    Ok(format!("sqlite://{}", path.replace('%', "%25").replace('?', "%3F")))
}

/// What the connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    Write,
}

impl Raw {
    /// Connects; never makes a file.
    pub(super) async fn open(url: &str, purpose: Purpose) -> Result<Raw, MaintenanceError> {
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)?
                .create_if_missing(false)
                .foreign_keys(purpose == Purpose::Write)
                .busy_timeout(BUSY)
                .disable_statement_logging();
            let options = if purpose == Purpose::Read { options.pragma("query_only", "on") } else { options };
            return Ok(Raw::Sqlite(Box::new(Box::pin(options.connect()).await?)));
        }
        let options = PgConnectOptions::from_str(url)?
            .application_name("hoursmith")
            .extra_float_digits(None)
            .disable_statement_logging();
        let connected = timeout(CONNECT, Box::pin(options.connect())).await;
        let connected = connected.map_err(|_| MaintenanceError::new("the database did not answer within 5 s"))??;
        let mut raw = Raw::Postgres(Box::new(connected), purpose);
        if purpose == Purpose::Read {
            raw.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        }
        Ok(raw)
    }

    pub(super) fn is_postgres(&self) -> bool {
        matches!(self, Raw::Postgres(..))
    }

    /// Runs statements without values.
    pub(super) async fn run(&mut self, sql: &str) -> Result<(), MaintenanceError> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Raw::Postgres(conn, _) => sql.execute(&mut **conn).await.map(|_| ())?,
            Raw::Sqlite(conn) => sql.execute(&mut **conn).await.map(|_| ())?,
        }
        Ok(())
    }

    /// The rows of a query whose columns hold what `kinds` says.
    pub(super) async fn rows(
        &mut self,
        sql: &str,
        values: &[Value],
        kinds: &[ColumnKind],
    ) -> Result<Vec<Vec<Value>>, MaintenanceError> {
        Ok(match self {
            Raw::Postgres(conn, _) => {
                let rows = bind_postgres(sql, values).fetch_all(&mut **conn).await?;
                rows.iter().map(|row| of_postgres(row, kinds)).collect::<Result<_, _>>()?
            }
            Raw::Sqlite(conn) => {
                let rows = bind_sqlite(sql, values).fetch_all(&mut **conn).await?;
                rows.iter().map(|row| of_sqlite(row, kinds)).collect::<Result<_, _>>()?
            }
        })
    }

    /// The number that a query gives.
    pub(super) async fn number(&mut self, sql: &str) -> Result<i64, MaintenanceError> {
        match self.rows(sql, &[], &[ColumnKind::Integer]).await?.into_iter().flatten().next() {
            Some(Value::Integer(number)) => Ok(number),
            _ => Err(MaintenanceError::new("the database gave no number where one was asked for")),
        }
    }

    /// The texts that a query gives, one per row.
    pub(super) async fn texts(&mut self, sql: &str, values: &[Value]) -> Result<Vec<String>, MaintenanceError> {
        let rows = self.rows(sql, values, &[ColumnKind::Text]).await?;
        Ok(rows
            .into_iter()
            .flatten()
            .filter_map(|value| if let Value::Text(text) = value { Some(text) } else { None })
            .collect())
    }

    /// Inserts rows: by COPY into PostgreSQL, by statements of many rows into SQLite.
    pub(super) async fn insert(
        &mut self,
        table: &str,
        columns: &[(String, ColumnKind)],
        rows: &[Vec<Value>],
    ) -> Result<(), MaintenanceError> {
        if rows.is_empty() {
            return Ok(());
        }
        let names = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        match self {
            Raw::Postgres(conn, _) => {
                let mut text = String::new();
                rows.iter().for_each(|row| copy_line(&mut text, row, columns));
                let mut into = conn.copy_in_raw(&format!("COPY \"{table}\" ({names}) FROM STDIN")).await?;
                into.send(text.into_bytes()).await?;
                into.finish().await?;
            }
            Raw::Sqlite(conn) => {
                // SQLite takes 32,766 values in a statement.
                for some in rows.chunks((32_000 / columns.len().max(1)).clamp(1, 250)) {
                    let row = format!("({})", vec!["?"; columns.len()].join(", "));
                    let sql = format!("INSERT INTO \"{table}\" ({names}) VALUES {}", vec![row; some.len()].join(", "));
                    let values: Vec<Value> = some.iter().flatten().cloned().collect();
                    bind_sqlite(&sql, &values).execute(&mut **conn).await?;
                }
            }
        }
        Ok(())
    }

    /// Closes it; what the database says to that matters to nobody.
    pub(super) async fn close(mut self) {
        if matches!(self, Raw::Postgres(_, Purpose::Read)) {
            // A pooler would end its session with the server if the transaction was left open.
            let _ = self.run("ROLLBACK").await;
        }
        let closed = match self {
            Raw::Postgres(conn, _) => (*conn).close().await,
            Raw::Sqlite(conn) => (*conn).close().await,
        };
        if let Err(cause) = closed {
            tracing::debug!(%cause, "a connection was not closed in order");
        }
    }
}

fn bind_postgres(sql: &str, values: &[Value]) -> Query<'static, Postgres, PgArguments> {
    let query = sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(false);
    values.iter().fold(query, |query, value| match value.clone() {
        Value::Null => query.bind(None::<i64>),
        Value::Integer(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

fn bind_sqlite(sql: &str, values: &[Value]) -> Query<'static, Sqlite, SqliteArguments> {
    values.iter().fold(sqlx::query(AssertSqlSafe(sql.to_owned())), |query, value| match value.clone() {
        Value::Null => query.bind(None::<i64>),
        Value::Integer(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

/// A row whose numbers were cast to BIGINT, dates to TEXT and ids to BYTEA.
fn of_postgres(row: &PgRow, kinds: &[ColumnKind]) -> Result<Vec<Value>, sqlx::Error> {
    let value = |(at, kind): (usize, &ColumnKind)| {
        Ok(match kind {
            ColumnKind::Integer | ColumnKind::Boolean => row.try_get::<Option<i64>, _>(at)?.map(Value::Integer),
            ColumnKind::Date | ColumnKind::Text => row.try_get::<Option<String>, _>(at)?.map(Value::Text),
            ColumnKind::Uuid | ColumnKind::Bytes => row.try_get::<Option<Vec<u8>>, _>(at)?.map(Value::Bytes),
        }
        .unwrap_or(Value::Null))
    };
    kinds.iter().enumerate().map(value).collect()
}

fn of_sqlite(row: &SqliteRow, kinds: &[ColumnKind]) -> Result<Vec<Value>, sqlx::Error> {
    // What is stored counts, not what the column was declared as.
    let value = |(at, kind): (usize, &ColumnKind)| {
        Ok(match kind {
            ColumnKind::Integer | ColumnKind::Boolean => {
                row.try_get_unchecked::<Option<i64>, _>(at)?.map(Value::Integer)
            }
            ColumnKind::Date | ColumnKind::Text => row.try_get_unchecked::<Option<String>, _>(at)?.map(Value::Text),
            ColumnKind::Uuid | ColumnKind::Bytes => row.try_get_unchecked::<Option<Vec<u8>>, _>(at)?.map(Value::Bytes),
        }
        .unwrap_or(Value::Null))
    };
    kinds.iter().enumerate().map(value).collect()
}

/// A row in the text format of COPY.
fn copy_line(line: &mut String, row: &[Value], columns: &[(String, ColumnKind)]) {
    for (at, (value, (_, kind))) in row.iter().zip(columns).enumerate() {
        if at > 0 {
            line.push('\t');
        }
        match value {
            Value::Null => line.push_str("\\N"),
            Value::Integer(number) if *kind == ColumnKind::Boolean => line.push(if *number == 0 { 'f' } else { 't' }),
            Value::Integer(number) => line.push_str(&number.to_string()),
            Value::Text(text) => text.chars().for_each(|c| match c {
                '\\' => line.push_str("\\\\"),
                '\t' => line.push_str("\\t"),
                '\n' => line.push_str("\\n"),
                '\r' => line.push_str("\\r"),
                c => line.push(c),
            }),
            Value::Bytes(bytes) => {
                if *kind != ColumnKind::Uuid {
                    line.push_str("\\\\x");
                }
                for byte in bytes {
                    // Writing to a text cannot fail.
                    let _ = write!(line, "{byte:02x}");
                }
            }
        }
    }
    line.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_written_for_copy() {
        let columns = [
            ColumnKind::Uuid,
            ColumnKind::Bytes,
            ColumnKind::Boolean,
            ColumnKind::Integer,
            ColumnKind::Text,
            ColumnKind::Text,
            ColumnKind::Date,
        ];
        let columns: Vec<(String, ColumnKind)> = columns.iter().map(|kind| (String::new(), *kind)).collect();
        let row = [
            Value::Bytes(vec![1, 0xab]),
            Value::Bytes(vec![0, 0xff]),
            Value::Integer(1),
            Value::Integer(-7),
            Value::Text("a\tb\\N\nc\rd".into()),
            Value::Null,
            Value::Text("2026-11-30".into()),
        ];
        let mut line = String::new();
        copy_line(&mut line, &row, &columns);
        assert_eq!(line, "01ab\t\\\\x00ff\tt\t-7\ta\\tb\\\\N\\nc\\rd\t\\N\t2026-11-30\n");
    }
}
