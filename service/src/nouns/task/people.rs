//! The assignees of tasks. Queries use the table `task_assignee`, answers show the column `assignee_ids`; only this module
//! writes the two, so that they agree.

use entity::value::{ProjectId, Role, UserId};
use entity::{member, project, project_member, task, task_assignee};
use sea_orm::sea_query::SelectStatement;
use sea_orm::{ColumnTrait, Condition, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::array;
use crate::access::scope::Scoped;
use crate::contract::error::Error;
use crate::contract::record::list_in;
use crate::door::write::Write;

/// The assignees of a task, in the order in which they were sent.
pub(super) fn of(row: &task::Model) -> Vec<UserId> {
    list_in(&row.assignee_ids)
}

/// The live memberships of these people, locked shared so that they do not change before the commit.
pub(super) async fn lock_memberships(write: &Write, people: &[UserId]) -> Result<Vec<member::Model>, Error> {
    if people.is_empty() {
        return Ok(vec![]);
    }
    let live = write.all::<member::Entity>(|query| {
        let named = query.filter(member::Column::UserId.is_in(people.iter().copied()));
        named.filter(member::Column::DeletedAt.is_null()).order_by_asc(member::Column::Id).lock_shared()
    });
    live.await
}

/// The live projects of a person's tasks, locked in the order of their ids.
pub(crate) async fn projects_of(write: &Write, person: SelectStatement) -> Result<Vec<ProjectId>, Error> {
    let places = task_assignee::Entity::all_of(write.organization_id());
    let places = places.filter(task_assignee::Column::UserId.in_subquery(person)).select_only();
    let theirs = places.column(task_assignee::Column::TaskId).into_query();
    let tasks =
        task::Entity::all_of(write.organization_id()).filter(task::Column::Id.in_subquery(theirs)).select_only();
    let projects = tasks.column(task::Column::ProjectId).into_query();
    let locked = write.all::<project::Entity>(|query| {
        let live = query.filter(project::Column::Id.in_subquery(projects)).filter(project::Column::DeletedAt.is_null());
        live.order_by_asc(project::Column::Id).lock_exclusive()
    });
    Ok(locked.await?.into_iter().map(|project| project.id).collect())
}

/// Adds those of these people whose role is Member to a project that they are not on yet. The project is locked by the caller.
pub(crate) async fn add_to_project(write: &Write, project: ProjectId, members: &[member::Model]) -> Result<(), Error> {
    let members = members.iter().filter(|member| member.role == Role::Member);
    let people: Vec<UserId> = members.map(|member| member.user_id).collect();
    if people.is_empty() {
        return Ok(());
    }
    let there = write.all::<project_member::Entity>(|query| {
        let of_project = query.filter(project_member::Column::ProjectId.eq(project));
        of_project.filter(project_member::Column::UserId.is_in(people.iter().copied()))
    });
    let there: Vec<UserId> = there.await?.into_iter().map(|place| place.user_id).collect();
    for user_id in people.into_iter().filter(|person| !there.contains(person)) {
        let organization_id = write.organization_id();
        let place = project_member::Model { project_id: project, user_id, organization_id, created_at: write.now };
        write.insert::<project_member::Entity>(place).await?;
    }
    Ok(())
}

/// Changes the table of assignees from the former ones to those of the row.
pub(super) async fn assign(write: &Write, before: &[UserId], row: &task::Model) -> Result<(), Error> {
    let after = of(row);
    let gone: Vec<UserId> = before.iter().filter(|person| !after.contains(person)).copied().collect();
    if !gone.is_empty() {
        task_assignee::Entity::delete_in(write.organization_id())
            .filter(task_assignee::Column::TaskId.eq(row.id))
            .filter(task_assignee::Column::UserId.is_in(gone))
            .exec(write.connection())
            .await?;
    }
    for user_id in after.into_iter().filter(|person| !before.contains(person)) {
        let organization_id = write.organization_id();
        let place = task_assignee::Model { task_id: row.id, user_id, organization_id, created_at: write.now };
        write.insert_last::<task_assignee::Entity>(place).await?;
    }
    Ok(())
}

/// Ids in one statement: both databases bound how many values it binds.
const IDS_AT_ONCE: usize = 1000;

/// Removes a person from the assignees of the tasks of one project, or of the whole workspace.
pub(crate) async fn unassign(write: &Write, person: UserId, project: Option<ProjectId>) -> Result<(), Error> {
    let organization = write.organization_id();
    let places =
        task_assignee::Entity::all_of(organization).filter(task_assignee::Column::UserId.eq(person)).select_only();
    let assigned = Condition::all()
        .add(task::Column::Id.in_subquery(places.column(task_assignee::Column::TaskId).into_query()))
        .add_option(project.map(|project| task::Column::ProjectId.eq(project)));
    let tasks =
        write.all::<task::Entity>(|query| query.filter(assigned).order_by_asc(task::Column::Id).lock_exclusive());
    let tasks = tasks.await?;
    for some in tasks.chunks(IDS_AT_ONCE) {
        task_assignee::Entity::delete_in(organization)
            .filter(task_assignee::Column::TaskId.is_in(some.iter().map(|task| task.id)))
            .filter(task_assignee::Column::UserId.eq(person))
            .exec(write.connection())
            .await?;
    }
    for before in tasks {
        let staying: Vec<UserId> = of(&before).into_iter().filter(|other| *other != person).collect();
        let after = task::Model { assignee_ids: array(&staying), ..before.clone() };
        write.update::<task::Entity>(&before, after).await?;
    }
    Ok(())
}
