//! The file of the embedded database: its path, and the lock that keeps a second server out.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, Write};
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::{Failure, files};

/// How often a lock that is held is tried again, and how soon.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// The file that a `sqlite:` URL names, if it names one.
pub(super) fn path(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"))?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let in_memory = path.is_empty() || path.starts_with(':') || query.split('&').any(|pair| pair == "mode=memory");
    // As the driver reads it, which opens the file.
    let path = percent_decode_str(path).decode_utf8().ok()?;
    (!in_memory).then(|| PathBuf::from(path.as_ref()))
}

/// The file that a `sqlite:` URL names, without links and relative parts, so that two names of one file are one path.
pub(super) fn resolved(url: &str) -> Option<PathBuf> {
    let path = path(url)?;
    Some(std::fs::canonicalize(&path).unwrap_or(path))
}

/// A file beside the database's, by another ending.
pub(super) fn beside(url: &str, ending: &str) -> Option<PathBuf> {
    resolved(url).map(|path| files::with_ending(&path, ending))
}

/// The URL of an embedded database with the mode that makes its file if there is none; another URL as it is.
pub(super) fn with_mode(url: &str) -> String {
    let query = url.split_once('?').map(|(_, query)| query);
    let has_mode = query.is_some_and(|query| query.split('&').any(|pair| pair.starts_with("mode=")));
    match query {
        _ if !url.starts_with("sqlite:") || path(url).is_none() || has_mode => url.to_owned(),
        None => format!("{url}?mode=rwc"),
        Some("") => format!("{url}mode=rwc"),
        Some(_) => format!("{url}&mode=rwc"),
    }
}

/// The lock, held while a server runs; the kernel releases it even after a crash.
pub(super) struct Lock(File);

impl Lock {
    /// Notes in the file under which URL the server is reached, for commands that make links to it.
    pub(super) fn note_url(&mut self, url: &str) -> std::io::Result<()> {
        self.0.set_len(0)?;
        self.0.rewind()?;
        self.0.write_all(url.as_bytes())
    }
}

/// The URL of the server that holds the lock, if one does and has noted it.
pub(super) fn url_of_server(url: &str) -> Result<Option<String>, Failure> {
    if !is_locked(url)? {
        return Ok(None);
    }
    let noted = beside(url, ".lock").and_then(|path| std::fs::read_to_string(path).ok());
    Ok(noted.map(|noted| noted.trim().to_owned()).filter(|noted| !noted.is_empty()))
}

/// Locks the file for this process; fails if a server holds it.
pub(super) fn lock(url: &str) -> Result<Option<Lock>, Failure> {
    let Some(path) = beside(url, ".lock") else { return Ok(None) };
    let shown = path.display();
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|cause| files::not_written(&path, &cause))?;
    // Another command may hold it for a moment, to see whether there is a server.
    for _ in 0..TRIES {
        if file.try_lock().is_ok() {
            return Ok(Some(Lock(file)));
        }
        std::thread::sleep(PAUSE);
    }
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock(file))),
        Err(_) => Err(format!(
            "another hoursmith serves this database ({shown} is locked); stop it, or use PostgreSQL for several replicas"
        )
        .into()),
    }
}

/// Whether a server holds the lock. Makes no file.
pub(super) fn is_locked(url: &str) -> Result<bool, Failure> {
    let Some(path) = beside(url, ".lock") else { return Ok(false) };
    let file = match OpenOptions::new().write(true).open(&path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(cause) if cause.kind() == std::io::ErrorKind::PermissionDenied => {
            let shown = path.display();
            return Err(format!("this user may not open {shown}: run the command as the user of the server").into());
        }
        Err(cause) => return Err(format!("cannot read {}: {cause}", path.display()).into()),
    };
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(cause)) => Err(format!("cannot lock {}: {cause}", path.display()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_url_is_the_one_that_the_driver_opens() {
        for (url, file) in [
            ("sqlite:///data/my%20hours.db?mode=rwc", Some("/data/my hours.db")),
            ("sqlite://50%25%3F.db", Some("50%?.db")),
            ("sqlite::memory:", None),
            ("postgres://h/x", None),
        ] {
            assert_eq!(path(url), file.map(PathBuf::from), "{url}");
        }
    }

    #[test]
    fn a_url_without_a_mode_gets_one() {
        for (given, expected) in [
            ("sqlite://x.db", "sqlite://x.db?mode=rwc"),
            ("sqlite:x.db", "sqlite:x.db?mode=rwc"),
            ("sqlite://x.db?cache=private", "sqlite://x.db?cache=private&mode=rwc"),
            ("sqlite://x.db?mode=ro", "sqlite://x.db?mode=ro"),
            ("sqlite::memory:", "sqlite::memory:"),
            ("postgres://h/x", "postgres://h/x"),
        ] {
            assert_eq!(with_mode(given), expected);
        }
    }
}
