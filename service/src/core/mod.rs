//! The ground that everything stands on: time and ids, the database's connections, secrets at rest. It imports nothing of
//! the folders above it but the contract.

pub(crate) mod clock;
pub(crate) mod database;
pub mod observed;
pub(crate) mod trace;
pub(crate) mod vault;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use entity::value::{Id, Timestamp};

use crate::core::clock::{Clock, Ids, length_in_words};
use crate::core::database::Database;
use crate::core::trace::Tracer;
use crate::core::vault::Vault;

/// Which of its two kinds a server is: tokens of one are refused by the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Environment {
    /// For real.
    #[default]
    Live,
    /// For trying out; its events say so.
    Test,
}

impl Environment {
    /// Its part of a token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Environment::Live => "live",
            Environment::Test => "test",
        }
    }
}

/// Clocks that are further apart are reported, in milliseconds.
const APART: i64 = 5_000;

/// What every part of the service needs, whatever it does. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Core {
    pub(crate) database: Database,
    pub(crate) clock: Clock,
    pub(crate) environment: Environment,
    /// Makes spans, where the operator wants traces.
    pub(crate) tracer: Option<Tracer>,
    ids: Arc<Ids>,
    vault: Arc<Vault>,
    /// Whether the log says that the clocks of this machine and of the database are apart.
    is_apart: Arc<AtomicBool>,
}

impl Core {
    pub(crate) fn new(database: Database, clock: Clock, environment: Environment, vault: Vault) -> Core {
        Core {
            database,
            clock,
            environment,
            tracer: None,
            ids: Arc::default(),
            vault: Arc::new(vault),
            is_apart: Arc::default(),
        }
    }

    /// This instant.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An id that no record has yet; ids of one process rise.
    pub(crate) fn new_id<T>(&self) -> Id<T> {
        self.ids.next(self.now())
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Seals and opens secrets at rest.
    pub(crate) fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Measures how far PostgreSQL's clock is ahead of this machine's, and follows it.
    ///
    /// # Errors
    /// `Internal` if the database does not answer.
    pub(crate) async fn follow_database_clock(&self) -> Result<(), crate::contract::error::Error> {
        if let Some(theirs) = self.database.time().await? {
            self.report_clock(self.clock.follow(theirs));
        }
        Ok(())
    }

    /// Reports once that the clocks are apart, and once that they agree again.
    fn report_clock(&self, ahead: i64) {
        let is_apart = ahead.abs() > APART;
        if self.is_apart.swap(is_apart, Ordering::Relaxed) == is_apart {
            return;
        }
        let (apart, side) = (length_in_words(ahead), if ahead > 0 { "behind" } else { "ahead of" });
        match is_apart {
            true => tracing::warn!(
                "the clock of this machine is {apart} {side} the database's, which is followed; let both follow a time server"
            ),
            false => tracing::info!("the clock of this machine agrees with the database's again"),
        }
    }
}
