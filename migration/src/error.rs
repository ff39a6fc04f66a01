//! Why a database is not migrated, in sentences for the operator.

use std::fmt;

use sea_orm_migration::sea_orm::DbErr;

/// The release of this program.
pub(crate) const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// A step that a database has and this release does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownStep {
    /// Its name.
    pub name: String,
    /// The release that made it, if that has left its mark.
    pub release: Option<String>,
    /// Whether older releases can work on the database all the same.
    pub compatible: bool,
}

/// Why a database could not be migrated.
#[derive(Debug)]
pub enum Error {
    /// The database cannot be reached.
    Unreachable(String),
    /// The database cannot be used as it is set up.
    Unsuitable(String),
    /// The database has steps that this release does not know and cannot work with.
    Newer(Vec<UnknownStep>),
    /// A server uses the database, and these steps may not be applied beside it.
    InUse {
        /// The pending steps.
        pending: Vec<String>,
        /// Whether one of them is breaking, so that servers of an older release must be stopped.
        breaking: bool,
    },
    /// These steps are pending, and who asks may not apply them.
    Pending(Vec<String>),
    /// The file could not be copied before its first change, so that nothing was changed.
    NotCopied(String),
    /// A step failed; the whole run was rolled back.
    Failed(DbErr),
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unreachable(cause) => write!(f, "the database cannot be reached: {cause}"),
            Error::Unsuitable(why) => f.write_str(why),
            Error::Newer(steps) => {
                let named = |step: &UnknownStep| match &step.release {
                    Some(release) => format!("{} of release {release}", step.name),
                    None => step.name.clone(),
                };
                let steps = steps.iter().map(named).collect::<Vec<_>>().join(", ");
                write!(
                    f,
                    "the database is newer than this hoursmith {RELEASE}: it has {steps}, which this release cannot work \
                     with; start the release that migrated it, or a later one"
                )
            }
            Error::InUse { pending, breaking: true } => write!(
                f,
                "a server uses this database, and of the pending steps ({}) one is breaking: stop every server of the older \
                 release, then start `hoursmith serve` of this one",
                pending.join(", ")
            ),
            Error::InUse { pending, breaking: false } => write!(
                f,
                "a server uses this database, and this release would have to migrate it first ({}): run `hoursmith migrate`, \
                 or start `hoursmith serve` of this release, or use the release of the server",
                pending.join(", ")
            ),
            Error::Pending(steps) => write!(
                f,
                "the database lacks migrations of this release ({}), and --no-migrate leaves them out: run `hoursmith migrate` \
                 with a role that may create tables, or start without --no-migrate",
                steps.join(", ")
            ),
            Error::NotCopied(cause) => {
                write!(f, "the database could not be copied before it is migrated, so nothing was changed: {cause}")
            }
            Error::Failed(cause) => write!(f, "migrating the database failed, nothing was changed: {cause}"),
        }
    }
}

impl From<DbErr> for Error {
    fn from(cause: DbErr) -> Error {
        Error::Failed(cause)
    }
}
