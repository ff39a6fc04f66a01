//! The feed: what was committed, on whichever replica, told to those who wait for it. One reader a process asks the
//! database for all of them together; while nobody waits, it asks nothing.

mod read;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use entity::value::{EventType, FieldErrors, Id, Plan, Role, Timestamp, TokenScope};
use tokio::sync::{Notify, mpsc, watch};

use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::app::App;
use crate::contract::error::Error;
use crate::door::Cx;
use crate::nouns::event::Event;
use crate::nouns::time_entry::TimeEntry;

/// What a reader may be behind; one that is further is dropped.
const BEHIND: usize = 256;

/// Why a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Its token does not let in any more.
    Token,
    /// Role, plan or scope have changed: what it may see must be asked anew.
    Access,
    /// It has read too slowly.
    SlowConsumer,
    /// The server stops; another one will answer.
    Restart,
}

/// Who waits for what.
#[derive(Default)]
pub(crate) struct Live {
    state: Mutex<State>,
    next: AtomicU64,
    /// Something was committed.
    wake: Notify,
}

#[derive(Default)]
struct State {
    connections: HashMap<u64, Connection>,
    /// Events of each watched workspace that were told, and when they were made.
    told_events: HashMap<Id, HashMap<Id, Timestamp>>,
    /// Of each watched person, the latest timers that were told, with their versions.
    told_timers: HashMap<Person, Vec<(Id, i32)>>,
    /// Timers that were changed, to be read.
    changed: HashSet<Timer>,
    /// The same, to be told to the other replicas.
    outgoing: Vec<Timer>,
    stopped: bool,
}

/// A person in a workspace.
type Person = (Id, Id);

/// A running entry, or one that was: workspace, person, entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Timer {
    pub(crate) organization_id: Id,
    pub(crate) user_id: Id,
    pub(crate) entry_id: Id,
}

/// A connection, with what its token was when it was let in.
struct Connection {
    organization_id: Id,
    user_id: Id,
    token_id: Id,
    standing: Standing,
    cut: watch::Sender<Option<Closed>>,
    readers: HashMap<u64, Reader>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    role: Role,
    plan: Plan,
    scope: TokenScope,
}

enum Reader {
    Events { types: Option<HashSet<String>>, sender: mpsc::Sender<Event> },
    Timer { sender: mpsc::Sender<TimeEntry> },
}

impl Reader {
    /// False if it is too far behind.
    fn tell_event(&self, event: &Event) -> bool {
        match self {
            Reader::Events { types, sender } if types.as_ref().is_none_or(|types| types.contains(&event.kind)) => {
                !matches!(sender.try_send(event.clone()), Err(mpsc::error::TrySendError::Full(_)))
            }
            _ => true,
        }
    }

    fn tell_timer(&self, entry: &TimeEntry) -> bool {
        match self {
            Reader::Timer { sender } => {
                !matches!(sender.try_send(entry.clone()), Err(mpsc::error::TrySendError::Full(_)))
            }
            Reader::Events { .. } => true,
        }
    }
}

/// A connection in the feed, until it is dropped.
#[derive(Clone)]
pub struct Subscriber(Arc<Registration>);

struct Registration {
    app: App,
    number: u64,
    cut: watch::Receiver<Option<Closed>>,
    /// A subscription is in its place.
    placed: Notify,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.app.live().state().connections.remove(&self.number);
    }
}

impl Subscriber {
    /// Ready when a subscription of this connection is in its place: what is committed from then on is told.
    pub async fn placed(&self) {
        self.0.placed.notified().await;
    }

    /// Ready when the connection is to be cut.
    pub async fn ended(&self) -> Closed {
        let mut cut = self.0.cut.clone();
        match cut.wait_for(Option::is_some).await.map(|reason| *reason) {
            Ok(Some(reason)) => reason,
            _ => Closed::Restart,
        }
    }
}

/// What is told to one reader, in the order in which it was read.
pub struct Subscription<T> {
    receiver: mpsc::Receiver<T>,
    number: u64,
    watch: Subscriber,
}

impl<T> Subscription<T> {
    /// The next one, once it is committed; none when the connection is cut.
    pub async fn next(&mut self) -> Option<T> {
        self.receiver.recv().await
    }
}

impl<T> Drop for Subscription<T> {
    fn drop(&mut self) {
        let place = &self.watch.0;
        if let Some(connection) = place.app.live().state().connections.get_mut(&place.number) {
            connection.readers.remove(&self.number);
        }
    }
}

/// Events of the caller's workspace from now on, of these types or of all.
///
/// # Errors
/// As for reading events: a role that may not, a plan that lacks them; a type that does not exist.
pub async fn events(cx: &Cx, watch: &Subscriber, types: Option<Vec<String>>) -> Result<Subscription<Event>, Error> {
    let caller = cx.caller();
    cx.read(Action::ListEvents)?;
    let types = types.map(|types| known(&types)).transpose()?;
    let (sender, receiver) = mpsc::channel(BEHIND);
    let subscription = watch.subscribe(Reader::Events { types, sender }, receiver);
    watch.0.app.prepare_events(caller.organization_id).await?;
    watch.0.placed.notify_one();
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

/// The caller's own timer from now on: as it is when it starts, changes and stops.
///
/// # Errors
/// As for reading the running timer.
pub async fn timer(cx: &Cx, watch: &Subscriber) -> Result<Subscription<TimeEntry>, Error> {
    cx.read(Action::GetRunningTimer)?;
    let caller = cx.caller();
    let (sender, receiver) = mpsc::channel(BEHIND);
    let subscription = watch.subscribe(Reader::Timer { sender }, receiver);
    watch.0.app.prepare_timer((caller.organization_id, caller.user_id)).await?;
    watch.0.placed.notify_one();
    Ok(subscription)
}

impl Subscriber {
    fn subscribe<T>(&self, reader: Reader, receiver: mpsc::Receiver<T>) -> Subscription<T> {
        let feed = self.0.app.live();
        let number = feed.next.fetch_add(1, Ordering::Relaxed);
        if let Some(connection) = feed.state().connections.get_mut(&self.0.number) {
            connection.readers.insert(number, reader);
        }
        Subscription { receiver, number, watch: self.clone() }
    }
}

impl App {
    /// A place in the feed for a connection of this caller. It is cut when their token, role or plan is not what it was.
    pub fn watch(&self, caller: &Caller) -> Subscriber {
        let feed = self.live();
        let number = feed.next.fetch_add(1, Ordering::Relaxed);
        let mut state = feed.state();
        let (cut, receiver) = watch::channel(state.stopped.then_some(Closed::Restart));
        let connection = Connection {
            organization_id: caller.organization_id,
            user_id: caller.user_id,
            token_id: caller.token_id,
            standing: Standing { role: caller.role, plan: caller.plan, scope: caller.scope },
            cut,
            readers: HashMap::new(),
        };
        state.connections.insert(number, connection);
        Subscriber(Arc::new(Registration { app: self.clone(), number, cut: receiver, placed: Notify::new() }))
    }

    /// Cuts every connection, and those that still come: the server stops.
    pub fn end_subscriptions(&self) {
        let mut state = self.live().state();
        state.stopped = true;
        for connection in state.connections.values() {
            connection.cut.send_replace(Some(Closed::Restart));
        }
    }

    /// How many connections wait; for tests and operators.
    pub fn watching(&self) -> usize {
        self.live().state().connections.len()
    }
}

impl Live {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was committed here: timers among it are known by name.
    pub(crate) fn committed(&self, timers: &[Timer]) {
        if !timers.is_empty() {
            let mut state = self.state();
            state.changed.extend(timers);
            state.outgoing.extend(timers);
        }
        self.wake.notify_one();
    }

    /// What the other replicas are to be told: timers that were changed here, in texts that `NOTIFY` takes.
    pub(crate) fn outgoing(&self) -> Vec<String> {
        let timers = std::mem::take(&mut self.state().outgoing);
        timers
            .chunks(NOTIFIED)
            .map(|timers| timers.iter().map(Timer::to_string).collect::<Vec<_>>().join(" "))
            .collect()
    }

    /// Something was committed on another replica.
    pub(crate) fn heard(&self, told: &str) {
        let timers = told.split(' ').filter_map(|timer| timer.parse::<Timer>().ok());
        self.state().changed.extend(timers);
        self.wake.notify_one();
    }
}

/// Timers in one notification: each is 110 characters, and PostgreSQL takes under 8,000.
const NOTIFIED: usize = 60;

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
        assert!(vec![timer.to_string(); NOTIFIED].join(" ").len() < 8000);
        let feed = Live::default();
        feed.committed(&vec![timer; NOTIFIED + 1]);
        assert_eq!(feed.outgoing().len(), 2);
        feed.heard("nonsense");
        assert_eq!(feed.state().changed.len(), 1);
    }
}
