//! The file of the embedded database: its path, and the lock that keeps a second server out.

use std::fs::{File, OpenOptions};
use std::path::PathBuf;

use super::Failure;

/// The file that a `sqlite:` URL names, if it names one.
pub(super) fn path(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"))?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let in_memory = path.is_empty() || path.starts_with(':') || query.split('&').any(|pair| pair == "mode=memory");
    (!in_memory).then(|| PathBuf::from(path))
}

/// A file beside the database's, by another ending.
pub(super) fn beside(url: &str, ending: &str) -> Option<PathBuf> {
    let path = path(url)?;
    // The path is resolved, so that two names of one file lead to one lock.
    let mut name = std::fs::canonicalize(&path).unwrap_or(path).into_os_string();
    name.push(ending);
    Some(name.into())
}

/// The lock, held while a server runs; the kernel releases it even after a crash.
pub(super) struct Lock(#[expect(dead_code, reason = "held, not used")] File);

/// Locks the file for this server; fails if another server holds it.
pub(super) fn lock(url: &str) -> Result<Option<Lock>, Failure> {
    let Some(path) = beside(url, ".lock") else { return Ok(None) };
    let shown = path.display();
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|e| format!("cannot write {shown}: {e}; choose a folder that can be written to"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock(file))),
        Err(_) => Err(format!(
            "another hoursmith serves this database ({shown} is locked); stop it, or use PostgreSQL for several replicas"
        )
        .into()),
    }
}
