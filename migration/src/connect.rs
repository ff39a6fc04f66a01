//! The connection that migrations run on.

use std::time::Duration;

use sea_orm_migration::sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm_migration::sea_orm::sqlx::{self, ConnectOptions as _, Connection};
use sea_orm_migration::sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement,
};

use crate::error::Error;

/// How long it may take to reach the database.
const CONNECT: Duration = Duration::from_secs(5);
/// What servers call themselves to PostgreSQL, so that other commands know that the database is in use. `service` says the
/// same.
const SERVER: &str = "hoursmith serve";

/// One connection.
pub(crate) async fn connect(url: &str) -> Result<DatabaseConnection, Error> {
    if !url.starts_with("sqlite:") {
        try_postgres(url).await?;
    }
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).connect_timeout(CONNECT).acquire_timeout(CONNECT);
    options.sqlx_logging(false).map_sqlx_sqlite_opts(|sqlite| sqlite.busy_timeout(CONNECT));
    options.map_sqlx_postgres_opts(|postgres| postgres.extra_float_digits(None).application_name("hoursmith"));
    let db = Database::connect(options).await.map_err(unreachable)?;
    check_encoding(&db).await?;
    Ok(db)
}

/// Connects once without a pool, which would try again until its time is over and then report only that.
async fn try_postgres(url: &str) -> Result<(), Error> {
    let options: PgConnectOptions = url.parse().map_err(|cause: sqlx::Error| Error::Unreachable(cause.to_string()))?;
    let place = format!("{}:{}", options.get_host(), options.get_port());
    let options = options.extra_float_digits(None).application_name("hoursmith").disable_statement_logging();
    let failed = |why: String| Error::Unreachable(format!("{why} ({place})"));
    match tokio::time::timeout(CONNECT, options.connect()).await {
        Ok(Ok(connection)) => {
            // Whether it says goodbye or not, it was reached.
            let _ = connection.close().await;
            Ok(())
        }
        Ok(Err(sqlx::Error::Io(cause))) => Err(failed(match cause.kind() {
            std::io::ErrorKind::ConnectionRefused => "connection refused; is PostgreSQL running there?".into(),
            _ => cause.to_string(),
        })),
        Ok(Err(cause)) => Err(failed(cause.to_string())),
        Err(_) => Err(failed(format!("no answer within {} s", CONNECT.as_secs()))),
    }
}

fn unreachable(cause: DbErr) -> Error {
    let text = cause.to_string();
    if text.contains("unable to open database file") {
        return Error::Unreachable(
            "the database file cannot be opened; check that the folder exists and may be written to, and that the URL \
             ends with ?mode=rwc if the file is to be made"
                .into(),
        );
    }
    Error::Unreachable(text)
}

async fn check_encoding(db: &DatabaseConnection) -> Result<(), Error> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let sql = "SELECT current_setting('server_encoding') AS encoding";
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.map_err(unreachable)?;
    let encoding: String = row.map(|row| row.try_get("", "encoding")).transpose()?.unwrap_or_default();
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(Error::Unsuitable(format!(
        "the database's encoding is {encoding}, and must be UTF8: create it with \
         `CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`"
    )))
}

/// Whether servers use this database of PostgreSQL.
pub(crate) async fn is_served(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let sql = "SELECT COUNT(*) AS servers FROM pg_stat_activity \
               WHERE datname = current_database() AND application_name = $1";
    let ask = Statement::from_sql_and_values(DbBackend::Postgres, sql, [SERVER.into()]);
    let row = db.query_one_raw(ask).await?;
    Ok(row.map(|row| row.try_get::<i64>("", "servers")).transpose()?.unwrap_or(0) > 0)
}
