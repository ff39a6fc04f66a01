//! Projects: pieces of work for a client.

mod input;
mod list;

use entity::value::{
    ClientId, Color, Date, Decimal, EventType, FieldErrors, Id, Money, OrganizationId, ProjectId, ProjectStatus,
    RateType, Timestamp,
};
use entity::{client, expense, project, time_entry};
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{ColumnTrait, Condition, QueryFilter};

use input::Rules;
pub use input::{CreateProjectInput, UpdateProjectInput};
pub(crate) use list::refuse_by_client;
pub use list::{ProjectArgs, ProjectFilter, ProjectSort, list, list_of_clients, list_of_people};

use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::access::policy;
use crate::contract::error::Error;
use crate::contract::outcome::{Deleted, Precondition, Record, Written};
use crate::contract::reason::Reason;
use crate::contract::visible::Visible;
use crate::door::Cx;
use crate::door::write::Write;
use crate::outbox;

crate::contract::record::record! {
    /// A project: a piece of work for a client, on which time is tracked. Members see the projects that they are on,
    /// without rates, fees and money budgets.
    #[graphql(name = "ProjectFields")]
    pub struct Project by role from project without name_key search_key fee_invoice_id {
        /// Identifier of the project (UUID v7).
        pub id: ProjectId,
        /// Identifier of the workspace that the project belongs to.
        pub org_id: OrganizationId,
        /// Identifier of the project in another system, unique among live projects; null if none was given.
        #[oai(nullable)]
        pub external_id: Option<String>,
        /// Identifier of the client that the project is for.
        pub client_id: ClientId,
        /// Name of the project.
        pub name: String,
        /// Description of the project; null if there is none.
        #[oai(nullable)]
        pub description: Option<String>,
        /// Colour of the project in lists, as `#rrggbb` in lower case; null if none was given.
        #[oai(nullable)]
        pub color: Option<Color>,
        /// State of the project. `ACTIVE` projects accept new time entries; `COMPLETED` and `ARCHIVED` ones refuse them
        /// (409 `project_not_active`).
        pub status: ProjectStatus,
        /// How time on the project is billed.
        pub rate_type: RateType,
        /// Price of one hour, in the client's currency; null means no rate.
        #[serde(default, skip_serializing_if = "Visible::is_hidden")]
        pub hourly_rate: Visible<Money>,
        /// Fee for the whole project, in the client's currency; null unless `rateType` is `FIXED`.
        #[serde(default, skip_serializing_if = "Visible::is_hidden")]
        pub fixed_fee_amount: Visible<Money>,
        /// Planned hours; null if there is no such budget.
        #[oai(nullable)]
        pub budget_hours: Option<Decimal>,
        /// Planned cost, in the client's currency; null if there is no such budget.
        #[serde(default, skip_serializing_if = "Visible::is_hidden")]
        pub budget_amount: Visible<Money>,
        /// Day on which the project begins; null if unknown.
        #[oai(nullable)]
        pub start_date: Option<Date>,
        /// Day on which the project is due; null if unknown.
        #[oai(nullable)]
        pub due_date: Option<Date>,
        /// Version of the project: 1 at creation, higher after every change. Send it as `If-Match` (REST) or
        /// `expectedVersion` (GraphQL) to change only this version.
        pub version: i32,
        /// Time at which the project was created (UTC).
        pub created_at: Timestamp,
        /// Time of the last change of the project (UTC); strictly later with every change.
        pub updated_at: Timestamp,
        /// Time at which the project was deleted (UTC); null while it is live.
        #[oai(nullable)]
        pub deleted_at: Option<Timestamp>,
    }
}

impl Project {
    fn shown_to(caller: &Caller, row: project::Model) -> Project {
        Project::shown(row, policy::sees_money(caller.role))
    }
}

impl outbox::EventRecord for Project {
    const KEY: &'static str = "project";
}

impl Record for Project {
    fn id(&self) -> Id {
        self.id.any()
    }

    fn version(&self) -> Option<i32> {
        Some(self.version)
    }
}

/// One project.
///
/// # Errors
/// `Forbidden` (role or scope), `NotFound` (or not visible to the caller), or `Internal` (database).
#[crate::boxed]
pub async fn get(cx: &Cx, id: ProjectId) -> Result<Project, Error> {
    let row = cx.read(Action::GetProject)?.get::<project::Entity>(id).await?;
    Ok(Project::shown_to(cx.caller(), row))
}

/// Projects by id, deleted ones too: they still resolve as somebody's parent.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
#[crate::boxed]
pub async fn by_ids(cx: &Cx, ids: &[ProjectId]) -> Result<Vec<Project>, Error> {
    let rows = cx.read(Action::GetProject)?.by_ids::<project::Entity>(ids).await?;
    Ok(rows.into_iter().map(|row| Project::shown_to(cx.caller(), row)).collect())
}

/// A new project.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `Conflict` (state or idempotency key), or `Internal` (database).
#[crate::boxed]
pub async fn create(cx: &Cx, input: CreateProjectInput) -> Result<Written<Project>, Error> {
    cx.create(Action::CreateProject, input, async |write, input| {
        let client = client_of(write, input.client_id.clone().value()?).await?;
        let copies_rate = input.hourly_rate.get().is_none();
        let mut row = project::Model {
            id: write.new_id(),
            organization_id: write.organization_id(),
            client_id: client.id,
            status: ProjectStatus::Active,
            rate_type: RateType::Hourly,
            version: 1,
            created_at: write.now,
            updated_at: write.now,
            ..project::Model::blank()
        };
        input.apply(&mut row);
        if copies_rate {
            row.hourly_rate = client.default_rate;
        }
        write.insert_last::<project::Entity>(row.clone()).await?;
        outbox::emit(write, EventType::ProjectCreated, &Project::shown(row.clone(), true)).await?;
        Ok(Project::shown_to(write.caller()?, row))
    })
    .await
}

/// The client that a project names, locked shared so that it is not deleted before the commit.
async fn client_of(write: &Write, id: ClientId) -> Result<client::Model, Error> {
    write.lock_shared::<client::Entity>(id).await?.ok_or_else(|| Error::invalid("clientId", "not found"))
}

/// Changes a project.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Stale`, `Conflict` (state or key), or `Internal`
/// (database).
#[crate::boxed]
pub async fn update(
    cx: &Cx,
    id: ProjectId,
    expected: &Precondition,
    changes: UpdateProjectInput,
) -> Result<Written<Project>, Error> {
    cx.write(Action::UpdateProject, changes, async |write, changes| {
        let before = write.lock_exclusive::<project::Entity>(id).await?;
        expected.check(before.version)?;
        let mut after = before.clone();
        changes.apply(&mut after);
        let mut problems = FieldErrors::none();
        Rules::of_row(&after).add_problems(&mut problems);
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        if after.client_id != before.client_id {
            client_of(write, after.client_id).await?;
            ensure_consistent(write, &before).await?;
        } else if after.status == ProjectStatus::Active && before.status != ProjectStatus::Active {
            ensure_client_matches(write, &after).await?;
        }
        let row = write.update::<project::Entity>(&before, after).await?;
        if row.rate_type == RateType::NonBillable && before.rate_type != RateType::NonBillable {
            crate::nouns::time_entry::mark_not_billable(write, id).await?;
        }
        Ok(Project::shown_to(write.caller()?, row))
    })
    .await
}

/// Refuses another client for a project that has expenses or billed time, since both belong to the present client.
async fn ensure_consistent(write: &Write, row: &project::Model) -> Result<(), Error> {
    let spent = write.count::<expense::Entity>(|query| {
        query.filter(expense::Column::ProjectId.eq(row.id)).filter(expense::Column::DeletedAt.is_null())
    });
    if spent.await? > 0 {
        let message = "the project has expenses of its client; take them off the project or delete them first";
        return Err(Error::conflict(Reason::HasExpenses, message));
    }
    let billed = write.count::<time_entry::Entity>(|query| {
        let of_project = query.filter(time_entry::Column::ProjectId.eq(row.id));
        of_project.filter(time_entry::Column::InvoiceId.is_not_null())
    });
    if billed.await? > 0 || row.fee_invoice_id.is_some() {
        let message =
            "the project's time or fee is on an invoice to its client; make another project for the other client";
        return Err(Error::conflict(Reason::Invoiced, message));
    }
    Ok(())
}

/// Refuses to activate a project whose client is deleted, since a client with active projects cannot be deleted.
async fn ensure_client_matches(write: &Write, row: &project::Model) -> Result<(), Error> {
    if write.lock_shared::<client::Entity>(row.client_id).await?.is_some() {
        return Ok(());
    }
    let message = "the project's client is deleted; give it another clientId first";
    Err(Error::conflict(Reason::ClientDeleted, message))
}

/// Archives a project: it accepts no new time entries.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Conflict` (state or key), or `Internal`
/// (database).
#[crate::boxed]
pub async fn archive(cx: &Cx, id: ProjectId) -> Result<Written<Project>, Error> {
    cx.write(Action::ArchiveProject, (), async |write, ()| {
        let before = write.lock_exclusive::<project::Entity>(id).await?;
        let after = project::Model { status: ProjectStatus::Archived, ..before.clone() };
        let row = write.update::<project::Entity>(&before, after).await?;
        Ok(Project::shown_to(write.caller()?, row))
    })
    .await
}

/// Makes an archived or deleted project ACTIVE again.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Conflict` (state or key), or `Internal`
/// (database).
#[crate::boxed]
pub async fn restore(cx: &Cx, id: ProjectId) -> Result<Written<Project>, Error> {
    cx.write(Action::RestoreProject, (), async |write, ()| {
        let before = write.lock_even_deleted::<project::Entity>(id).await?;
        ensure_client_matches(write, &before).await?;
        let after = project::Model { status: ProjectStatus::Active, deleted_at: None, ..before.clone() };
        let row = write.update::<project::Entity>(&before, after).await?;
        Ok(Project::shown_to(write.caller()?, row))
    })
    .await
}

/// Deletes a project that has neither invoiced time nor a running timer.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Stale`, `Conflict` (state or key), or `Internal`
/// (database).
#[crate::boxed]
pub async fn delete(cx: &Cx, id: ProjectId, expected: &Precondition) -> Result<Written<Deleted>, Error> {
    cx.write(Action::DeleteProject, (), async |write, ()| {
        let before = write.lock_exclusive::<project::Entity>(id).await?;
        expected.check(before.version)?;
        let live = |also: SimpleExpr| {
            let of_project = Condition::all().add(time_entry::Column::ProjectId.eq(id));
            of_project.add(time_entry::Column::DeletedAt.is_null()).add(also)
        };
        let invoiced = live(time_entry::Column::InvoiceId.is_not_null());
        if write.count::<time_entry::Entity>(|query| query.filter(invoiced)).await? > 0 {
            return Err(Error::conflict(Reason::Invoiced, "the project has invoiced time; archive it instead"));
        }
        let running = live(time_entry::Column::DurationSeconds.is_null());
        if write.count::<time_entry::Entity>(|query| query.filter(running)).await? > 0 {
            return Err(Error::conflict(Reason::TimerRunning, "a timer is running on the project; stop it first"));
        }
        let after = project::Model { deleted_at: Some(write.now), ..before.clone() };
        write.update::<project::Entity>(&before, after).await?;
        Ok(Deleted { id: id.any() })
    })
    .await
}
