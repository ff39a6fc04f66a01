//! The state of live subscriptions: the registered subscribers, and what was sent to them.

use std::collections::{HashMap, HashSet};

use entity::value::{EventId, FieldErrors, Id, OrganizationId, TimeEntryId, Timestamp, TokenId, UserId};
use entity::{event, time_entry};
use sea_orm::FromQueryResult;
use tokio::sync::{mpsc, watch};

use super::Closed;
use super::pages::OpenPage;
use super::reader::BURST;
use super::rights::Rights;
use crate::nouns::event::{self as event_noun, Event};
use crate::nouns::time_entry::TimeEntry;

/// The most sent timers of one person that are remembered.
const MAX_SENT_TIMERS: usize = 16;

#[derive(Default)]
pub(super) struct State {
    pub(super) registrations: HashMap<u64, Entry>,
    /// Pages of the settings that are refreshed by themselves.
    pub(super) pages: HashMap<u64, OpenPage>,
    /// Events of each workspace with subscribers that were sent, with their creation times.
    pub(super) sent_events: HashMap<OrganizationId, HashMap<EventId, Timestamp>>,
    /// The latest timers of each person with subscribers that were sent, with their versions.
    pub(super) sent_timers: HashMap<Person, Vec<(TimeEntryId, i32)>>,
    /// Bytes of memory that the subscriptions of each token hold.
    pub(super) memory: HashMap<TokenId, usize>,
    /// Changed timers that the reader has not loaded yet.
    pub(super) changed: HashSet<Timer>,
    /// Changed timers that the other replicas are not notified of yet.
    pub(super) outgoing: Vec<Timer>,
    /// Whether deliveries were committed here since the other replicas were last notified.
    pub(super) has_deliveries: bool,
    pub(super) stopped: bool,
}

/// A person in a workspace.
pub(super) type Person = (OrganizationId, UserId);

/// A time entry that runs or ran: workspace, person, entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Timer {
    pub(crate) organization_id: OrganizationId,
    pub(crate) user_id: UserId,
    pub(crate) entry_id: TimeEntryId,
}

/// A registered subscriber, with the rights of its token at registration.
pub(super) struct Entry {
    pub(super) organization_id: OrganizationId,
    pub(super) user_id: UserId,
    pub(super) token_id: TokenId,
    pub(super) rights: Rights,
    pub(super) closed: watch::Sender<Option<Closed>>,
    pub(super) sinks: HashMap<u64, Sink>,
}

/// The sending side of one subscription.
pub(super) enum Sink {
    Events {
        types: Option<HashSet<String>>,
        sender: mpsc::Sender<Event>,
    },
    /// Of the subscriber's own timer.
    Timer {
        sender: mpsc::Sender<TimeEntry>,
    },
    /// Of the timers of everybody in the workspace.
    Timers {
        sender: mpsc::Sender<TimeEntry>,
    },
}

impl Sink {
    /// Sends an event if its type is wanted; false if the subscription has too many unread items.
    fn send_event(&self, event: &Event) -> bool {
        match self {
            Sink::Events { types, sender } if types.as_ref().is_none_or(|types| types.contains(&event.kind)) => {
                send(sender, event)
            }
            _ => true,
        }
    }

    /// Sends a timer if it is wanted, where `own` is whether it is the subscriber's; false if the subscription has too many
    /// unread items.
    fn send_timer(&self, entry: &TimeEntry, own: bool) -> bool {
        match self {
            Sink::Timer { sender } if own => send(sender, entry),
            Sink::Timers { sender } => send(sender, entry),
            Sink::Timer { .. } | Sink::Events { .. } => true,
        }
    }
}

/// Sends an item; false if there is no room for it. A subscription that has ended takes everything.
fn send<T: Clone>(sender: &mpsc::Sender<T>, item: &T) -> bool {
    !matches!(sender.try_send(item.clone()), Err(mpsc::error::TrySendError::Full(_)))
}

/// An event of a workspace, by the index alone.
#[derive(FromQueryResult)]
pub(super) struct FoundEvent {
    pub(super) organization_id: OrganizationId,
    pub(super) id: EventId,
    pub(super) created_at: Timestamp,
}

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
        Ok(Timer { organization_id: id()?.of(), user_id: id()?.of(), entry_id: id()?.of() })
    }
}

impl Entry {
    fn has_events(&self) -> bool {
        self.sinks.values().any(|sink| matches!(sink, Sink::Events { .. }))
    }

    fn has_timer(&self) -> bool {
        self.sinks.values().any(|sink| matches!(sink, Sink::Timer { .. }))
    }

    fn has_timers(&self) -> bool {
        self.sinks.values().any(|sink| matches!(sink, Sink::Timers { .. }))
    }

    /// Whether these rights of the token, none for an invalid one, are those of the registration. If not, the subscriber is
    /// closed.
    pub(super) fn still_has(&self, present: Option<Rights>) -> bool {
        match present {
            Some(rights) if rights == self.rights => {}
            Some(_) => self.close(Closed::Access),
            None => self.close(Closed::Token),
        }
        self.closed.borrow().is_none()
    }

    fn close(&self, reason: Closed) {
        self.closed.send_if_modified(|closed| {
            let first = closed.is_none();
            if first {
                *closed = Some(reason);
            }
            first
        });
    }

    /// Sends to every subscription; closes the subscriber if one of them has too many unread items.
    fn send(&mut self, send: impl Fn(&Sink) -> bool) {
        let before = self.sinks.len();
        self.sinks.retain(|_, sink| send(sink));
        if self.sinks.len() < before {
            self.close(Closed::SlowConsumer);
        }
    }
}

impl State {
    /// Forgets what was sent to workspaces and people that have no subscription any more.
    pub(super) fn prune(&mut self) {
        let State { registrations, sent_events, sent_timers, .. } = self;
        let active: Vec<_> = registrations.values().filter(|entry| !entry.sinks.is_empty()).collect();
        let workspaces: HashSet<OrganizationId> =
            active.iter().filter(|entry| entry.has_events()).map(|entry| entry.organization_id).collect();
        let people: HashSet<Person> = active
            .iter()
            .filter(|entry| entry.has_timer())
            .map(|entry| (entry.organization_id, entry.user_id))
            .collect();
        sent_events.retain(|workspace, _| workspaces.contains(workspace));
        let everybody: HashSet<OrganizationId> =
            active.iter().filter(|entry| entry.has_timers()).map(|entry| entry.organization_id).collect();
        sent_timers.retain(|person, _| people.contains(person) || everybody.contains(&person.0));
    }

    pub(super) fn fresh_events(&self, found: Vec<FoundEvent>) -> Vec<FoundEvent> {
        let sent = |found: &FoundEvent| {
            self.sent_events.get(&found.organization_id).is_none_or(|sent| sent.contains_key(&found.id))
        };
        found.into_iter().filter(|found| !sent(found)).collect()
    }

    /// The number of subscriptions of a token.
    pub(super) fn subscriptions_of(&self, token: TokenId) -> usize {
        self.registrations.values().filter(|entry| entry.token_id == token).map(|entry| entry.sinks.len()).sum()
    }

    /// The subscribers with an event subscription in these workspaces, with their tokens.
    pub(super) fn event_subscribers(&self, workspaces: &HashSet<OrganizationId>) -> Vec<(u64, TokenId)> {
        self.subscribers(|entry| entry.has_events() && workspaces.contains(&entry.organization_id))
    }

    /// The subscribers with a timer subscription in these workspaces, with their tokens.
    pub(super) fn timer_subscribers(&self, workspaces: &HashSet<OrganizationId>) -> Vec<(u64, TokenId)> {
        let has_any = |entry: &Entry| entry.has_timer() || entry.has_timers();
        self.subscribers(|entry| has_any(entry) && workspaces.contains(&entry.organization_id))
    }

    /// All subscribers, with their tokens.
    pub(super) fn all_subscribers(&self) -> Vec<(u64, TokenId)> {
        self.subscribers(|_| true)
    }

    fn subscribers(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<(u64, TokenId)> {
        let found = self.registrations.iter().filter(|(_, entry)| wanted(entry));
        found.map(|(number, entry)| (*number, entry.token_id)).collect()
    }

    /// The workspaces with a subscription to everybody's timers.
    pub(super) fn timer_workspaces(&self) -> Vec<OrganizationId> {
        let found = self.registrations.values().filter(|entry| entry.has_timers());
        found.map(|entry| entry.organization_id).collect::<HashSet<_>>().into_iter().collect()
    }

    /// Closes those of these subscribers whose token has other rights now, and returns the others.
    pub(super) fn close_changed(&self, asked: &[(u64, TokenId)], rights: &HashMap<TokenId, Rights>) -> HashSet<u64> {
        let entitled = asked.iter().filter(|(number, token)| {
            self.registrations.get(number).is_some_and(|entry| entry.still_has(rights.get(token).copied()))
        });
        entitled.map(|(number, _)| *number).collect()
    }

    /// Sends events to the entitled subscribers.
    pub(super) fn send_events(&mut self, rows: &[event::Model], entitled: &HashSet<u64>) {
        for row in rows {
            if let Some(sent) = self.sent_events.get_mut(&row.organization_id) {
                sent.insert(row.id, row.created_at);
            }
            let event = match event_noun::read(row) {
                Ok(event) => event,
                Err(error) => {
                    error.log();
                    continue;
                }
            };
            for (number, entry) in &mut self.registrations {
                if entry.organization_id == row.organization_id && entitled.contains(number) {
                    entry.send(|sink| sink.send_event(&event));
                }
            }
        }
    }

    /// The event subscriptions that have no room for a burst.
    pub(super) fn without_capacity(&self) -> Vec<mpsc::Sender<Event>> {
        let sinks = self.registrations.values().flat_map(|entry| entry.sinks.values());
        let senders = sinks.filter_map(|sink| match sink {
            Sink::Events { sender, .. } if sender.capacity() < BURST => Some(sender.clone()),
            _ => None,
        });
        senders.collect()
    }

    pub(super) fn forget_events_before(&mut self, bound: Timestamp) {
        self.sent_events.values_mut().for_each(|sent| sent.retain(|_, created| *created >= bound));
    }

    /// The people with timer subscriptions, and the entries that may have changed: those that were named, and those that ran
    /// when the reader last looked.
    pub(super) fn timers_to_read(&mut self) -> (Vec<Person>, Vec<Timer>) {
        let people: Vec<Person> = self.sent_timers.keys().copied().collect();
        let ran = self.sent_timers.iter().flat_map(|((organization_id, user_id), sent)| {
            sent.last().map(|(id, _)| Timer { organization_id: *organization_id, user_id: *user_id, entry_id: *id })
        });
        let named = self.changed.drain().chain(ran).collect();
        (people, named)
    }

    /// Those of these timers that somebody waits for and that were not sent in this version yet.
    pub(super) fn fresh_timers(&self, rows: Vec<time_entry::Model>) -> Vec<time_entry::Model> {
        let everybody: HashSet<OrganizationId> = self.timer_workspaces().into_iter().collect();
        let fresh = |row: &time_entry::Model| match self.sent_timers.get(&(row.organization_id, row.user_id)) {
            Some(sent) => !sent.contains(&(row.id, row.version)),
            None => everybody.contains(&row.organization_id),
        };
        rows.into_iter().filter(fresh).collect()
    }

    /// Sends timers that were not sent in this version yet to the entitled subscribers.
    pub(super) fn send_timers(&mut self, rows: Vec<time_entry::Model>, entitled: &HashSet<u64>) {
        let everybody: HashSet<OrganizationId> = self.timer_workspaces().into_iter().collect();
        for row in rows {
            let (organization_id, user_id) = (row.organization_id, row.user_id);
            let person = (organization_id, user_id);
            if everybody.contains(&organization_id) {
                self.sent_timers.entry(person).or_default();
            }
            let Some(sent) = self.sent_timers.get_mut(&person) else { continue };
            if sent.contains(&(row.id, row.version)) {
                continue;
            }
            sent.retain(|(id, _)| *id != row.id);
            sent.push((row.id, row.version));
            sent.drain(..sent.len().saturating_sub(MAX_SENT_TIMERS));
            let timer = TimeEntry::from(row);
            for (number, entry) in &mut self.registrations {
                if entry.organization_id == organization_id && entitled.contains(number) {
                    let own = entry.user_id == user_id;
                    entry.send(|sink| sink.send_timer(&timer, own));
                }
            }
        }
    }
}
