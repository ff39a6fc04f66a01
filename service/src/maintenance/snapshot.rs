//! A consistent copy of an embedded database, taken while others write to it.

use std::path::Path;

use super::connection::{ColumnKind, Purpose, Raw, Value};
use super::sealed::{self, KeyInUse};
use super::{MaintenanceError, connection, tables};

/// What is in a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The names of the migrations that it has.
    pub migrations: Vec<String>,
    /// The number of rows of each table.
    pub counts: Vec<(String, i64)>,
    /// The keys that open its secrets.
    pub keys: Vec<KeyInUse>,
}

/// Copies an embedded database into a new file, as it is at one instant, and describes the copy.
///
/// # Errors
/// The database cannot be read, or the file not be written.
pub async fn snapshot(url: &str, into: &Path) -> Result<Snapshot, MaintenanceError> {
    let path = into.to_str().ok_or_else(|| MaintenanceError::new("the path of the copy is not UTF-8"))?;
    let mut db = Raw::open(url, Purpose::Write).await?;
    let copied = db.rows("VACUUM INTO $1", &[Value::Text(path.to_owned())], &[]).await;
    db.close().await;
    copied.map_err(|cause| match cause.is_full() {
        true => MaintenanceError::new(format!(
            "there is no space for a copy of the database in {}",
            folder_of(into).display()
        )),
        false => cause,
    })?;
    inspect_file(into).await
}

/// The folder of a file.
fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Describes the embedded database in a file, and checks it: each of its pages, its indexes and its references.
///
/// # Errors
/// It cannot be read, or is damaged.
pub async fn inspect_file(file: &Path) -> Result<Snapshot, MaintenanceError> {
    inspect(&connection::url_of(file)?).await
}

/// Describes a database; an embedded one is also checked.
///
/// # Errors
/// It cannot be read, or is damaged.
pub async fn inspect(url: &str) -> Result<Snapshot, MaintenanceError> {
    let mut db = Raw::open(url, Purpose::Read).await?;
    let described = describe(&mut db).await;
    db.close().await;
    described
}

async fn describe(db: &mut Raw) -> Result<Snapshot, MaintenanceError> {
    if !db.is_postgres() {
        let found = db.texts("PRAGMA integrity_check(1)", &[]).await?;
        if found != ["ok"] {
            return Err(MaintenanceError::new(format!("the database is damaged: {}", found.join("; "))));
        }
        if let Some(row) =
            db.rows("PRAGMA foreign_key_check", &[], &[ColumnKind::Text]).await?.into_iter().flatten().next()
        {
            return Err(MaintenanceError::new(format!(
                "the database is damaged: a reference of {row:?} leads nowhere"
            )));
        }
    }
    let migrations = if tables::names(db).await?.iter().any(|name| name == "seaql_migrations") {
        db.texts("SELECT version FROM seaql_migrations ORDER BY version", &[]).await?
    } else {
        vec![]
    };
    Ok(Snapshot { migrations, counts: tables::counts(db).await?, keys: sealed::keys(db).await? })
}

/// Whether a database holds no row of Hoursmith.
///
/// # Errors
/// It cannot be read.
pub async fn is_empty(url: &str) -> Result<bool, MaintenanceError> {
    let mut db = Raw::open(url, Purpose::Read).await?;
    let used = tables::first_used(&mut db).await;
    db.close().await;
    Ok(used?.is_none())
}
