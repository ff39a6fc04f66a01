//! Whether the database can store what is written: a full disk is reported once when a write has found it so, and once when a
//! write was stored again.

use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::sqlx;

use super::is_full;

/// The disk of a database, as far as writes have shown.
#[derive(Debug, Default)]
pub(super) struct Space(AtomicBool);

impl Space {
    /// Whether the last write found it full.
    pub(super) fn is_full(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// A statement failed for this reason.
    pub(super) fn failed(&self, error: &sqlx::Error) {
        if is_full(error) && !self.0.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "the database's disk is full; writes are refused until there is space, reads go on");
        }
    }

    /// Something was stored.
    pub(super) fn stored(&self) {
        if self.0.swap(false, Ordering::Relaxed) {
            tracing::warn!("the database's disk has space again");
        }
    }
}
