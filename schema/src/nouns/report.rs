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
    /// Time, and what it earns, summed by one or two of what it was spent on, by whom and when.
    async fn time_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "By what: one or two.")] group_by: Vec<ReportGroup>,
        #[graphql(desc = "Only the time that fits all of it.")] filter: Option<TimeEntryFilter>,
        #[graphql(desc = "Where days begin, by its IANA name; UTC unless said.")] time_zone: Option<String>,
        #[graphql(desc = "Whether amounts are shown; by default to those who see money.")] amount_shown: Option<
            AmountShown,
        >,
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
