//! What a write of time entries locks, and in which order: projects before entries, projects in the order of their ids.

use entity::cells::Maybe;
use entity::value::{ProjectId, TaskId, TimeEntryId};
use entity::{project, project_member, task, time_entry};
use sea_orm::sea_query::SelectStatement;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Value};

use crate::access::caller::Caller;
use crate::access::policy;
use crate::access::scope::Scoped;
use crate::access::texts::{PLACEHOLDER_ID, SECOND_PLACEHOLDER_ID};
use crate::contract::error::Error;
use crate::door::write::{Write, shared};

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

/// A live project that the caller sees, locked shared; for a Member, their membership of it is locked as well.
pub(super) async fn lock_visible_project(write: &Write, id: ProjectId) -> Result<Option<project::Model>, Error> {
    Ok(lock_visible(write, id, None).await?.0)
}

/// Locks a project as `lock_visible_project` does, and a task that the caller sees, of whatever project, in one statement.
pub(super) async fn lock_visible(
    write: &Write,
    id: ProjectId,
    task_id: Option<TaskId>,
) -> Result<(Option<project::Model>, Option<task::Model>), Error> {
    type Membership = Maybe<project_member::Model>;
    type Seen = Maybe<project::Model>;
    type Of = Maybe<task::Model>;

    let project = |caller: &Caller| shared::<project::Entity>(caller, PLACEHOLDER_ID);
    let task = |caller: &Caller| shared::<task::Entity>(caller, SECOND_PLACEHOLDER_ID);
    let task_or_none: Value = task_id.map_or(SECOND_PLACEHOLDER_ID.into(), Into::into);
    let ids: [(Value, Value); 2] = [(PLACEHOLDER_ID.into(), id.into()), (SECOND_PLACEHOLDER_ID.into(), task_or_none)];
    if policy::sees_all(write.caller()?.role) {
        return match task_id {
            None => Ok((write.lock_shared::<project::Entity>(id).await?, None)),
            Some(_) => {
                let both = |caller: &Caller| vec![project(caller), task(caller)];
                let (Maybe(project), Maybe(task)) =
                    write.lock_together::<(Seen, Of)>("project and task", &ids, both).await?;
                Ok((project, task))
            }
        };
    }
    let ((Maybe(project), Maybe(membership)), Maybe(task)) = match task_id {
        None => {
            let both = |caller: &Caller| vec![project(caller), membership_of(caller)];
            (write.lock_together::<(Seen, Membership)>("project and membership", &ids[..1], both).await?, Maybe(None))
        }
        Some(_) => {
            let all = |caller: &Caller| vec![project(caller), membership_of(caller), task(caller)];
            write.lock_together::<((Seen, Membership), Of)>("project, membership and task", &ids, all).await?
        }
    };
    Ok((membership.and(project), task))
}

/// The membership of the caller in the project.
fn membership_of(caller: &Caller) -> SelectStatement {
    let membership = project_member::Entity::all_of(caller.organization_id)
        .filter(project_member::Column::ProjectId.eq(PLACEHOLDER_ID))
        .filter(project_member::Column::UserId.eq(caller.user_id));
    membership.lock_shared().into_query()
}
