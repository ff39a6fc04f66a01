//! Expenses: money spent for a client.

mod input;
mod list;

use entity::cells::Maybe;
use entity::value::{
    ClientId, Currency, Date, ExpenseCategory, ExpenseId, FieldErrors, Id, InvoiceId, Money, OrganizationId, ProjectId,
    Timestamp,
};
use entity::{client, expense, project};

pub use input::{CreateExpenseInput, UpdateExpenseInput};
pub use list::{ExpenseArgs, ExpenseFilter, ExpenseSort, list, list_of_clients, list_of_invoices, list_of_projects};

use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::access::texts::{PLACEHOLDER_ID, SECOND_PLACEHOLDER_ID};
use crate::contract::error::Error;
use crate::contract::outcome::{Deleted, Precondition, Record, Written};
use crate::contract::reason::Reason;
use crate::door::Cx;
use crate::door::write::{Write, shared};

crate::contract::record::record! {
    /// An expense: money spent for a client, billed by the next invoice if it is billable. Only Owners, Admins and Managers
    /// see expenses.
    #[graphql(name = "ExpenseFields")]
    pub struct Expense from expense without search_key {
        /// Identifier of the expense (UUID v7).
        pub id: ExpenseId,
        /// Identifier of the workspace that the expense belongs to.
        pub org_id: OrganizationId,
        /// Identifier of the expense in another system, unique among live expenses; null if none was given.
        #[oai(nullable)]
        pub external_id: Option<String>,
        /// Identifier of the client that the money was spent for.
        pub client_id: ClientId,
        /// Identifier of a project of that client; null if the expense belongs to none.
        #[oai(nullable)]
        pub project_id: Option<ProjectId>,
        /// Identifier of the invoice that bills the expense; null while it is not billed. A billed expense cannot be
        /// changed or deleted (409 `invoiced`).
        #[oai(nullable)]
        pub invoice_id: Option<InvoiceId>,
        /// Category of the expense.
        pub category: ExpenseCategory,
        /// A category in the workspace's own words, possible with `OTHER` only; null if none was given.
        #[oai(nullable)]
        pub custom_category: Option<String>,
        /// What the money was spent on, printed on the invoice.
        pub description: String,
        /// Amount of the expense in its currency; greater than 0.
        pub amount: Money,
        /// Currency of the amount: the client's currency when the expense was created or moved to that client (ISO 4217
        /// code).
        pub currency: Currency,
        /// Whether the expense is billed to the client.
        pub billable: bool,
        /// Day on which the money was spent.
        pub expense_date: Date,
        /// Version of the expense: 1 at creation, higher after every change. Send it as `If-Match` (REST) or
        /// `expectedVersion` (GraphQL) to change only this version.
        pub version: i32,
        /// Time at which the expense was created (UTC).
        pub created_at: Timestamp,
        /// Time of the last change of the expense (UTC); strictly later with every change.
        pub updated_at: Timestamp,
        /// Time at which the expense was deleted (UTC); null while it is live.
        #[oai(nullable)]
        pub deleted_at: Option<Timestamp>,
    }
}

impl Record for Expense {
    fn id(&self) -> Id {
        self.id.any()
    }

    fn version(&self) -> Option<i32> {
        Some(self.version)
    }
}

/// One expense.
///
/// # Errors
/// `Forbidden` (role or scope), `NotFound` (or not visible to the caller), or `Internal` (database).
#[crate::boxed]
pub async fn get(cx: &Cx, id: ExpenseId) -> Result<Expense, Error> {
    Ok(cx.read(Action::GetExpense)?.get::<expense::Entity>(id).await?.into())
}

/// A new expense.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `Conflict` (state or idempotency key), or `Internal` (database).
#[crate::boxed]
pub async fn create(cx: &Cx, input: CreateExpenseInput) -> Result<Written<Expense>, Error> {
    cx.create(Action::CreateExpense, input, async |write, input| {
        let client_id = input.client_id.clone().value()?;
        let currency =
            lock_client_and_project(write, Some(client_id), client_id, input.project_id.get().copied()).await?;
        let mut row = expense::Model {
            id: write.new_id(),
            organization_id: write.organization_id(),
            client_id,
            category: ExpenseCategory::Other,
            amount: input.amount.clone().value()?,
            currency: currency.ok_or_else(|| Error::bug("a client has no currency"))?,
            billable: true,
            expense_date: input.expense_date.clone().value()?,
            version: 1,
            created_at: write.now,
            updated_at: write.now,
            ..expense::Model::blank()
        };
        input.apply(&mut row);
        write.insert_last::<expense::Entity>(row.clone()).await?;
        Ok(row.into())
    })
    .await
}

/// Locks the client and the project that an expense names, and reports each that is not found. Returns the currency of the
/// client, if the client is new to the expense.
async fn lock_client_and_project(
    write: &Write,
    named: Option<ClientId>,
    client_id: ClientId,
    project_id: Option<ProjectId>,
) -> Result<Option<Currency>, Error> {
    let (client, project) = match (named, project_id) {
        (Some(client), Some(project)) => {
            type Both = (Maybe<client::Model>, Maybe<project::Model>);

            let both = |caller: &Caller| {
                vec![
                    shared::<client::Entity>(caller, PLACEHOLDER_ID),
                    shared::<project::Entity>(caller, SECOND_PLACEHOLDER_ID),
                ]
            };
            let ids: [(sea_orm::Value, sea_orm::Value); 2] =
                [(PLACEHOLDER_ID.into(), client.into()), (SECOND_PLACEHOLDER_ID.into(), project.into())];
            let (Maybe(client), Maybe(project)) = write.lock_together::<Both>("client and project", &ids, both).await?;
            (client, project)
        }
        (Some(client), None) => (write.lock_shared::<client::Entity>(client).await?, None),
        (None, Some(project)) => (None, write.lock_shared::<project::Entity>(project).await?),
        (None, None) => (None, None),
    };
    let mut problems = FieldErrors::none();
    if named.is_some() && client.is_none() {
        problems.add("clientId", "not found");
    }
    match project {
        None if project_id.is_some() => problems.add("projectId", "not found"),
        Some(project) if project.client_id != client_id => {
            problems.add("projectId", "not found among the client's projects; send one of theirs, or null");
        }
        _ => {}
    }
    let currency = client.map(|client| client.currency);
    if problems.is_empty() { Ok(currency) } else { Err(Error::Invalid(problems)) }
}

/// Changes an expense that is on no invoice.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Stale`, `Conflict` (state or key), or `Internal`
/// (database).
#[crate::boxed]
pub async fn update(
    cx: &Cx,
    id: ExpenseId,
    expected: &Precondition,
    changes: UpdateExpenseInput,
) -> Result<Written<Expense>, Error> {
    cx.write(Action::UpdateExpense, changes, async |write, changes| {
        let before = lock_unbilled(write, id, expected).await?;
        let mut after = before.clone();
        changes.apply(&mut after);
        let mut problems = FieldErrors::none();
        input::check_category(after.category, after.custom_category.is_some(), &mut problems);
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        let other_client = (after.client_id != before.client_id).then_some(after.client_id);
        let other_references = other_client.is_some() || after.project_id != before.project_id;
        if other_references
            && let Some(theirs) =
                lock_client_and_project(write, other_client, after.client_id, after.project_id).await?
        {
            after.currency = theirs;
        }
        Ok(write.update::<expense::Entity>(&before, after).await?.into())
    })
    .await
}

/// Deletes an expense that is on no invoice.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Stale`, `Conflict` (state or key), or `Internal`
/// (database).
#[crate::boxed]
pub async fn delete(cx: &Cx, id: ExpenseId, expected: &Precondition) -> Result<Written<Deleted>, Error> {
    cx.write(Action::DeleteExpense, (), async |write, ()| {
        let before = lock_unbilled(write, id, expected).await?;
        let after = expense::Model { deleted_at: Some(write.now), ..before.clone() };
        write.update::<expense::Entity>(&before, after).await?;
        Ok(Deleted { id: id.any() })
    })
    .await
}

/// Locks an expense that is on no invoice; nobody may change a billed one.
async fn lock_unbilled(write: &Write, id: ExpenseId, expected: &Precondition) -> Result<expense::Model, Error> {
    let row = write.lock_exclusive::<expense::Entity>(id).await?;
    expected.check(row.version)?;
    if row.invoice_id.is_some() {
        return Err(Error::conflict(Reason::Invoiced, "the expense is on an invoice and cannot be changed or deleted"));
    }
    Ok(row)
}
