//! What an operation gives back: records, done now or done before under the same key; and which versions of a record a
//! change is meant for.

use entity::value::Id;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::contract::error::Error;
use crate::idempotency::StoredReply;

/// What an operation gives back: a record with an identity, that can be stored and read again.
pub trait Record: Serialize + DeserializeOwned + Send {
    /// Whose it is.
    fn id(&self) -> Id;
    /// Its version, if it has one.
    fn version(&self) -> Option<i32>;
    /// Whether it shows a secret, so that its stored answer must be sealed.
    fn holds_secret(&self) -> bool {
        false
    }
}

/// A batch of records has no identity of its own.
impl<R: Record> Record for Vec<R> {
    fn id(&self) -> Id {
        Id::NONE
    }

    fn version(&self) -> Option<i32> {
        None
    }
}

/// What is left of a record that is gone.
#[derive(Clone, Copy, Debug, Serialize, serde::Deserialize)]
pub struct Deleted {
    /// Its id.
    pub id: Id,
}

impl Record for Deleted {
    fn id(&self) -> Id {
        self.id
    }

    fn version(&self) -> Option<i32> {
        None
    }
}

/// The outcome of a write: done now, or done before under the same key.
#[derive(Clone, Debug)]
pub enum Written<R> {
    /// Just now.
    Fresh {
        /// The record as it now is.
        record: R,
        /// Whether it was made by this write.
        created: bool,
    },
    /// Before. What was answered then, as text, is not read again where text is what is sent.
    Replayed(StoredReply),
}

impl<R: Record> Written<R> {
    /// The record, read again if it was stored.
    pub fn into_record(self) -> Result<R, Error> {
        match self {
            Written::Fresh { record, .. } => Ok(record),
            Written::Replayed(stored) => serde_json::from_str(&stored.body)
                .map_err(|e| Error::bug(format!("a stored answer does not read back: {e}"))),
        }
    }
}

/// Which versions of a record a change is meant for: `If-Match`, or `expectedVersion`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Any.
    #[default]
    Any,
    /// One of these; none, if what was sent names no version.
    OneOf(Vec<i32>),
}

impl Precondition {
    pub(crate) fn check(&self, version: i32) -> Result<(), Error> {
        match self {
            Precondition::OneOf(versions) if !versions.contains(&version) => Err(Error::Stale { version }),
            _ => Ok(()),
        }
    }
}
