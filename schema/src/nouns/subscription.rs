//! What can be waited for.

use async_graphql::{Context, Result, SimpleObject};
use futures_util::Stream;
use futures_util::stream;
use service::live::{self, Subscriber};
use service::time_entry::TimeEntry;

use crate::engine::error::OrFail;
use crate::engine::object::{Output, nodes};
use crate::nouns::cx;
use crate::nouns::event::EventNode;
use crate::nouns::time_entry::TimeEntryNode;

/// The live updates that a client can subscribe to.
pub struct Subscription;

/// A change of the running timer.
#[derive(SimpleObject)]
pub struct TimerChanged {
    /// The time entry as it is now; without a duration while the timer is running.
    time_entry: Option<Output<TimeEntryNode>>,
}

nodes! {
    TimerChanged;
}

/// The changes of timers, one by one.
fn changes(subscription: live::Subscription<TimeEntry>) -> impl Stream<Item = Output<TimerChanged>> {
    stream::unfold(subscription, async |mut live| {
        let entry = live.next().await?;
        Some((Output(TimerChanged { time_entry: Some(Output(TimeEntryNode(entry))) }), live))
    })
}

/// The live updates that a client can subscribe to.
#[async_graphql::Subscription]
impl Subscription {
    /// Events as they are committed, on every replica. Only for Owners and Admins on the plan Agency. Earlier events
    /// are not sent.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only events of these types, such as `client.created`; all types by default.")] types: Option<
            Vec<String>,
        >,
    ) -> Result<impl Stream<Item = Output<EventNode>>> {
        let cx = cx(ctx)?;
        let subscription = live::events(cx, ctx.data::<Subscriber>()?, types).await.or_fail(cx)?;
        Ok(stream::unfold(subscription, async |mut live| {
            live.next().await.map(|event| (Output(EventNode(event)), live))
        }))
    }

    /// The caller's own timer, each time it starts, changes or stops.
    async fn timer_changed(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = Output<TimerChanged>>> {
        let cx = cx(ctx)?;
        let subscription = live::timer(cx, ctx.data::<Subscriber>()?).await.or_fail(cx)?;
        Ok(changes(subscription))
    }

    /// The timers of everybody in the workspace: each time that one starts, changes or stops. For Manager and above.
    async fn timers_changed(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = Output<TimerChanged>>> {
        let cx = cx(ctx)?;
        let subscription = live::timers(cx, ctx.data::<Subscriber>()?).await.or_fail(cx)?;
        Ok(changes(subscription))
    }
}
