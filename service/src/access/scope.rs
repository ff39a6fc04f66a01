//! Where a query begins: inside the caller's workspace, and among the rows that the caller's role sees. Nowhere else.
#![expect(clippy::disallowed_methods, reason = "the one place where queries begin")]

use entity::value::{Id, OrganizationId, Timestamp, UserId};
use entity::{organization, project, project_member, user};
use sea_orm::sea_query::{SelectStatement, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, DeleteMany, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select, UpdateMany,
};

use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::access::policy;

/// A table that belongs to workspaces.
pub(crate) trait Scoped: EntityTrait {
    /// What one row is called in messages.
    const NOUN: &'static str;
    const ORGANIZATION: Self::Column;

    /// The rows of the workspace that the caller's role sees.
    fn visible_to(caller: &Caller) -> Condition;

    /// A query that begins inside the workspace, at what the caller may see.
    fn within(caller: &Caller) -> Select<Self> {
        Self::find().filter(Self::ORGANIZATION.eq(caller.organization_id)).filter(Self::visible_to(caller))
    }

    /// A query over the whole workspace, for rules that must count what the caller does not see.
    fn all_of(organization: OrganizationId) -> Select<Self> {
        Self::find().filter(Self::ORGANIZATION.eq(organization))
    }

    /// A query over several whole workspaces, for what serves the subscribers of many.
    fn all_of_each(organizations: impl IntoIterator<Item = OrganizationId>) -> Select<Self> {
        Self::find().filter(Self::ORGANIZATION.is_in(organizations))
    }

    /// A query over all workspaces, for what is named by something unique across them, before its workspace is known.
    fn everywhere() -> Select<Self> {
        Self::find()
    }

    /// A change of many rows of a workspace.
    fn update_in(organization: OrganizationId) -> UpdateMany<Self> {
        Self::update_many().filter(Self::ORGANIZATION.eq(organization))
    }

    /// A deletion of many rows of a workspace, of those that say who belongs to what; records are marked instead.
    fn delete_in(organization: OrganizationId) -> DeleteMany<Self> {
        Self::delete_many().filter(Self::ORGANIZATION.eq(organization))
    }
}

/// A table whose rows have an id of their own.
pub(crate) trait Identified: Scoped {
    const ID: Self::Column;
    /// Set in rows that are gone.
    const DELETED_AT: Option<Self::Column>;

    /// The id of a row.
    fn id(row: &Self::Model) -> Id;

    /// Without the rows that are gone.
    fn live(query: Select<Self>) -> Select<Self> {
        match Self::DELETED_AT {
            Some(column) => query.filter(column.is_null()),
            None => query,
        }
    }
}

/// A table whose rows count their changes.
pub(crate) trait Versioned: Identified {
    const VERSION: Self::Column;
    const UPDATED_AT: Self::Column;

    /// One change more; `updatedAt` strictly grows.
    fn touch(row: &mut Self::Model, now: Timestamp);
}

/// Everything about the table of a noun, in one line each.
macro_rules! tables {
    ($(
        $table:ident $noun:literal, seen by $seen:ident $(($column:ident))?
        $(, gone by $gone:ident)? $(, counts $version:ident)? $(, found by $action:ident as $kind:ident)?;
    )*) => {
        /// Every table that belongs to workspaces, each after those that it refers to; a test compares it with the database.
        pub const SCOPED_TABLES: &[&str] = &[$(stringify!($table)),*];

        $(impl Scoped for entity::$table::Entity {
            const NOUN: &'static str = $noun;
            const ORGANIZATION: Self::Column = entity::$table::Column::OrganizationId;

            fn visible_to(caller: &Caller) -> Condition {
                $seen(caller $(, entity::$table::Column::$column)?)
            }
        }

        $(impl Identified for entity::$table::Entity {
            const ID: Self::Column = entity::$table::Column::Id;
            const DELETED_AT: Option<Self::Column> = tables!(@gone $table $gone);

            fn id(row: &Self::Model) -> Id {
                row.id.any()
            }
        })?

        $(impl Versioned for entity::$table::Entity {
            const VERSION: Self::Column = entity::$table::Column::$version;
            const UPDATED_AT: Self::Column = entity::$table::Column::UpdatedAt;

            fn touch(row: &mut Self::Model, now: Timestamp) {
                row.version += 1;
                row.updated_at = now.max(row.updated_at.plus_millis(1));
            }
        })?)*

        /// The kind of a record that can be found by its id alone.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum RecordKind {
            $($(#[doc = concat!("What messages call `", $noun, "`.")] $kind,)?)*
        }

        impl RecordKind {
            /// All of them, each with the action of who reads one.
            pub(crate) const ALL: &[(RecordKind, Action)] = &[$($((RecordKind::$kind, Action::$action),)?)*];

            /// The live record of this kind with an id, if the caller sees it; without columns.
            pub(crate) fn find(self, caller: &Caller, id: Id) -> SelectStatement {
                match self {
                    $($(RecordKind::$kind => live_row::<entity::$table::Entity>(caller, id),)?)*
                }
            }
        }
    };
    (@gone $table:ident never) => { None };
    (@gone $table:ident $gone:ident) => { Some(entity::$table::Column::$gone) };
}

// A line says: the table and what messages call a row; who sees which rows; what marks those that are gone; which column
// counts changes; and the action of who finds a record by its id alone. A table stands after those that it refers to.
tables! {
    member "member", seen by own(UserId), gone by DeletedAt, counts Version, found by GetMember as Member;
    token "token", seen by administered(MemberId), gone by RevokedAt, found by ListTokens as Token;
    login_link "login link", seen by private(MemberId), gone by UsedAt;
    session "session", seen by private(MemberId), gone by EndedAt;
    passkey "passkey", seen by private(MemberId), gone by RemovedAt;
    client "client", seen by managers, gone by DeletedAt, counts Version, found by GetClient as Client;
    project "project", seen by on_project(Id), gone by DeletedAt, counts Version, found by GetProject as Project;
    project_member "project member", seen by own(UserId);
    task "task", seen by on_live_project(ProjectId), gone by DeletedAt, counts Version, found by GetTask as Task;
    task_assignee "assignee", seen by own(UserId);
    invoice "invoice", seen by managers, gone by DeletedAt, counts Version, found by GetInvoice as Invoice;
    invoice_line "invoice line", seen by managers;
    time_entry "time entry", seen by own(UserId), gone by DeletedAt, counts Version, found by GetTimeEntry as TimeEntry;
    expense "expense", seen by managers, gone by DeletedAt, counts Version, found by GetExpense as Expense;
    event "event", seen by managers, gone by never, found by GetEvent as Event;
    webhook_endpoint "webhook endpoint", seen by managers, gone by DeletedAt, counts Version, found by GetWebhookEndpoint as WebhookEndpoint;
    webhook_delivery "webhook delivery", seen by managers, gone by never, found by GetWebhookDelivery as WebhookDelivery;
    webhook_attempt "webhook attempt", seen by managers;
    idempotency_key "idempotency key", seen by own(UserId);
}

/// A workspace, which is the scope itself.
pub(crate) fn workspace(id: OrganizationId) -> Select<organization::Entity> {
    organization::Entity::find_by_id(id)
}

/// All workspaces, for the operator.
pub(crate) fn workspaces() -> Select<organization::Entity> {
    organization::Entity::find()
}

/// The person with an e-mail address, folded. People belong to no workspace.
pub(crate) fn person(email_key: String) -> Select<user::Entity> {
    user::Entity::find().filter(user::Column::EmailKey.eq(email_key))
}

/// The rows that everybody but a Member sees; a Member sees none.
fn managers(caller: &Caller) -> Condition {
    unless_all(caller, || SimpleExpr::from(false))
}

/// All rows for everybody but a Member, who sees the own ones.
fn own(caller: &Caller, user: impl ColumnTrait) -> Condition {
    unless_all(caller, || user.eq(caller.user_id))
}

/// All rows for everybody but a Member, who sees those of the projects that they are on.
fn on_project(caller: &Caller, project: impl ColumnTrait) -> Condition {
    unless_all(caller, || project.in_subquery(projects_of(caller.organization_id, caller.user_id)))
}

/// All rows for everybody but a Member, who sees those of the projects that they are on and that are not deleted.
fn on_live_project(caller: &Caller, project: impl ColumnTrait) -> Condition {
    // Brought in here alone: its `max` is not that of instants.
    use sea_orm::sea_query::ExprTrait;

    unless_all(caller, || {
        let same = |of: project_member::Column, at: project::Column| of.into_expr().equals(at.as_column_ref());
        let this = Condition::all()
            .add(same(project_member::Column::OrganizationId, project::Column::OrganizationId))
            .add(same(project_member::Column::ProjectId, project::Column::Id));
        let mut live = projects_of(caller.organization_id, caller.user_id);
        live.inner_join(project::Entity, this).and_where(project::Column::DeletedAt.is_null());
        project.in_subquery(live)
    })
}

fn unless_all(caller: &Caller, narrowed: impl FnOnce() -> SimpleExpr) -> Condition {
    if policy::sees_all(caller.role) { Condition::all() } else { Condition::all().add(narrowed()) }
}

/// All rows for those who administer the workspace, the own ones for everybody else.
fn administered(caller: &Caller, member: impl ColumnTrait) -> Condition {
    if policy::administers(caller.role) { Condition::all() } else { private(caller, member) }
}

/// The own rows, whatever the role: how a person signs in is seen by that person alone.
fn private(caller: &Caller, member: impl ColumnTrait) -> Condition {
    Condition::all().add(member.eq(caller.member_id))
}

/// The ids of the projects that a person is on.
pub(crate) fn projects_of(organization: OrganizationId, user: UserId) -> SelectStatement {
    project_member::Entity::find()
        .select_only()
        .column(project_member::Column::ProjectId)
        .filter(project_member::Column::OrganizationId.eq(organization))
        .filter(project_member::Column::UserId.eq(user))
        .into_query()
}

fn live_row<E: Identified>(caller: &Caller, id: Id) -> SelectStatement {
    E::live(E::within(caller).filter(E::ID.eq(id))).select_only().into_query()
}
