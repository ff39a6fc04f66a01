//! The one statement of the time report. Entries are summed by project, and by task, person and day if those are asked for;
//! names and rates are joined to the sums.

use chrono::Datelike;
use entity::value::{Date, Id, MemberId, RateType, ReportGroup, TimeZone, UserId, ZoneOffset};
use entity::{client, member, project, task, time_entry};
use sea_orm::sea_query::{Alias, CaseStatement, Expr, ExprTrait, JoinType, Query, SelectStatement, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QueryResult, QuerySelect, QueryTrait};

use super::by_name;
use crate::access::caller::Caller;
use crate::access::policy;
use crate::access::scope::projects_of;
use crate::contract::error::Error;
use crate::contract::input::Field;
use crate::door::Read;
use crate::list::page::Filter;
use crate::nouns::time_entry::TimeEntryFilter;

/// A sum of entries that share keys, currency and rate.
pub(super) struct SummedEntries {
    pub(super) keys: Vec<KeyFound>,
    pub(super) currency: Option<String>,
    /// Ten-thousandths an hour; 0 for what earns nothing.
    pub(super) rate: i64,
    pub(super) seconds: i64,
    pub(super) billable_seconds: i64,
    pub(super) entries: i64,
}

/// One key of a row.
#[derive(Clone, Debug)]
pub(super) enum KeyFound {
    Noun(ReportGroup, Option<(Id, Option<String>)>),
    Member { id: Option<MemberId>, user_id: UserId, name: Option<String> },
    Day(Date),
    Week(Date),
    Month(String),
}

/// What a key is sorted by.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(pub(super) String, pub(super) Option<Id>);

impl KeyFound {
    pub(super) fn order(&self) -> Key {
        match self {
            KeyFound::Noun(_, None) => Key::default(),
            KeyFound::Noun(_, Some((id, name))) => by_name(name.as_deref(), *id),
            KeyFound::Member { user_id, name, .. } => by_name(name.as_deref(), user_id.any()),
            KeyFound::Day(day) | KeyFound::Week(day) => Key(day.to_string(), None),
            KeyFound::Month(month) => Key(month.clone(), None),
        }
    }
}

/// Sums the entries that the caller sees and the filter lets through.
pub(super) async fn sums(
    read: &Read<'_>,
    caller: &Caller,
    groups: &[ReportGroup],
    filter: &TimeEntryFilter,
    zone: Option<TimeZone>,
    amounts: bool,
    limit: u64,
) -> Result<Vec<SummedEntries>, Error> {
    let postgres = read.is_postgres();
    let has = |group| groups.contains(&group);
    let day = day(zone, postgres);
    // Entries are filtered by the day that they are grouped by, so that no row falls outside of what was asked for.
    let (from, to) = (filter.entry_date_from.get().copied(), filter.entry_date_to.get().copied());
    let (filter, days) = match zone {
        None => (filter.clone(), Condition::all()),
        Some(_) => {
            let undated =
                TimeEntryFilter { entry_date_from: Field::Absent, entry_date_to: Field::Absent, ..filter.clone() };
            (undated, days_between(from, to, &day))
        }
    };

    let entries = read.query::<time_entry::Entity>(|query| {
        query
            .select_only()
            .filter(filter.condition(caller))
            .filter(days)
            .filter(time_entry::Column::DeletedAt.is_null())
            .filter(time_entry::Column::DurationSeconds.is_not_null())
    });
    let mut entries: SelectStatement = entries.into_query();
    let column = |column: time_entry::Column| Expr::col((time_entry::Entity, column));
    let mut by = vec![
        (column(time_entry::Column::OrganizationId), "organization_id"),
        (column(time_entry::Column::ProjectId), "project_id"),
        (column(time_entry::Column::Billable), "billable"),
    ];
    if has(ReportGroup::Task) {
        by.push((column(time_entry::Column::TaskId), "task_id"));
    }
    if has(ReportGroup::Member) {
        by.push((column(time_entry::Column::UserId), "user_id"));
    }
    if let Some(unit) = unit(groups) {
        by.push((Expr::cust(period(unit, &day, postgres)), "period"));
    }
    for (expression, name) in by {
        entries.expr_as(expression, Alias::new(name)).add_group_by([SimpleExpr::from(Expr::col(Alias::new(name)))]);
    }
    entries
        .expr_as(Expr::cust("SUM(duration_seconds)"), Alias::new("seconds"))
        .expr_as(Expr::cust("COUNT(*)"), Alias::new("entries"));

    let mut statement = named(entries, caller, groups, amounts);
    statement.limit(limit);
    let rows: Vec<SummedEntries> =
        read.rows(&statement).await?.iter().map(|row| found(row, groups, amounts)).collect::<Result<_, _>>()?;
    // Without groups there is one row of no entries where there are none.
    Ok(rows.into_iter().filter(|row| row.entries > 0).collect())
}

/// Entries whose day, an expression, lies between two dates. An index finds what can be among them: entries without instants
/// by their date, the others by their start, which no zone moves by a whole day.
fn days_between(from: Option<Date>, to: Option<Date>, day: &str) -> Condition {
    use time_entry::Column;
    let exactly = Condition::all()
        .add_option(from.map(|from| Expr::cust(format!("{day} >= {}", from.day()))))
        .add_option(to.map(|to| Expr::cust(format!("{day} <= {}", to.day()))));
    let dated = Condition::all()
        .add(Column::StartedAt.is_null())
        .add_option(from.map(|from| Column::EntryDate.gte(from)))
        .add_option(to.map(|to| Column::EntryDate.lte(to)));
    let started = Condition::all()
        .add(Column::StartedAt.is_not_null())
        .add_option(from.map(|from| Column::StartedAt.gte(from.start().plus_millis(-DAY))))
        .add_option(to.map(|to| Column::StartedAt.lte(to.end().plus_millis(DAY))));
    match (from, to) {
        (None, None) => exactly,
        _ => exactly.add(Condition::any().add(dated).add(started)),
    }
}

/// The sums with the names of their keys, and with currency and rate.
fn named(entries: SelectStatement, caller: &Caller, groups: &[ReportGroup], amounts: bool) -> SelectStatement {
    let sums = Alias::new("sums");
    let of = |name: &'static str| Expr::col((sums.clone(), Alias::new(name)));
    let mut query = Query::select();
    query.from_subquery(entries, sums.clone());
    let same_workspace = |other: SimpleExpr| other.eq(of("organization_id"));
    let mut by: Vec<(SimpleExpr, &'static str)> = Vec::new();

    query.join(
        JoinType::InnerJoin,
        project::Entity,
        same_workspace(project::Column::OrganizationId.into_expr())
            .and(project::Column::Id.into_expr().eq(of("project_id"))),
    );
    if amounts || groups.contains(&ReportGroup::Client) {
        query.join(
            JoinType::InnerJoin,
            client::Entity,
            same_workspace(client::Column::OrganizationId.into_expr())
                .and(client::Column::Id.into_expr().eq(project::Column::ClientId.into_expr())),
        );
    }
    // Names of projects, and of their tasks, are for those who are on them.
    let visible = |name: SimpleExpr| match policy::sees_all(caller.role) {
        true => name,
        false => {
            let own = project::Column::Id.in_subquery(projects_of(caller.organization_id, caller.user_id));
            CaseStatement::new().case(own, name).finally(Expr::cust("NULL")).into()
        }
    };
    for group in groups {
        match group {
            ReportGroup::Client => {
                by.push((client::Column::Id.into_expr(), "client_key"));
                by.push((client::Column::Name.into_expr(), "client_name"));
            }
            ReportGroup::Project => {
                by.push((project::Column::Id.into_expr(), "project_key"));
                by.push((visible(project::Column::Name.into_expr()), "project_name"));
            }
            ReportGroup::Task => {
                let joined = same_workspace(task::Column::OrganizationId.into_expr())
                    .and(task::Column::Id.into_expr().eq(of("task_id")));
                query.join(JoinType::LeftJoin, task::Entity, joined);
                by.push((task::Column::Id.into_expr(), "task_key"));
                by.push((visible(task::Column::Name.into_expr()), "task_name"));
            }
            ReportGroup::Member => {
                let latest = Expr::cust(
                    "(SELECT latest.id FROM member latest WHERE latest.organization_id = sums.organization_id \
                     AND latest.user_id = sums.user_id ORDER BY latest.created_at DESC, latest.id DESC LIMIT 1)",
                );
                let joined = same_workspace(member::Column::OrganizationId.into_expr())
                    .and(member::Column::Id.into_expr().eq(latest));
                query.join(JoinType::LeftJoin, member::Entity, joined);
                by.push((of("user_id"), "user_key"));
                by.push((member::Column::Id.into_expr(), "member_id"));
                by.push((member::Column::Name.into_expr(), "member_name"));
            }
            ReportGroup::Day | ReportGroup::Week | ReportGroup::Month => {}
        }
    }
    if unit(groups).is_some() {
        by.push((of("period"), "period_key"));
    }
    if amounts {
        by.push((client::Column::Currency.into_expr(), "currency_key"));
        let hourly = RateType::Hourly.rank();
        let rate = format!(
            "CASE WHEN sums.billable AND project.rate_type = {hourly} THEN COALESCE(project.hourly_rate, 0) ELSE 0 END"
        );
        by.push((Expr::cust(rate), "rate_key"));
    }
    for (expression, name) in by {
        query.expr_as(expression, Alias::new(name)).add_group_by([SimpleExpr::from(Expr::col(Alias::new(name)))]);
    }
    query
        .expr_as(Expr::cust("CAST(COALESCE(SUM(sums.seconds), 0) AS BIGINT)"), Alias::new("seconds_sum"))
        .expr_as(
            Expr::cust("CAST(COALESCE(SUM(CASE WHEN sums.billable THEN sums.seconds ELSE 0 END), 0) AS BIGINT)"),
            Alias::new("billable_sum"),
        )
        .expr_as(Expr::cust("CAST(COALESCE(SUM(sums.entries), 0) AS BIGINT)"), Alias::new("entries_sum"))
        .take()
}

fn found(row: &QueryResult, groups: &[ReportGroup], amounts: bool) -> Result<SummedEntries, Error> {
    let noun = |group, id: &str, name: &str| -> Result<KeyFound, Error> {
        let id: Option<Id> = row.try_get("", id)?;
        let name: Option<String> = row.try_get("", name)?;
        Ok(KeyFound::Noun(group, id.map(|id| (id, name))))
    };
    let mut keys = Vec::with_capacity(groups.len());
    for group in groups {
        keys.push(match group {
            ReportGroup::Client => noun(*group, "client_key", "client_name")?,
            ReportGroup::Project => noun(*group, "project_key", "project_name")?,
            ReportGroup::Task => noun(*group, "task_key", "task_name")?,
            ReportGroup::Member => KeyFound::Member {
                id: row.try_get("", "member_id")?,
                user_id: row.try_get("", "user_key")?,
                name: row.try_get("", "member_name")?,
            },
            ReportGroup::Day => KeyFound::Day(Date::of_day(row.try_get("", "period_key")?)),
            ReportGroup::Week => {
                // A day is its own Monday only on Mondays; the Monday of a week stays what it is.
                let day = Date::of_day(row.try_get("", "period_key")?);
                KeyFound::Week(Date(day.0 - chrono::Days::new(day.0.weekday().num_days_from_monday().into())))
            }
            ReportGroup::Month if unit(groups) == Some(ReportGroup::Month) => {
                let months: i64 = row.try_get("", "period_key")?;
                KeyFound::Month(format!("{:04}-{:02}", months.div_euclid(12), months.rem_euclid(12) + 1))
            }
            ReportGroup::Month => {
                let day = Date::of_day(row.try_get("", "period_key")?);
                KeyFound::Month(format!("{:04}-{:02}", day.0.year(), day.0.month()))
            }
        });
    }
    Ok(SummedEntries {
        keys,
        currency: if amounts { row.try_get("", "currency_key")? } else { None },
        rate: if amounts { row.try_get("", "rate_key")? } else { 0 },
        seconds: row.try_get("", "seconds_sum")?,
        billable_seconds: row.try_get("", "billable_sum")?,
        entries: row.try_get("", "entries_sum")?,
    })
}

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// The day of an entry, in days since 1970: its date; with a zone, an entry with instants has the date of its start there.
/// Dates end with the years of four digits, as in `TimeZone::date`.
fn day(zone: Option<TimeZone>, postgres: bool) -> String {
    let date = if postgres {
        "CAST(time_entry.entry_date - DATE '1970-01-01' AS BIGINT)"
    } else {
        "CAST(julianday(time_entry.entry_date) - 2440587.5 AS BIGINT)"
    };
    let Some(zone) = zone else { return date.into() };
    let local = floor_div(&format!("(time_entry.started_at + {})", offset(zone.offsets())), DAY);
    let (least, greatest) = if postgres { ("GREATEST", "LEAST") } else { ("MAX", "MIN") };
    let (first, last) = (Date::of_day(i64::MIN).day(), Date::of_day(i64::MAX).day());
    let started = format!("{least}({first}, {greatest}({last}, {local}))");
    format!("(CASE WHEN time_entry.started_at IS NULL THEN {date} ELSE {started} END)")
}

/// The offset at the start of an entry: a tree of comparisons, as high as the logarithm of the number of changes.
fn offset(offsets: &[ZoneOffset]) -> String {
    match offsets {
        [] => "0".into(),
        [(_, offset)] => offset.to_string(),
        _ => {
            let (before, after) = offsets.split_at(offsets.len() / 2);
            let since = after[0].0.millis();
            format!("CASE WHEN time_entry.started_at < {since} THEN {} ELSE {} END", offset(before), offset(after))
        }
    }
}

/// Division that rounds down. SQL's own rounds towards zero; so many times the divisor first make any number of ours positive.
fn floor_div(number: &str, by: i64) -> String {
    const AHEAD: i64 = 1_000_000;
    format!("(({number} + {}) / {by} - {AHEAD})", by * AHEAD)
}

/// What time is summed by in SQL: the one unit that is asked for; of several, days, from which all follow.
fn unit(groups: &[ReportGroup]) -> Option<ReportGroup> {
    let is_time = |group: &&ReportGroup| matches!(group, ReportGroup::Day | ReportGroup::Week | ReportGroup::Month);
    let mut asked = groups.iter().filter(is_time);
    let first = asked.next().copied()?;
    Some(if asked.next().is_some() { ReportGroup::Day } else { first })
}

/// A day as its unit: itself; the Monday of its week, since day 0 was a Thursday; or months since the year 0.
fn period(unit: ReportGroup, day: &str, postgres: bool) -> String {
    match (unit, postgres) {
        (ReportGroup::Week, _) => format!("({} * 7 - 3)", floor_div(&format!("({day}) + 3"), 7)),
        (ReportGroup::Month, true) => {
            let date = format!("(DATE '1970-01-01' + CAST({day} AS INTEGER))");
            format!("CAST(EXTRACT(YEAR FROM {date}) * 12 + EXTRACT(MONTH FROM {date}) - 1 AS BIGINT)")
        }
        (ReportGroup::Month, false) => {
            let date = format!("({day}) * 86400, 'unixepoch'");
            format!("CAST(strftime('%Y', {date}) AS BIGINT) * 12 + CAST(strftime('%m', {date}) AS BIGINT) - 1")
        }
        _ => day.to_owned(),
    }
}
