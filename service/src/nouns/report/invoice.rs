//! The invoice report: invoices counted and their amounts summed, by up to two of client, status, payment status and month.

use std::collections::HashMap;

use entity::invoice;
use entity::value::{ClientId, Currency, InvoiceReportGroup, InvoiceStatus, Money, PaymentStatus};
use sea_orm::sea_query::{Expr, SelectStatement};
use sea_orm::{ColumnTrait, QueryFilter, QueryResult, QuerySelect, QueryTrait};
use serde::Serialize;

use super::amounts::{POINTS, ensure_few};
use super::money::{self, MoneyReportArgs, Summed, by_client, record_key};
use super::{TimeReportNoun, grouped, sql};
use crate::access::action::Action;
use crate::contract::error::Error;
use crate::contract::input::Field;
use crate::contract::visible::Visible;
use crate::door::Cx;
use crate::list::page::Filter;
use crate::nouns::invoice::InvoiceFilter;

/// The arguments of an invoice report.
pub type InvoiceReportArgs = MoneyReportArgs<InvoiceReportGroup, InvoiceFilter>;

impl InvoiceReportArgs {
    /// Reads the pairs of a query string; `also` are parameters that the surface reads itself.
    pub fn from_query(pairs: &[(String, String)], also: &[&str]) -> InvoiceReportArgs {
        MoneyReportArgs::read(pairs, also, InvoiceReportGroup::ALL)
    }
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

crate::contract::record::written!(InvoiceReportRow, InvoiceReportTotal, InvoiceReportAmount, InvoiceReportKeys);

/// The invoice report. Without groups there are no rows, only the total.
///
/// # Errors
/// 403 for roles that do not see invoices; 422 for bad arguments, too many rows, and sums that are too large to be shown;
/// 429, since a report costs 10 points more than other requests.
#[crate::boxed]
pub async fn invoices(cx: &Cx, args: &InvoiceReportArgs) -> Result<InvoiceReport, Error> {
    let read = cx.read(Action::GetInvoiceReport)?;
    let caller = cx.caller();
    args.check(caller, InvoiceReportGroup::ALL)?;
    cx.charge_points(POINTS).await?;
    let invoices = read.query::<invoice::Entity>(|query| {
        let live = query.select_only().filter(invoice::Column::DeletedAt.is_null());
        live.filter(args.filter.condition_on(caller, read.is_postgres()))
    });
    let found = read.rows(&statement(invoices.into_query(), args.groups(), read.is_postgres())).await?;
    ensure_few(cx, found.len(), "issueDateFrom and issueDateTo")?;

    let summed = Summed::of(&found, ["total", "paid", "outstanding"], |row| keys(row, args.groups()))?;
    let amount = |currency, count, [total, amount_paid, outstanding]: [Money; 3]| InvoiceReportAmount {
        currency,
        total,
        amount_paid,
        outstanding,
        count,
    };
    let (groups, (count, amounts)) = summed.shown(amount)?;
    let row = |(keys, (count, amounts))| InvoiceReportRow { keys, count, amounts };
    let rows = if args.groups().is_empty() { vec![] } else { groups.into_iter().map(row).collect() };
    Ok(InvoiceReport { rows, total: InvoiceReportTotal { count, amounts } })
}

/// What is still to be paid in one currency.
#[derive(Clone, Debug, PartialEq, Serialize, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
pub struct OutstandingAmount {
    /// The currency, ISO 4217.
    pub currency: Currency,
    /// The totals of SENT invoices less what has been paid.
    pub amount: Money,
}

crate::contract::record::written!(OutstandingAmount);

/// What each of these clients has still to pay on SENT invoices; none of a client without such invoices.
///
/// # Errors
/// `Forbidden` for roles that do not see invoices; `Internal` (database); for one client `Invalid`, if its sum is too large to
/// be shown.
#[crate::boxed]
pub async fn outstanding_of_clients(
    cx: &Cx,
    ids: &[ClientId],
) -> Result<HashMap<ClientId, Result<Vec<OutstandingAmount>, Error>>, Error> {
    let read = cx.read(Action::GetInvoiceReport)?;
    let filter = InvoiceFilter {
        client_id: Field::Value(ids.to_vec()),
        status: Field::Value(vec![InvoiceStatus::Sent]),
        ..InvoiceFilter::default()
    };
    let invoices = read.query::<invoice::Entity>(|query| {
        let live = query.select_only().filter(invoice::Column::DeletedAt.is_null());
        live.filter(filter.condition_on(cx.caller(), read.is_postgres()))
    });
    let groups = [InvoiceReportGroup::Client];
    let found = read.rows(&statement(invoices.into_query(), &groups, read.is_postgres())).await?;
    ensure_few(cx, found.len(), "fewer records")?;
    let summed = Summed::of(&found, ["outstanding"], |row| keys(row, &groups))?;
    let groups = summed.each(|currency, _, [amount]: [Money; 1]| OutstandingAmount { currency, amount });
    let amounts = |shown: Result<(i64, Vec<_>), Error>| match shown {
        Ok((_, amounts)) => Ok(amounts),
        Err(_) => Err(Error::invalid("outstanding", "an amount is more than 999999999999.9999")),
    };
    Ok(groups.filter_map(|(keys, shown)| Some((keys.client.get()?.id.of(), amounts(shown)))).collect())
}

fn statement(mut invoices: SelectStatement, groups: &[InvoiceReportGroup], postgres: bool) -> SelectStatement {
    let column = |column: invoice::Column| Expr::col((invoice::Entity, column));
    for by in groups {
        match by {
            InvoiceReportGroup::Client => {
                by_client(&mut invoices, invoice::Column::OrganizationId, invoice::Column::ClientId)
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
    let sent = InvoiceStatus::Sent.rank();
    let outstanding = format!("CASE WHEN invoice.status = {sent} THEN invoice.total - invoice.amount_paid ELSE 0 END");
    let sums = [("total", "invoice.total"), ("paid", "invoice.amount_paid"), ("outstanding", outstanding.as_str())];
    money::select(&mut invoices, column(invoice::Column::Currency), sums);
    invoices
}

/// The keys of a row, and what they are sorted by.
fn keys(row: &QueryResult, groups: &[InvoiceReportGroup]) -> Result<(Vec<sql::Key>, InvoiceReportKeys), Error> {
    let (mut order, mut keys) = (Vec::new(), InvoiceReportKeys::default());
    for group in groups {
        order.push(match group {
            InvoiceReportGroup::Client => {
                let (place, client) = record_key(row, "client_key", "client_name")?;
                keys.client = client;
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
