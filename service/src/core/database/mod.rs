//! The database: on SQLite one writer beside readers, on PostgreSQL one pool for both. Only the door and `auth` come here.

mod connection;
mod direct;
mod permits;
mod pool;
mod pooler;
mod sent;
mod space;
mod taken;
mod transaction;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use entity::value::Timestamp;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use tokio::time::Instant;

use self::connection::Options;
pub(crate) use self::connection::Ready;
use self::direct::Direct;
pub(crate) use self::permits::Class;
use self::pool::Pool;
use self::transaction::of_driver;
pub(crate) use self::transaction::{Beginning, Begun, Reader, Tx};
pub(crate) use crate::contract::error::is_full;

/// How long SQLite waits for another process, which has its file, before it gives up.
const BUSY: Duration = Duration::from_secs(10);
/// How long it may take to say whether the database is ready.
const READY: Duration = Duration::from_secs(1);
const READERS: usize = 4;

/// How the database is reached.
#[derive(Clone, Debug)]
pub(crate) struct Settings<'a> {
    /// `sqlite://…` or `postgres://…`.
    pub(crate) url: &'a str,
    /// A way to PostgreSQL past a pooler.
    pub(crate) direct_url: Option<&'a str>,
    /// Connections to PostgreSQL, at most.
    pub(crate) connections: u32,
    /// How long an operation may take in all.
    pub(crate) timeout: Duration,
    /// Whether this process serves, which other commands respect.
    pub(crate) serves: bool,
}

/// A migrated database. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Database {
    reader: Reader,
    readers: Arc<Pool>,
    writers: Arc<Pool>,
    backend: DbBackend,
    timeout: Duration,
    /// How to listen to PostgreSQL, if that is possible.
    listen: Option<Arc<PgConnectOptions>>,
}

impl Database {
    pub(crate) async fn connect(settings: Settings<'_>) -> Result<Database, DbErr> {
        if settings.url.starts_with("sqlite:") {
            let options = |read_only| Ok(Options::Sqlite(Box::new(sqlite(settings.url, read_only)?)));
            let writers = Pool::open(options(false).map_err(of_driver)?, 1, None).await.map_err(of_driver)?;
            let readers = Pool::open(options(true).map_err(of_driver)?, READERS, None).await.map_err(of_driver)?;
            let file = sqlite(settings.url, true).map_err(of_driver)?.get_filename().to_owned();
            let mut database = Self::of(readers, writers, DbBackend::Sqlite, settings.timeout, None);
            database.reader.set_direct(Direct::new(file));
            return Ok(database);
        }
        let postgres = |url: &str| postgres(url, settings.serves);
        let options = postgres(settings.url).map_err(of_driver)?;
        let pooler = pooler::find(&Options::Postgres(Box::new(options.clone()))).await.map_err(of_driver)?;
        let direct = settings.direct_url.map(postgres).transpose().map_err(of_driver)?;
        let listen = match (pooler, direct) {
            (_, Some(direct)) => Some(direct),
            (None, None) => Some(options.clone()),
            (Some(_), None) => None,
        };
        if let Some(pooler) = pooler {
            let statements = if pooler.keeps_statements { "kept" } else { "not kept" };
            let listening = if listen.is_some() { "over the direct URL" } else { "off, a poll stands in" };
            let found = "a pooler is between this process and PostgreSQL";
            match settings.serves {
                true => tracing::info!(statements, listening, "{found}"),
                false => tracing::debug!(statements, listening, "{found}"),
            }
        }
        let size = usize::try_from(settings.connections).unwrap_or(1);
        let pool = Pool::open(Options::Postgres(Box::new(options)), size, pooler).await.map_err(of_driver)?;
        Ok(Self::of(pool.clone(), pool, DbBackend::Postgres, settings.timeout, listen.map(Arc::new)))
    }

    fn of(
        readers: Arc<Pool>,
        writers: Arc<Pool>,
        backend: DbBackend,
        timeout: Duration,
        listen: Option<Arc<PgConnectOptions>>,
    ) -> Database {
        Database { reader: Reader::new(readers.clone(), backend, timeout), readers, writers, backend, timeout, listen }
    }

    /// For single statements, each of which may take as long as an operation.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// For single statements of a class, of an operation that must have its answer by then.
    pub(crate) fn reader_for(&self, class: Class, deadline: Option<Instant>) -> Reader {
        self.reader.with(class, deadline)
    }

    /// When an operation that begins now must have its answer.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.backend == DbBackend::Postgres
    }

    /// A transaction that may write.
    pub(crate) async fn begin(&self) -> Result<Tx, DbErr> {
        let begun = self.begin_asking(&Beginning::default(), None).await?;
        begun.tx.ok_or_else(|| DbErr::Custom("a transaction did not begin".into()))
    }

    /// A transaction that may write, of an operation that must have its answer by `deadline`; `asked` is read when it begins.
    pub(crate) async fn begin_asking(&self, asked: &Beginning, deadline: Option<Instant>) -> Result<Begun, DbErr> {
        let deadline = deadline.unwrap_or_else(|| self.deadline());
        Tx::begin(&self.writers, self.backend, asked, deadline, deadline).await
    }

    /// A transaction as `begin_asking` begins it, which must have begun by `begin_by`; its statements have until `deadline`.
    pub(crate) async fn begin_by(
        &self,
        asked: &Beginning,
        begin_by: Instant,
        deadline: Option<Instant>,
    ) -> Result<Begun, DbErr> {
        let deadline = deadline.unwrap_or_else(|| self.deadline());
        Tx::begin(&self.writers, self.backend, asked, begin_by.min(deadline), deadline).await
    }

    /// Lets SQLite find out how many rows its indexes lead to, where that has changed much: without that it takes a workspace
    /// for a few rows.
    pub(crate) async fn optimize(&self, all: bool) -> Result<(), DbErr> {
        if self.is_postgres() {
            return Ok(());
        }
        let until = self.deadline();
        let mut taken = self.writers.take(Class::General(None), until).await?;
        let sql = if all { "PRAGMA analysis_limit = 1000; PRAGMA optimize = 0x10002" } else { "PRAGMA optimize" };
        taken.simple(sql, until).await?;
        Ok(())
    }

    /// The time that PostgreSQL has; SQLite has none of its own.
    pub(crate) async fn time(&self) -> Result<Option<Timestamp>, DbErr> {
        if !self.is_postgres() {
            return Ok(None);
        }
        let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT AS now";
        let row = self.reader.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
        row.map(|row| row.try_get("", "now").map(Timestamp::from_millis)).transpose()
    }

    /// The program and its release, such as `SQLite 3.50.4`.
    pub(crate) async fn version(&self) -> Result<String, DbErr> {
        let sql = match self.backend {
            DbBackend::Postgres => {
                "SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1) AS version"
            }
            _ => "SELECT 'SQLite ' || sqlite_version() AS version",
        };
        let row = self.reader.query_one_raw(Statement::from_string(self.backend, sql)).await?;
        row.map_or_else(|| Ok(String::new()), |row| row.try_get("", "version"))
    }

    /// Whether this database has the last of these steps and no other one that is breaking, if it says so within a second.
    pub(crate) async fn fits(&self, steps: &[String]) -> Result<bool, DbErr> {
        let Some(last) = steps.last() else { return Ok(true) };
        let places = (2..steps.len() + 2).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "SELECT (SELECT COUNT(*) FROM seaql_migrations WHERE version = $1) AS own, \
             (SELECT COUNT(*) FROM migration_mark WHERE NOT compatible AND name NOT IN ({places})) AS breaking"
        );
        let values = std::iter::once(last).chain(steps).map(|step| step.as_str().into());
        let statement = Statement::from_sql_and_values(self.backend, sql, values);
        let reader = self.reader_for(Class::Authentication, Some(Instant::now() + READY));
        let Some(row) = reader.query_one_raw(statement).await? else { return Ok(false) };
        Ok(row.try_get::<i64>("", "own")? > 0 && row.try_get::<i64>("", "breaking")? == 0)
    }

    /// Opens a connection that hears notifications; none on SQLite, or behind a pooler without a way past it.
    pub(crate) async fn listener(&self) -> Result<Option<PgListener>, sea_orm::sqlx::Error> {
        let Some(options) = &self.listen else { return Ok(None) };
        let one = PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_secs(5));
        let pool = one.connect_with(options.as_ref().clone()).await?;
        Ok(Some(PgListener::connect_with(&pool).await?))
    }

    /// Whether notifications of other replicas can be received at all.
    pub(crate) fn can_listen(&self) -> bool {
        self.listen.is_some()
    }

    pub(crate) async fn close(&self) -> Result<(), DbErr> {
        // It is only of use to the next process.
        if let Err(error) = self.optimize(false).await {
            tracing::debug!(%error, "the statistics of the database were not brought up to date");
        }
        self.reader.close();
        self.readers.close().await.map_err(of_driver)?;
        self.writers.close().await.map_err(of_driver)
    }

    /// Connections in use and idle, for metrics.
    pub(crate) fn usage(&self) -> (usize, usize) {
        self.writers.usage()
    }

    /// How many wait for a connection, and how many connections there may be, for metrics.
    pub(crate) fn waiting_and_size(&self) -> (usize, usize) {
        let (waiting, size) = self.writers.waiting_and_size();
        if Arc::ptr_eq(&self.readers, &self.writers) {
            return (waiting, size);
        }
        let (reading, readers) = self.readers.waiting_and_size();
        (waiting + reading, size + readers)
    }

    /// Whether the database cannot be reached, as far as is known.
    pub(crate) fn is_away(&self) -> bool {
        self.writers.is_away()
    }

    /// Whether the last write found the database's disk full.
    pub(crate) fn is_full(&self) -> bool {
        self.writers.space().is_full()
    }

    /// Messages to the database so far, each of which had one answer.
    pub(crate) fn round_trips(&self) -> u64 {
        let readers = if Arc::ptr_eq(&self.readers, &self.writers) { 0 } else { self.readers.round_trips() };
        readers + self.writers.round_trips()
    }

    /// Reports every statement: tests count them.
    pub(crate) fn on_statement(&mut self, report: impl Fn(&str) + Send + Sync + 'static) {
        let report: pool::Watch = Arc::new(report);
        self.readers.set_watch(report.clone());
        self.writers.set_watch(report);
    }
}

/// Whether a pooler is between this process and a PostgreSQL, and if so whether it keeps prepared statements.
pub(crate) async fn find_pooler(options: PgConnectOptions) -> Result<Option<bool>, sea_orm::sqlx::Error> {
    let options = sea_orm::sqlx::ConnectOptions::disable_statement_logging(options.extra_float_digits(None));
    Ok(pooler::find(&Options::Postgres(Box::new(options))).await?.map(|pooler| pooler.keeps_statements))
}

/// What a server calls itself to PostgreSQL; `migration` looks for the name before a command migrates.
const SERVER: &str = "hoursmith serve";
/// What other commands call themselves.
const COMMAND: &str = "hoursmith";

/// Nothing that a pooler refuses: no start-up options, and nothing that lasts beyond a transaction.
fn postgres(url: &str, serves: bool) -> Result<PgConnectOptions, sea_orm::sqlx::Error> {
    let name = if serves { SERVER } else { COMMAND };
    let options = PgConnectOptions::from_str(url)?.application_name(name).extra_float_digits(None);
    Ok(sea_orm::sqlx::ConnectOptions::disable_statement_logging(options))
}

fn sqlite(url: &str, read_only: bool) -> Result<SqliteConnectOptions, sea_orm::sqlx::Error> {
    let options = SqliteConnectOptions::from_str(url)?
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY);
    let options = if read_only { options.pragma("query_only", "on") } else { options };
    Ok(sea_orm::sqlx::ConnectOptions::disable_statement_logging(options))
}
