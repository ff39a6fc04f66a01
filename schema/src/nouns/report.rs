//! Reports: sums of what lists show row by row, with the records that they are grouped by.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};
use service::Action;
use service::input::Field;
use service::report::{TimeReport, TimeReportAmount, TimeReportArgs, TimeReportKeys, TimeReportRow, TimeReportTotal};
use service::time_entry::TimeEntryFilter;
use service::value::{AmountShown, ClientId, Date, FieldErrors, ProjectId, ReportGroup, TaskId, TimeZone, UserId};

use crate::engine::answer::Answer;
use crate::engine::error::OrFail;
use crate::engine::loader::{Linked, one};
use crate::engine::object::{Output, Outputs, nodes};
use crate::nouns::client::{ClientById, ClientNode};
use crate::nouns::cx;
use crate::nouns::member::{MemberByUser, MemberNode};
use crate::nouns::project::{ProjectById, ProjectNode};
use crate::nouns::task::{TaskById, TaskNode};
use crate::nouns::time_sums::time_sums;

/// Time, and what it earns, summed by what was asked.
pub struct TimeReportNode(Arc<TimeReport>);

/// The time of one group.
pub struct TimeReportRowNode(TimeReportRow);

/// What the time of a row has in common: what was asked for, and null for the rest.
pub struct TimeReportKeysNode(TimeReportKeys);

/// The time of all groups.
pub struct TimeReportTotalNode(TimeReportTotal);

nodes! {
    TimeReportNode;
    TimeReportRowNode => 0: TimeReportRow;
    TimeReportKeysNode => 0: TimeReportKeys;
    TimeReportTotalNode => 0: TimeReportTotal;
    TimeReportAmount => self: TimeReportAmount;
}

/// Time, and what it earns, summed by what was asked.
#[Object(name = "TimeReport")]
impl TimeReportNode {
    /// One row for each group that has time, in the order of its keys; none without groups.
    async fn rows(&self) -> Outputs<TimeReportRowNode> {
        Outputs(self.0.rows.iter().cloned().map(TimeReportRowNode).collect())
    }

    /// The sum of all rows.
    async fn total(&self) -> Output<TimeReportTotalNode> {
        Output(TimeReportTotalNode(self.0.total.clone()))
    }
}

time_sums! {
    /// The time of one group.
    TimeReportRowNode as "TimeReportRow": 0,
    /// What the time earns, one amount per currency; null where amounts are not shown.
    amounts {
        /// What the time of this row has in common.
        async fn keys(&self) -> Output<TimeReportKeysNode> {
            Output(TimeReportKeysNode(self.0.keys.clone()))
        }
    }
}

time_sums! {
    /// The time of all groups.
    TimeReportTotalNode as "TimeReportTotal": 0,
    /// What the time earns, one amount per currency; null where amounts are not shown.
    amounts {}
}

impl TimeReportKeysNode {
    fn client(&self) -> Option<ClientId> {
        self.0.client.get().map(|key| key.id.of())
    }

    fn project(&self) -> Option<ProjectId> {
        self.0.project.get().map(|key| key.id.of())
    }

    fn task(&self) -> Option<TaskId> {
        self.0.task.get().map(|key| key.id.of())
    }

    fn user(&self) -> Option<UserId> {
        self.0.member.get().map(|key| key.user_id)
    }
}

/// What the time of a row has in common: what was asked for, and null for the rest.
#[Object(name = "TimeReportKeys")]
impl TimeReportKeysNode {
    /// The id of the client.
    async fn client_id(&self) -> Option<ClientId> {
        self.client()
    }

    /// The id of the project.
    async fn project_id(&self) -> Option<ProjectId> {
        self.project()
    }

    /// The id of the task; null for time on none.
    async fn task_id(&self) -> Option<TaskId> {
        self.task()
    }

    /// The id of the person.
    async fn user_id(&self) -> Option<UserId> {
        self.user()
    }

    /// The client whose time the row sums; null in a report by something else.
    #[graphql(name = "client")]
    async fn client_node(&self, ctx: &Context<'_>) -> Result<Option<Linked<ClientNode>>> {
        one(ctx, Action::GetClient, self.client().map(ClientById)).await
    }

    /// The project; null for a Member who has left it.
    #[graphql(name = "project")]
    async fn project_node(&self, ctx: &Context<'_>) -> Result<Option<Linked<ProjectNode>>> {
        one(ctx, Action::GetProject, self.project().map(ProjectById)).await
    }

    /// The task; null for time on none, and for a Member who has left its project.
    #[graphql(name = "task")]
    async fn task_node(&self, ctx: &Context<'_>) -> Result<Option<Linked<TaskNode>>> {
        one(ctx, Action::GetTask, self.task().map(TaskById)).await
    }

    /// The member whose time it is.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<Linked<MemberNode>>> {
        one(ctx, Action::GetMember, self.user().map(MemberByUser)).await
    }

    /// The day, `YYYY-MM-DD`.
    async fn day(&self) -> Option<Date> {
        self.0.day.get().copied()
    }

    /// The Monday that the week begins with, `YYYY-MM-DD`.
    async fn week(&self) -> Option<Date> {
        self.0.week.get().copied()
    }

    /// The month, `YYYY-MM`.
    async fn month(&self) -> Option<&String> {
        self.0.month.get()
    }
}

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
        #[graphql(desc = "The time zone in which days begin, by its IANA name; by default UTC.")] time_zone: Option<
            String,
        >,
        #[graphql(desc = "Whether amounts are shown; by default they are for those who see money.")]
        amount_shown: Option<AmountShown>,
    ) -> Result<Option<Output<TimeReportNode>>> {
        let cx = cx(ctx)?;
        let args = TimeReportArgs {
            group_by: Field::Value(group_by),
            time_zone: time_zone.map_or(Field::Absent, |zone| Field::<TimeZone>::from_query(&[zone])),
            amount_shown: amount_shown.map_or(Field::Absent, Field::Value),
            filter: filter.unwrap_or_default(),
            not_taken: FieldErrors::none(),
        };
        let key = format!("timeReport {args:?}");
        let report = ctx.data::<Answer>()?.once(key, service::report::time(cx, &args)).await.or_fail(cx)?;
        Ok(Some(Output(TimeReportNode(report))))
    }
}
