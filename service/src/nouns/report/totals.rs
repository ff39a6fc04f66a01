//! Totals below projects and clients: the time of many of them and what it earns, by one statement.

use std::collections::HashMap;

use entity::value::{ClientId, Id, ProjectId, ReportGroup};

use super::amounts::{MAX_SUMS, ensure_few};
use super::{Sum, Sums, TimeReportTotal, sql};
use crate::access::action::Action;
use crate::access::policy;
use crate::contract::error::Error;
use crate::contract::input::Field;
use crate::contract::visible::Visible;
use crate::door::Cx;
use crate::nouns::time_entry::TimeEntryFilter;

/// A total, or why it is not shown: one that is too large is an error by itself, and takes no other one away.
type Total = Result<TimeReportTotal, Error>;

/// The time of each of these projects that the caller sees; none of a project without time.
///
/// # Errors
/// `Forbidden` (scope), or `Internal` (database); for one project `Invalid`, if its sum is too large to be shown.
#[crate::boxed]
pub async fn of_projects(cx: &Cx, ids: &[ProjectId]) -> Result<HashMap<ProjectId, Total>, Error> {
    let filter = TimeEntryFilter { project_id: Field::Value(ids.to_vec()), ..TimeEntryFilter::default() };
    summed(cx, ReportGroup::Project, &filter).await
}

/// The time on the projects of each of these clients; none of a client without time.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database); for one client `Invalid`, if its sum is too large to be shown.
#[crate::boxed]
pub async fn of_clients(cx: &Cx, ids: &[ClientId]) -> Result<HashMap<ClientId, Total>, Error> {
    cx.read(Action::ListClients)?;
    let filter = TimeEntryFilter { client_id: Field::Value(ids.to_vec()), ..TimeEntryFilter::default() };
    summed(cx, ReportGroup::Client, &filter).await
}

/// The sums of nothing, as a caller sees them.
pub fn none(cx: &Cx) -> TimeReportTotal {
    let amounts = Visible::only_if(policy::sees_money(cx.caller().role), Some(vec![]));
    TimeReportTotal { amounts, ..TimeReportTotal::default() }
}

async fn summed<T>(cx: &Cx, by: ReportGroup, filter: &TimeEntryFilter) -> Result<HashMap<Id<T>, Total>, Error> {
    let read = cx.read(Action::GetTimeReport)?;
    let caller = cx.caller();
    let amounts = policy::sees_money(caller.role);
    let found = sql::sums(&read, caller, &[by], filter, None, amounts, MAX_SUMS + 1).await?;
    ensure_few(cx, found.len(), "fewer records")?;
    let mut groups: HashMap<Id, Sum> = HashMap::new();
    for found in &found {
        if let Some(sql::KeyFound::Noun(_, Some((id, _)))) = found.keys.first() {
            groups.entry(*id).or_default().add(found);
        }
    }
    let total = |sum: Sum| -> Total {
        let too_large = |_| Error::invalid("amounts", "an amount is more than 999999999999.9999");
        let by_currency = sum.by_currency(amounts).map_err(too_large)?;
        let earned = by_currency.iter().filter_map(|(_, sums)| sums.amounts.get()?.first().cloned()).collect();
        let Sums { seconds, billable_seconds, entries } = sum.all;
        let amounts = Visible::only_if(amounts, Some(earned));
        Ok(TimeReportTotal { seconds, billable_seconds, entries, amounts })
    };
    Ok(groups.into_iter().map(|(id, sum)| (id.of(), total(sum))).collect())
}
