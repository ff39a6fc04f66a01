//! The pools: on SQLite one writer beside readers, on PostgreSQL one for both. Only the door and `auth` come here.

use std::time::Duration;

use entity::value::Timestamp;
use sea_orm::sqlx::Connection;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database as SeaOrm, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};

/// How long a request waits for a connection or for SQLite's writer before it is given up.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A statement that runs longer is cut by PostgreSQL. An operation over GraphQL is given up before, and is told why.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(20);
/// Connections that were idle for longer are tried before use.
const IDLE_BEFORE_PING: Duration = Duration::from_secs(30);
const READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;

/// What single reads run on.
pub(crate) type Reader = DatabaseConnection;
/// A transaction that may write.
pub(crate) type Tx = DatabaseTransaction;

/// A migrated database.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
}

impl Database {
    pub(crate) async fn connect(url: &str) -> Result<Database, DbErr> {
        if url.starts_with("sqlite:") {
            let writer = SeaOrm::connect(sqlite(url, 1, false)).await?;
            let reader = SeaOrm::connect(sqlite(url, READERS, true)).await?;
            Ok(Database { reader, writer })
        } else {
            let mut options = ConnectOptions::new(url);
            options
                .max_connections(POSTGRES_CONNECTIONS)
                .min_connections(1)
                .connect_timeout(TIMEOUT)
                .acquire_timeout(TIMEOUT)
                .statement_timeout(STATEMENT_TIMEOUT)
                .test_before_acquire_if_idle_for(IDLE_BEFORE_PING)
                .set_application_name("hoursmith")
                .sqlx_logging(false);
            let pool = SeaOrm::connect(options).await?;
            Ok(Database { reader: pool.clone(), writer: pool })
        }
    }

    /// For single reads.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.reader.get_database_backend() == DbBackend::Postgres
    }

    /// A transaction that may write: at once on SQLite, so that it never has to be promoted.
    pub(crate) async fn begin(&self) -> Result<Tx, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        if !self.is_postgres() {
            return self.writer.begin_with_options(options).await;
        }
        // Whoever goes away meanwhile must not leave a connection behind on which a transaction has begun that the library
        // knows nothing of (sqlx-postgres 0.9 counts it when its answer is there). So it is always awaited.
        let writer = self.writer.clone();
        let begun = tokio::spawn(async move { writer.begin_with_options(options).await });
        begun.await.map_err(|cause| DbErr::Custom(format!("a transaction did not begin: {cause}")))?
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

    /// The name of the last step that this database has.
    pub(crate) async fn last_migration(&self) -> Result<Option<String>, DbErr> {
        let sql = "SELECT version FROM seaql_migrations ORDER BY version DESC LIMIT 1";
        let statement = Statement::from_string(self.reader.get_database_backend(), sql);
        self.reader.query_one_raw(statement).await?.map(|row| row.try_get("", "version")).transpose()
    }

    pub(crate) async fn close(&self) -> Result<(), DbErr> {
        self.reader.clone().close().await?;
        self.writer.clone().close().await
    }

    /// Tells of every statement: tests count them.
    pub(crate) fn on_statement(&mut self, tell: impl Fn(&str) + Clone + Send + Sync + 'static) {
        let second = tell.clone();
        self.reader.set_metric_callback(move |info| tell(&info.statement.sql));
        self.writer.set_metric_callback(move |info| second(&info.statement.sql));
    }
}

fn sqlite(url: &str, connections: u32, read_only: bool) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(TIMEOUT)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_pool_opts(|pool| {
            // SQLite ends a transaction by itself when the disk is full; the library still counts one as open and could
            // begin none ever after. Such a connection is closed, not used again.
            pool.before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
        })
        .map_sqlx_sqlite_opts(move |sqlite| {
            let sqlite = sqlite
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(TIMEOUT);
            if read_only { sqlite.pragma("query_only", "on") } else { sqlite }
        });
    options
}
