//! Whole databases: copies of an embedded one, transfers from one database to another, and what a check-up looks at. It
//! stands beside the door: no caller comes here, and nothing here belongs to one workspace.

mod checks;
mod connection;
mod copy;
mod sealed;
mod snapshot;
mod tables;

use std::fmt;

use sea_orm::sqlx;

use crate::core::database::is_full;

pub use self::checks::{DAMAGED, Facts, ahead_of_clock, facts, redis_answers};
pub use self::connection::url_of;
pub use self::copy::{Copied, Transfer, copy};
pub use self::sealed::{KeyInUse, keys_in_use, keys_of_endpoints};
pub use self::snapshot::{Snapshot, inspect, inspect_file, is_empty, snapshot};
pub use self::tables::all as tables;

/// Why something could not be done with a database, in one sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaintenanceError(String);

impl MaintenanceError {
    pub(crate) fn new(why: impl Into<String>) -> MaintenanceError {
        MaintenanceError(why.into())
    }

    /// Whether a disk is full.
    pub(crate) fn is_full(&self) -> bool {
        self.0 == FULL
    }
}

/// What SQLite says of a full disk.
const FULL: &str = "the disk is full";

impl fmt::Display for MaintenanceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MaintenanceError {}

impl From<sqlx::Error> for MaintenanceError {
    /// What the database says, without the words of the driver.
    fn from(cause: sqlx::Error) -> MaintenanceError {
        match &cause {
            cause if is_full(cause) => MaintenanceError::new(FULL),
            sqlx::Error::Database(said) => MaintenanceError::new(said.message()),
            other => MaintenanceError::new(other.to_string()),
        }
    }
}
