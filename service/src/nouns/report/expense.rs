//! The expense report: expenses counted and their amounts summed, by up to two of client, project, category and month.

use entity::value::{Currency, ExpenseCategory, ExpenseReportGroup, Money};
use entity::{expense, project};
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, SelectStatement};
use sea_orm::{ColumnTrait, QueryFilter, QueryResult, QuerySelect, QueryTrait};
use serde::Serialize;

use super::amounts::{POINTS, ensure_few};
use super::money::{self, MoneyReportArgs, Summed, by_client, record_key};
use super::{TimeReportNoun, grouped, sql};
use crate::access::action::Action;
use crate::contract::error::Error;
use crate::contract::visible::Visible;
use crate::door::Cx;
use crate::list::page::Filter;
use crate::nouns::expense::ExpenseFilter;

/// The arguments of an expense report.
pub type ExpenseReportArgs = MoneyReportArgs<ExpenseReportGroup, ExpenseFilter>;

impl ExpenseReportArgs {
    /// Reads the pairs of a query string; `also` are parameters that the surface reads itself.
    pub fn from_query(pairs: &[(String, String)], also: &[&str]) -> ExpenseReportArgs {
        MoneyReportArgs::read(pairs, also, ExpenseReportGroup::ALL)
    }
}

/// Expenses summed by the groups asked for.
#[derive(Clone, Debug, Serialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct ExpenseReport {
    /// One row per group that has expenses, in the order of its keys. Empty if no group was asked for.
    pub rows: Vec<ExpenseReportRow>,
    /// The sums of all expenses that the filter selects.
    pub total: ExpenseReportTotal,
}

/// The expenses of one group.
#[derive(Clone, Debug, Serialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct ExpenseReportRow {
    /// What the expenses of this row have in common, one key per group.
    pub keys: ExpenseReportKeys,
    /// The number of expenses.
    pub count: i64,
    /// The sums per currency; currencies are never added to each other.
    pub amounts: Vec<ExpenseReportAmount>,
}

/// The expenses of all groups.
#[derive(Clone, Debug, Serialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct ExpenseReportTotal {
    /// The number of expenses.
    pub count: i64,
    /// The sums per currency; currencies are never added to each other.
    pub amounts: Vec<ExpenseReportAmount>,
}

/// The sums of expenses in one currency.
#[derive(Clone, Debug, PartialEq, Serialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct ExpenseReportAmount {
    /// The currency, ISO 4217.
    pub currency: Currency,
    /// The sum of the amounts.
    pub amount: Money,
    /// The part of the sum that can be billed.
    pub billable_amount: Money,
    /// The number of expenses in this currency, for tables that have one line per currency.
    #[serde(skip)]
    #[oai(skip)]
    #[graphql(skip)]
    pub count: i64,
}

/// The keys of a row: those that were asked for, and no others.
#[derive(Clone, Debug, Default, Serialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct ExpenseReportKeys {
    /// Client of the expenses; absent (null in GraphQL) unless grouped by client.
    #[serde(skip_serializing_if = "Visible::is_hidden")]
    pub client: Visible<TimeReportNoun>,
    /// Project of the expenses; absent (null in GraphQL) unless grouped by project; null for expenses of no project.
    #[serde(skip_serializing_if = "Visible::is_hidden")]
    pub project: Visible<TimeReportNoun>,
    /// Category of the expenses; absent (null in GraphQL) unless grouped by category.
    #[serde(skip_serializing_if = "Visible::is_hidden")]
    pub category: Visible<ExpenseCategory>,
    /// Month of `expenseDate` as `YYYY-MM`; absent (null in GraphQL) unless grouped by month.
    #[serde(skip_serializing_if = "Visible::is_hidden")]
    pub month: Visible<String>,
}

crate::contract::record::written!(ExpenseReportRow, ExpenseReportTotal, ExpenseReportAmount, ExpenseReportKeys);

/// The expense report. Without groups there are no rows, only the total.
///
/// # Errors
/// 403 for roles that do not see expenses; 422 for bad arguments, too many rows, and sums that are too large to be shown;
/// 429, since a report costs 10 points more than other requests.
#[crate::boxed]
pub async fn expenses(cx: &Cx, args: &ExpenseReportArgs) -> Result<ExpenseReport, Error> {
    let read = cx.read(Action::GetExpenseReport)?;
    let caller = cx.caller();
    args.check(caller, ExpenseReportGroup::ALL)?;
    cx.charge_points(POINTS).await?;
    let expenses = read.query::<expense::Entity>(|query| {
        let live = query.select_only().filter(expense::Column::DeletedAt.is_null());
        live.filter(args.filter.condition_on(caller, read.is_postgres()))
    });
    let found = read.rows(&statement(expenses.into_query(), args.groups(), read.is_postgres())).await?;
    ensure_few(cx, found.len(), "expenseDateFrom and expenseDateTo")?;

    let summed = Summed::of(&found, ["amount", "billable"], |row| keys(row, args.groups()))?;
    let amount = |currency, count, [amount, billable_amount]: [Money; 2]| ExpenseReportAmount {
        currency,
        amount,
        billable_amount,
        count,
    };
    let (groups, (count, amounts)) = summed.shown(amount)?;
    let row = |(keys, (count, amounts))| ExpenseReportRow { keys, count, amounts };
    let rows = if args.groups().is_empty() { vec![] } else { groups.into_iter().map(row).collect() };
    Ok(ExpenseReport { rows, total: ExpenseReportTotal { count, amounts } })
}

fn statement(mut expenses: SelectStatement, groups: &[ExpenseReportGroup], postgres: bool) -> SelectStatement {
    let column = |column: expense::Column| Expr::col((expense::Entity, column));
    for by in groups {
        match by {
            ExpenseReportGroup::Client => {
                by_client(&mut expenses, expense::Column::OrganizationId, expense::Column::ClientId)
            }
            ExpenseReportGroup::Project => {
                let same =
                    column(expense::Column::OrganizationId).equals((project::Entity, project::Column::OrganizationId));
                let joined =
                    same.and(column(expense::Column::ProjectId).equals((project::Entity, project::Column::Id)));
                expenses.join(JoinType::LeftJoin, project::Entity, joined);
                grouped::group(&mut expenses, project::Column::Id.into_expr(), "project_key");
                grouped::group(&mut expenses, project::Column::Name.into_expr(), "project_name");
            }
            ExpenseReportGroup::Category => {
                grouped::group(&mut expenses, column(expense::Column::Category), "category_key");
            }
            ExpenseReportGroup::Month => {
                grouped::group(&mut expenses, grouped::month("expense.expense_date", postgres), "month_key");
            }
        }
    }
    let billable = "CASE WHEN expense.billable THEN expense.amount ELSE 0 END";
    let sums = [("amount", "expense.amount"), ("billable", billable)];
    money::select(&mut expenses, column(expense::Column::Currency), sums);
    expenses
}

/// The keys of a row, and what they are sorted by.
fn keys(row: &QueryResult, groups: &[ExpenseReportGroup]) -> Result<(Vec<sql::Key>, ExpenseReportKeys), Error> {
    let (mut order, mut keys) = (Vec::new(), ExpenseReportKeys::default());
    for group in groups {
        order.push(match group {
            ExpenseReportGroup::Client => {
                let (place, client) = record_key(row, "client_key", "client_name")?;
                keys.client = client;
                place
            }
            ExpenseReportGroup::Project => {
                let (place, project) = record_key(row, "project_key", "project_name")?;
                keys.project = project;
                place
            }
            ExpenseReportGroup::Category => {
                let category: ExpenseCategory = row.try_get("", "category_key")?;
                keys.category = Visible::Shown(Some(category));
                sql::Key(format!("{:05}", category.rank()), None)
            }
            ExpenseReportGroup::Month => {
                let month: String = row.try_get("", "month_key")?;
                keys.month = Visible::Shown(Some(month.clone()));
                sql::Key(month, None)
            }
        });
    }
    Ok((order, keys))
}
