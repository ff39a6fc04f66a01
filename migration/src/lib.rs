//! The migrations that create the tables of `entity`. A released migration is never edited.
//!
//! Each step is marked compatible or breaking, and the mark is stored with the step: a release starts on a database whose
//! unknown steps are all compatible, so that two releases run side by side during an upgrade (`docs/upgrading.md`).

mod before;
mod connect;
mod error;
mod marks;
mod step;

use std::path::PathBuf;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};

pub use error::{Error, UnknownStep};

use step::STEPS;

/// Advisory lock on PostgreSQL while migrations run, so that replicas that start together run them one after another.
const ADVISORY_LOCK: i64 = 0x686f_7572_736d_6974;

/// Whether the release before a step can work on a database that has the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compatibility {
    /// It can: the step only adds what the older release does not touch.
    Compatible,
    /// It cannot, and must be stopped before.
    Breaking,
}

struct Steps;

impl MigratorTrait for Steps {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        STEPS.into_iter().map(|step| Box::new(step) as Box<dyn MigrationTrait>).collect()
    }
}

/// One step and whether this database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The name of the step.
    pub name: String,
    /// Whether it has run.
    pub applied: bool,
    /// Whether the release before it can work with it.
    pub compatibility: Compatibility,
}

/// Who migrates, which decides what may be done beside a running server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrator {
    /// A server that starts, or `hoursmith migrate`: compatible steps are applied beside servers of an older release.
    Upgrade,
    /// Another command, which never migrates a database that a server uses.
    Command,
}

/// What a run has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrated {
    /// The names of the steps that ran.
    pub steps: Vec<String>,
    /// The copy of an embedded database from before.
    pub copy: Option<PathBuf>,
}

/// The names of the steps of this release, which a current database has.
pub fn names() -> Vec<String> {
    STEPS.iter().map(|step| step.name().to_owned()).collect()
}

/// Applies what is pending, all or nothing, and returns the names of the steps that ran.
///
/// # Errors
/// As `up_as`.
pub async fn up(url: &str) -> Result<Vec<String>, Error> {
    Ok(up_as(url, Migrator::Upgrade, false).await?.steps)
}

/// Applies what is pending on behalf of a server or a command. `served` says whether another process serves an embedded database; who
/// serves one of PostgreSQL is found out here.
///
/// # Errors
/// The database cannot be reached, is set up wrongly, or is newer than this release; a server uses it and does not allow
/// the pending steps; its copy cannot be written; or a step fails.
pub async fn up_as(url: &str, migrator: Migrator, served: bool) -> Result<Migrated, Error> {
    let db = connect::connect(url).await?;
    let migrated = apply(&db, migrator, served).await;
    db.close().await?;
    migrated
}

/// Makes sure that a URL and one that leads past its pooler reach the same database.
///
/// # Errors
/// One of the two cannot be reached, or they differ.
pub async fn check_direct(url: &str, direct: &str) -> Result<(), Error> {
    let (own, past) = (connect::try_postgres(url).await?, connect::try_postgres(direct).await?);
    if own == past {
        return Ok(());
    }
    let (own, past) = match own.database == past.database {
        true => ("one server".to_owned(), "another".to_owned()),
        false => (own.database, past.database),
    };
    Err(Error::Unsuitable(format!(
        "HOURSMITH_DATABASE_URL and HOURSMITH_DATABASE_DIRECT_URL must lead to the same database, and lead to {own} and {past}"
    )))
}

/// Makes sure that nothing is pending, for a server whose role may not change tables. Changes nothing.
///
/// # Errors
/// The database cannot be reached, has steps that this release cannot work with, or lacks steps of it.
pub async fn ensure_current(url: &str) -> Result<(), Error> {
    let db = connect::connect(url).await?;
    let state = read(&db).await;
    db.close().await?;
    match state?.check()?.pending() {
        pending if pending.is_empty() => Ok(()),
        pending => Err(Error::Pending(pending)),
    }
}

async fn apply(db: &DatabaseConnection, migrator: Migrator, served: bool) -> Result<Migrated, Error> {
    let state = read(db).await?.check()?;
    let Some(first) = state.pending().into_iter().next() else { return Ok(Migrated::default()) };
    allow(&state, migrator, served)?;
    let copy = before::copy(db, &first).await?;
    let tx = connect::begin(db).await?;
    let postgres = tx.get_database_backend() == DbBackend::Postgres;
    if postgres {
        tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")).await?;
    }
    // Another process may have done it while this one waited for the lock.
    let state = marks::read(&tx).await?.check()?;
    let pending = state.pending();
    if pending.is_empty() {
        return Ok(Migrated { steps: pending, copy });
    }
    allow(&state, migrator, served || (postgres && connect::is_served(&tx).await?))?;
    Steps::up(&tx, None).await?;
    marks::write(&tx).await?;
    connect::commit(tx).await?;
    Ok(Migrated { steps: pending, copy })
}

/// Reads the state of a database; of PostgreSQL in one transaction.
async fn read(db: &DatabaseConnection) -> Result<marks::State, DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return marks::read(db).await;
    }
    let tx = connect::begin(db).await?;
    let state = marks::read(&tx).await?;
    connect::commit(tx).await?;
    Ok(state)
}

/// Refuses steps that servers do not allow.
fn allow(state: &marks::State, migrator: Migrator, served: bool) -> Result<(), Error> {
    let breaking = state.is_breaking();
    if served && (breaking || migrator == Migrator::Command) {
        return Err(Error::InUse { pending: state.pending(), breaking });
    }
    Ok(())
}

/// Every step of this release, in order, and whether the database has it, with the steps of later releases. Changes nothing.
///
/// # Errors
/// The database cannot be reached.
pub async fn status(url: &str) -> Result<(Vec<Status>, Vec<UnknownStep>), Error> {
    let db = connect::connect(url).await?;
    let state = read(&db).await?;
    db.close().await?;
    Ok((state.known, state.unknown))
}

/// Whether this release can work on a database once it has migrated it. Changes nothing.
///
/// # Errors
/// The database cannot be reached, or has steps that this release cannot work with.
pub async fn check(url: &str) -> Result<(), Error> {
    let db = connect::connect(url).await?;
    let state = read(&db).await;
    db.close().await?;
    state?.check().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database of the release before, which lacks one step.
    fn lacking(compatibility: Compatibility) -> marks::State {
        let step = Status { name: "m9999_next".into(), applied: false, compatibility };
        marks::State { known: vec![step], unknown: vec![] }
    }

    #[test]
    fn a_breaking_step_waits_until_no_server_is_left() {
        let breaking = lacking(Compatibility::Breaking);
        for migrator in [Migrator::Upgrade, Migrator::Command] {
            let why = allow(&breaking, migrator, true).unwrap_err().to_string();
            let begins = "a server uses this database, and of the pending steps (m9999_next) one is breaking";
            assert!(why.starts_with(begins) && why.contains("stop every server"), "{why}");
            assert!(allow(&breaking, migrator, false).is_ok());
        }
        let compatible = lacking(Compatibility::Compatible);
        assert!(allow(&compatible, Migrator::Upgrade, true).is_ok());
        assert!(allow(&compatible, Migrator::Command, true).is_err());
    }
}
