//! The migrations that create the tables of `entity`. A released migration is never edited.

mod dialect;
mod m0001_tables;
mod m0002_assignees_and_fees;
mod m0003_webhooks;
mod m0004_report_by_zone;
mod m0005_access_epoch;

use std::fmt;
use std::time::Duration;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, IntoDatabaseExecutor,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

/// Advisory lock on PostgreSQL while migrations run, so that replicas that start together run them one after another.
const ADVISORY_LOCK: i64 = 0x686f_7572_736d_6974;

struct Steps;

impl MigratorTrait for Steps {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_tables::Step),
            Box::new(m0002_assignees_and_fees::Step),
            Box::new(m0003_webhooks::Step),
            Box::new(m0004_report_by_zone::Step),
            Box::new(m0005_access_epoch::Step),
        ]
    }
}

/// One step and whether this database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The name of the step.
    pub name: String,
    /// Whether it has run.
    pub applied: bool,
}

/// Why a database could not be migrated.
#[derive(Debug)]
pub enum Error {
    /// The database cannot be reached.
    Unreachable(DbErr),
    /// The database has migrations that this binary does not know.
    Newer(Vec<String>),
    /// A step failed; the whole run was rolled back.
    Failed(DbErr),
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unreachable(cause) => write!(f, "the database cannot be reached: {cause}"),
            Error::Newer(steps) => write!(
                f,
                "the database is newer than this hoursmith (it has {}); start the release that migrated it, or a later one",
                steps.join(", ")
            ),
            Error::Failed(cause) => write!(f, "migrating the database failed, nothing was changed: {cause}"),
        }
    }
}

impl From<DbErr> for Error {
    fn from(cause: DbErr) -> Error {
        Error::Failed(cause)
    }
}

/// The name of the last step, which a current database has.
pub fn last() -> String {
    Steps::migrations().last().map(|step| step.name().to_owned()).unwrap_or_default()
}

/// Applies what is pending, all or nothing, and returns the names of the steps that ran.
///
/// # Errors
/// The database cannot be reached or is newer than this binary, or a step fails.
pub async fn up(url: &str) -> Result<Vec<String>, Error> {
    let db = connect(url).await?;
    let pending = pending(&status_on(&db).await?);
    if pending.is_empty() {
        db.close().await?;
        return Ok(pending);
    }
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let tx = db.begin_with_options(options).await?;
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")).await?;
    }
    // Another process may have done it while this one waited for the lock.
    let pending = self::pending(&status_on(&tx).await?);
    Steps::up(&tx, None).await?;
    tx.commit().await?;
    db.close().await?;
    Ok(pending)
}

/// Every known step, in order, and whether the database has it. Changes nothing.
///
/// # Errors
/// The database cannot be reached or is newer than this binary, or a step fails.
pub async fn status(url: &str) -> Result<Vec<Status>, Error> {
    let db = connect(url).await?;
    let status = status_on(&db).await?;
    db.close().await?;
    Ok(status)
}

async fn connect(url: &str) -> Result<DatabaseConnection, Error> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).connect_timeout(Duration::from_secs(5)).acquire_timeout(Duration::from_secs(5));
    options.sqlx_logging(false).map_sqlx_sqlite_opts(|sqlite| sqlite.busy_timeout(Duration::from_secs(5)));
    Database::connect(options).await.map_err(Error::Unreachable)
}

async fn status_on<'c>(db: impl IntoDatabaseExecutor<'c>) -> Result<Vec<Status>, Error> {
    let known: Vec<String> = Steps::migrations().iter().map(|step| step.name().to_owned()).collect();
    let applied = applied(db).await?;
    let newer: Vec<String> = applied.iter().filter(|name| !known.contains(name)).cloned().collect();
    if !newer.is_empty() {
        return Err(Error::Newer(newer));
    }
    Ok(known.into_iter().map(|name| Status { applied: applied.contains(&name), name }).collect())
}

/// The names of the applied migrations. Read directly, since the library would create its table and report unknown ones as text.
async fn applied<'c>(db: impl IntoDatabaseExecutor<'c>) -> Result<Vec<String>, DbErr> {
    let manager = SchemaManager::new(db);
    if !manager.has_table("seaql_migrations").await? {
        return Ok(Vec::new());
    }
    let select = Query::select().column("version").from("seaql_migrations").order_by("version", Order::Asc).take();
    manager.get_connection().query_all(&select).await?.iter().map(|row| row.try_get("", "version")).collect()
}

fn pending(status: &[Status]) -> Vec<String> {
    status.iter().filter(|step| !step.applied).map(|step| step.name.clone()).collect()
}
