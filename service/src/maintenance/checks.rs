//! What a check-up of an installation asks the database and Redis.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgConnectOptions;
use tokio::time::{Instant, timeout};

use super::connection::{Purpose, Raw};
use super::sealed::{self, KeyInUse};
use super::{MaintenanceError, tables};
use crate::core::clock::Clock;
use crate::core::database::find_pooler;
use crate::limit;

/// How long Redis may take to answer.
const REDIS: Duration = Duration::from_secs(3);

/// How the fault of an embedded database begins whose file is damaged.
pub const DAMAGED: &str = "the file is damaged";

/// What a database says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its program and release, such as `PostgreSQL 15.5` or `SQLite 3.50.4`.
    pub version: String,
    /// How long a statement takes on the way there and back, in milliseconds.
    pub round_trip_ms: u64,
    /// How far its clock is ahead of this machine's, in milliseconds; none for an embedded database.
    pub clock_ahead_ms: Option<i64>,
    /// How far its newest rows are ahead of this machine's clock, in milliseconds; none for a server, and for one without rows.
    pub newest_ahead_ms: Option<i64>,
    /// Whether a pooler stands in between, and if so whether it keeps prepared statements.
    pub pooler: Option<bool>,
    /// The keys that have sealed its secrets.
    pub keys: Vec<KeyInUse>,
    /// How many more connections it takes; none for an embedded database.
    pub free_connections: Option<i64>,
    /// Whether searches find their rows by an index; none for an embedded database.
    pub search_index: Option<bool>,
}

/// Asks a database for these facts. Changes nothing.
///
/// # Errors
/// It cannot be reached or read.
pub async fn facts(url: &str) -> Result<Facts, MaintenanceError> {
    let mut db = Raw::open(url, Purpose::Read).await?;
    let facts = gather(&mut db).await;
    let postgres = db.is_postgres();
    // Its connection is closed first: the pool of a pooler may have few.
    db.close().await;
    let mut facts = facts?;
    if postgres {
        let options: PgConnectOptions = url.parse()?;
        facts.pooler = find_pooler(options).await?;
    }
    Ok(facts)
}

async fn gather(db: &mut Raw) -> Result<Facts, MaintenanceError> {
    let postgres = db.is_postgres();
    if !postgres {
        let found = db.texts("PRAGMA quick_check(1)", &[]).await.unwrap_or_else(|cause| vec![cause.to_string()]);
        if found != ["ok"] {
            return Err(MaintenanceError::new(format!("{DAMAGED}: {}", found.join("; "))));
        }
    }
    let sql = if postgres {
        "SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1)"
    } else {
        "SELECT 'SQLite ' || sqlite_version()"
    };
    let version = db.texts(sql, &[]).await?.pop().unwrap_or_default();
    let keys = sealed::keys(db).await?;
    let started = Instant::now();
    db.number(if postgres { "SELECT 1::bigint" } else { "SELECT 1" }).await?;
    let took = started.elapsed();
    let round_trip_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    if !postgres {
        let newest_ahead_ms = newest_ahead(db).await?;
        let (clock_ahead_ms, pooler, free_connections, search_index) = (None, None, None, None);
        return Ok(Facts {
            version,
            round_trip_ms,
            clock_ahead_ms,
            newest_ahead_ms,
            pooler,
            keys,
            free_connections,
            search_index,
        });
    }
    let clock = Clock::system();
    let before = clock.now().millis();
    let theirs = db.number("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").await?;
    let ours = before.midpoint(clock.now().millis());
    let free = "SELECT current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint \
                - (SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend')";
    let free_connections = Some(db.number(free).await?);
    let indexes = "SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass('time_entry_search')";
    let search_index = Some(db.number(indexes).await? > 0);
    let (clock_ahead_ms, newest_ahead_ms, pooler) = (Some(theirs - ours), None, None);
    Ok(Facts { version, round_trip_ms, clock_ahead_ms, newest_ahead_ms, pooler, keys, free_connections, search_index })
}

/// How far the newest rows of an embedded database are ahead of this machine's clock, in milliseconds: more than nothing says
/// that the clock is wrong, or was. None without rows, and for a PostgreSQL, whose clock is followed.
///
/// # Errors
/// It cannot be read.
pub async fn ahead_of_clock(url: &str) -> Result<Option<i64>, MaintenanceError> {
    if !url.starts_with("sqlite:") {
        return Ok(None);
    }
    let mut db = Raw::open(url, Purpose::Read).await?;
    let ahead = newest_ahead(&mut db).await;
    db.close().await;
    ahead
}

/// The same on a connection. Of the tables with a time those are read that are small, or have an index for it.
async fn newest_ahead(db: &mut Raw) -> Result<Option<i64>, MaintenanceError> {
    let present = tables::names(db).await?;
    let mut newest = None;
    for (table, column) in [("organization", "updated_at"), ("token", "created_at"), ("event", "created_at")] {
        if present.iter().any(|own| own == table) {
            newest = newest.max(Some(db.number(&format!("SELECT COALESCE(MAX({column}), 0) FROM {table}")).await?));
        }
    }
    Ok(newest.filter(|newest| *newest > 0).map(|newest| newest - Clock::system().now().millis()))
}

/// Whether a Redis answers.
///
/// # Errors
/// Why it does not.
pub async fn redis_answers(url: &str, authorities: Option<&[u8]>) -> Result<(), MaintenanceError> {
    let answer = timeout(REDIS, limit::ping(url, authorities)).await;
    answer.map_err(|_| MaintenanceError::new("it does not answer within 3 s"))?.map_err(MaintenanceError::new)
}
