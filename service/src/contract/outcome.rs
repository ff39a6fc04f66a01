//! The results of operations: records of this write, or the stored reply of an earlier one with the same idempotency key;
//! and the preconditions of changes.

use std::sync::Arc;

use entity::value::Id;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::contract::error::Error;

/// The result of an operation: a record with an identity that can be stored and read again.
pub trait Record: Serialize + DeserializeOwned + Send {
    /// The id of the record.
    fn id(&self) -> Id;
    /// Its version, if it has one.
    fn version(&self) -> Option<i32>;
    /// Whether it shows a secret, so that its stored reply must be encrypted.
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

/// The id of a deleted record.
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

/// What a finished write leaves for its replays. Knows no HTTP: the surface makes status and headers of it again.
#[derive(Clone, Debug)]
pub struct StoredReply {
    /// The record that was made or changed.
    pub id: Id,
    /// Its version then.
    pub version: Option<i32>,
    /// Whether it was made.
    pub created: bool,
    /// The record, rendered.
    pub body: Arc<str>,
}

/// What the body of a write did.
pub(crate) enum Effect<R> {
    /// It made this record.
    Created(R),
    /// What it would have made was there already, and is left as it was.
    Found(R),
    /// It changed or deleted this record.
    Changed(R),
}

impl<R> Effect<R> {
    /// The record, and whether it was made.
    pub(crate) fn into_parts(self) -> (R, bool) {
        match self {
            Effect::Created(record) => (record, true),
            Effect::Found(record) | Effect::Changed(record) => (record, false),
        }
    }
}

/// The result of a write: a record of this write, or the stored reply of an earlier one with the same idempotency key.
#[derive(Clone, Debug)]
pub enum Written<R> {
    /// Written by this request.
    Fresh {
        /// The record after the write.
        record: R,
        /// Whether this write created it.
        created: bool,
    },
    /// Written by an earlier request. The stored reply stays text for surfaces that send text.
    Replayed(StoredReply),
}

impl<R: Record> Written<R> {
    /// The record; a stored reply is parsed.
    ///
    /// # Errors
    /// `Internal` if a stored reply cannot be read.
    pub fn into_record(self) -> Result<R, Error> {
        match self {
            Written::Fresh { record, .. } => Ok(record),
            Written::Replayed(stored) => serde_json::from_str(&stored.body)
                .map_err(|e| Error::bug(format!("a stored answer does not read back: {e}"))),
        }
    }
}

/// The versions of a record that a change applies to: `If-Match`, or `expectedVersion`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Any version.
    #[default]
    Any,
    /// One of these versions; an empty list matches none.
    OneOf(Vec<i32>),
}

impl Precondition {
    pub(crate) fn check(&self, version: i32) -> Result<(), Error> {
        match self {
            Precondition::OneOf(versions) if !versions.contains(&version) => {
                Err(Error::Stale { version: Some(version) })
            }
            _ => Ok(()),
        }
    }

    /// For a record without versions, which no entity tag fits (RFC 9110, section 13.1.1).
    pub(crate) fn refuse_versions(&self) -> Result<(), Error> {
        match self {
            Precondition::Any => Ok(()),
            Precondition::OneOf(_) => Err(Error::Stale { version: None }),
        }
    }
}
