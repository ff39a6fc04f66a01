//! What a database has of the steps, and what it says of those that this release does not know.

use std::collections::BTreeMap;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, IntoDatabaseExecutor};

use crate::error::{Error, RELEASE, UnknownStep};
use crate::step::STEPS;
use crate::{Compatibility, Status};

const APPLIED: &str = "seaql_migrations";
const MARKS: &str = "migration_mark";

/// The steps of a database.
pub(crate) struct State {
    /// Every step of this release, in order.
    pub(crate) known: Vec<Status>,
    /// The steps of later releases.
    pub(crate) unknown: Vec<UnknownStep>,
}

impl State {
    /// The names of the steps that are to be applied.
    pub(crate) fn pending(&self) -> Vec<String> {
        self.known.iter().filter(|step| !step.applied).map(|step| step.name.clone()).collect()
    }

    /// Whether one of them is breaking.
    pub(crate) fn is_breaking(&self) -> bool {
        self.known.iter().any(|step| !step.applied && step.compatibility == Compatibility::Breaking)
    }

    /// Refuses a database that this release cannot work with: one with a later step that is breaking or without a mark, and
    /// one that has later steps and lacks an earlier one.
    pub(crate) fn check(self) -> Result<State, Error> {
        let incompatible: Vec<_> = self.unknown.iter().filter(|step| !step.compatible).cloned().collect();
        if !incompatible.is_empty() {
            return Err(Error::Newer(incompatible));
        }
        if !self.unknown.is_empty() && !self.pending().is_empty() {
            return Err(Error::Newer(self.unknown));
        }
        Ok(self)
    }
}

/// Reads the state of a database. Directly, since the library would create its table and report unknown steps as text.
pub(crate) async fn read<'c>(db: impl IntoDatabaseExecutor<'c>) -> Result<State, DbErr> {
    let manager = SchemaManager::new(db);
    let applied: Vec<String> = if manager.has_table(APPLIED).await? {
        let select = Query::select().column("version").from(APPLIED).order_by("version", Order::Asc).take();
        let rows = manager.get_connection().query_all(&select).await?;
        rows.iter().map(|row| row.try_get("", "version")).collect::<Result<_, _>>()?
    } else {
        Vec::new()
    };
    let mut marks: BTreeMap<String, (bool, String)> = BTreeMap::new();
    if manager.has_table(MARKS).await? {
        let select = Query::select().columns(["name", "compatible", "release"]).from(MARKS).take();
        for row in manager.get_connection().query_all(&select).await? {
            marks.insert(row.try_get("", "name")?, (row.try_get("", "compatible")?, row.try_get("", "release")?));
        }
    }
    let known: Vec<Status> = STEPS
        .iter()
        .map(|step| {
            let name = step.name().to_owned();
            Status { applied: applied.contains(&name), compatibility: step.compatibility, name }
        })
        .collect();
    let unknown = applied.into_iter().filter(|name| !known.iter().any(|step| step.name == *name));
    let unknown = unknown
        .map(|name| {
            let mark = marks.remove(&name);
            let compatible = mark.as_ref().is_some_and(|(compatible, _)| *compatible);
            UnknownStep { name, compatible, release: mark.map(|(_, release)| release) }
        })
        .collect();
    Ok(State { known, unknown })
}

/// Leaves a mark for every step of this release that has none yet.
pub(crate) async fn write<'c>(db: impl IntoDatabaseExecutor<'c>) -> Result<(), DbErr> {
    let manager = SchemaManager::new(db);
    for step in STEPS {
        let compatible = step.compatibility == Compatibility::Compatible;
        let mut insert = Query::insert().into_table(MARKS).columns(["name", "compatible", "release"]).take();
        insert.values_panic([step.name().into(), compatible.into(), RELEASE.into()]);
        insert.on_conflict(OnConflict::column("name").do_nothing().to_owned());
        manager.get_connection().execute(&insert).await?;
    }
    Ok(())
}
