//! The ground that everything stands on: time and ids, the database's connections, secrets at rest. It imports nothing of
//! the folders above it but the contract.

pub(crate) mod clock;
pub(crate) mod database;
pub mod observed;
pub(crate) mod trace;
pub(crate) mod vault;

use std::sync::Arc;

use entity::value::{Id, Timestamp};

use crate::core::clock::{Clock, Ids};
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
}

impl Core {
    pub(crate) fn new(database: Database, clock: Clock, environment: Environment, vault: Vault) -> Core {
        Core { database, clock, environment, tracer: None, ids: Arc::default(), vault: Arc::new(vault) }
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
            self.clock.follow(theirs);
        }
        Ok(())
    }
}
