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

pub use self::checks::{DAMAGED, Facts, facts, redis_answers};
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
}

impl fmt::Display for MaintenanceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MaintenanceError {}

impl From<sqlx::Error> for MaintenanceError {
    fn from(cause: sqlx::Error) -> MaintenanceError {
        MaintenanceError(cause.to_string())
    }
}
