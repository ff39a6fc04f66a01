//! What a write of entries locks, and in which order: projects before entries, several by id.

use entity::value::Id;
use entity::{project, time_entry};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::contract::error::Error;
use crate::door::write::Write;

/// Keeps projects as they are, in the one order in which everybody does who needs several.
pub(super) async fn keep_in_order(
    write: &Write,
    projects: impl Iterator<Item = Id>,
) -> Result<Vec<project::Model>, Error> {
    let projects: Vec<Id> = projects.collect();
    let kept = write.all::<project::Entity>(|query| {
        query.filter(project::Column::Id.is_in(projects)).order_by_asc(project::Column::Id).lock_shared()
    });
    kept.await
}

/// An entry, locked, and its project, kept as it is, with the one that it is to move to: projects first, since whoever
/// changes a project goes on to its entries.
pub(super) async fn lock(
    write: &Write,
    id: Id,
    moves_to: Option<Id>,
) -> Result<(time_entry::Model, project::Model), Error> {
    let not_found = || Error::NotFound("time entry");
    let seen = write.find::<time_entry::Entity>(|query| query.filter(time_entry::Column::Id.eq(id)));
    let seen = seen.await?.ok_or_else(not_found)?;
    let mut kept = keep_in_order(write, [seen.project_id].into_iter().chain(moves_to)).await?;
    let row = write.lock_exclusive::<time_entry::Entity>(id).await?;
    if !kept.iter().any(|project| project.id == row.project_id) {
        // It was moved between the two looks.
        kept.extend(keep_in_order(write, [row.project_id].into_iter()).await?);
    }
    let project = kept.into_iter().find(|project| project.id == row.project_id);
    Ok((row, project.ok_or_else(|| Error::bug("a time entry has no project"))?))
}
