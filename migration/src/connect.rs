//! The connection that migrations run on, which may lead through a pooler of transactions: whatever is asked of PostgreSQL is
//! asked in one transaction, and no statement is expected to be there from before.

use std::time::Duration;

use sea_orm_migration::sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm_migration::sea_orm::sqlx::{self, ConnectOptions as _, Connection, Row};
use sea_orm_migration::sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
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
    options.map_sqlx_postgres_opts(|postgres| {
        postgres.extra_float_digits(None).application_name("hoursmith").statement_cache_capacity(0)
    });
    Database::connect(options).await.map_err(unreachable)
}

/// Begins a transaction that may write.
pub(crate) async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let tx = db.begin_with_options(options).await?;
    forget_statements(&tx).await?;
    Ok(tx)
}

/// Ends a transaction, and leaves no statement behind in the session.
pub(crate) async fn commit(tx: DatabaseTransaction) -> Result<(), DbErr> {
    forget_statements(&tx).await?;
    tx.commit().await
}

/// Removes the statements that a session of PostgreSQL has under the names that the driver gives them. They are of others who
/// had this session from a pooler, or of what was asked before and is not asked again.
async fn forget_statements(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let sql = "DO $$ DECLARE known text; BEGIN \
               FOR known IN SELECT name FROM pg_prepared_statements WHERE name LIKE 'sqlx\\_s\\_%' LOOP \
               EXECUTE format('DEALLOCATE %I', known); END LOOP; END $$";
    tx.execute_unprepared(sql).await.map(drop)
}

/// A database of PostgreSQL, as it calls itself, and when its server has started.
#[derive(PartialEq, Eq)]
pub(crate) struct ServerIdentity {
    pub(crate) database: String,
    started: String,
}

/// Connects once without a pool, which would try again until its time is over and then report only that.
pub(crate) async fn try_postgres(url: &str) -> Result<ServerIdentity, Error> {
    let options: PgConnectOptions = url.parse().map_err(|cause: sqlx::Error| Error::Unreachable(cause.to_string()))?;
    let address = format!("{}:{}", options.get_host(), options.get_port());
    let options = options.extra_float_digits(None).application_name("hoursmith").disable_statement_logging();
    let failed = |why: String| Error::Unreachable(format!("{why} ({address})"));
    match tokio::time::timeout(CONNECT, options.connect()).await {
        Ok(Ok(mut connection)) => {
            let asked = tokio::time::timeout(CONNECT, ask(&mut connection)).await;
            // Whether it says goodbye or not, it was reached.
            let _ = connection.close().await;
            let asked = asked.map_err(|_| failed(format!("no answer within {} s", CONNECT.as_secs())))?;
            let (encoding, identity) = asked.map_err(|cause| failed(in_words(&cause)))?;
            check_encoding(&encoding).map(|()| identity)
        }
        Ok(Err(sqlx::Error::Io(cause))) => Err(failed(match cause.kind() {
            std::io::ErrorKind::ConnectionRefused => "connection refused; is PostgreSQL running there?".into(),
            _ if cause.to_string().contains("lookup address") => {
                format!("{cause}; in a URL, a password is percent-encoded (`@` is `%40`, `/` is `%2F`, `#` is `%23`)")
            }
            _ => cause.to_string(),
        })),
        Ok(Err(cause)) => Err(failed(in_words(&cause))),
        Err(_) => Err(failed(format!("no answer within {} s", CONNECT.as_secs()))),
    }
}

/// As a text, which needs no statement that a pooler might lose.
async fn ask(connection: &mut PgConnection) -> Result<(String, ServerIdentity), sqlx::Error> {
    let ask = "SELECT current_setting('server_encoding'), current_database()::text, \
               extract(epoch FROM pg_postmaster_start_time())::text";
    let row = sqlx::raw_sql(ask).fetch_one(connection).await?;
    Ok((row.try_get(0)?, ServerIdentity { database: row.try_get(1)?, started: row.try_get(2)? }))
}

/// What a database says, without the words of the driver.
fn in_words(cause: &sqlx::Error) -> String {
    match cause {
        sqlx::Error::Database(said)
            if said.code().as_deref() == Some("53300") || said.message().contains("max_client_conn") =>
        {
            format!("{}; allow more connections there, or lower HOURSMITH_DATABASE_CONNECTIONS", said.message())
        }
        sqlx::Error::Database(said) => said.message().to_owned(),
        sqlx::Error::Protocol(_) => "what answers there is not PostgreSQL, or has stopped".into(),
        other => other.to_string(),
    }
}

fn unreachable(cause: DbErr) -> Error {
    if let DbErr::Conn(RuntimeErr::SqlxError(cause)) = &cause
        && let sqlx::Error::Database(said) = &**cause
        && said.message().contains("not a database")
    {
        return Error::Unreachable("the file that HOURSMITH_DATABASE_URL names is not a database of SQLite".into());
    }
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

fn check_encoding(encoding: &str) -> Result<(), Error> {
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
