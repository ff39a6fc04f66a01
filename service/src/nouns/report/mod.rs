//! The time report: seconds, and what they earn, summed by one or two of what they were spent on, by whom and when.

mod sql;

use std::collections::BTreeMap;

use entity::value::{AmountShown, Currency, Date, FieldErrors, Id, Money, ReportGroup, TimeZone, Wire, fold};
use serde::Serialize;

use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::access::policy;
use crate::contract::error::Error;
use crate::contract::input::{Field, Input};
use crate::contract::visible::Visible;
use crate::door::Cx;
use crate::list::page::Filter;
use crate::nouns::time_entry::TimeEntryFilter;

/// Sums that a report is made of at most: one for each group, currency and rate.
const MAX_SUMS: u64 = 100_000;

/// What is asked of a report.
#[derive(Clone, Debug, Default)]
pub struct TimeReportArgs {
    /// By what: one or two.
    pub group_by: Field<Vec<ReportGroup>>,
    /// Where days begin; UTC unless said.
    pub time_zone: Field<TimeZone>,
    /// Whether amounts are told; by default to those who see money.
    pub amount_shown: Field<AmountShown>,
    /// Of which entries.
    pub filter: TimeEntryFilter,
    /// Parameters that were sent and are not taken.
    pub not_taken: FieldErrors,
}

impl TimeReportArgs {
    /// Reads the pairs of a query string; `also` are parameters that the surface reads itself.
    pub fn from_query(pairs: &[(String, String)], also: &[&str]) -> TimeReportArgs {
        let mut args = TimeReportArgs::default();
        let mut seen: Vec<&str> = Vec::new();
        for (name, _) in pairs {
            if seen.contains(&name.as_str()) {
                continue;
            }
            seen.push(name);
            let values: Vec<String> =
                pairs.iter().filter(|(own, _)| own == name).map(|(_, value)| value.clone()).collect();
            match name.as_str() {
                "groupBy" => {
                    let values: Vec<_> = values.iter().flat_map(|list| list.split(',').map(str::to_owned)).collect();
                    args.group_by = Field::from_query(&values);
                }
                "timeZone" => args.time_zone = Field::from_query(&values),
                "amountShown" => args.amount_shown = Field::from_query(&values),
                own if also.contains(&own) => {}
                _ if args.filter.set_query(name, &values) => {}
                _ => {
                    let own = ["groupBy", "timeZone", "amountShown"].iter().chain(also).copied();
                    let allowed: Vec<_> = own.chain(TimeEntryFilter::fields().iter().map(|field| field.name)).collect();
                    args.not_taken.add(name, format!("unknown parameter; allowed are {}", allowed.join(", ")));
                }
            }
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
        let groups = self.groups();
        let twice = groups.len() == 2 && groups[0] == groups[1];
        if !(1..=2).contains(&groups.len()) || twice {
            let all: Vec<_> = ReportGroup::ALL.iter().map(|group| group.as_str().to_ascii_lowercase()).collect();
            problems.add("groupBy", format!("must be one or two, each once, of {}", all.join(", ")));
        }
        problems.nest("", self.filter.field_problems());
        problems
    }

    /// By what, in the order asked; nothing, if that is wrong.
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
    /// The same split by currency, for tables that have one currency a line.
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
    /// What the billable time on hourly projects earns in total, one amount per currency.
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
    /// Billable hours times the hourly rates of their projects.
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

/// A client, project or task of a report.
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
    pub id: Option<Id>,
    /// User identifier of the person.
    pub user_id: Id,
    /// Name of the person; null if it is not known any more.
    #[oai(nullable)]
    pub name: Option<String>,
}

/// Sums of seconds that share a rate and a currency, on their way to an amount.
#[derive(Clone, Debug, Default)]
struct Sum {
    seconds: i64,
    billable_seconds: i64,
    entries: i64,
    /// For each currency: its own seconds, and seconds × ten-thousandths of the rate.
    currencies: BTreeMap<String, (Sums, i128)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    seconds: i64,
    billable_seconds: i64,
    entries: i64,
}

impl Sum {
    fn add(&mut self, found: &sql::Found) {
        self.seconds += found.seconds;
        self.billable_seconds += found.billable_seconds;
        self.entries += found.entries;
        let (sums, earned) = self.currencies.entry(found.currency.clone().unwrap_or_default()).or_default();
        sums.seconds += found.seconds;
        sums.billable_seconds += found.billable_seconds;
        sums.entries += found.entries;
        *earned += i128::from(found.seconds) * i128::from(found.rate);
    }

    fn amounts(&self, shown: bool) -> Visible<Vec<TimeReportAmount>> {
        let amounts = self.currencies.iter().filter_map(|(currency, (_, earned))| {
            Some(TimeReportAmount { currency: Currency::parse_text(currency).ok()?, amount: per_hour(*earned) })
        });
        Visible::only_if(shown, shown.then(|| amounts.collect()))
    }

    fn total(&self, shown: bool) -> TimeReportTotal {
        let Sum { seconds, billable_seconds, entries, .. } = *self;
        TimeReportTotal { seconds, billable_seconds, entries, amounts: self.amounts(shown) }
    }

    fn by_currency(&self, shown: bool) -> Vec<(Option<Currency>, TimeReportTotal)> {
        let line = |(currency, (sums, earned)): (&String, &(Sums, i128))| {
            let currency = Currency::parse_text(currency).ok();
            let amount =
                currency.clone().map(|currency| vec![TimeReportAmount { currency, amount: per_hour(*earned) }]);
            let Sums { seconds, billable_seconds, entries } = *sums;
            (currency, TimeReportTotal { seconds, billable_seconds, entries, amounts: Visible::only_if(shown, amount) })
        };
        self.currencies.iter().map(line).collect()
    }
}

/// Seconds × rate, by the hour: half-even to ten-thousandths.
fn per_hour(earned: i128) -> Money {
    const HOUR: i128 = 3600;
    let (whole, rest) = (earned.div_euclid(HOUR), earned.rem_euclid(HOUR));
    let up = rest * 2 > HOUR || (rest * 2 == HOUR && whole % 2 == 1);
    Money::from_units(i64::try_from(whole + i128::from(up)).unwrap_or(i64::MAX))
}

/// The time report. Running timers are not in it: they have no duration yet.
pub async fn time(cx: &Cx, args: &TimeReportArgs) -> Result<TimeReport, Error> {
    let read = cx.read(Action::GetTimeReport)?;
    let caller = cx.caller();
    let amounts = args.check(caller)?;
    let zone = args.time_zone.get().copied().unwrap_or(TimeZone::UTC);
    let found = sql::sums(&read, caller, args.groups(), &args.filter, zone, amounts, MAX_SUMS + 1).await?;
    if found.len() as u64 > MAX_SUMS {
        let message = format!("gives more than {MAX_SUMS} rows: filter by entryDateFrom and entryDateTo");
        return Err(Error::invalid("groupBy", message));
    }

    let mut rows: BTreeMap<(sql::Key, sql::Key), (TimeReportKeys, Sum)> = BTreeMap::new();
    let mut total = Sum::default();
    for found in found {
        total.add(&found);
        let mut order = found.keys.iter().map(sql::KeyFound::order);
        let place = (order.next().unwrap_or_default(), order.next().unwrap_or_default());
        let (_, sum) = rows.entry(place).or_insert_with(|| (keys(&found.keys), Sum::default()));
        sum.add(&found);
    }
    let row = |(keys, sum): (TimeReportKeys, Sum)| TimeReportRow {
        keys,
        seconds: sum.seconds,
        billable_seconds: sum.billable_seconds,
        entries: sum.entries,
        amounts: sum.amounts(amounts),
        by_currency: sum.by_currency(amounts),
    };
    Ok(TimeReport { rows: rows.into_values().map(row).collect(), total: total.total(amounts) })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_half_even_to_four_decimals() {
        for (seconds, rate, amount) in [
            (3600, 1_500_000, "150.00"),
            (1, 1_500_000, "0.0417"),
            (1800, 1, "0.00"),
            (1800, 3, "0.0002"),
            (1800, 5, "0.0002"),
            (5400, 1, "0.0002"),
            (0, 1_500_000, "0.00"),
        ] {
            assert_eq!(per_hour(seconds * rate).to_string(), amount, "{seconds} s at {rate}");
        }
    }
}
