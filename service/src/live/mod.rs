//! Live subscriptions: events and timers are sent to subscribers once they are committed, on whichever replica. One reader
//! per process queries the database for all subscribers together; without subscribers it queries nothing.
//!
//! Nothing is sent to a token that has lost its rights: the rights are read after the rows that are to be sent, so that a
//! revocation that was committed before a row is always seen. A document may load more below a row; `is_entitled` checks
//! the rights once more after that.

mod pages;
mod reader;
mod rights;
mod state;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use entity::value::{EventType, FieldErrors, Timestamp, TokenId};
use tokio::sync::{Notify, mpsc, watch};

pub use self::pages::{Watch, Watched};
use self::rights::{Rights, RightsReader};
pub(crate) use self::state::Timer;
use self::state::{Entry, Sink, State};
use crate::access::action::Action;
use crate::access::policy;
use crate::contract::caller::Caller;
use crate::contract::error::Error;
use crate::contract::reason::Reason;
use crate::core::Core;
use crate::core::database::Database;
use crate::door::Cx;
use crate::nouns::event::Event;
use crate::nouns::time_entry::TimeEntry;

/// The most unread items of one subscription. A subscriber that falls further behind is closed.
const MAX_UNREAD: usize = 256;
/// The most subscriptions of one token in this process.
const MAX_PER_TOKEN: usize = 100;
/// Bytes of memory that the subscriptions of one token may hold in this process: their documents and variables.
const MEMORY_PER_TOKEN: usize = 16 * 1024 * 1024;
/// Bytes of memory that all subscriptions of this process may hold.
const MEMORY: usize = 64 * 1024 * 1024;
/// Timers in one notification: each is 110 characters, and PostgreSQL takes under 8,000.
const TIMERS_PER_NOTIFICATION: usize = 60;
/// The word of a notification that says that there are no new deliveries: the workers of other replicas need not look.
const NO_DELIVERIES: &str = "no-deliveries";

/// Why a subscriber is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The token is revoked or expired, or its member removed.
    Token,
    /// The role, plan or scope has changed: the client subscribes again, under the present rights.
    Access,
    /// The subscriber reads too slowly.
    SlowConsumer,
    /// The server stops; the client connects to another replica.
    Restart,
}

/// The subscribers of this process.
#[derive(Default)]
pub(crate) struct Live {
    state: Mutex<State>,
    next: AtomicU64,
    /// Notified when something was committed.
    wake: Notify,
}

/// A registered subscriber, such as one WebSocket connection. It is registered until its last clone is dropped.
#[derive(Clone)]
pub struct Subscriber(Arc<Registration>);

struct Registration {
    hub: Hub,
    number: u64,
    closed: watch::Receiver<Option<Closed>>,
    /// Notified when a subscription has begun.
    subscribed: Notify,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.hub.live().state().registrations.remove(&self.number);
    }
}

impl Subscriber {
    /// Completes when a subscription of this subscriber has begun: everything committed from then on is sent.
    pub async fn subscribed(&self) {
        self.0.subscribed.notified().await;
    }

    /// Whether the token still has the rights that the subscriber was registered with, by the database. To be asked after a
    /// document has loaded what belongs to an item, and before its result is sent. If not, the subscriber is closed.
    ///
    /// # Errors
    /// `Internal` if the database does not answer; nothing may be sent then.
    pub async fn is_entitled(&self) -> Result<bool, Error> {
        let Registration { hub, number, .. } = &*self.0;
        let Some(token) = hub.live().state().registrations.get(number).map(|entry| entry.token_id) else {
            return Ok(false);
        };
        let present = hub.rights_of(token).await?;
        let mut state = hub.live().state();
        Ok(state.registrations.get_mut(number).is_some_and(|entry| entry.still_has(present)))
    }

    /// Counts the memory that a subscription holds, until what this returns is dropped.
    ///
    /// # Errors
    /// `Conflict` with the reason `subscription_cap` where the subscriptions of the token would hold more than 16 MiB;
    /// `Unavailable` where those of all tokens would hold more than 64 MiB.
    pub fn reserve(&self, token_id: TokenId, bytes: usize) -> Result<Reserved, Error> {
        let hub = &self.0.hub;
        let mut state = hub.live().state();
        let of_token = state.memory.get(&token_id).copied().unwrap_or_default();
        if of_token + bytes > MEMORY_PER_TOKEN {
            let message =
                "the subscriptions of the token hold too much memory; end one, or send shorter documents and variables";
            return Err(Error::conflict(Reason::SubscriptionCap, message));
        }
        if state.memory.values().sum::<usize>() + bytes > MEMORY {
            return Err(Error::Unavailable);
        }
        state.memory.insert(token_id, of_token + bytes);
        Ok(Reserved { hub: hub.clone(), token_id, bytes })
    }

    /// Completes when the subscriber is closed: its connection must be closed too.
    pub async fn closed(&self) -> Closed {
        let mut closed = self.0.closed.clone();
        match closed.wait_for(Option::is_some).await.map(|reason| *reason) {
            Ok(Some(reason)) => reason,
            _ => Closed::Restart,
        }
    }
}

/// Memory of one subscription, which is counted until this is dropped.
pub struct Reserved {
    hub: Hub,
    token_id: TokenId,
    bytes: usize,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut state = self.hub.live().state();
        if let Some(of_token) = state.memory.get_mut(&self.token_id) {
            *of_token -= self.bytes;
            if *of_token == 0 {
                state.memory.remove(&self.token_id);
            }
        }
    }
}

/// The receiving side of one subscription: items in the order in which they were loaded.
pub struct Subscription<T> {
    receiver: mpsc::Receiver<T>,
    number: u64,
    subscriber: Subscriber,
}

impl<T> Subscription<T> {
    /// The next item, once it is committed; none when the subscriber is closed.
    pub async fn next(&mut self) -> Option<T> {
        self.receiver.recv().await
    }
}

impl<T> Drop for Subscription<T> {
    fn drop(&mut self) {
        let registration = &self.subscriber.0;
        if let Some(entry) = registration.hub.live().state().registrations.get_mut(&registration.number) {
            entry.sinks.remove(&self.number);
        }
    }
}

/// Subscribes to the events of the caller's workspace from now on, of these types or of all.
///
/// # Errors
/// As for reading events: a role that may not, a plan that lacks them; a type that does not exist; `Conflict` with the
/// reason `subscription_cap` where the token has too many subscriptions.
pub async fn events(
    cx: &Cx,
    subscriber: &Subscriber,
    types: Option<Vec<String>>,
) -> Result<Subscription<Event>, Error> {
    let caller = cx.caller();
    cx.read(Action::ListEvents)?;
    let types = types.map(|types| known(&types)).transpose()?;
    let (sender, receiver) = mpsc::channel(MAX_UNREAD);
    let subscription = subscriber.subscribe(cx, Sink::Events { types, sender }, receiver)?;
    subscriber.0.hub.prepare_events(caller.organization_id).await?;
    subscriber.0.subscribed.notify_one();
    Ok(subscription)
}

fn known(types: &[String]) -> Result<HashSet<String>, Error> {
    let mut problems = FieldErrors::none();
    for (i, kind) in types.iter().enumerate() {
        if let Err(inner) = kind.parse::<EventType>() {
            problems.nest(&format!("types[{i}]"), inner);
        }
    }
    if problems.is_empty() { Ok(types.iter().cloned().collect()) } else { Err(Error::Invalid(problems)) }
}

/// Subscribes to the caller's own timer from now on: each start, change and stop.
///
/// # Errors
/// As for reading the running timer; `Conflict` with the reason `subscription_cap` where the token has too many
/// subscriptions.
pub async fn timer(cx: &Cx, subscriber: &Subscriber) -> Result<Subscription<TimeEntry>, Error> {
    cx.read(Action::GetRunningTimer)?;
    let caller = cx.caller();
    let (sender, receiver) = mpsc::channel(MAX_UNREAD);
    let subscription = subscriber.subscribe(cx, Sink::Timer { sender }, receiver)?;
    subscriber.0.hub.prepare_timer((caller.organization_id, caller.user_id)).await?;
    subscriber.0.subscribed.notify_one();
    Ok(subscription)
}

/// Subscribes to the timers of everybody in the caller's workspace from now on: each start, change and stop.
///
/// # Errors
/// `Forbidden` for a Member; `Conflict` with the reason `subscription_cap` where the token has too many subscriptions.
pub async fn timers(cx: &Cx, subscriber: &Subscriber) -> Result<Subscription<TimeEntry>, Error> {
    cx.read(Action::ListTimeEntries)?;
    let caller = cx.caller();
    if !policy::sees_all(caller.role) {
        let message = format!("your role {} may not subscribe to everybody's timers", caller.role);
        return Err(Error::Forbidden(message.into()));
    }
    let (sender, receiver) = mpsc::channel(MAX_UNREAD);
    let subscription = subscriber.subscribe(cx, Sink::Timers { sender }, receiver)?;
    subscriber.0.hub.prepare_timers(caller.organization_id).await?;
    subscriber.0.subscribed.notify_one();
    Ok(subscription)
}

impl Subscriber {
    /// Begins a subscription. From here on the deadline of the request does not count: each event has one of its own.
    fn subscribe<T>(&self, cx: &Cx, sink: Sink, receiver: mpsc::Receiver<T>) -> Result<Subscription<T>, Error> {
        let live = self.0.hub.live();
        let number = live.next.fetch_add(1, Ordering::Relaxed);
        let mut state = live.state();
        if state.subscriptions_of(cx.caller().token_id) >= MAX_PER_TOKEN {
            let message = format!("the token has {MAX_PER_TOKEN} subscriptions; end one first");
            return Err(Error::conflict(Reason::SubscriptionCap, message));
        }
        if let Some(entry) = state.registrations.get_mut(&self.0.number) {
            entry.sinks.insert(number, sink);
        }
        cx.set_lasting();
        Ok(Subscription { receiver, number, subscriber: self.clone() })
    }
}

/// The subscriptions of this process, with what they read from. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hub {
    core: Core,
    live: Arc<Live>,
    rights: Arc<RightsReader>,
}

impl Hub {
    pub(crate) fn new(core: Core) -> Hub {
        Hub { core, live: Arc::default(), rights: Arc::default() }
    }

    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    fn database(&self) -> &Database {
        self.core.database()
    }

    fn now(&self) -> Timestamp {
        self.core.now()
    }

    /// Registers a subscriber for a connection of this caller. It is closed when the token, role, plan or scope changes.
    pub(crate) fn register_subscriber(&self, caller: &Caller) -> Subscriber {
        let live = self.live();
        let number = live.next.fetch_add(1, Ordering::Relaxed);
        let mut state = live.state();
        let (closed, receiver) = watch::channel(state.stopped.then_some(Closed::Restart));
        let entry = Entry {
            organization_id: caller.organization_id,
            user_id: caller.user_id,
            token_id: caller.token_id,
            rights: Rights { role: caller.role, plan: caller.plan, scope: caller.scope },
            closed,
            sinks: HashMap::new(),
        };
        state.registrations.insert(number, entry);
        Subscriber(Arc::new(Registration { hub: self.clone(), number, closed: receiver, subscribed: Notify::new() }))
    }

    /// Closes every subscriber, present and future: the server stops.
    pub(crate) fn close_subscribers(&self) {
        let mut state = self.live().state();
        state.stopped = true;
        for entry in state.registrations.values() {
            entry.closed.send_replace(Some(Closed::Restart));
        }
        state.pages.values().for_each(|page| page.close(Closed::Restart));
    }

    /// The number of registered subscribers and of pages that watch, for tests and operators.
    pub(crate) fn subscriber_count(&self) -> usize {
        let state = self.live().state();
        state.registrations.len() + state.pages.len()
    }
}

impl Live {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a commit of this process and the timers that it changed.
    pub(crate) fn committed(&self, timers: &[Timer], has_deliveries: bool) {
        if !timers.is_empty() || has_deliveries {
            let mut state = self.state();
            state.changed.extend(timers);
            state.outgoing.extend(timers);
            state.has_deliveries |= has_deliveries;
        }
        self.wake.notify_one();
    }

    /// The payloads of the notifications to the other replicas, one at least: the timers that were changed here, and a word
    /// that says that there are no new deliveries.
    pub(crate) fn outgoing(&self) -> Vec<String> {
        let (timers, has_deliveries) = {
            let mut state = self.state();
            (std::mem::take(&mut state.outgoing), std::mem::take(&mut state.has_deliveries))
        };
        let words = |timers: &[Timer]| {
            let word = (!has_deliveries).then(|| NO_DELIVERIES.to_owned());
            timers.iter().map(Timer::to_string).chain(word).collect::<Vec<_>>().join(" ")
        };
        match timers.is_empty() {
            true => vec![words(&[])],
            false => timers.chunks(TIMERS_PER_NOTIFICATION).map(words).collect(),
        }
    }

    /// Notes a commit of another replica, by the payload of its notification: whether there may be new deliveries.
    pub(crate) fn notified(&self, payload: &str) -> bool {
        let timers = payload.split(' ').filter_map(|timer| timer.parse::<Timer>().ok());
        self.state().changed.extend(timers);
        self.wake.notify_one();
        !payload.split(' ').any(|word| word == NO_DELIVERIES)
    }
}

#[cfg(test)]
mod tests {
    use entity::value::Id;

    use super::*;

    #[test]
    fn a_timer_reads_back_from_a_notification() {
        fn id<T>(n: u128) -> Id<T> {
            Id::new(uuid::Uuid::from_u128(n))
        }
        let timer = Timer { organization_id: id(1), user_id: id(2), entry_id: id(3) };
        assert_eq!(timer.to_string().parse(), Ok(timer));
        assert!(vec![timer.to_string(); TIMERS_PER_NOTIFICATION].join(" ").len() < 8000);
        let live = Live::default();
        live.committed(&vec![timer; TIMERS_PER_NOTIFICATION + 1], false);
        let messages = live.outgoing();
        assert_eq!(messages.len(), 2);
        assert!(messages.iter().all(|message| message.len() < 8000 && !live.notified(message)));
        // A release that does not know the word says nothing about deliveries.
        assert!(live.notified("nonsense"));
        assert_eq!(live.state().changed.len(), 1);
    }

    #[test]
    fn a_notification_says_whether_there_are_deliveries() {
        let live = Live::default();
        for has_deliveries in [false, true, false] {
            live.committed(&[], has_deliveries);
            let messages = live.outgoing();
            assert_eq!(messages.iter().map(|message| live.notified(message)).collect::<Vec<_>>(), [has_deliveries]);
        }
    }
}
