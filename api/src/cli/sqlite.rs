//! The embedded database's file: where it is, and that one server has it.

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
    // By whatever name a file is reached, what lies beside it is the same.
    let mut name = std::fs::canonicalize(&path).unwrap_or(path).into_os_string();
    name.push(ending);
    Some(name.into())
}

/// Held while a server runs; the kernel lets go of it even after a crash.
pub(super) struct Lock(#[expect(dead_code, reason = "held, not used")] File);

/// Takes the file for this server, or tells who has it.
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
