//! What can be waited for.

use async_graphql::{Context, Result, SimpleObject};
use futures_util::Stream;
use futures_util::stream;
use service::event::Event;
use service::live::{self, Subscriber};

use crate::engine::error::OrFail;
use crate::nouns::cx;
use crate::nouns::time_entry::TimeEntryNode;

/// What can be waited for.
pub struct Subscription;

/// A timer that was started, changed or stopped.
#[derive(SimpleObject)]
pub struct TimerChanged {
    /// The entry as it now is: without a duration while it runs.
    time_entry: Option<TimeEntryNode>,
}

/// What can be waited for.
#[async_graphql::Subscription]
impl Subscription {
    /// Events as they are committed, on whichever replica; for Owner and Admin, on the plan agency. Earlier events are not sent.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these types, such as `client.created`; all unless said.")] types: Option<Vec<String>>,
    ) -> Result<impl Stream<Item = Event>> {
        let cx = cx(ctx)?;
        let subscription = live::events(cx, ctx.data::<Subscriber>()?, types).await.or_fail(cx)?;
        Ok(stream::unfold(subscription, async |mut live| live.next().await.map(|event| (event, live))))
    }

    /// The caller's own timer: each time that it starts, changes or stops.
    async fn timer_changed(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = TimerChanged>> {
        let cx = cx(ctx)?;
        let subscription = live::timer(cx, ctx.data::<Subscriber>()?).await.or_fail(cx)?;
        Ok(stream::unfold(subscription, async |mut live| {
            let entry = live.next().await?;
            Some((TimerChanged { time_entry: Some(TimeEntryNode(entry)) }, live))
        }))
    }
}
