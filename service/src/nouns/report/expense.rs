//! The expense report: expenses counted and their amounts summed, by up to two of client, project, category and month.

use std::collections::BTreeMap;

use entity::value::{Currency, ExpenseCategory, ExpenseReportGroup, FieldErrors, Money};
use entity::{client, expense, project};
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, SelectStatement};
use sea_orm::{ColumnTrait, QueryFilter, QueryResult, QuerySelect, QueryTrait};
use serde::Serialize;

use super::amounts::{MAX_SUMS, POINTS, ensure_few, money};
use super::{TimeReportNoun, by_name, grouped, sql};
use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::contract::error::Error;
use crate::contract::input::{Field, Input};
use crate::contract::visible::Visible;
use crate::door::Cx;
use crate::list::page::Filter;
use crate::nouns::expense::ExpenseFilter;

/// The most groups of an expense report.
const MAX_GROUPS: usize = 2;

/// The arguments of an expense report.
#[derive(Clone, Debug, Default)]
pub struct ExpenseReportArgs {
    /// The groups, up to two, in the order of the keys of a row. None: only the total.
    pub group_by: Field<Vec<ExpenseReportGroup>>,
    /// The expenses that are counted.
    pub filter: ExpenseFilter,
    /// Unknown parameters that were sent, as errors.
    pub not_taken: FieldErrors,
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

impl ExpenseReportArgs {
    /// Reads the pairs of a query string; `also` are parameters that the surface reads itself.
    pub fn from_query(pairs: &[(String, String)], also: &[&str]) -> ExpenseReportArgs {
        let (mut group_by, mut filter) = (Field::Absent, ExpenseFilter::default());
        let not_taken = grouped::read(pairs, &["groupBy"], also, &mut filter, |_, values| {
            group_by = grouped::list(values);
        });
        ExpenseReportArgs { group_by, filter, not_taken }
    }

    /// The groups, in the order asked; none, if they are wrong.
    pub fn groups(&self) -> &[ExpenseReportGroup] {
        self.group_by.get().map_or(&[], Vec::as_slice)
    }

    fn check(&self, caller: &Caller) -> Result<(), Error> {
        self.filter.check(caller)?;
        let mut problems = self.not_taken.clone();
        problems.nest("groupBy", self.group_by.problems().unwrap_or_default());
        if let Err(wrong) = grouped::check(self.groups(), MAX_GROUPS, ExpenseReportGroup::ALL) {
            problems.nest("groupBy", wrong);
        }
        problems.nest("", self.filter.field_problems());
        if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
    }
}

#[derive(Default)]
struct Sums {
    count: i64,
    amount: i128,
    billable: i128,
}

impl Sums {
    fn add(&mut self, other: &Sums) {
        self.count += other.count;
        self.amount += other.amount;
        self.billable += other.billable;
    }
}

type ByCurrency = BTreeMap<String, Sums>;

/// The expense report. Without groups there are no rows, only the total.
///
/// # Errors
/// 403 for roles that do not see expenses; 422 for bad arguments, too many rows, and sums that are too large to be shown;
/// 429, since a report costs 10 points more than other requests.
pub async fn expenses(cx: &Cx, args: &ExpenseReportArgs) -> Result<ExpenseReport, Error> {
    let read = cx.read(Action::GetExpenseReport)?;
    let caller = cx.caller();
    args.check(caller)?;
    cx.charge_points(POINTS).await?;
    let expenses = read.query::<expense::Entity>(|query| {
        let live = query.select_only().filter(expense::Column::DeletedAt.is_null());
        live.filter(args.filter.condition_on(caller, read.is_postgres()))
    });
    let found = read.rows(&statement(expenses.into_query(), args.groups(), read.is_postgres())).await?;
    ensure_few(found.len(), "expenseDateFrom and expenseDateTo")?;

    let mut groups: BTreeMap<Vec<sql::Key>, (ExpenseReportKeys, ByCurrency)> = BTreeMap::new();
    let mut total = ByCurrency::new();
    for row in &found {
        let (order, keys) = keys(row, args.groups())?;
        let currency: String = row.try_get("", "currency_key")?;
        let sums = Sums {
            count: row.try_get("", "count_sum")?,
            amount: grouped::sum_of(row, "amount")?,
            billable: grouped::sum_of(row, "billable")?,
        };
        total.entry(currency.clone()).or_default().add(&sums);
        groups.entry(order).or_insert_with(|| (keys, ByCurrency::new())).1.entry(currency).or_default().add(&sums);
    }
    let row = |(keys, sums): (ExpenseReportKeys, ByCurrency)| {
        let ExpenseReportTotal { count, amounts } = shown(sums)?;
        Ok(ExpenseReportRow { keys, count, amounts })
    };
    let rows =
        if args.groups().is_empty() { vec![] } else { groups.into_values().map(row).collect::<Result<_, Error>>()? };
    Ok(ExpenseReport { rows, total: shown(total)? })
}

fn statement(mut expenses: SelectStatement, groups: &[ExpenseReportGroup], postgres: bool) -> SelectStatement {
    let column = |column: expense::Column| Expr::col((expense::Entity, column));
    for by in groups {
        match by {
            ExpenseReportGroup::Client => {
                let same =
                    column(expense::Column::OrganizationId).equals((client::Entity, client::Column::OrganizationId));
                let joined = same.and(column(expense::Column::ClientId).equals((client::Entity, client::Column::Id)));
                expenses.join(JoinType::InnerJoin, client::Entity, joined);
                grouped::group(&mut expenses, client::Column::Id.into_expr(), "client_key");
                grouped::group(&mut expenses, client::Column::Name.into_expr(), "client_name");
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
    grouped::group(&mut expenses, column(expense::Column::Currency), "currency_key");
    expenses.expr_as(Expr::cust("COUNT(*)"), "count_sum");
    grouped::sum(&mut expenses, "expense.amount", "amount");
    grouped::sum(&mut expenses, "CASE WHEN expense.billable THEN expense.amount ELSE 0 END", "billable");
    expenses.limit(MAX_SUMS + 1);
    expenses
}

/// The keys of a row, and what they are sorted by.
fn keys(row: &QueryResult, groups: &[ExpenseReportGroup]) -> Result<(Vec<sql::Key>, ExpenseReportKeys), Error> {
    let (mut order, mut keys) = (Vec::new(), ExpenseReportKeys::default());
    for group in groups {
        order.push(match group {
            ExpenseReportGroup::Client | ExpenseReportGroup::Project => {
                let is_client = *group == ExpenseReportGroup::Client;
                let (id, name) =
                    if is_client { ("client_key", "client_name") } else { ("project_key", "project_name") };
                let record = grouped::record(row, id, name)?;
                let place = record.as_ref().map_or_else(sql::Key::default, |(id, name)| by_name(name.as_deref(), *id));
                let record = Visible::Shown(record.map(|(id, name)| TimeReportNoun { id, name }));
                if is_client {
                    keys.client = record
                } else {
                    keys.project = record
                }
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

/// Sums as they are shown.
fn shown(sums: ByCurrency) -> Result<ExpenseReportTotal, Error> {
    use entity::value::Wire;
    let count = sums.values().map(|sums| sums.count).sum();
    let amount = |(currency, sums): (String, Sums)| {
        let currency = Currency::parse_text(&currency).map_err(Error::Invalid)?;
        let (amount, billable_amount) = (money(sums.amount)?, money(sums.billable)?);
        Ok(ExpenseReportAmount { currency, amount, billable_amount, count: sums.count })
    };
    Ok(ExpenseReportTotal { count, amounts: sums.into_iter().map(amount).collect::<Result<_, Error>>()? })
}
