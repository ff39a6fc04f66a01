//! Entries of a project that has become NON_BILLABLE: as many are made not billable in its transaction as others can wait for, and
//! the rest afterwards, a few at a time, so that no project is too large and nobody waits long.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use entity::value::{OrganizationId, ProjectId, RateType};
use entity::{project, time_entry};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, Statement};
use tokio::sync::Notify;

use crate::contract::error::Error;
use crate::core::database::Reader;
use crate::door::Signal;
use crate::door::operator::Operator;
use crate::door::write::Write;

/// Entries that change with their project, in one statement.
const AT_ONCE: u64 = 20_000;
/// Entries that change in one transaction afterwards.
const STEP: u64 = 1_000;

/// Projects that have entries left to be made not billable, as far as this process knows.
#[derive(Default)]
pub(crate) struct Unsettled {
    projects: Mutex<HashSet<(OrganizationId, ProjectId)>>,
    added: Notify,
}

impl Unsettled {
    /// Adds a project; it may have nothing left.
    pub(crate) fn add(&self, organization: OrganizationId, project: ProjectId) {
        self.projects.lock().unwrap_or_else(PoisonError::into_inner).insert((organization, project));
        self.added.notify_one();
    }

    /// One of the projects, which is taken out.
    pub(crate) fn next(&self) -> Option<(OrganizationId, ProjectId)> {
        let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        let next = projects.iter().next().copied()?;
        projects.remove(&next);
        Some(next)
    }

    /// Returns once a project was added.
    pub(crate) async fn added(&self) {
        self.added.notified().await;
    }
}

/// Makes the entries of a project that has become NON_BILLABLE not billable, apart from those on an invoice. What is left is
/// done after the commit.
pub(crate) async fn begin(write: &Write, project: ProjectId) -> Result<(), Error> {
    if mark(write, project, AT_ONCE).await? {
        write.after_commit(Signal::Unsettled { project_id: project });
    }
    Ok(())
}

/// Makes sure that nothing is left before a project becomes billable again.
///
/// # Errors
/// `Unavailable` where so much is left that it needs some seconds more.
pub(crate) async fn finish(write: &Write, project: ProjectId) -> Result<(), Error> {
    if mark(write, project, AT_ONCE).await? { Err(Error::Unavailable) } else { Ok(()) }
}

/// Goes on with a project: whether some of its entries are left.
///
/// # Errors
/// `Internal` or `Unavailable` (database); what was done before stays so.
pub(crate) async fn step(operator: &Operator, organization: OrganizationId, id: ProjectId) -> Result<bool, Error> {
    let step = operator.write(organization, async |write| {
        // It may have been deleted, or be billable again.
        let project = write.lock_shared::<project::Entity>(id).await?;
        match project.filter(|project| project.rate_type == RateType::NonBillable) {
            Some(_) => mark(write, id, STEP).await,
            None => Ok(false),
        }
    });
    step.await
}

/// Finds the projects that have something left: a process may have ended meanwhile.
///
/// # Errors
/// `Internal` or `Unavailable` (database).
pub(crate) async fn find(reader: &Reader, unsettled: &Unsettled) -> Result<(), Error> {
    let sql = format!(
        "SELECT p.organization_id, p.id FROM project p WHERE p.rate_type = {} AND p.deleted_at IS NULL AND EXISTS (\
         SELECT 1 FROM time_entry e WHERE e.organization_id = p.organization_id AND e.project_id = p.id \
         AND e.invoice_id IS NULL AND e.billable AND e.deleted_at IS NULL)",
        RateType::NonBillable.rank()
    );
    for row in reader.query_all_raw(Statement::from_string(reader.get_database_backend(), sql)).await? {
        unsettled.add(row.try_get("", "organization_id")?, row.try_get("", "id")?);
    }
    Ok(())
}

/// Makes at most so many entries not billable: whether there may be more.
async fn mark(write: &Write, project: ProjectId, limit: u64) -> Result<bool, Error> {
    use time_entry::Column;
    let rows = Condition::all()
        .add(Column::ProjectId.eq(project))
        .add(Column::Billable.eq(true))
        .add(Column::InvoiceId.is_null())
        .add(Column::DeletedAt.is_null());
    let changed = write.update_some::<time_entry::Entity>([(Column::Billable, false.into())], rows, limit).await?;
    Ok(changed >= limit)
}
