//! Joining a workspace, roles in it, and leaving it.

use entity::value::{MemberId, Name, OrganizationId, Plan, Role, Text, UserId, email_key, fold};
use entity::{member, project_member, token, user};
use sea_orm::sea_query::{Expr, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use super::{Member, is_member};
use crate::access::scope::{Scoped, person};
use crate::contract::error::Error;
use crate::contract::reason::Reason;
use crate::door::operator::Operator;
use crate::door::write::Write;
use crate::nouns::{organization, task};

/// A person who joins.
#[derive(Clone, Debug)]
pub struct NewMember {
    /// Their e-mail address, by which they are known in every workspace.
    pub email: Text<254>,
    /// Their name in this workspace.
    pub name: Name,
    /// What they may do.
    pub role: Role,
}

/// Adds a person to a workspace, within the cap of its plan.
///
/// # Errors
/// `NotFound` (workspace or record), `Invalid` (input), `Conflict` (state or cap), or `Internal` (database).
pub async fn add(operator: &Operator, organization: OrganizationId, input: NewMember) -> Result<Member, Error> {
    operator.write(organization, async |write| join(write, input).await).await
}

pub(crate) async fn join(write: &Write, input: NewMember) -> Result<Member, Error> {
    let workspace = organization::lock(write).await?;
    let people = live_members(write, None).await?;
    let cap = member_cap(workspace.plan);
    if people >= cap {
        let message = format!("the plan {} allows {cap} members; set a larger plan first", workspace.plan);
        return Err(Error::conflict(Reason::MemberCap, message));
    }
    let user_id = find_or_create_user(write, input.email.as_str()).await?;
    if is_member(write, user_id).await? {
        return Err(Error::conflict(Reason::AlreadyMember, format!("{} is a member already", input.email)));
    }
    let row = member::Model {
        id: write.new_id(),
        organization_id: write.organization_id(),
        user_id,
        role: input.role,
        search_key: fold(&format!("{}\u{1f}{}", input.name, input.email)),
        name: input.name.into(),
        email: input.email.into(),
        version: 1,
        created_at: write.now,
        updated_at: write.now,
        deleted_at: None,
    };
    write.insert::<member::Entity>(row.clone()).await?;
    Ok(row.into())
}

/// The live members of a workspace, the oldest first.
///
/// # Errors
/// `NotFound` where there is no such workspace.
pub async fn all_of(operator: &Operator, organization: OrganizationId) -> Result<Vec<Member>, Error> {
    organization::find(operator.reader(), organization).await?;
    let live = member::Entity::all_of(organization).filter(member::Column::DeletedAt.is_null());
    let query = live.order_by_asc(member::Column::CreatedAt).order_by_asc(member::Column::Id);
    Ok(query.all(operator.reader()).await?.into_iter().map(Member::from).collect())
}

/// Which member is meant: by their e-mail address, or by the id of the membership.
pub(super) enum Which<'a> {
    Email(&'a str),
    Id(MemberId),
}

impl Which<'_> {
    /// The live membership, locked against every other write.
    async fn lock(&self, write: &Write) -> Result<member::Model, Error> {
        match self {
            Which::Email(email) => find_live(write, email).await,
            Which::Id(id) => write.lock_exclusive::<member::Entity>(*id).await,
        }
    }

    /// The id of the person.
    fn user(&self, organization: OrganizationId) -> SelectStatement {
        match self {
            Which::Email(email) => user_by_email(email),
            Which::Id(id) => {
                let membership = member::Entity::all_of(organization).filter(member::Column::Id.eq(*id));
                membership.select_only().column(member::Column::UserId).into_query()
            }
        }
    }
}

/// Gives a member another role; never leaves a workspace without an Owner.
///
/// # Errors
/// `NotFound`, `Invalid` (input), `Conflict` (state), or `Internal` (database).
pub async fn set_role(
    operator: &Operator,
    organization: OrganizationId,
    email: &str,
    role: Role,
) -> Result<Member, Error> {
    operator.write(organization, async |write| give_role(write, &Which::Email(email), role).await).await
}

/// Gives a member another role.
///
/// # Errors
/// `NotFound`, `Forbidden` (of Owners, only an Owner decides), `Conflict` (the last Owner), or `Internal` (database).
pub(super) async fn give_role(write: &Write, which: &Which<'_>, role: Role) -> Result<Member, Error> {
    organization::lock(write).await?;
    // Only Members need to be on the projects of their tasks.
    let user = which.user(write.organization_id());
    let projects = if role == Role::Member { task::projects_of(write, user).await? } else { vec![] };
    let before = which.lock(write).await?;
    ensure_decides(write.acting_role(), before.role)?;
    if before.role == Role::Owner && role != Role::Owner {
        ensure_another_owner(write).await?;
    }
    let after = member::Model { role, ..before.clone() };
    let member = write.update::<member::Entity>(&before, after).await?;
    for project in projects {
        task::add_to_project(write, project, std::slice::from_ref(&member)).await?;
    }
    Ok(member.into())
}

/// Ends a membership and revokes its tokens permanently. Their time stays.
///
/// # Errors
/// `NotFound`, `Invalid` (input), `Conflict` (state), or `Internal` (database).
pub async fn remove(operator: &Operator, organization: OrganizationId, email: &str) -> Result<Member, Error> {
    operator.write(organization, async |write| leave(write, &Which::Email(email)).await).await
}

/// Ends a membership.
///
/// # Errors
/// `NotFound`, `Forbidden` (of Owners, only an Owner decides), `Conflict` (the last Owner), or `Internal` (database).
pub(super) async fn leave(write: &Write, which: &Which<'_>) -> Result<Member, Error> {
    organization::lock(write).await?;
    let before = which.lock(write).await?;
    ensure_decides(write.acting_role(), before.role)?;
    if before.role == Role::Owner {
        ensure_another_owner(write).await?;
    }
    let after = member::Model { deleted_at: Some(write.now), ..before.clone() };
    let after = write.update::<member::Entity>(&before, after).await?;
    token::Entity::update_in(write.organization_id())
        .col_expr(token::Column::RevokedAt, Expr::value(write.now))
        .filter(token::Column::MemberId.eq(after.id))
        .filter(token::Column::RevokedAt.is_null())
        .exec(write.connection())
        .await?;
    project_member::Entity::delete_in(write.organization_id())
        .filter(project_member::Column::UserId.eq(after.user_id))
        .exec(write.connection())
        .await?;
    task::unassign(write, after.user_id, None).await?;
    Ok(after.into())
}

/// Of Owners, only an Owner decides; the operator, who has no role, decides of everyone.
///
/// # Errors
/// `Forbidden`.
pub(super) fn ensure_decides(acting: Option<Role>, role: Role) -> Result<(), Error> {
    match acting {
        Some(acting) if role == Role::Owner && acting != Role::Owner => {
            Err(Error::Forbidden("only an Owner makes, changes or removes an Owner".into()))
        }
        _ => Ok(()),
    }
}

/// The live membership behind an e-mail address.
pub(crate) async fn find_live(write: &Write, email: &str) -> Result<member::Model, Error> {
    let found = write.find::<member::Entity>(|query| {
        query
            .filter(member::Column::DeletedAt.is_null())
            .filter(member::Column::UserId.in_subquery(user_by_email(email)))
            .lock_exclusive()
    });
    found.await?.ok_or(Error::NotFound("member"))
}

async fn live_members(write: &Write, role: Option<Role>) -> Result<u64, Error> {
    let count = write.count::<member::Entity>(|query| {
        let query = query.filter(member::Column::DeletedAt.is_null());
        match role {
            Some(role) => query.filter(member::Column::Role.eq(role)),
            None => query,
        }
    });
    count.await
}

async fn ensure_another_owner(write: &Write) -> Result<(), Error> {
    if live_members(write, Some(Role::Owner)).await? > 1 {
        return Ok(());
    }
    Err(Error::conflict(Reason::LastOwner, "this is the last Owner; make somebody else Owner first"))
}

pub(crate) const fn member_cap(plan: Plan) -> u64 {
    match plan {
        Plan::Free => 3,
        Plan::Studio => 10,
        Plan::Agency => 25,
    }
}

fn user_by_email(email: &str) -> SelectStatement {
    person(email_key(email)).select_only().column(user::Column::Id).into_query()
}

async fn find_or_create_user(write: &Write, email: &str) -> Result<UserId, Error> {
    use sea_orm::sea_query::OnConflict;
    let email_key = email_key(email);
    let row = user::Model {
        id: write.new_id(),
        email: email.to_owned(),
        email_key: email_key.clone(),
        created_at: write.now,
    };
    user::Entity::insert(row.into_active_model().reset_all())
        .on_conflict(OnConflict::column(user::Column::EmailKey).do_nothing().to_owned())
        .try_insert()
        .exec_without_returning(write.connection())
        .await?;
    let found = person(email_key).one(write.connection()).await?;
    found.map(|row| row.id).ok_or_else(|| Error::bug("a person was not found after being added"))
}
