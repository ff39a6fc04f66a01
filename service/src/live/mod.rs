//! Live subscriptions: events and timers are sent to subscribers once they are committed, on whichever replica. One reader
//! per process queries the database for all subscribers together; without subscribers it queries nothing.

mod reader;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use entity::value::{EventType, FieldErrors, Id, Plan, Role, Timestamp, TokenScope};
use tokio::sync::{Notify, mpsc, watch};

use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::contract::error::Error;
use crate::core::Core;
use crate::core::database::Database;
use crate::door::Cx;
use crate::nouns::event::Event;
use crate::nouns::time_entry::TimeEntry;

/// The most unread items of one subscription. A subscriber that falls further behind is closed.
const MAX_UNREAD: usize = 256;

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

#[derive(Default)]
struct State {
    registrations: HashMap<u64, Entry>,
    /// Events of each workspace with subscribers that were sent, with their creation times.
    sent_events: HashMap<Id, HashMap<Id, Timestamp>>,
    /// The latest timers of each person with subscribers that were sent, with their versions.
    sent_timers: HashMap<Person, Vec<(Id, i32)>>,
    /// Changed timers that the reader has not loaded yet.
    changed: HashSet<Timer>,
    /// Changed timers that the other replicas are not notified of yet.
    outgoing: Vec<Timer>,
    stopped: bool,
}

/// A person in a workspace.
type Person = (Id, Id);

/// A time entry that runs or ran: workspace, person, entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Timer {
    pub(crate) organization_id: Id,
    pub(crate) user_id: Id,
    pub(crate) entry_id: Id,
}

/// A registered subscriber, with the rights of its token at registration.
struct Entry {
    organization_id: Id,
    user_id: Id,
    token_id: Id,
    rights: Rights,
    closed: watch::Sender<Option<Closed>>,
    sinks: HashMap<u64, Sink>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rights {
    role: Role,
    plan: Plan,
    scope: TokenScope,
}

/// The sending side of one subscription.
enum Sink {
    Events { types: Option<HashSet<String>>, sender: mpsc::Sender<Event> },
    Timer { sender: mpsc::Sender<TimeEntry> },
}

impl Sink {
    /// Sends an event if its type is wanted; false if the subscription has too many unread items.
    fn send_event(&self, event: &Event) -> bool {
        match self {
            Sink::Events { types, sender } if types.as_ref().is_none_or(|types| types.contains(&event.kind)) => {
                !matches!(sender.try_send(event.clone()), Err(mpsc::error::TrySendError::Full(_)))
            }
            _ => true,
        }
    }

    /// Sends a timer; false if the subscription has too many unread items.
    fn send_timer(&self, entry: &TimeEntry) -> bool {
        match self {
            Sink::Timer { sender } => {
                !matches!(sender.try_send(entry.clone()), Err(mpsc::error::TrySendError::Full(_)))
            }
            Sink::Events { .. } => true,
        }
    }
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

    /// Completes when the subscriber is closed: its connection must be closed too.
    pub async fn closed(&self) -> Closed {
        let mut closed = self.0.closed.clone();
        match closed.wait_for(Option::is_some).await.map(|reason| *reason) {
            Ok(Some(reason)) => reason,
            _ => Closed::Restart,
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
/// As for reading events: a role that may not, a plan that lacks them; a type that does not exist.
pub async fn events(
    cx: &Cx,
    subscriber: &Subscriber,
    types: Option<Vec<String>>,
) -> Result<Subscription<Event>, Error> {
    let caller = cx.caller();
    cx.read(Action::ListEvents)?;
    let types = types.map(|types| known(&types)).transpose()?;
    let (sender, receiver) = mpsc::channel(MAX_UNREAD);
    let subscription = subscriber.subscribe(Sink::Events { types, sender }, receiver);
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
/// As for reading the running timer.
pub async fn timer(cx: &Cx, subscriber: &Subscriber) -> Result<Subscription<TimeEntry>, Error> {
    cx.read(Action::GetRunningTimer)?;
    let caller = cx.caller();
    let (sender, receiver) = mpsc::channel(MAX_UNREAD);
    let subscription = subscriber.subscribe(Sink::Timer { sender }, receiver);
    subscriber.0.hub.prepare_timer((caller.organization_id, caller.user_id)).await?;
    subscriber.0.subscribed.notify_one();
    Ok(subscription)
}

impl Subscriber {
    fn subscribe<T>(&self, sink: Sink, receiver: mpsc::Receiver<T>) -> Subscription<T> {
        let live = self.0.hub.live();
        let number = live.next.fetch_add(1, Ordering::Relaxed);
        if let Some(entry) = live.state().registrations.get_mut(&self.0.number) {
            entry.sinks.insert(number, sink);
        }
        Subscription { receiver, number, subscriber: self.clone() }
    }
}

/// The subscriptions of this process, with what they read from. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hub {
    core: Core,
    live: Arc<Live>,
}

impl Hub {
    pub(crate) fn new(core: Core) -> Hub {
        Hub { core, live: Arc::default() }
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
    }

    /// The number of registered subscribers, for tests and operators.
    pub(crate) fn subscriber_count(&self) -> usize {
        self.live().state().registrations.len()
    }
}

impl Live {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a commit of this process and the timers that it changed.
    pub(crate) fn committed(&self, timers: &[Timer]) {
        if !timers.is_empty() {
            let mut state = self.state();
            state.changed.extend(timers);
            state.outgoing.extend(timers);
        }
        self.wake.notify_one();
    }

    /// The payloads of the notifications to the other replicas: the timers that were changed here.
    pub(crate) fn outgoing(&self) -> Vec<String> {
        let timers = std::mem::take(&mut self.state().outgoing);
        timers
            .chunks(TIMERS_PER_NOTIFICATION)
            .map(|timers| timers.iter().map(Timer::to_string).collect::<Vec<_>>().join(" "))
            .collect()
    }

    /// Notes a commit of another replica, by the payload of its notification.
    pub(crate) fn notified(&self, payload: &str) {
        let timers = payload.split(' ').filter_map(|timer| timer.parse::<Timer>().ok());
        self.state().changed.extend(timers);
        self.wake.notify_one();
    }
}

/// Timers in one notification: each is 110 characters, and PostgreSQL takes under 8,000.
const TIMERS_PER_NOTIFICATION: usize = 60;

impl std::fmt::Display for Timer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.organization_id, self.user_id, self.entry_id)
    }
}

impl std::str::FromStr for Timer {
    type Err = FieldErrors;

    fn from_str(text: &str) -> Result<Timer, FieldErrors> {
        let mut ids = text.split('/').map(str::parse::<Id>);
        let mut id = || ids.next().unwrap_or(Ok(Id::NONE));
        Ok(Timer { organization_id: id()?, user_id: id()?, entry_id: id()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_reads_back_from_a_notification() {
        let id = |n| Id(uuid::Uuid::from_u128(n));
        let timer = Timer { organization_id: id(1), user_id: id(2), entry_id: id(3) };
        assert_eq!(timer.to_string().parse(), Ok(timer));
        assert!(vec![timer.to_string(); TIMERS_PER_NOTIFICATION].join(" ").len() < 8000);
        let live = Live::default();
        live.committed(&vec![timer; TIMERS_PER_NOTIFICATION + 1]);
        assert_eq!(live.outgoing().len(), 2);
        live.notified("nonsense");
        assert_eq!(live.state().changed.len(), 1);
    }
}
