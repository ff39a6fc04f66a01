//! Where a query begins: inside the caller's workspace, and among the rows that the caller's role sees. Nowhere else.
#![expect(clippy::disallowed_methods, reason = "the one place where queries begin")]

use entity::value::{OrganizationId, Timestamp, UserId};
use entity::{
    client, event, expense, idempotency_key, invoice, invoice_line, login_link, member, passkey, project,
    project_member, session, task, task_assignee, time_entry, token, webhook_attempt, webhook_delivery,
    webhook_endpoint,
};
use sea_orm::sea_query::{SelectStatement, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select};

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
}

/// A table whose rows have an id of their own.
pub(crate) trait Identified: Scoped {
    const ID: Self::Column;
    /// Set in rows that are gone.
    const DELETED_AT: Option<Self::Column>;

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

fn everything() -> Condition {
    Condition::all()
}

fn nothing() -> Condition {
    Condition::all().add(SimpleExpr::from(false))
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

fn own_projects(caller: &Caller) -> SelectStatement {
    projects_of(caller.organization_id, caller.user_id)
}

macro_rules! scoped {
    ($($table:ident $noun:literal, to_member |$caller:ident| $visible:expr;)*) => {
        /// Every table that belongs to workspaces; a test compares it with the database.
        pub const SCOPED_TABLES: &[&str] = &["token", "login_link", "session", "passkey", $(stringify!($table)),*];

        $(impl Scoped for $table::Entity {
            const NOUN: &'static str = $noun;
            const ORGANIZATION: Self::Column = $table::Column::OrganizationId;

            fn visible_to($caller: &Caller) -> Condition {
                if policy::sees_all($caller.role) { everything() } else { $visible }
            }
        })*
    };
}

scoped! {
    member "member", to_member |caller| member::Column::UserId.eq(caller.user_id).into_condition();
    client "client", to_member |_caller| nothing();
    project "project", to_member |caller| project::Column::Id.in_subquery(own_projects(caller)).into_condition();
    project_member "project member", to_member |caller| {
        project_member::Column::UserId.eq(caller.user_id).into_condition()
    };
    task "task", to_member |caller| task::Column::ProjectId.in_subquery(own_projects(caller)).into_condition();
    task_assignee "assignee", to_member |caller| task_assignee::Column::UserId.eq(caller.user_id).into_condition();
    time_entry "time entry", to_member |caller| time_entry::Column::UserId.eq(caller.user_id).into_condition();
    expense "expense", to_member |_caller| nothing();
    invoice "invoice", to_member |_caller| nothing();
    invoice_line "invoice line", to_member |_caller| nothing();
    event "event", to_member |_caller| nothing();
    webhook_endpoint "webhook endpoint", to_member |_caller| nothing();
    webhook_delivery "webhook delivery", to_member |_caller| nothing();
    webhook_attempt "webhook attempt", to_member |_caller| nothing();
    idempotency_key "idempotency key", to_member |caller| {
        idempotency_key::Column::UserId.eq(caller.user_id).into_condition()
    };
}

/// Own tokens; all of the workspace for those who administer it.
impl Scoped for token::Entity {
    const NOUN: &'static str = "token";
    const ORGANIZATION: Self::Column = token::Column::OrganizationId;

    fn visible_to(caller: &Caller) -> Condition {
        if policy::administers(caller.role) {
            everything()
        } else {
            token::Column::MemberId.eq(caller.member_id).into_condition()
        }
    }
}

macro_rules! own {
    ($($table:ident $noun:literal;)*) => {
        $(impl Scoped for $table::Entity {
            const NOUN: &'static str = $noun;
            const ORGANIZATION: Self::Column = $table::Column::OrganizationId;

            fn visible_to(caller: &Caller) -> Condition {
                $table::Column::MemberId.eq(caller.member_id).into_condition()
            }
        })*
    };
}

// How a person signs in is seen by that person alone, whatever the role of others.
own! {
    login_link "login link";
    session "session";
    passkey "passkey";
}

macro_rules! identified {
    ($($table:ident $(deleted by $deleted:ident)?;)*) => {
        $(impl Identified for $table::Entity {
            const ID: Self::Column = $table::Column::Id;
            const DELETED_AT: Option<Self::Column> = identified!(@ $table $($deleted)?);
        })*
    };
    (@ $table:ident $deleted:ident) => { Some($table::Column::$deleted) };
    (@ $table:ident) => { None };
}

identified! {
    member deleted by DeletedAt;
    token deleted by RevokedAt;
    login_link deleted by UsedAt;
    session deleted by EndedAt;
    passkey deleted by RemovedAt;
    client deleted by DeletedAt;
    project deleted by DeletedAt;
    task deleted by DeletedAt;
    time_entry deleted by DeletedAt;
    expense deleted by DeletedAt;
    invoice deleted by DeletedAt;
    event;
    webhook_endpoint deleted by DeletedAt;
    webhook_delivery;
}

macro_rules! versioned {
    ($($table:ident)*) => {
        $(impl Versioned for $table::Entity {
            const VERSION: Self::Column = $table::Column::Version;
            const UPDATED_AT: Self::Column = $table::Column::UpdatedAt;

            fn touch(row: &mut Self::Model, now: Timestamp) {
                row.version += 1;
                row.updated_at = now.max(row.updated_at.plus_millis(1));
            }
        })*
    };
}

versioned!(client project task time_entry expense invoice member webhook_endpoint);

trait IntoCondition {
    fn into_condition(self) -> Condition;
}

impl IntoCondition for SimpleExpr {
    fn into_condition(self) -> Condition {
        Condition::all().add(self)
    }
}
