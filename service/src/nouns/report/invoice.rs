//! The invoice report: invoices counted and their amounts summed, by up to two of client, status, payment status and month.

use std::collections::BTreeMap;

use entity::value::{Currency, FieldErrors, InvoiceReportGroup, InvoiceStatus, Money, PaymentStatus};
use entity::{client, invoice};
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
use crate::nouns::invoice::InvoiceFilter;

/// The most groups of an invoice report.
const MAX_GROUPS: usize = 2;

/// The arguments of an invoice report.
#[derive(Clone, Debug, Default)]
pub struct InvoiceReportArgs {
    /// The groups, up to two, in the order of the keys of a row. None: only the total.
    pub group_by: Field<Vec<InvoiceReportGroup>>,
    /// The invoices that are counted.
    pub filter: InvoiceFilter,
    /// Unknown parameters that were sent, as errors.
    pub not_taken: FieldErrors,
}

/// Invoices summed by the groups asked for.
#[derive(Clone, Debug, Serialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct InvoiceReport {
    /// One row per group that has invoices, in the order of its keys. Empty if no group was asked for.
    pub rows: Vec<InvoiceReportRow>,
    /// The sums of all invoices that the filter selects.
    pub total: InvoiceReportTotal,
}

/// The invoices of one group.
#[derive(Clone, Debug, Serialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct InvoiceReportRow {
    /// What the invoices of this row have in common, one key per group.
    pub keys: InvoiceReportKeys,
    /// The number of invoices.
    pub count: i64,
    /// The sums per currency; currencies are never added to each other.
    pub amounts: Vec<InvoiceReportAmount>,
}

/// The invoices of all groups.
#[derive(Clone, Debug, Serialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct InvoiceReportTotal {
    /// The number of invoices.
    pub count: i64,
    /// The sums per currency; currencies are never added to each other.
    pub amounts: Vec<InvoiceReportAmount>,
}

/// The sums of invoices in one currency.
#[derive(Clone, Debug, PartialEq, Serialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct InvoiceReportAmount {
    /// The currency, ISO 4217.
    pub currency: Currency,
    /// The sum of the totals.
    pub total: Money,
    /// The sum of what has been paid and not been refunded.
    pub amount_paid: Money,
    /// The sum of what is still to be paid on SENT invoices: their totals less what has been paid.
    pub outstanding: Money,
    /// The number of invoices in this currency, for tables that have one line per currency.
    #[serde(skip)]
    #[oai(skip)]
    #[graphql(skip)]
    pub count: i64,
}

/// The keys of a row: those that were asked for, and no others.
#[derive(Clone, Debug, Default, Serialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct InvoiceReportKeys {
    /// Client of the invoices; absent (null in GraphQL) unless grouped by client.
    #[serde(skip_serializing_if = "Visible::is_hidden")]
    pub client: Visible<TimeReportNoun>,
    /// State of the invoices; absent (null in GraphQL) unless grouped by state.
    #[serde(skip_serializing_if = "Visible::is_hidden")]
    pub status: Visible<InvoiceStatus>,
    /// Payment state of the invoices; absent (null in GraphQL) unless grouped by payment state.
    #[serde(skip_serializing_if = "Visible::is_hidden")]
    pub payment_status: Visible<PaymentStatus>,
    /// Month of `issueDate` as `YYYY-MM`; absent (null in GraphQL) unless grouped by month; null for invoices without
    /// an issue date.
    #[serde(skip_serializing_if = "Visible::is_hidden")]
    pub month: Visible<String>,
}

impl InvoiceReportArgs {
    /// Reads the pairs of a query string; `also` are parameters that the surface reads itself.
    pub fn from_query(pairs: &[(String, String)], also: &[&str]) -> InvoiceReportArgs {
        let (mut group_by, mut filter) = (Field::Absent, InvoiceFilter::default());
        let not_taken = grouped::read(pairs, &["groupBy"], also, &mut filter, |_, values| {
            group_by = grouped::list(values);
        });
        InvoiceReportArgs { group_by, filter, not_taken }
    }

    /// The groups, in the order asked; none, if they are wrong.
    pub fn groups(&self) -> &[InvoiceReportGroup] {
        self.group_by.get().map_or(&[], Vec::as_slice)
    }

    fn check(&self, caller: &Caller) -> Result<(), Error> {
        self.filter.check(caller)?;
        let mut problems = self.not_taken.clone();
        problems.nest("groupBy", self.group_by.problems().unwrap_or_default());
        if let Err(wrong) = grouped::check(self.groups(), MAX_GROUPS, InvoiceReportGroup::ALL) {
            problems.nest("groupBy", wrong);
        }
        problems.nest("", self.filter.field_problems());
        if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
    }
}

#[derive(Default)]
struct Sums {
    count: i64,
    total: i128,
    paid: i128,
    outstanding: i128,
}

impl Sums {
    fn add(&mut self, other: &Sums) {
        self.count += other.count;
        self.total += other.total;
        self.paid += other.paid;
        self.outstanding += other.outstanding;
    }
}

type ByCurrency = BTreeMap<String, Sums>;

/// The invoice report. Without groups there are no rows, only the total.
///
/// # Errors
/// 403 for roles that do not see invoices; 422 for bad arguments, too many rows, and sums that are too large to be shown;
/// 429, since a report costs 10 points more than other requests.
pub async fn invoices(cx: &Cx, args: &InvoiceReportArgs) -> Result<InvoiceReport, Error> {
    let read = cx.read(Action::GetInvoiceReport)?;
    let caller = cx.caller();
    args.check(caller)?;
    cx.charge_points(POINTS).await?;
    let invoices = read.query::<invoice::Entity>(|query| {
        let live = query.select_only().filter(invoice::Column::DeletedAt.is_null());
        live.filter(args.filter.condition_on(caller, read.is_postgres()))
    });
    let found = read.rows(&statement(invoices.into_query(), args.groups(), read.is_postgres())).await?;
    ensure_few(found.len(), "issueDateFrom and issueDateTo")?;

    let mut groups: BTreeMap<Vec<sql::Key>, (InvoiceReportKeys, ByCurrency)> = BTreeMap::new();
    let mut total = ByCurrency::new();
    for row in &found {
        let (order, keys) = keys(row, args.groups())?;
        let currency: String = row.try_get("", "currency_key")?;
        let sums = Sums {
            count: row.try_get("", "count_sum")?,
            total: grouped::sum_of(row, "total")?,
            paid: grouped::sum_of(row, "paid")?,
            outstanding: grouped::sum_of(row, "outstanding")?,
        };
        total.entry(currency.clone()).or_default().add(&sums);
        groups.entry(order).or_insert_with(|| (keys, ByCurrency::new())).1.entry(currency).or_default().add(&sums);
    }
    let row = |(keys, sums): (InvoiceReportKeys, ByCurrency)| {
        let InvoiceReportTotal { count, amounts } = shown(sums)?;
        Ok(InvoiceReportRow { keys, count, amounts })
    };
    let rows =
        if args.groups().is_empty() { vec![] } else { groups.into_values().map(row).collect::<Result<_, Error>>()? };
    Ok(InvoiceReport { rows, total: shown(total)? })
}

fn statement(mut invoices: SelectStatement, groups: &[InvoiceReportGroup], postgres: bool) -> SelectStatement {
    let column = |column: invoice::Column| Expr::col((invoice::Entity, column));
    for by in groups {
        match by {
            InvoiceReportGroup::Client => {
                let same =
                    column(invoice::Column::OrganizationId).equals((client::Entity, client::Column::OrganizationId));
                let joined = same.and(column(invoice::Column::ClientId).equals((client::Entity, client::Column::Id)));
                invoices.join(JoinType::InnerJoin, client::Entity, joined);
                grouped::group(&mut invoices, client::Column::Id.into_expr(), "client_key");
                grouped::group(&mut invoices, client::Column::Name.into_expr(), "client_name");
            }
            InvoiceReportGroup::Status => grouped::group(&mut invoices, column(invoice::Column::Status), "status_key"),
            InvoiceReportGroup::PaymentStatus => {
                grouped::group(&mut invoices, column(invoice::Column::PaymentStatus), "payment_status_key");
            }
            InvoiceReportGroup::Month => {
                grouped::group(&mut invoices, grouped::month("invoice.issue_date", postgres), "month_key");
            }
        }
    }
    grouped::group(&mut invoices, column(invoice::Column::Currency), "currency_key");
    invoices.expr_as(Expr::cust("COUNT(*)"), "count_sum");
    let sent = InvoiceStatus::Sent.rank();
    let outstanding = format!("CASE WHEN invoice.status = {sent} THEN invoice.total - invoice.amount_paid ELSE 0 END");
    grouped::sum(&mut invoices, "invoice.total", "total");
    grouped::sum(&mut invoices, "invoice.amount_paid", "paid");
    grouped::sum(&mut invoices, &outstanding, "outstanding");
    invoices.limit(MAX_SUMS + 1);
    invoices
}

/// The keys of a row, and what they are sorted by.
fn keys(row: &QueryResult, groups: &[InvoiceReportGroup]) -> Result<(Vec<sql::Key>, InvoiceReportKeys), Error> {
    let (mut order, mut keys) = (Vec::new(), InvoiceReportKeys::default());
    for group in groups {
        order.push(match group {
            InvoiceReportGroup::Client => {
                let record = grouped::record(row, "client_key", "client_name")?;
                let place = record.as_ref().map_or_else(sql::Key::default, |(id, name)| by_name(name.as_deref(), *id));
                keys.client = Visible::Shown(record.map(|(id, name)| TimeReportNoun { id, name }));
                place
            }
            InvoiceReportGroup::Status => {
                let status: InvoiceStatus = row.try_get("", "status_key")?;
                keys.status = Visible::Shown(Some(status));
                sql::Key(format!("{:05}", status.rank()), None)
            }
            InvoiceReportGroup::PaymentStatus => {
                let status: PaymentStatus = row.try_get("", "payment_status_key")?;
                keys.payment_status = Visible::Shown(Some(status));
                sql::Key(format!("{:05}", status.rank()), None)
            }
            InvoiceReportGroup::Month => {
                let month: Option<String> = row.try_get("", "month_key")?;
                keys.month = Visible::Shown(month.clone());
                sql::Key(month.unwrap_or_default(), None)
            }
        });
    }
    Ok((order, keys))
}

/// Sums as they are shown.
fn shown(sums: ByCurrency) -> Result<InvoiceReportTotal, Error> {
    use entity::value::Wire;
    let count = sums.values().map(|sums| sums.count).sum();
    let amount = |(currency, sums): (String, Sums)| {
        let currency = Currency::parse_text(&currency).map_err(Error::Invalid)?;
        let (total, amount_paid, outstanding) = (money(sums.total)?, money(sums.paid)?, money(sums.outstanding)?);
        Ok(InvoiceReportAmount { currency, total, amount_paid, outstanding, count: sums.count })
    };
    Ok(InvoiceReportTotal { count, amounts: sums.into_iter().map(amount).collect::<Result<_, Error>>()? })
}
