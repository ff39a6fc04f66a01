//! Lists of expenses: what they are sorted and filtered by.

use entity::expense;
use entity::value::{Date, DateOrDateTime, ExpenseCategory, ExternalId, Id, Money, Name};
use sea_orm::Condition;

use super::Expense;
use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::contract::error::Error;
use crate::contract::input::Field;
use crate::door::Cx;
use crate::list::filter::{at_least, at_most, is_set, of_client_named, one_of, one_of_texts, since, until};
use crate::list::nested::{Place, Relation};
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
    /// Filters of the expense list.
    pub struct ExpenseFilter = "ExpenseFilter" {
        /// One of these ids.
        pub id: Field<Vec<Id>>,
        /// One of these external ids.
        pub external_id: Field<Vec<ExternalId>>,
        /// Spent for one of these clients.
        pub client_id: Field<Vec<Id>>,
        /// Spent for a client with one of these names, in any case.
        pub client_name: Field<Vec<Name>>,
        /// Spent for one of these projects.
        pub project_id: Field<Vec<Id>>,
        /// Of one of these categories.
        pub category: Field<Vec<ExpenseCategory>>,
        /// Whether it can be billed.
        pub billable: Field<Vec<bool>>,
        /// Whether it is on an invoice.
        pub invoiced: Field<Vec<bool>>,
        /// Spent on this day or a later one.
        pub expense_date_from: Field<Date>,
        /// Spent on this day or an earlier one.
        pub expense_date_to: Field<Date>,
        /// At least this much, whatever the currency.
        pub amount_min: Field<Money>,
        /// At most this much, whatever the currency.
        pub amount_max: Field<Money>,
        /// Made at or after.
        pub created_at_from: Field<DateOrDateTime>,
        /// Made at or before.
        pub created_at_to: Field<DateOrDateTime>,
        /// Changed at or after.
        pub updated_at_from: Field<DateOrDateTime>,
        /// Changed at or before.
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
pub async fn list(cx: &Cx, args: &ExpenseArgs) -> Result<Page<Expense>, Error> {
    Ok(cx.list::<expense::Entity>(Action::ListExpenses, args).await?.map(Expense::from))
}

/// The first expenses for each of these clients, in one statement.
pub async fn list_of_clients(
    cx: &Cx,
    clients: &[Id],
    args: &ExpenseArgs,
) -> Result<crate::list::page::Pages<Expense>, Error> {
    let relation = Relation::<expense::Entity>::by(
        expense::Column::ClientId,
        Place::Filtered(|filter: &mut ExpenseFilter, parent| filter.client_id = Field::Value(vec![parent])),
    );
    cx.list_of_parents(Action::ListExpenses, relation, clients, args, Expense::from).await
}

/// The first expenses of each of these projects, in one statement.
pub async fn list_of_projects(
    cx: &Cx,
    projects: &[Id],
    args: &ExpenseArgs,
) -> Result<crate::list::page::Pages<Expense>, Error> {
    let relation = Relation::<expense::Entity>::by(
        expense::Column::ProjectId,
        Place::Filtered(|filter: &mut ExpenseFilter, parent| filter.project_id = Field::Value(vec![parent])),
    );
    cx.list_of_parents(Action::ListExpenses, relation, projects, args, Expense::from).await
}

/// The first expenses on each of these invoices, in one statement.
pub async fn list_of_invoices(
    cx: &Cx,
    invoices: &[Id],
    args: &ExpenseArgs,
) -> Result<crate::list::page::Pages<Expense>, Error> {
    let relation = Relation::<expense::Entity>::by(expense::Column::InvoiceId, Place::Own("of an invoice"));
    cx.list_of_parents(Action::ListExpenses, relation, invoices, args, Expense::from).await
}
