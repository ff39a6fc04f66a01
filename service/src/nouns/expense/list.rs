//! Lists of expenses: what they are sorted and filtered by.

use entity::expense;
use entity::value::{
    ClientId, Date, DateOrDateTime, ExpenseCategory, ExpenseId, ExternalId, Id, Money, Name, ProjectId,
};
use sea_orm::Condition;

use super::Expense;
use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::contract::error::Error;
use crate::contract::input::Field;
use crate::door::Cx;
use crate::list::filter::{at_least, at_most, is_set, of_client_named, one_of, one_of_texts, since, until};
use crate::list::nested::{CursorList, Relation};
use crate::list::page::{Filter, Key, ListArgs, Listed, Page};

crate::sort! {
    /// What expenses are sorted by.
    pub enum ExpenseSort of expense {
        CreatedAt "createdAt" by "created_at" => |row| row.created_at.into(),
        Amount "amount" by "amount" => |row| Key::Number(row.amount.units()),
        ExpenseDate "expenseDate" by "expense_date" => |row| Key::Date(row.expense_date),
        Id "id" by "id" => |_row| Key::Id,
        UpdatedAt "updatedAt" by "updated_at" => |row| row.updated_at.into(),
    }
}

crate::input! {
    /// Filters of the list of expenses; an expense must match all of them.
    pub struct ExpenseFilter {
        /// Only expenses with one of these identifiers.
        pub id: Field<Vec<ExpenseId>>,
        /// Only expenses with one of these external identifiers.
        pub external_id: Field<Vec<ExternalId>>,
        /// Only expenses for one of these clients.
        pub client_id: Field<Vec<ClientId>>,
        /// Only expenses for a client with one of these names; case is ignored.
        pub client_name: Field<Vec<Name>>,
        /// Only expenses of one of these projects.
        pub project_id: Field<Vec<ProjectId>>,
        /// Only expenses of one of these categories.
        pub category: Field<Vec<ExpenseCategory>>,
        /// Only expenses that are billable (`true`) or not (`false`).
        pub billable: Field<Vec<bool>>,
        /// Only expenses that are on an invoice (`true`) or on none (`false`).
        pub invoiced: Field<Vec<bool>>,
        /// Only expenses made on this day or later.
        pub expense_date_from: Field<Date>,
        /// Only expenses made on this day or earlier.
        pub expense_date_to: Field<Date>,
        /// Only expenses of at least this amount, whatever the currency.
        pub amount_min: Field<Money>,
        /// Only expenses of at most this amount, whatever the currency.
        pub amount_max: Field<Money>,
        /// Only expenses created at or after this instant; a date means the start of that UTC day.
        pub created_at_from: Field<DateOrDateTime>,
        /// Only expenses created at or before this instant; a date means the end of that UTC day.
        pub created_at_to: Field<DateOrDateTime>,
        /// Only expenses last changed at or after this instant; a date means the start of that UTC day. Records may
        /// appear up to 60 seconds late, so let polls overlap by that much.
        pub updated_at_from: Field<DateOrDateTime>,
        /// Only expenses last changed at or before this instant; a date means the end of that UTC day.
        pub updated_at_to: Field<DateOrDateTime>,
    }
}

impl Filter for ExpenseFilter {
    fn condition(&self, caller: &Caller) -> Condition {
        use expense::Column;
        Condition::all()
            .add_option(one_of(Column::Id, &self.id))
            .add_option(one_of_texts(Column::ExternalId, &self.external_id))
            .add_option(one_of(Column::ClientId, &self.client_id))
            .add_option(of_client_named(Column::ClientId, &self.client_name, caller.organization_id))
            .add_option(one_of(Column::ProjectId, &self.project_id))
            .add_option(one_of(Column::Category, &self.category))
            .add_option(one_of(Column::Billable, &self.billable))
            .add_option(is_set(Column::InvoiceId, &self.invoiced))
            .add_option(at_least(Column::ExpenseDate, &self.expense_date_from))
            .add_option(at_most(Column::ExpenseDate, &self.expense_date_to))
            .add_option(at_least(Column::Amount, &self.amount_min))
            .add_option(at_most(Column::Amount, &self.amount_max))
            .add_option(since(Column::CreatedAt, &self.created_at_from))
            .add_option(until(Column::CreatedAt, &self.created_at_to))
            .add_option(since(Column::UpdatedAt, &self.updated_at_from))
            .add_option(until(Column::UpdatedAt, &self.updated_at_to))
    }
}

impl Listed for expense::Entity {
    type Sort = ExpenseSort;
    type Filter = ExpenseFilter;
    const SEARCH: Option<expense::Column> = Some(expense::Column::SearchKey);
}

/// The arguments of an expense list.
pub type ExpenseArgs = ListArgs<ExpenseFilter, ExpenseSort>;

/// A page of expenses.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list(cx: &Cx, args: &ExpenseArgs) -> Result<Page<Expense>, Error> {
    Ok(cx.list::<expense::Entity>(Action::ListExpenses, args).await?.map(Expense::from))
}

/// The first expenses for each of these clients, in one statement.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list_of_clients(
    cx: &Cx,
    clients: &[Id],
    args: &ExpenseArgs,
) -> Result<crate::list::page::Pages<Expense>, Error> {
    let relation = Relation::<expense::Entity>::by(
        expense::Column::ClientId,
        CursorList::Filtered(|filter: &mut ExpenseFilter, parent| filter.client_id = Field::Value(vec![parent.of()])),
    );
    cx.list_of_parents(Action::ListExpenses, relation, clients, args, Expense::from).await
}

/// The first expenses of each of these projects, in one statement.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list_of_projects(
    cx: &Cx,
    projects: &[Id],
    args: &ExpenseArgs,
) -> Result<crate::list::page::Pages<Expense>, Error> {
    let relation = Relation::<expense::Entity>::by(
        expense::Column::ProjectId,
        CursorList::Filtered(|filter: &mut ExpenseFilter, parent| filter.project_id = Field::Value(vec![parent.of()])),
    );
    cx.list_of_parents(Action::ListExpenses, relation, projects, args, Expense::from).await
}

/// The first expenses on each of these invoices, in one statement.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list_of_invoices(
    cx: &Cx,
    invoices: &[Id],
    args: &ExpenseArgs,
) -> Result<crate::list::page::Pages<Expense>, Error> {
    let relation = Relation::<expense::Entity>::by(expense::Column::InvoiceId, CursorList::Own("of an invoice"));
    cx.list_of_parents(Action::ListExpenses, relation, invoices, args, Expense::from).await
}
