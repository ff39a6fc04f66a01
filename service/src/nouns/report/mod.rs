//! Reports. The time report sums seconds and what they earn, by up to three of client, project, task, member, day, week
//! and month; those of expenses and invoices sum amounts.

mod amounts;
mod expense;
mod grouped;
mod invoice;
mod money;
mod sql;
mod totals;

use std::collections::BTreeMap;

use entity::value::{
    AmountShown, Currency, Date, FieldErrors, Id, MemberId, Money, ReportGroup, TimeZone, UserId, Wire, fold,
};
use serde::Serialize;

pub use expense::{
    ExpenseReport, ExpenseReportAmount, ExpenseReportArgs, ExpenseReportKeys, ExpenseReportRow, ExpenseReportTotal,
    expenses,
};
pub use invoice::{
    InvoiceReport, InvoiceReportAmount, InvoiceReportArgs, InvoiceReportKeys, InvoiceReportRow, InvoiceReportTotal,
    OutstandingAmount, invoices, outstanding_of_clients,
};
pub use money::MoneyReportArgs;
pub use totals::{none as no_totals, of_clients as totals_of_clients, of_projects as totals_of_projects};

use amounts::{MAX_SUMS, POINTS, Totals, ensure_few, per_hour};

use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::access::policy;
use crate::contract::error::Error;
use crate::contract::input::{Field, Input};
use crate::contract::visible::Visible;
use crate::door::Cx;
use crate::list::page::Filter;
use crate::nouns::time_entry::TimeEntryFilter;

/// The most groups of a time report.
const MAX_GROUPS: usize = 3;

/// The arguments of a time report.
#[derive(Clone, Debug, Default)]
pub struct TimeReportArgs {
    /// The groups, up to three, in the order of the keys of a row. None: only the total.
    pub group_by: Field<Vec<ReportGroup>>,
    /// The zone in which entries with instants belong to a day. Without it, an entry belongs to its `entryDate`.
    pub time_zone: Field<TimeZone>,
    /// Whether amounts are shown. Default: to roles that see money.
    pub amount_shown: Field<AmountShown>,
    /// Of which entries.
    pub filter: TimeEntryFilter,
    /// Parameters that were sent and are not taken.
    pub not_taken: FieldErrors,
}

impl TimeReportArgs {
    /// Reads the pairs of a query string; `also` are parameters that the surface reads itself. A query must name a group.
    pub fn from_query(pairs: &[(String, String)], also: &[&str]) -> TimeReportArgs {
        let mut args = TimeReportArgs::default();
        let own = ["groupBy", "timeZone", "amountShown"];
        let mut filter = TimeEntryFilter::default();
        args.not_taken = grouped::read(pairs, &own, also, &mut filter, |name, values| match name {
            "groupBy" => args.group_by = grouped::list(values, ReportGroup::ALL),
            "timeZone" => args.time_zone = Field::from_query(values),
            _ => args.amount_shown = Field::from_query(values),
        });
        args.filter = filter;
        if !args.group_by.is_sent() {
            args.not_taken.add("groupBy", grouped::how_to_group(MAX_GROUPS, ReportGroup::ALL));
        }
        args
    }

    fn problems(&self) -> FieldErrors {
        let mut problems = self.not_taken.clone();
        let fields = [
            ("groupBy", self.group_by.problems()),
            ("timeZone", self.time_zone.problems()),
            ("amountShown", self.amount_shown.problems()),
        ];
        for (name, wrong) in fields {
            if let Some(wrong) = wrong {
                problems.nest(name, wrong);
            }
        }
        if let Err(wrong) = grouped::check(self.groups(), MAX_GROUPS, ReportGroup::ALL) {
            problems.nest("groupBy", wrong);
        }
        problems.nest("", self.filter.field_problems());
        problems
    }

    /// The groups, in the order asked; none, if they are wrong.
    pub fn groups(&self) -> &[ReportGroup] {
        self.group_by.get().map_or(&[], Vec::as_slice)
    }

    /// Checks in the order of refusals: what the role may not ask, then what is wrong. Returns whether amounts are shown.
    fn check(&self, caller: &Caller) -> Result<bool, Error> {
        let sees_money = policy::sees_money(caller.role);
        let amounts = self.amount_shown.get().map_or(sees_money, |shown| *shown == AmountShown::Earned);
        if amounts && !sees_money {
            let message = format!("your role {} does not see amounts; ask for amountShown=HIDE_AMOUNT", caller.role);
            return Err(Error::Forbidden(message.into()));
        }
        if self.groups().contains(&ReportGroup::Client) && !policy::allows(caller.role, Action::ListClients) {
            let message = format!("your role {} does not see clients, so it cannot group by client", caller.role);
            return Err(Error::Forbidden(message.into()));
        }
        self.filter.check(caller)?;
        let problems = self.problems();
        if problems.is_empty() { Ok(amounts) } else { Err(Error::Invalid(problems)) }
    }
}

/// A time report: the time of all matching entries, summed per group.
#[derive(Clone, Debug, Serialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct TimeReport {
    /// One row per group that has time, in the order of the keys.
    pub rows: Vec<TimeReportRow>,
    /// The sums over all rows.
    pub total: TimeReportTotal,
}

/// The sums of one group.
#[derive(Clone, Debug, Serialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct TimeReportRow {
    /// What the entries of this row have in common: one key per group asked for.
    pub keys: TimeReportKeys,
    /// Sum of the durations, in seconds.
    pub seconds: i64,
    /// Sum of the durations of billable entries, in seconds.
    pub billable_seconds: i64,
    /// Number of time entries.
    pub entries: i64,
    /// What the billable time on hourly projects earns, one amount per currency.
    #[serde(default, skip_serializing_if = "Visible::is_hidden")]
    pub amounts: Visible<Vec<TimeReportAmount>>,
    /// These sums split by currency, for tables that have one currency a line.
    #[serde(skip)]
    #[oai(skip)]
    #[graphql(skip)]
    pub by_currency: Vec<(Option<Currency>, TimeReportTotal)>,
}

/// The sums over all groups.
#[derive(Clone, Debug, Default, Serialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct TimeReportTotal {
    /// Sum of the durations, in seconds.
    pub seconds: i64,
    /// Sum of the durations of billable entries, in seconds.
    pub billable_seconds: i64,
    /// Number of time entries.
    pub entries: i64,
    /// What the billable time on hourly projects earns in total, one amount per currency: the sum of the rows as shown.
    #[serde(default, skip_serializing_if = "Visible::is_hidden")]
    pub amounts: Visible<Vec<TimeReportAmount>>,
}

/// An amount in one currency. Amounts of different currencies are never added.
#[derive(Clone, Debug, PartialEq, Serialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct TimeReportAmount {
    /// Currency of the amount (ISO 4217 code).
    pub currency: Currency,
    /// Billable hours times the hourly rates of their projects, rounded half up to the decimals of the currency.
    pub amount: Money,
}

/// The keys of a row: those that were asked for, and no others.
#[derive(Clone, Debug, Default, Serialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct TimeReportKeys {
    /// Client of the time; absent (null in GraphQL) unless grouped by client.
    #[serde(skip_serializing_if = "Visible::is_hidden")]
    pub client: Visible<TimeReportNoun>,
    /// Project of the time; absent (null in GraphQL) unless grouped by project.
    #[serde(skip_serializing_if = "Visible::is_hidden")]
    pub project: Visible<TimeReportNoun>,
    /// Task of the time; absent (null in GraphQL) unless grouped by task; null for time on no task.
    #[serde(skip_serializing_if = "Visible::is_hidden")]
    pub task: Visible<TimeReportNoun>,
    /// Member whose time it is; absent (null in GraphQL) unless grouped by member.
    #[serde(skip_serializing_if = "Visible::is_hidden")]
    pub member: Visible<TimeReportMember>,
    /// Day of the time; absent (null in GraphQL) unless grouped by day.
    #[serde(skip_serializing_if = "Visible::is_hidden")]
    pub day: Visible<Date>,
    /// Monday on which the week begins; absent (null in GraphQL) unless grouped by week.
    #[serde(skip_serializing_if = "Visible::is_hidden")]
    pub week: Visible<Date>,
    /// Month of the time as `YYYY-MM`; absent (null in GraphQL) unless grouped by month.
    #[serde(skip_serializing_if = "Visible::is_hidden")]
    pub month: Visible<String>,
}

crate::contract::record::written!(TimeReportRow, TimeReportTotal, TimeReportAmount, TimeReportKeys);

/// A client, project or task that the rows of a report are grouped by.
#[derive(Clone, Debug, Serialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct TimeReportNoun {
    /// Identifier of the client, project or task.
    pub id: Id,
    /// Name of the client, project or task; null if the caller does not see it any more.
    #[oai(nullable)]
    pub name: Option<String>,
}

/// A person of a report.
#[derive(Clone, Debug, Serialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct TimeReportMember {
    /// Identifier of the membership, the latest of this person; null if there is none.
    #[oai(nullable)]
    pub id: Option<MemberId>,
    /// User identifier of the person.
    pub user_id: UserId,
    /// Name of the person; null if it is not known any more.
    #[oai(nullable)]
    pub name: Option<String>,
}

/// The time of one group.
#[derive(Clone, Debug, Default)]
struct Sum {
    all: Sums,
    /// For each currency: its own time, and seconds × ten-thousandths of the rate.
    currencies: BTreeMap<String, (Sums, i128)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    seconds: i64,
    billable_seconds: i64,
    entries: i64,
}

impl Sums {
    fn add(&mut self, found: &sql::SummedEntries) {
        self.seconds += found.seconds;
        self.billable_seconds += found.billable_seconds;
        self.entries += found.entries;
    }
}

impl Sum {
    fn add(&mut self, found: &sql::SummedEntries) {
        self.all.add(found);
        let (sums, earned) = self.currencies.entry(found.currency.clone().unwrap_or_default()).or_default();
        sums.add(found);
        *earned += i128::from(found.seconds) * i128::from(found.rate);
    }

    /// The time split by currency, with what it earns in each if amounts are shown.
    fn by_currency(&self, shown: bool) -> Result<Vec<(Option<Currency>, TimeReportTotal)>, Error> {
        let line = |(currency, (sums, earned)): (&String, &(Sums, i128))| {
            let currency = if shown { Currency::parse_text(currency).ok() } else { None };
            let amounts = match &currency {
                Some(currency) => Visible::Shown(Some(vec![TimeReportAmount {
                    currency: currency.clone(),
                    amount: per_hour(*earned, currency)?,
                }])),
                None => Visible::Hidden,
            };
            let Sums { seconds, billable_seconds, entries } = *sums;
            Ok((currency, TimeReportTotal { seconds, billable_seconds, entries, amounts }))
        };
        self.currencies.iter().map(line).collect()
    }
}

/// The time report. Running timers are not in it: they have no duration yet. Without groups there are no rows, only the
/// total.
///
/// # Errors
/// 403 for amounts or clients that the role does not see; 422 for bad arguments, too many rows, and amounts that are too
/// large to be shown; 429, since a report costs 10 points more than other requests.
#[crate::boxed]
pub async fn time(cx: &Cx, args: &TimeReportArgs) -> Result<TimeReport, Error> {
    let read = cx.read(Action::GetTimeReport)?;
    let caller = cx.caller();
    let amounts = args.check(caller)?;
    cx.charge_points(POINTS).await?;
    let zone = args.time_zone.get().copied();
    let found = sql::sums(&read, caller, args.groups(), &args.filter, zone, amounts, MAX_SUMS + 1).await?;
    ensure_few(cx, found.len(), "entryDateFrom and entryDateTo")?;

    let mut groups: BTreeMap<Vec<sql::Key>, (TimeReportKeys, Sum)> = BTreeMap::new();
    let mut total = Sums::default();
    for found in found {
        total.add(&found);
        let order = found.keys.iter().map(sql::KeyFound::order).collect();
        let (_, sum) = groups.entry(order).or_insert_with(|| (keys(&found.keys), Sum::default()));
        sum.add(&found);
    }
    let mut earned = Totals::default();
    let mut rows = Vec::with_capacity(groups.len());
    for (keys, sum) in groups.into_values() {
        let by_currency = sum.by_currency(amounts)?;
        let shown: Vec<_> = by_currency.iter().filter_map(|(_, sums)| sums.amounts.get()?.first().cloned()).collect();
        shown.iter().for_each(|amount| earned.add(&amount.currency, amount.amount));
        let Sums { seconds, billable_seconds, entries } = sum.all;
        let amounts = Visible::only_if(amounts, Some(shown));
        rows.push(TimeReportRow { keys, seconds, billable_seconds, entries, amounts, by_currency });
    }
    if args.groups().is_empty() {
        rows.clear();
    }
    let of = |(currency, amount)| TimeReportAmount { currency, amount };
    let earned = Visible::only_if(amounts, Some(earned.amounts()?.into_iter().map(of).collect()));
    let Sums { seconds, billable_seconds, entries } = total;
    Ok(TimeReport { rows, total: TimeReportTotal { seconds, billable_seconds, entries, amounts: earned } })
}

fn keys(found: &[sql::KeyFound]) -> TimeReportKeys {
    use sql::KeyFound;
    let mut keys = TimeReportKeys::default();
    for key in found {
        match key.clone() {
            KeyFound::Noun(group, noun) => {
                let noun = Visible::Shown(noun.map(|(id, name)| TimeReportNoun { id, name }));
                match group {
                    ReportGroup::Client => keys.client = noun,
                    ReportGroup::Project => keys.project = noun,
                    _ => keys.task = noun,
                }
            }
            KeyFound::Member { id, user_id, name } => {
                keys.member = Visible::Shown(Some(TimeReportMember { id, user_id, name }));
            }
            KeyFound::Day(day) => keys.day = Visible::Shown(Some(day)),
            KeyFound::Week(week) => keys.week = Visible::Shown(Some(week)),
            KeyFound::Month(month) => keys.month = Visible::Shown(Some(month)),
        }
    }
    keys
}

/// The order of names: without regard to case, then by id.
fn by_name(name: Option<&str>, id: Id) -> sql::Key {
    sql::Key(name.map(fold).unwrap_or_default(), Some(id))
}
