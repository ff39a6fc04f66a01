//! One file per noun: its node, connection, queries, mutations, payloads and loaders.

pub(crate) mod client;
pub(crate) mod event;
pub(crate) mod expense;
pub(crate) mod invoice;
pub(crate) mod member;
pub(crate) mod money_report;
pub(crate) mod node;
pub(crate) mod organization;
pub(crate) mod project;
pub(crate) mod report;
pub(crate) mod search;
pub(crate) mod subscription;
pub(crate) mod task;
pub(crate) mod time_entry;
pub(crate) mod time_sums;
pub(crate) mod token;
pub(crate) mod totals;
pub(crate) mod webhook_delivery;
pub(crate) mod webhook_endpoint;

use async_graphql::{Context, ID, Result};
use service::value::Id;
use service::{Cx, Precondition, Record, Written};

use crate::engine::answer::Answer;
use crate::engine::error::OrFail;
use crate::engine::loader::Linked;
use crate::engine::object::Output;
use crate::engine::root::root;

/// The two roots, of the queries and mutations of each noun.
macro_rules! roots {
    ($($noun:ident: $queries:ident $(, $mutations:ident)?;)*) => {
        root! {
            /// The queries.
            Query { $($noun::$queries,)* }
        }

        root! {
            /// The mutations.
            Mutation { $($($noun::$mutations,)?)* }
        }
    };
}

roots! {
    client: ClientQueries, ClientMutations;
    project: ProjectQueries, ProjectMutations;
    task: TaskQueries, TaskMutations;
    time_entry: TimeEntryQueries, TimeEntryMutations;
    expense: ExpenseQueries, ExpenseMutations;
    invoice: InvoiceQueries;
    member: MemberQueries;
    token: TokenQueries, TokenMutations;
    organization: OrganizationQueries;
    report: ReportQueries;
    money_report: MoneyReportQueries;
    webhook_endpoint: WebhookEndpointQueries, WebhookEndpointMutations;
    webhook_delivery: WebhookDeliveryQueries, WebhookDeliveryMutations;
    event: EventQueries;
    node: NodeQueries;
    search: SearchQueries;
}

/// The caller at the door.
pub(crate) fn cx<'a>(ctx: &Context<'a>) -> Result<&'a Cx> {
    ctx.data::<Cx>()
}

/// An id as it was sent. A text that is no UUID is the id of no record, and is not found.
pub(crate) fn parse_id<T>(id: &ID) -> Id<T> {
    id.parse().unwrap_or(Id::NONE)
}

/// `expectedVersion` as the precondition of a change.
pub(crate) fn expected(version: Option<i32>) -> Precondition {
    version.map_or(Precondition::Any, |version| Precondition::OneOf(vec![version]))
}

/// The record that an operation gives; parsed again if it was stored under an idempotency key.
pub(crate) fn record<R: Record>(ctx: &Context<'_>, done: Result<Written<R>, service::Error>) -> Result<R> {
    done.and_then(Written::into_record).or_fail(cx(ctx)?)
}

/// One record by its id; the same record is read once, whichever fields ask for it.
pub(crate) async fn shared<N: Send + Sync + 'static>(
    ctx: &Context<'_>,
    name: &str,
    id: &ID,
    read: impl Future<Output = Result<N, service::Error>>,
) -> Result<Option<Linked<N>>> {
    let record = ctx.data::<Answer>()?.once(format!("{name} {}", id.as_str()), read).await;
    record.map(Output).map(Some).or_fail(cx(ctx)?)
}
