//! Whether the database can store what is written: a full disk is reported once when a write has found it so, and once when writes
//! are stored again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sea_orm::sqlx;
use tokio::time::Instant;

use super::is_full;

/// How long no write must have failed before the disk counts as having space again: on a full one some writes still fit.
const QUIET: Duration = Duration::from_secs(3);

/// The disk of a database, as far as writes have shown.
#[derive(Debug, Default)]
pub(super) struct Space {
    is_full: AtomicBool,
    failed_at: Mutex<Option<Instant>>,
}

impl Space {
    /// Whether writes have found it full.
    pub(super) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// A statement failed for this reason.
    pub(super) fn failed(&self, error: &sqlx::Error) {
        if !is_full(error) {
            return;
        }
        *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        if !self.is_full.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "the database's disk is full; writes are refused until there is space, reads go on");
        }
    }

    /// Something was stored.
    pub(super) fn stored(&self) {
        let failed_at = *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_quiet = failed_at.is_none_or(|at| at.elapsed() >= QUIET);
        if is_quiet && self.is_full.swap(false, Ordering::Relaxed) {
            tracing::warn!("the database's disk has space again");
        }
    }
}
