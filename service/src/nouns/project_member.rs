//! Who is on a project. Only Members need to be: everyone else reaches the whole workspace.

use std::collections::HashMap;

use entity::value::{ProjectId, UserId};
use entity::{member, project, project_member};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, FromQueryResult, Order, QueryFilter, QuerySelect, QueryTrait};

use crate::access::action::Action;
use crate::access::scope::Scoped;
use crate::contract::error::Error;
use crate::contract::outcome::{Deleted, Written};
use crate::door::Cx;
use crate::list::page::{ListArgs, Page};
use crate::nouns::member::{Member, MemberFilter, MemberSort};

/// A page of the people on a project.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list(
    cx: &Cx,
    project: ProjectId,
    args: &ListArgs<MemberFilter, MemberSort>,
) -> Result<Page<Member>, Error> {
    let read = cx.read(Action::ListProjectMembers)?;
    let on_project = read.query::<project_member::Entity>(|query| {
        let of_project = query.filter(project_member::Column::ProjectId.eq(project));
        of_project.select_only().column(project_member::Column::UserId)
    });
    let place = project.to_string();
    let page = cx.list_below::<member::Entity>(Action::ListProjectMembers, args, &place, |query| {
        query.filter(member::Column::UserId.in_subquery(on_project.clone().into_query()))
    });
    let page = page.await?;
    // Last: a bad cursor is refused before an unknown project.
    read.get::<project::Entity>(project).await?;
    Ok(page.map(Member::from))
}

/// The people on each of these projects, in one statement, in the order in which they were put there.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
#[crate::boxed]
pub async fn of_projects(cx: &Cx, projects: &[ProjectId]) -> Result<HashMap<ProjectId, Vec<Member>>, Error> {
    use project_member::Column;
    let read = cx.read(Action::ListProjectMembers)?;
    let place = |column: Column| Expr::col((project_member::Entity, column));
    let mut people =
        read.query::<member::Entity>(|query| query.filter(member::Column::DeletedAt.is_null())).into_query();
    let joined = Condition::all()
        .add(place(Column::OrganizationId).equals((member::Entity, member::Column::OrganizationId)))
        .add(place(Column::UserId).equals((member::Entity, member::Column::UserId)))
        .add(Column::ProjectId.is_in(projects.iter().copied()));
    people
        .inner_join(project_member::Entity, joined)
        .expr_as(place(Column::ProjectId), "on_project")
        .order_by_expr(place(Column::CreatedAt), Order::Asc);
    let mut found: HashMap<ProjectId, Vec<Member>> = HashMap::new();
    for row in read.rows(&people).await? {
        let member = member::Model::from_query_result(&row, "")?;
        found.entry(row.try_get("", "on_project")?).or_default().push(member.into());
    }
    Ok(found)
}

/// Puts a member on a project; once is enough.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `Conflict` (state or idempotency key), or `Internal` (database).
#[crate::boxed]
pub async fn add(cx: &Cx, project: ProjectId, user: UserId) -> Result<Written<Member>, Error> {
    cx.write(Action::AddProjectMember, (), async |write, ()| {
        write.lock_exclusive::<project::Entity>(project).await?;
        let member = crate::nouns::member::lock_shared(write, user).await?.ok_or(Error::NotFound("member"))?;
        let known = write.find::<project_member::Entity>(|query| {
            let of_project = query.filter(project_member::Column::ProjectId.eq(project));
            of_project.filter(project_member::Column::UserId.eq(user))
        });
        if known.await?.is_none() {
            let organization_id = write.organization_id();
            let row =
                project_member::Model { project_id: project, user_id: user, organization_id, created_at: write.now };
            write.insert::<project_member::Entity>(row).await?;
        }
        Ok(member.into())
    })
    .await
}

/// Takes a member off a project: their tasks there are unassigned, their time stays.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Conflict` (state or key), or `Internal`
/// (database).
#[crate::boxed]
pub async fn remove(cx: &Cx, project: ProjectId, user: UserId) -> Result<Written<Deleted>, Error> {
    cx.write(Action::RemoveProjectMember, (), async |write, ()| {
        write.lock_exclusive::<project::Entity>(project).await?;
        let organization = write.organization_id();
        let removed = project_member::Entity::delete_in(organization)
            .filter(project_member::Column::ProjectId.eq(project))
            .filter(project_member::Column::UserId.eq(user))
            .exec(write.connection())
            .await?;
        if removed.rows_affected == 0 {
            return Err(Error::NotFound("member on this project"));
        }
        crate::nouns::task::unassign(write, user, Some(project)).await?;
        Ok(Deleted { id: user.any() })
    })
    .await
}
