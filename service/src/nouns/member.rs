//! The people of a workspace: read over the surfaces, added and removed by the operator.

use entity::value::{DateOrDateTime, Id, Name, Plan, Role, Text, Timestamp, fold};
use entity::{member, project, project_member, token, user};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use serde::{Deserialize, Serialize};

use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::access::policy;
use crate::access::scope::Scoped;
use crate::contract::error::Error;
use crate::contract::input::Field;
use crate::contract::outcome::Record;
use crate::contract::reason::Reason;
use crate::door::Cx;
use crate::door::operator::Operator;
use crate::door::write::Write;
use crate::list::filter::{ids_where, one_of, since, until};
use crate::list::page::{Filter, Key, ListArgs, Listed, Page};
use crate::nouns::{organization, task};

/// A member: a person in a workspace. A Member sees their own record only.
#[derive(Clone, Debug, Serialize, Deserialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
#[graphql(name = "MemberFields")]
pub struct Member {
    /// Identifier of the membership (UUID v7); a person has another one in every workspace.
    pub id: Id,
    /// Identifier of the workspace that the member belongs to.
    pub org_id: Id,
    /// Identifier of the person; time entries and tasks refer to people by it.
    pub user_id: Id,
    /// Role of the member, which decides what they may see and do.
    pub role: Role,
    /// Name of the member in this workspace.
    pub name: String,
    /// Email address of the member.
    pub email: String,
    /// Time at which the member joined the workspace (UTC).
    pub created_at: Timestamp,
}

impl From<member::Model> for Member {
    fn from(row: member::Model) -> Member {
        let member::Model {
            id,
            organization_id,
            user_id,
            role,
            name,
            email,
            search_key: _,
            version: _,
            created_at,
            updated_at: _,
            deleted_at: _,
        } = row;
        Member { id, org_id: organization_id, user_id, role, name, email, created_at }
    }
}

impl Record for Member {
    fn id(&self) -> Id {
        self.id
    }

    fn version(&self) -> Option<i32> {
        None
    }
}

/// The caller: the member that the token acts as, and what the token may do.
#[derive(Clone, Debug, Serialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
#[graphql(name = "ViewerFields")]
pub struct Me {
    /// Identifier of the token's workspace.
    pub org_id: Id,
    /// Name of the token's workspace.
    pub org_name: String,
    /// Identifier of the membership that the token acts as.
    pub member_id: Id,
    /// Identifier of the person behind the token.
    pub user_id: Id,
    /// Name of the person in this workspace.
    pub name: String,
    /// Email address of the person.
    pub email: String,
    /// Plan of the workspace, which decides on features and rate limits.
    pub plan: Plan,
    /// Role of the member at this moment; a change counts from the next request.
    pub role: Role,
    /// Name of the token, as given when it was made.
    pub token_name: String,
    /// Scopes of the token: `read`, or `read` and `write`.
    pub scopes: Vec<String>,
    /// Identifiers of the projects that the caller is on; null means all projects of the workspace.
    #[oai(nullable)]
    pub project_ids: Option<Vec<Id>>,
}

/// Who the caller is.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
pub async fn me(cx: &Cx) -> Result<Me, Error> {
    let read = cx.read(Action::GetMe)?;
    let caller = cx.caller();
    let project_ids = if policy::sees_all(caller.role) {
        None
    } else {
        let live = Condition::all().add(project::Column::DeletedAt.is_null());
        let live = ids_where::<project::Entity>(caller.organization_id, live);
        let rows = read
            .all::<project_member::Entity>(|query| query.filter(project_member::Column::ProjectId.in_subquery(live)));
        let rows = rows.await?;
        Some(rows.into_iter().map(|row| row.project_id).collect())
    };
    Ok(Me {
        org_id: caller.organization_id,
        org_name: caller.organization_name.clone(),
        member_id: caller.member_id,
        user_id: caller.user_id,
        name: caller.name.clone(),
        email: caller.email.clone(),
        plan: caller.plan,
        role: caller.role,
        token_name: caller.token_name.clone(),
        scopes: crate::nouns::token::scopes(caller.scope),
        project_ids,
    })
}

crate::sort! {
    /// What members are sorted by.
    pub enum MemberSort of member {
        CreatedAt "createdAt" by "created_at" => |row| row.created_at.into(),
        Id "id" by "id" => |_row| Key::Id,
        Role "role" by "role" => |row| Key::Number(row.role.rank().into()),
    }
}

crate::input! {
    /// Filters of the list of members; a member must match all of them.
    pub struct MemberFilter {
        /// Only members with one of these identifiers.
        pub id: Field<Vec<Id>>,
        /// Only members with one of these roles.
        pub role: Field<Vec<Role>>,
        /// Only members who joined at or after this instant; a date means the start of that UTC day.
        pub created_at_from: Field<DateOrDateTime>,
        /// Only members who joined at or before this instant; a date means the end of that UTC day.
        pub created_at_to: Field<DateOrDateTime>,
    }
}

impl Filter for MemberFilter {
    fn condition(&self, _: &Caller) -> Condition {
        use member::Column;
        Condition::all()
            .add_option(one_of(Column::Id, &self.id))
            .add_option(one_of(Column::Role, &self.role))
            .add_option(since(Column::CreatedAt, &self.created_at_from))
            .add_option(until(Column::CreatedAt, &self.created_at_to))
    }
}

impl Listed for member::Entity {
    type Sort = MemberSort;
    type Filter = MemberFilter;
    const SEARCH: Option<member::Column> = Some(member::Column::SearchKey);
}

/// A page of members.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
pub async fn list(cx: &Cx, args: &ListArgs<MemberFilter, MemberSort>) -> Result<Page<Member>, Error> {
    Ok(cx.list::<member::Entity>(Action::ListMembers, args).await?.map(Member::from))
}

/// One member.
///
/// # Errors
/// `Forbidden` (role or scope), `NotFound` (or not visible to the caller), or `Internal` (database).
pub async fn get(cx: &Cx, id: Id) -> Result<Member, Error> {
    Ok(cx.read(Action::GetMember)?.get::<member::Entity>(id).await?.into())
}

/// Memberships by id, ended ones too.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
pub async fn by_ids(cx: &Cx, ids: &[Id]) -> Result<Vec<Member>, Error> {
    let rows = cx.read(Action::GetMember)?.by_ids::<member::Entity>(ids).await?;
    Ok(rows.into_iter().map(Member::from).collect())
}

/// The memberships of these people, live or ended, the latest of each last.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
pub async fn of_users(cx: &Cx, users: &[Id]) -> Result<Vec<Member>, Error> {
    use sea_orm::QueryOrder;
    let read = cx.read(Action::ListMembers)?;
    let rows = read.all::<member::Entity>(|query| {
        query.filter(member::Column::UserId.is_in(users.iter().copied())).order_by_asc(member::Column::CreatedAt)
    });
    Ok(rows.await?.into_iter().map(Member::from).collect())
}

/// The live membership of a person, locked shared so that it does not end before the commit.
pub(crate) async fn lock_shared(write: &Write, user: Id) -> Result<Option<member::Model>, Error> {
    let live = write.find::<member::Entity>(|query| {
        query.filter(member::Column::UserId.eq(user)).filter(member::Column::DeletedAt.is_null()).lock_shared()
    });
    live.await
}

/// Whether this person is a member, and stays one until the commit.
pub(crate) async fn is_member(write: &Write, user: Id) -> Result<bool, Error> {
    Ok(lock_shared(write, user).await?.is_some())
}

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
pub async fn add(operator: &Operator, organization: Id, input: NewMember) -> Result<Member, Error> {
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
pub async fn all_of(operator: &Operator, organization: Id) -> Result<Vec<Member>, Error> {
    organization::find(operator.reader(), organization).await?;
    let live = member::Entity::all_of(organization).filter(member::Column::DeletedAt.is_null());
    let query = live.order_by_asc(member::Column::CreatedAt).order_by_asc(member::Column::Id);
    Ok(query.all(operator.reader()).await?.into_iter().map(Member::from).collect())
}

/// Gives a member another role; never leaves a workspace without an Owner.
///
/// # Errors
/// `NotFound`, `Invalid` (input), `Conflict` (state), or `Internal` (database).
pub async fn set_role(operator: &Operator, organization: Id, email: &str, role: Role) -> Result<Member, Error> {
    operator
        .write(organization, async |write| {
            organization::lock(write).await?;
            // Only Members need to be on the projects of their tasks.
            let projects =
                if role == Role::Member { task::projects_of(write, user_by_email(email)).await? } else { vec![] };
            let before = find_live(write, email).await?;
            if before.role == Role::Owner && role != Role::Owner {
                ensure_another_owner(write).await?;
            }
            let after = member::Model { role, ..before.clone() };
            let member = write.update::<member::Entity>(&before, after).await?;
            for project in projects {
                task::add_to_project(write, project, std::slice::from_ref(&member)).await?;
            }
            Ok(member.into())
        })
        .await
}

/// Ends a membership and revokes its tokens permanently. Their time stays.
///
/// # Errors
/// `NotFound`, `Invalid` (input), `Conflict` (state), or `Internal` (database).
#[expect(clippy::disallowed_methods, reason = "the filters begin with the workspace")]
pub async fn remove(operator: &Operator, organization: Id, email: &str) -> Result<Member, Error> {
    operator
        .write(organization, async |write| {
            organization::lock(write).await?;
            let before = find_live(write, email).await?;
            if before.role == Role::Owner {
                ensure_another_owner(write).await?;
            }
            let after = member::Model { deleted_at: Some(write.now), ..before.clone() };
            let after = write.update::<member::Entity>(&before, after).await?;
            token::Entity::update_many()
                .col_expr(token::Column::RevokedAt, Expr::value(write.now))
                .filter(token::Column::OrganizationId.eq(organization))
                .filter(token::Column::MemberId.eq(after.id))
                .filter(token::Column::RevokedAt.is_null())
                .exec(write.connection())
                .await?;
            project_member::Entity::delete_many()
                .filter(project_member::Column::OrganizationId.eq(organization))
                .filter(project_member::Column::UserId.eq(after.user_id))
                .exec(write.connection())
                .await?;
            task::unassign(write, after.user_id, None).await?;
            Ok(after.into())
        })
        .await
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

#[expect(clippy::disallowed_methods, reason = "people belong to no workspace")]
fn user_by_email(email: &str) -> sea_orm::sea_query::SelectStatement {
    use sea_orm::QueryTrait;
    let by_email = user::Entity::find().filter(user::Column::EmailKey.eq(fold(email.trim())));
    by_email.select_only().column(user::Column::Id).into_query()
}

#[expect(clippy::disallowed_methods, reason = "people belong to no workspace")]
async fn find_or_create_user(write: &Write, email: &str) -> Result<Id, Error> {
    use sea_orm::sea_query::OnConflict;
    let email_key = fold(email);
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
    let found = user::Entity::find().filter(user::Column::EmailKey.eq(email_key)).one(write.connection()).await?;
    found.map(|row| row.id).ok_or_else(|| Error::bug("a person was not found after being added"))
}
