//! The reader of live subscriptions: it loads new events and changed timers, and checks the rights of the subscribers.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use entity::value::{Id, Plan, Role, Timestamp, TokenScope};
use entity::{event, time_entry};
use futures_util::future::join_all;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Statement};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::{Closed, Entry, Hub, Person, Rights, Sink, State, Timer};
use crate::contract::error::{Error, report};
use crate::nouns::event::{self as event_noun, Event};
use crate::nouns::time_entry::TimeEntry;

/// How often the reader looks for changes without being woken.
const POLL: Duration = Duration::from_secs(1);
/// How often the rights of all subscribers are checked.
const RIGHTS_INTERVAL: Duration = Duration::from_secs(2);
/// How far back the reader looks for events, in milliseconds: a transaction may commit after a later one.
const LATE_COMMITS: i64 = 60_000;
/// The most values in one statement.
const CHUNK: usize = 500;
/// The most events that are sent at once. Before more are sent, subscribers get `PAUSE` to read them, so that a burst of
/// commits closes nobody.
const BURST: usize = 128;
const PAUSE: Duration = Duration::from_millis(50);
/// The most sent timers of one person that are remembered.
const MAX_SENT_TIMERS: usize = 16;

impl Hub {
    /// Reads until `stop` is set.
    pub(crate) async fn follow_changes(self, mut stop: watch::Receiver<bool>) {
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut next_check = Instant::now();
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = self.live().wake.notified() => {}
                _ = poll.tick() => {}
            }
            self.live().state().prune();
            report("events for subscriptions", self.read_events().await);
            report("timers for subscriptions", self.read_timers().await);
            if Instant::now() >= next_check {
                next_check = Instant::now() + RIGHTS_INTERVAL;
                report("rights of subscribers", self.check_rights().await);
            }
        }
    }

    /// Marks the present events of a workspace as sent, before its first subscriber.
    pub(super) async fn prepare_events(&self, organization: Id) -> Result<(), Error> {
        if self.live().state().sent_events.contains_key(&organization) {
            return Ok(());
        }
        let present = self.recent_events(&[organization]).await?;
        let present = present.into_iter().map(|found| (found.id, found.created_at)).collect();
        self.live().state().sent_events.entry(organization).or_insert(present);
        Ok(())
    }

    async fn read_events(&self) -> Result<(), Error> {
        let workspaces: Vec<Id> = self.live().state().sent_events.keys().copied().collect();
        for workspaces in workspaces.chunks(CHUNK) {
            let found = self.recent_events(workspaces).await?;
            let fresh = self.live().state().fresh_events(found);
            for fresh in fresh.chunks(BURST) {
                let rows = self.events_by_id(fresh).await?;
                self.await_capacity().await;
                self.live().state().send_events(&rows);
            }
        }
        self.live().state().forget_events_before(self.now().plus_millis(-2 * LATE_COMMITS));
        Ok(())
    }

    /// Waits for at most `PAUSE` until every subscription has room for a burst.
    async fn await_capacity(&self) {
        let full = self.live().state().without_capacity();
        let capacity = full.iter().map(|sender| sender.reserve_many(BURST));
        _ = timeout(PAUSE, join_all(capacity)).await;
    }

    /// The ids of recent events of these workspaces, from the index alone.
    #[expect(clippy::disallowed_methods, reason = "the filter begins with the workspaces of the subscribers")]
    async fn recent_events(&self, workspaces: &[Id]) -> Result<Vec<FoundEvent>, Error> {
        use event::Column;
        let query = event::Entity::find()
            .select_only()
            .columns([Column::OrganizationId, Column::Id, Column::CreatedAt])
            .filter(Column::OrganizationId.is_in(workspaces.iter().copied()))
            .filter(Column::CreatedAt.gte(self.now().plus_millis(-LATE_COMMITS)));
        Ok(query.into_model::<FoundEvent>().all(self.database().reader()).await?)
    }

    #[expect(clippy::disallowed_methods, reason = "the filter begins with the workspaces of the subscribers")]
    async fn events_by_id(&self, fresh: &[FoundEvent]) -> Result<Vec<event::Model>, Error> {
        use event::Column;
        let workspaces: HashSet<Id> = fresh.iter().map(|found| found.organization_id).collect();
        let query = event::Entity::find()
            .filter(Column::OrganizationId.is_in(workspaces))
            .filter(Column::Id.is_in(fresh.iter().map(|found| found.id)))
            .order_by_asc(Column::CreatedAt)
            .order_by_asc(Column::Id);
        Ok(query.all(self.database().reader()).await?)
    }

    /// Marks the running timer of a person as sent, before their first subscription.
    pub(super) async fn prepare_timer(&self, person: Person) -> Result<(), Error> {
        if self.live().state().sent_timers.contains_key(&person) {
            return Ok(());
        }
        let running = self.running_timers(&[person]).await?;
        let sent = running.into_iter().map(|row| (row.id, row.version)).collect();
        self.live().state().sent_timers.entry(person).or_insert(sent);
        Ok(())
    }

    async fn read_timers(&self) -> Result<(), Error> {
        let (people, named) = self.live().state().timers_to_read();
        for people in people.chunks(CHUNK) {
            let of_people: HashSet<&Person> = people.iter().collect();
            let belongs = |timer: &&Timer| of_people.contains(&(timer.organization_id, timer.user_id));
            let named: Vec<Id> = named.iter().filter(belongs).map(|timer| timer.entry_id).collect();
            // Named entries first: a stopped timer is sent before the timer that replaced it.
            for named in named.chunks(CHUNK) {
                let rows = self.entries_by_id(people, named).await?;
                self.live().state().send_timers(rows);
            }
            let rows = self.running_timers(people).await?;
            self.live().state().send_timers(rows);
        }
        Ok(())
    }

    /// The running timers of these people, from an index with one row per person.
    #[expect(clippy::disallowed_methods, reason = "the filter begins with the workspaces of the subscribers")]
    async fn running_timers(&self, people: &[Person]) -> Result<Vec<time_entry::Model>, Error> {
        use time_entry::Column;
        let query = time_entry::Entity::find()
            .filter(Column::OrganizationId.is_in(people.iter().map(|(organization, _)| *organization)))
            .filter(Column::UserId.is_in(people.iter().map(|(_, user)| *user)))
            .filter(Column::DurationSeconds.is_null())
            .filter(Column::DeletedAt.is_null());
        Ok(query.all(self.database().reader()).await?)
    }

    /// The present state of these entries, deleted ones too.
    #[expect(clippy::disallowed_methods, reason = "the filter begins with the workspaces of the subscribers")]
    async fn entries_by_id(&self, people: &[Person], ids: &[Id]) -> Result<Vec<time_entry::Model>, Error> {
        use time_entry::Column;
        let workspaces: HashSet<Id> = people.iter().map(|(organization, _)| *organization).collect();
        let query = time_entry::Entity::find()
            .filter(Column::OrganizationId.is_in(workspaces))
            .filter(Column::Id.is_in(ids.iter().copied()))
            .order_by_asc(Column::UpdatedAt)
            .order_by_asc(Column::Id);
        Ok(query.all(self.database().reader()).await?)
    }

    /// Closes subscribers whose token, role, plan or scope has changed: one statement for all subscribers.
    async fn check_rights(&self) -> Result<(), Error> {
        let tokens: HashSet<Id> = self.live().state().registrations.values().map(|entry| entry.token_id).collect();
        let asked: Vec<Id> = tokens.iter().copied().collect();
        let now = self.now();
        let mut rights = HashMap::with_capacity(tokens.len());
        for some in asked.chunks(CHUNK) {
            let parameters: Vec<_> = (1..=some.len()).map(|n| format!("${n}")).collect();
            let sql = format!("{RIGHTS} ({})", parameters.join(", "));
            let reader = self.database().reader();
            let values = some.iter().map(|id| (*id).into());
            let statement = Statement::from_sql_and_values(reader.get_database_backend(), sql, values);
            for found in FoundToken::find_by_statement(statement).all(reader).await? {
                rights.insert(found.id, found.rights(now));
            }
        }
        self.live().state().close_changed(&tokens, &rights);
        Ok(())
    }
}

const RIGHTS: &str = "\
    SELECT t.id, t.scope, t.expires_at, t.revoked_at, m.role, m.deleted_at AS removed_at, o.plan FROM token t \
    JOIN member m ON m.organization_id = t.organization_id AND m.id = t.member_id \
    JOIN organization o ON o.id = t.organization_id WHERE t.id IN";

#[derive(FromQueryResult)]
struct FoundToken {
    id: Id,
    scope: TokenScope,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    role: Role,
    removed_at: Option<Timestamp>,
    plan: Plan,
}

impl FoundToken {
    fn rights(&self, now: Timestamp) -> Option<Rights> {
        let valid = self.revoked_at.is_none() && self.removed_at.is_none() && self.expires_at.is_none_or(|at| now < at);
        valid.then_some(Rights { role: self.role, plan: self.plan, scope: self.scope })
    }
}

#[derive(FromQueryResult)]
struct FoundEvent {
    organization_id: Id,
    id: Id,
    created_at: Timestamp,
}

impl Entry {
    fn has_events(&self) -> bool {
        self.sinks.values().any(|sink| matches!(sink, Sink::Events { .. }))
    }

    fn has_timer(&self) -> bool {
        self.sinks.values().any(|sink| matches!(sink, Sink::Timer { .. }))
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
    fn prune(&mut self) {
        let State { registrations, sent_events, sent_timers, .. } = self;
        let active: Vec<_> = registrations.values().filter(|entry| !entry.sinks.is_empty()).collect();
        let workspaces: HashSet<Id> =
            active.iter().filter(|entry| entry.has_events()).map(|entry| entry.organization_id).collect();
        let people: HashSet<Person> = active
            .iter()
            .filter(|entry| entry.has_timer())
            .map(|entry| (entry.organization_id, entry.user_id))
            .collect();
        sent_events.retain(|workspace, _| workspaces.contains(workspace));
        sent_timers.retain(|person, _| people.contains(person));
    }

    fn fresh_events(&self, found: Vec<FoundEvent>) -> Vec<FoundEvent> {
        let sent = |found: &FoundEvent| {
            self.sent_events.get(&found.organization_id).is_none_or(|sent| sent.contains_key(&found.id))
        };
        found.into_iter().filter(|found| !sent(found)).collect()
    }

    fn send_events(&mut self, rows: &[event::Model]) {
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
            for entry in self.registrations.values_mut().filter(|entry| entry.organization_id == row.organization_id) {
                entry.send(|sink| sink.send_event(&event));
            }
        }
    }

    /// The event subscriptions that have no room for a burst.
    fn without_capacity(&self) -> Vec<mpsc::Sender<Event>> {
        let sinks = self.registrations.values().flat_map(|entry| entry.sinks.values());
        let senders = sinks.filter_map(|sink| match sink {
            Sink::Events { sender, .. } if sender.capacity() < BURST => Some(sender.clone()),
            _ => None,
        });
        senders.collect()
    }

    fn forget_events_before(&mut self, bound: Timestamp) {
        self.sent_events.values_mut().for_each(|sent| sent.retain(|_, created| *created >= bound));
    }

    /// The people with timer subscriptions, and the entries that may have changed: those that were named, and those that ran
    /// when the reader last looked.
    fn timers_to_read(&mut self) -> (Vec<Person>, Vec<Timer>) {
        let people: Vec<Person> = self.sent_timers.keys().copied().collect();
        let ran = self.sent_timers.iter().flat_map(|((organization_id, user_id), sent)| {
            sent.last().map(|(id, _)| Timer { organization_id: *organization_id, user_id: *user_id, entry_id: *id })
        });
        let named = self.changed.drain().chain(ran).collect();
        (people, named)
    }

    fn send_timers(&mut self, rows: Vec<time_entry::Model>) {
        for row in rows {
            let (organization_id, user_id) = (row.organization_id, row.user_id);
            let Some(sent) = self.sent_timers.get_mut(&(organization_id, user_id)) else { continue };
            if sent.contains(&(row.id, row.version)) {
                continue;
            }
            sent.retain(|(id, _)| *id != row.id);
            sent.push((row.id, row.version));
            sent.drain(..sent.len().saturating_sub(MAX_SENT_TIMERS));
            let entry = TimeEntry::from(row);
            let of_person = |found: &&mut Entry| found.organization_id == organization_id && found.user_id == user_id;
            for subscriber in self.registrations.values_mut().filter(of_person) {
                subscriber.send(|sink| sink.send_timer(&entry));
            }
        }
    }

    /// Closes the subscribers of these tokens whose rights are not those of their registration.
    fn close_changed(&self, tokens: &HashSet<Id>, rights: &HashMap<Id, Option<Rights>>) {
        for entry in self.registrations.values().filter(|entry| tokens.contains(&entry.token_id)) {
            match rights.get(&entry.token_id) {
                Some(Some(rights)) if *rights == entry.rights => {}
                Some(Some(_)) => entry.close(Closed::Access),
                Some(None) | None => entry.close(Closed::Token),
            }
        }
    }
}
