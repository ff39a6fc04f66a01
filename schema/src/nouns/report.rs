//! Reports.

use async_graphql::{Context, Object, Result};
use service::input::Field;
use service::report::{TimeReport, TimeReportArgs};
use service::time_entry::TimeEntryFilter;
use service::value::{AmountShown, FieldErrors, ReportGroup, TimeZone};

use crate::engine::error::OrFail;
use crate::nouns::cx;

/// The queries of this noun.
#[derive(Default)]
pub struct ReportQueries;

/// The queries of this noun.
#[Object]
impl ReportQueries {
    /// A time report: the time of all matching entries, summed per group, and what the billable time on hourly projects
    /// earns. Costs 10 points.
    async fn time_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Groups of the report, one or two: the keys of its rows, in this order.")] group_by: Vec<
            ReportGroup,
        >,
        #[graphql(desc = "Filters of time entries; an entry must match all of them.")] filter: Option<TimeEntryFilter>,
        #[graphql(
            desc = "IANA time zone in which an entry with instants belongs to a day, such as `Europe/Helsinki`; UTC by default."
        )]
        time_zone: Option<String>,
        #[graphql(desc = "Whether amounts are shown; by default they are for those who see money.")]
        amount_shown: Option<AmountShown>,
    ) -> Result<Option<TimeReport>> {
        let cx = cx(ctx)?;
        let args = TimeReportArgs {
            group_by: Field::Value(group_by),
            time_zone: time_zone.map_or(Field::Absent, |zone| Field::<TimeZone>::from_query(&[zone])),
            amount_shown: amount_shown.map_or(Field::Absent, Field::Value),
            filter: filter.unwrap_or_default(),
            not_taken: FieldErrors::none(),
        };
        service::report::time(cx, &args).await.map(Some).or_fail(cx)
    }
}
