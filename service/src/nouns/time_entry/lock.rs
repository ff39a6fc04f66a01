//! What a write of time entries locks, and in which order: projects before entries, projects in the order of their ids.

use entity::value::{ProjectId, TimeEntryId};
use entity::{project, time_entry};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::contract::error::Error;
use crate::door::write::Write;

/// Locks projects shared, in the order that every write with several projects follows.
pub(super) async fn lock_projects_in_order(
    write: &Write,
    projects: impl Iterator<Item = ProjectId>,
) -> Result<Vec<project::Model>, Error> {
    let projects: Vec<ProjectId> = projects.collect();
    let locked = write.all::<project::Entity>(|query| {
        query.filter(project::Column::Id.is_in(projects)).order_by_asc(project::Column::Id).lock_shared()
    });
    locked.await
}

/// Locks an entry, and before it its project and the one that it moves to: a change of a project locks its entries after
/// the project.
pub(super) async fn lock(
    write: &Write,
    id: TimeEntryId,
    moves_to: Option<ProjectId>,
) -> Result<(time_entry::Model, project::Model), Error> {
    let not_found = || Error::NotFound("time entry");
    let seen = write.find::<time_entry::Entity>(|query| query.filter(time_entry::Column::Id.eq(id)));
    let seen = seen.await?.ok_or_else(not_found)?;
    let mut locked = lock_projects_in_order(write, [seen.project_id].into_iter().chain(moves_to)).await?;
    let row = write.lock_exclusive::<time_entry::Entity>(id).await?;
    if !locked.iter().any(|project| project.id == row.project_id) {
        // The entry was moved to another project between the two statements.
        locked.extend(lock_projects_in_order(write, [row.project_id].into_iter()).await?);
    }
    let project = locked.into_iter().find(|project| project.id == row.project_id);
    Ok((row, project.ok_or_else(|| Error::bug("a time entry has no project"))?))
}
