//! Copies of an embedded database from before its migrations, beside it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::error::Error;

/// How many copies stay.
const KEPT: usize = 3;
/// What follows the name of the database in the name of a copy.
const MARK: &str = ".before-";

/// Copies a database in a file beside itself, if there is something in it to lose.
///
/// # Errors
/// The copy cannot be written, and then nothing may be changed.
pub(crate) async fn copy(db: &DatabaseConnection, step: &str) -> Result<Option<PathBuf>, Error> {
    if db.get_database_backend() != DbBackend::Sqlite || !has_rows(db).await? {
        return Ok(None);
    }
    let sql =
        "SELECT file AS file, strftime('%Y%m%dT%H%M%fZ', 'now') AS at FROM pragma_database_list WHERE name = 'main'";
    let Some(row) = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await? else { return Ok(None) };
    let (file, at): (String, String) = (row.try_get("", "file")?, row.try_get("", "at")?);
    if file.is_empty() {
        return Ok(None);
    }
    let file = PathBuf::from(file);
    let copy = with_ending(&file, &format!("{MARK}{step}-{at}"));
    let written = write(db, &copy).await;
    if let Err(cause) = written {
        // A part of a copy is of no use to anybody.
        let _ = fs::remove_file(&copy);
        return Err(Error::NotCopied(cause));
    }
    prune(&file).map_err(|cause| Error::NotCopied(cause.to_string()))?;
    Ok(Some(copy))
}

async fn write(db: &DatabaseConnection, copy: &Path) -> Result<(), String> {
    let path = copy.to_str().ok_or("its path is not UTF-8")?;
    // The file is made first, so that it is never readable by others, not even for a moment.
    create_private(copy).map_err(|cause| format!("{path}: {cause}"))?;
    let vacuum = Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO $1", [path.into()]);
    db.execute_raw(vacuum).await.map_err(|cause| cause.to_string())?;
    fs::File::open(copy).and_then(|file| file.sync_all()).map_err(|cause| cause.to_string())
}

fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}

async fn has_rows(db: &DatabaseConnection) -> Result<bool, DbErr> {
    if !SchemaManager::new(db).has_table("organization").await? {
        return Ok(false);
    }
    let sql = "SELECT 1 AS found FROM organization LIMIT 1";
    Ok(db.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?.is_some())
}

fn with_ending(file: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(ending);
    name.into()
}

/// Deletes all copies but the youngest.
fn prune(file: &Path) -> std::io::Result<()> {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name().and_then(|name| name.to_str())) else {
        return Ok(());
    };
    let beginning = format!("{name}{MARK}");
    let mut copies: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(&beginning)) {
            copies.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    copies.sort();
    let surplus = copies.len().saturating_sub(KEPT);
    copies.into_iter().take(surplus).try_for_each(|(_, copy)| fs::remove_file(copy))
}
