//! One connection to either database, and what became of a statement on it.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use entity::cells::{Cells, Columns, FromCells};
use futures_util::TryStreamExt;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sea_orm::sqlx::{self, AssertSqlSafe, ConnectOptions, Connection, Executor, Row};
use sea_orm::{ConnAcquireErr, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Value, Values};
use sea_query_sqlx::SqlxValues;
use tokio::time::{Instant, timeout_at};

use super::transaction::{Beginning, PREPARE_BEGINNING};

/// SQLite asks after so many of its steps whether anybody still waits for the statement.
const STEPS: i32 = 20_000;
/// A statement that binds more values than this is not kept as a prepared one on PostgreSQL: its text depends on the number of
/// its rows, and such texts would push those of every request out of the connection's memory.
const PREPARED_VALUES: usize = 300;

/// What a session begins with: PostgreSQL ends by itself what takes longer than an operation may, and what its client has
/// forgotten. Not behind a pooler, whose sessions others use too.
const SESSION: &str = "SET statement_timeout = 15000; SET idle_in_transaction_session_timeout = 20000; \
    SELECT pg_backend_pid()";

/// How connections are opened.
#[derive(Clone, Debug)]
pub(super) enum Options {
    Postgres(Box<PgConnectOptions>),
    Sqlite(Box<SqliteConnectOptions>),
}

/// A connection.
pub(super) enum Conn {
    Postgres {
        conn: Box<PgConnection>,
        /// The process of the server that works for it; none behind a pooler, where it changes.
        process: Option<i32>,
        /// Whether statements are prepared once under a name; false behind a pooler that loses them.
        named: bool,
        /// Whether it has prepared what a transaction with a key begins with.
        begins: bool,
    },
    Sqlite {
        conn: Box<SqliteConnection>,
        /// Nobody waits any more for what runs.
        abandoned: Arc<AtomicBool>,
    },
}

/// A statement as it is sent: a text that each connection prepares once, and its values.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) text: Arc<str>,
    pub(crate) values: Values,
    /// Which columns of a table it reads, where it may read a part of them.
    pub(crate) columns: Columns,
}

impl From<Statement> for Ready {
    /// Puts the number of rows that are asked for into the text. As a value it would be unknown to a plan that is made once, so
    /// that PostgreSQL would plan the statement anew each time. Everything else is bound: `$` and `?` are placeholders.
    fn from(statement: Statement) -> Ready {
        let Statement { sql, values, db_backend } = statement;
        let mark = if db_backend == DbBackend::Postgres { '$' } else { '?' };
        let mut parts = sql.split(mark);
        let mut text = String::with_capacity(sql.len());
        text.push_str(parts.next().unwrap_or_default());
        let mut bound = Vec::new();
        let mut values = values.into_iter().flat_map(|values| values.0);
        for part in parts {
            match values.next() {
                Some(Value::BigUnsigned(Some(rows))) => _ = write!(text, "{rows}"),
                value => {
                    text.push(mark);
                    bound.extend(value);
                    if mark == '$' {
                        _ = write!(text, "{}", bound.len());
                    }
                }
            }
            text.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
        }
        Ready { text: text.into(), values: Values(bound), columns: Columns::ALL }
    }
}

/// What is asked of a statement.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ask {
    /// How many rows it changed.
    Execute,
    /// Its first row.
    One,
    /// All of its rows.
    All,
}

/// What a statement gave.
pub(super) enum Got {
    Executed(ExecResult),
    Rows(Vec<QueryResult>),
}

/// Why a statement gave nothing.
#[derive(Debug)]
pub(super) enum Fault {
    /// The connection is of no use any more.
    Lost(sqlx::Error),
    /// The deadline came first. What runs is given up with its connection.
    Late,
    /// The database refused the statement; the connection is as good as before.
    Refused(sqlx::Error),
}

impl From<Fault> for DbErr {
    fn from(fault: Fault) -> DbErr {
        match fault {
            Fault::Lost(error) => DbErr::Conn(RuntimeErr::SqlxError(error.into())),
            Fault::Late => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
            Fault::Refused(error) => DbErr::Query(RuntimeErr::SqlxError(error.into())),
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Fault {
        if is_lost(&error) { Fault::Lost(error) } else { Fault::Refused(error) }
    }
}

/// Whether an error says that the connection, and not the statement, is at fault.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            // The server stops, starts, or has ended this session; a pooler has lost its server; the plan of a prepared
            // statement does not fit a changed table.
            matches!(&*code, "57P01" | "57P02" | "57P03" | "57P05" | "25P03")
                || (code.len() == 5 && code.starts_with("08"))
                || (code == "0A000" && error.message().starts_with("cached plan"))
        }
        _ => false,
    }
}

/// Whether the server answers at all, and only this connection was not to be had.
pub(super) fn is_refused_for_now(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().is_some_and(|code| !code.starts_with("57P")))
}

impl Options {
    /// Opens a connection. That takes much room, which those who find one need not have.
    pub(super) async fn open(&self, pooled: Option<super::pooler::Pooler>) -> Result<Conn, sqlx::Error> {
        match self {
            Options::Postgres(options) => {
                let mut conn = Box::new(Box::pin(options.connect()).await?);
                let named = pooled.is_none_or(|pooler| pooler.keeps_statements);
                let process = match pooled {
                    Some(_) => None,
                    None => Some(conn.fetch_one(sqlx::raw_sql(SESSION)).await?.try_get(0)?),
                };
                Ok(Conn::Postgres { conn, process, named, begins: false })
            }
            Options::Sqlite(options) => {
                let mut conn = Box::new(Box::pin(options.connect()).await?);
                let abandoned = Arc::new(AtomicBool::new(false));
                let asked = abandoned.clone();
                conn.lock_handle().await?.set_progress_handler(STEPS, move || !asked.load(Ordering::Relaxed));
                Ok(Conn::Sqlite { conn, abandoned })
            }
        }
    }
}

/// Reads a row; after one that cannot be read, the others are only passed over.
fn add<T: FromCells>(found: &mut Result<Vec<T>, DbErr>, row: &impl Cells, columns: Columns) {
    if let Ok(rows) = found {
        match T::from_part(row, columns) {
            Ok(read) => rows.push(read),
            Err(error) => *found = Err(error),
        }
    }
}

fn values(values: &Option<Values>) -> SqlxValues {
    SqlxValues(values.clone().unwrap_or_else(|| Values(vec![])))
}

impl Conn {
    /// Runs one prepared statement.
    pub(super) async fn run(&mut self, ask: Ask, statement: &Statement, until: Instant) -> Result<Got, Fault> {
        let sql = AssertSqlSafe(statement.sql.as_str());
        let running = async {
            match self {
                Conn::Postgres { conn, named, .. } => {
                    let few = statement.values.as_ref().is_none_or(|values| values.0.len() <= PREPARED_VALUES);
                    let query = sqlx::query_with(sql, values(&statement.values)).persistent(*named && few);
                    let row = <QueryResult as From<PgRow>>::from;
                    match ask {
                        Ask::Execute => Ok(Got::Executed(conn.execute(query).await?.into())),
                        Ask::One => Ok(Got::Rows(conn.fetch_optional(query).await?.map(row).into_iter().collect())),
                        Ask::All => Ok(Got::Rows(conn.fetch_all(query).await?.into_iter().map(row).collect())),
                    }
                }
                Conn::Sqlite { conn, .. } => {
                    let query = sqlx::query_with(sql, values(&statement.values));
                    let row = <QueryResult as From<SqliteRow>>::from;
                    match ask {
                        Ask::Execute => Ok(Got::Executed(conn.execute(query).await?.into())),
                        Ask::One => Ok(Got::Rows(conn.fetch_optional(query).await?.map(row).into_iter().collect())),
                        Ask::All => Ok(Got::Rows(conn.fetch_all(query).await?.into_iter().map(row).collect())),
                    }
                }
            }
        };
        timeout_at(until, running).await.map_err(|_| Fault::Late)?.map_err(|error: sqlx::Error| error.into())
    }

    /// Runs one prepared statement and reads its rows by the places of their columns.
    pub(super) async fn rows<T: FromCells>(&mut self, ready: &Ready, until: Instant) -> Result<Vec<T>, Fault> {
        let (sql, values) = (AssertSqlSafe(ready.text.clone()), SqlxValues(ready.values.clone()));
        let running = async {
            let mut found = Ok(Vec::new());
            match self {
                Conn::Postgres { conn, named, .. } => {
                    let mut rows = conn.fetch(sqlx::query_with(sql, values).persistent(*named));
                    while let Some(row) = rows.try_next().await? {
                        add(&mut found, &row, ready.columns);
                    }
                }
                Conn::Sqlite { conn, .. } => {
                    let mut rows = conn.fetch(sqlx::query_with(sql, values));
                    while let Some(row) = rows.try_next().await? {
                        add(&mut found, &row, ready.columns);
                    }
                }
            }
            found.map_err(|error| sqlx::Error::Decode(error.into()))
        };
        timeout_at(until, running).await.map_err(|_| Fault::Late)?.map_err(|error: sqlx::Error| error.into())
    }

    /// Runs statements without values in one message; gives the rows of the last one that has any.
    pub(super) async fn simple(&mut self, sql: &str, until: Instant) -> Result<Vec<QueryResult>, Fault> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let running = async {
            match self {
                Conn::Postgres { conn, .. } => {
                    Ok(conn.fetch_all(sql).await?.into_iter().map(QueryResult::from).collect())
                }
                Conn::Sqlite { conn, .. } => {
                    Ok(conn.fetch_all(sql).await?.into_iter().map(QueryResult::from).collect())
                }
            }
        };
        timeout_at(until, running).await.map_err(|_| Fault::Late)?.map_err(|error: sqlx::Error| error.into())
    }

    /// Runs the message that a transaction begins with. A session of its own has planned what is asked in it, so that it is not
    /// planned anew for each transaction.
    pub(super) async fn begin(&mut self, asked: &Beginning, until: Instant) -> Result<Vec<QueryResult>, Fault> {
        let (backend, own, known) = match self {
            Conn::Postgres { process, begins, .. } => (DbBackend::Postgres, process.is_some(), *begins),
            Conn::Sqlite { .. } => (DbBackend::Sqlite, true, false),
        };
        let planned = if own { asked.planned(backend) } else { None };
        let Some(planned) = planned else { return self.simple(&asked.sql(backend, !own), until).await };
        let rows = match known {
            true => self.simple(&planned, until).await?,
            false => self.simple(&format!("{PREPARE_BEGINNING}; {planned}"), until).await?,
        };
        if let Conn::Postgres { begins, .. } = self {
            *begins = true;
        }
        Ok(rows)
    }

    /// Whether a single statement must have a transaction around it, so that a pooler leaves it one server from its
    /// preparation to its rows.
    pub(super) fn wants_transaction(&self) -> bool {
        matches!(self, Conn::Postgres { named: false, .. })
    }

    /// The process of PostgreSQL that works for this connection.
    pub(super) fn process(&self) -> Option<i32> {
        match self {
            Conn::Postgres { process, .. } => *process,
            Conn::Sqlite { .. } => None,
        }
    }

    /// Whether it still answers.
    pub(super) async fn ping(&mut self, until: Instant) -> bool {
        let answer = async {
            match self {
                Conn::Postgres { conn, .. } => conn.ping().await.is_ok(),
                Conn::Sqlite { .. } => true,
            }
        };
        timeout_at(until, answer).await.unwrap_or(false)
    }

    /// Lets what runs on SQLite end soon, since nobody waits for it.
    pub(super) fn abandon(&self) {
        if let Conn::Sqlite { abandoned, .. } = self {
            abandoned.store(true, Ordering::Relaxed);
        }
    }

    /// Takes leave of the database.
    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Conn::Postgres { conn, .. } => (*conn).close().await,
            Conn::Sqlite { conn, .. } => (*conn).close().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_many_rows_are_asked_for_stands_in_the_text() {
        for (backend, sql, text) in [
            (DbBackend::Postgres, "a = $1 LIMIT $2 b = $3", "a = $1 LIMIT 51 b = $2"),
            (DbBackend::Sqlite, "a = ? LIMIT ? b = ?", "a = ? LIMIT 51 b = ?"),
        ] {
            let values = [Value::from(1_i64), Value::from(51_u64), Value::from("x")];
            let ready = Ready::from(Statement::from_sql_and_values(backend, sql, values));
            assert_eq!((&*ready.text, ready.values.0), (text, vec![Value::from(1_i64), Value::from("x")]));
        }
        let unbound = Ready::from(Statement::from_string(DbBackend::Sqlite, "SELECT ?"));
        assert_eq!(&*unbound.text, "SELECT ?");
    }
}
