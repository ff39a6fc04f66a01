//! The people of a workspace: read over the surfaces; added and removed on the settings pages and by the operator.

mod list;
mod membership;
pub mod settings;

use entity::value::{Id, MemberId, OrganizationId, Plan, ProjectId, Role, Timestamp, UserId};
use entity::{member, project, project_member};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QuerySelect};
use serde::Serialize;

pub use list::{MemberFilter, MemberSort, list};
pub use membership::{NewMember, add, all_of, remove, set_role};
pub(crate) use membership::{find_live, join, member_cap};

use crate::access::action::Action;
use crate::access::policy;
use crate::contract::error::Error;
use crate::contract::outcome::Record;
use crate::door::Cx;
use crate::door::write::Write;
use crate::list::filter::ids_where;

crate::contract::record::record! {
    /// A member: a person in a workspace. A Member sees their own record only.
    #[graphql(name = "MemberFields")]
    pub struct Member from member without search_key version updated_at deleted_at {
        /// Identifier of the membership (UUID v7); a person has another one in every workspace.
        pub id: MemberId,
        /// Identifier of the workspace that the member belongs to.
        pub org_id: OrganizationId,
        /// Identifier of the person; time entries and tasks refer to people by it.
        pub user_id: UserId,
        /// Role of the member, which decides what they may see and do.
        pub role: Role,
        /// Name of the member in this workspace.
        pub name: String,
        /// Email address of the member.
        pub email: String,
        /// Time at which the member joined the workspace (UTC).
        pub created_at: Timestamp,
    }
}

impl Record for Member {
    fn id(&self) -> Id {
        self.id.any()
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
    pub org_id: OrganizationId,
    /// Name of the token's workspace.
    pub org_name: String,
    /// Identifier of the membership that the token acts as.
    pub member_id: MemberId,
    /// Identifier of the person behind the token.
    pub user_id: UserId,
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
    pub project_ids: Option<Vec<ProjectId>>,
}

crate::contract::record::written!(Me);

/// Who the caller is.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
#[crate::boxed]
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

/// One member.
///
/// # Errors
/// `Forbidden` (role or scope), `NotFound` (or not visible to the caller), or `Internal` (database).
#[crate::boxed]
pub async fn get(cx: &Cx, id: MemberId) -> Result<Member, Error> {
    Ok(cx.read(Action::GetMember)?.get::<member::Entity>(id).await?.into())
}

/// Memberships by id, ended ones too.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
#[crate::boxed]
pub async fn by_ids(cx: &Cx, ids: &[MemberId]) -> Result<Vec<Member>, Error> {
    let rows = cx.read(Action::GetMember)?.by_ids::<member::Entity>(ids).await?;
    Ok(rows.into_iter().map(Member::from).collect())
}

/// The memberships of these people, live or ended, the latest of each last.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
#[crate::boxed]
pub async fn of_users(cx: &Cx, users: &[UserId]) -> Result<Vec<Member>, Error> {
    use sea_orm::QueryOrder;
    let read = cx.read(Action::ListMembers)?;
    let rows = read.all::<member::Entity>(|query| {
        query.filter(member::Column::UserId.is_in(users.iter().copied())).order_by_asc(member::Column::CreatedAt)
    });
    Ok(rows.await?.into_iter().map(Member::from).collect())
}

/// The live membership of a person, locked shared so that it does not end before the commit.
pub(crate) async fn lock_shared(write: &Write, user: UserId) -> Result<Option<member::Model>, Error> {
    let live = write.find::<member::Entity>(|query| {
        query.filter(member::Column::UserId.eq(user)).filter(member::Column::DeletedAt.is_null()).lock_shared()
    });
    live.await
}

/// Whether this person is a member, and stays one until the commit.
pub(crate) async fn is_member(write: &Write, user: UserId) -> Result<bool, Error> {
    Ok(lock_shared(write, user).await?.is_some())
}
