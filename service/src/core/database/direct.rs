//! Short reads of SQLite, made where the request is. The driver of the pool sends every statement to a thread of its own and
//! waits for it to come back: that cost several times what a read by key costs. Long reads and writes stay there.
//!
//! Decision: `docs/decisions/0061-short-reads-of-sqlite-where-the-request-is.md`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::NaiveDate;
use entity::cells::{Cells, FromCells};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, ToSql};
use sea_orm::{DbErr, Value};
use tokio::time::Instant;
use uuid::Uuid;

use super::connection::Ready;

/// How long a read may hold the task of its request, and with it a thread of the runtime. What takes longer is made by the
/// pool, which has threads of its own.
const MAX_TIME: Duration = Duration::from_millis(20);
/// SQLite asks after so many of its steps whether that time is over.
const STEPS: i32 = 2_000;
/// Connections that are kept for the next reads.
const IDLE: usize = 4;
/// Texts that a connection has prepared, at most.
const PREPARED: usize = 128;

/// The reads of one file.
pub(super) struct Direct {
    file: PathBuf,
    began: Instant,
    idle: Mutex<Vec<Kept>>,
}

/// A connection, and when what runs on it is to end, in milliseconds since the beginning.
struct Kept {
    conn: Connection,
    until: Arc<AtomicU64>,
}

impl Direct {
    pub(super) fn new(file: PathBuf) -> Direct {
        Direct { file, began: Instant::now(), idle: Mutex::default() }
    }

    /// The rows of a statement; none if they have to be read another way: because that takes longer than it may here, because
    /// the file is in use, or because a value has no form here.
    pub(super) fn rows<T: FromCells>(&self, ready: &Ready, until: Instant) -> Option<Result<Vec<T>, DbErr>> {
        let values: Vec<Bound<'_>> = ready.values.0.iter().map(Bound::of).collect::<Option<_>>()?;
        let found = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let kept = match found {
            Some(kept) => kept,
            None => self.open().ok()?,
        };
        let until = until.min(Instant::now() + MAX_TIME).saturating_duration_since(self.began).as_millis();
        kept.until.store(u64::try_from(until).unwrap_or(u64::MAX), Ordering::Relaxed);
        match read(&kept.conn, ready, &values) {
            Ok(rows) => {
                self.keep(kept);
                Some(rows)
            }
            Err(error) => {
                tracing::debug!(%error, "a read is made another way");
                if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) {
                    self.keep(kept);
                }
                None
            }
        }
    }

    fn keep(&self, kept: Kept) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(kept);
        }
    }

    fn open(&self) -> rusqlite::Result<Kept> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&self.file, flags)?;
        conn.pragma_update(None, "query_only", "on")?;
        // Otherwise a statement is prepared anew whenever other values are bound to it than before: for values that the
        // statistics say something about. Short reads go by the same index for all values.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // Nobody waits here for what another process does with the file.
        conn.busy_timeout(Duration::ZERO)?;
        conn.set_prepared_statement_cache_capacity(PREPARED);
        let (until, began) = (Arc::new(AtomicU64::new(0)), self.began);
        let deadline = until.clone();
        let is_late = move || began.elapsed().as_millis() >= u128::from(deadline.load(Ordering::Relaxed));
        conn.progress_handler(STEPS, Some(is_late))?;
        Ok(Kept { conn, until })
    }

    /// Closes what is idle.
    pub(super) fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn read<T: FromCells>(
    conn: &Connection,
    ready: &Ready,
    values: &[Bound<'_>],
) -> rusqlite::Result<Result<Vec<T>, DbErr>> {
    let mut statement = conn.prepare_cached(&ready.text)?;
    for (index, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, value)?;
    }
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        match T::from_part(&Here(row), ready.columns) {
            Ok(read) => found.push(read),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(found))
}

/// A value as SQLite stores it.
enum Bound<'a> {
    Null,
    Integer(i64),
    Text(&'a str),
    Written(String),
    Blob(&'a [u8]),
}

impl Bound<'_> {
    fn of(value: &Value) -> Option<Bound<'_>> {
        let integer = |number: Option<i64>| number.map_or(Bound::Null, Bound::Integer);
        Some(match value {
            Value::Bool(flag) => integer(flag.map(i64::from)),
            Value::SmallInt(number) => integer(number.map(i64::from)),
            Value::Int(number) => integer(number.map(i64::from)),
            Value::BigInt(number) => integer(*number),
            Value::String(text) => text.as_deref().map_or(Bound::Null, Bound::Text),
            Value::Bytes(bytes) => bytes.as_deref().map_or(Bound::Null, Bound::Blob),
            Value::Uuid(id) => id.as_ref().map_or(Bound::Null, |id| Bound::Blob(id.as_bytes())),
            Value::ChronoDate(date) => date.map_or(Bound::Null, |date| Bound::Written(date.format("%F").to_string())),
            _ => return None,
        })
    }
}

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Bound::Null => ValueRef::Null,
            Bound::Integer(number) => ValueRef::Integer(*number),
            Bound::Text(text) => ValueRef::Text(text.as_bytes()),
            Bound::Written(text) => ValueRef::Text(text.as_bytes()),
            Bound::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// A row of the statement that is read at the moment.
struct Here<'a>(&'a Row<'a>);

fn wrong(column: usize, wanted: &str) -> DbErr {
    DbErr::Type(format!("column {column} of a row is no {wanted}"))
}

impl Here<'_> {
    fn read<T>(
        &self,
        column: usize,
        wanted: &str,
        of: impl FnOnce(ValueRef<'_>) -> Option<T>,
    ) -> Result<Option<T>, DbErr> {
        match self.0.get_ref(column) {
            Ok(ValueRef::Null) => Ok(None),
            Ok(value) => of(value).map(Some).ok_or_else(|| wrong(column, wanted)),
            Err(error) => Err(DbErr::Type(format!("a row cannot be read: {error}"))),
        }
    }
}

fn integer(value: ValueRef<'_>) -> Option<i64> {
    value.as_i64().ok()
}

/// A day as it is stored: `2026-06-11`.
fn day(value: ValueRef<'_>) -> Option<NaiveDate> {
    value.as_str().ok()?.parse().ok()
}

impl Cells for Here<'_> {
    fn uuid(&self, column: usize) -> Result<Option<Uuid>, DbErr> {
        self.read(column, "UUID", |value| Uuid::from_slice(value.as_blob().ok()?).ok())
    }

    fn long(&self, column: usize) -> Result<Option<i64>, DbErr> {
        self.read(column, "number", integer)
    }

    fn int(&self, column: usize) -> Result<Option<i32>, DbErr> {
        self.read(column, "number", |value| integer(value)?.try_into().ok())
    }

    fn small(&self, column: usize) -> Result<Option<i16>, DbErr> {
        self.read(column, "number", |value| integer(value)?.try_into().ok())
    }

    fn flag(&self, column: usize) -> Result<Option<bool>, DbErr> {
        self.read(column, "flag", |value| integer(value).map(|number| number != 0))
    }

    fn text(&self, column: usize) -> Result<Option<String>, DbErr> {
        self.read(column, "text", |value| value.as_str().ok().map(str::to_owned))
    }

    fn bytes(&self, column: usize) -> Result<Option<Vec<u8>>, DbErr> {
        self.read(column, "bytes", |value| value.as_blob().ok().map(<[u8]>::to_vec))
    }

    fn date(&self, column: usize) -> Result<Option<NaiveDate>, DbErr> {
        self.read(column, "day", day)
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::Values;

    use entity::cells::Columns;

    use super::*;

    struct Row3(Option<Uuid>, Option<String>, Option<NaiveDate>);

    impl FromCells for Row3 {
        const WIDTH: usize = 3;

        fn from_cells<C: Cells>(cells: &C, first: usize) -> Result<Row3, DbErr> {
            Ok(Row3(cells.uuid(first)?, cells.text(first + 1)?, cells.date(first + 2)?))
        }
    }

    fn ready(text: &str, values: Vec<Value>) -> Ready {
        Ready { text: text.into(), values: Values(values), columns: Columns::ALL }
    }

    fn file(name: &str) -> PathBuf {
        let file = std::env::temp_dir().join(format!("hoursmith-direct-{}-{name}.db", std::process::id()));
        Connection::open(&file).expect("a file").execute("CREATE TABLE IF NOT EXISTS t (n)", []).expect("a table");
        file
    }

    #[tokio::test]
    async fn values_come_back_as_they_went() {
        let file = file("values");
        let direct = Direct::new(file.clone());
        let (id, day) = (Uuid::from_u128(7), NaiveDate::from_ymd_opt(2026, 6, 11));
        let until = Instant::now() + Duration::from_secs(5);
        let values = vec![id.into(), "straße".into(), day.into()];
        let rows: Vec<Row3> = direct.rows(&ready("SELECT ?, ?, ?", values), until).expect("it is read").expect("rows");
        assert!(
            matches!(&rows[..], [Row3(one, Some(text), read)] if *one == Some(id) && text == "straße" && *read == day)
        );
        let nulls = vec![Value::Uuid(None), Value::String(None), Value::ChronoDate(None)];
        let rows: Vec<Row3> = direct.rows(&ready("SELECT ?, ?, ?", nulls), until).expect("it is read").expect("rows");
        assert!(matches!(&rows[..], [Row3(None, None, None)]));
        let refused = direct.rows::<Row3>(&ready("INSERT INTO t VALUES (1) RETURNING n, n, n", vec![]), until);
        assert!(refused.is_none(), "it only reads");
        std::fs::remove_file(file).expect("the file");
    }

    #[tokio::test]
    async fn what_takes_too_long_is_given_up() {
        let file = file("late");
        let direct = Direct::new(file.clone());
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT NULL, NULL, NULL FROM n \
                       WHERE i < 0";
        let until = Instant::now() + Duration::from_secs(15);
        assert!(direct.rows::<Row3>(&ready(endless, vec![]), until).is_none());
        assert!(until - Instant::now() > Duration::from_secs(10), "long before the deadline of the operation");
        let short = direct.rows::<Row3>(&ready("SELECT NULL, NULL, NULL", vec![]), until);
        assert!(matches!(short, Some(Ok(rows)) if rows.len() == 1), "the connection goes on");
        std::fs::remove_file(file).expect("the file");
    }
}
