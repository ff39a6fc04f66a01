//! The reader of the feed: new events, changed timers, and whether those who wait may still.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use entity::value::{Id, Plan, Role, Timestamp, TokenScope};
use entity::{event, time_entry};
use futures_util::future::join_all;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Statement};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::{Closed, Connection, Person, Reader, Standing, State, Timer};
use crate::app::App;
use crate::contract::error::Error;
use crate::jobs::report;
use crate::nouns::event::{self as event_noun, Event};
use crate::nouns::time_entry::TimeEntry;

/// Without a hint, changes are looked for this often.
const POLL: Duration = Duration::from_secs(1);
/// Tokens of those who wait are looked at this often.
const RECHECK: Duration = Duration::from_secs(2);
/// A transaction that began before another may commit after it: events of so many milliseconds are looked at again.
const LATE: i64 = 60_000;
/// Values in one statement.
const CHUNK: usize = 500;
/// Events that are told at once. Before more is told, those who read have a moment to take it: a burst of commits makes
/// nobody slow.
const BURST: usize = 128;
const MOMENT: Duration = Duration::from_millis(50);
/// Timers of a person that are remembered as told.
const REMEMBERED: usize = 16;

impl App {
    /// Reads until told to stop.
    pub(crate) async fn follow_changes(self, mut stop: watch::Receiver<bool>) {
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut next_recheck = Instant::now();
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = self.live().wake.notified() => {}
                _ = poll.tick() => {}
            }
            self.live().state().prune();
            report("events for subscriptions", self.read_events().await);
            report("timers for subscriptions", self.read_timers().await);
            if Instant::now() >= next_recheck {
                next_recheck = Instant::now() + RECHECK;
                report("tokens of subscriptions", self.recheck().await);
            }
        }
    }

    /// Takes what is there as known, before anybody waits for the events of this workspace.
    pub(super) async fn prepare_events(&self, organization: Id) -> Result<(), Error> {
        if self.live().state().told_events.contains_key(&organization) {
            return Ok(());
        }
        let there = self.recent_events(&[organization]).await?;
        let there = there.into_iter().map(|found| (found.id, found.created_at)).collect();
        self.live().state().told_events.entry(organization).or_insert(there);
        Ok(())
    }

    async fn read_events(&self) -> Result<(), Error> {
        let workspaces: Vec<Id> = self.live().state().told_events.keys().copied().collect();
        for workspaces in workspaces.chunks(CHUNK) {
            let found = self.recent_events(workspaces).await?;
            let fresh = self.live().state().fresh_events(found);
            for fresh in fresh.chunks(BURST) {
                let rows = self.events_by_id(fresh).await?;
                self.let_them_read().await;
                self.live().state().tell_events(&rows);
            }
        }
        self.live().state().forget_events_before(self.now().plus_millis(-2 * LATE));
        Ok(())
    }

    /// Waits until everybody has room for a burst, but for a moment only: whoever is slow is told on, and dropped when full.
    async fn let_them_read(&self) {
        let behind = self.live().state().behind();
        let room = behind.iter().map(|sender| sender.reserve_many(BURST));
        _ = timeout(MOMENT, join_all(room)).await;
    }

    /// The ids of late events of these workspaces, from the index alone.
    #[expect(clippy::disallowed_methods, reason = "the filter begins with the workspaces of those who wait")]
    async fn recent_events(&self, workspaces: &[Id]) -> Result<Vec<FoundEvent>, Error> {
        use event::Column;
        let query = event::Entity::find()
            .select_only()
            .columns([Column::OrganizationId, Column::Id, Column::CreatedAt])
            .filter(Column::OrganizationId.is_in(workspaces.iter().copied()))
            .filter(Column::CreatedAt.gte(self.now().plus_millis(-LATE)));
        Ok(query.into_model::<FoundEvent>().all(self.database().reader()).await?)
    }

    #[expect(clippy::disallowed_methods, reason = "the filter begins with the workspaces of those who wait")]
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

    /// Takes the timer that runs as known, before this person waits for it.
    pub(super) async fn prepare_timer(&self, person: Person) -> Result<(), Error> {
        if self.live().state().told_timers.contains_key(&person) {
            return Ok(());
        }
        let running = self.running_timers(&[person]).await?;
        let told = running.into_iter().map(|row| (row.id, row.version)).collect();
        self.live().state().told_timers.entry(person).or_insert(told);
        Ok(())
    }

    async fn read_timers(&self) -> Result<(), Error> {
        let (people, named) = self.live().state().timers_to_read();
        for people in people.chunks(CHUNK) {
            let of_people: HashSet<&Person> = people.iter().collect();
            let belongs = |timer: &&Timer| of_people.contains(&(timer.organization_id, timer.user_id));
            let named: Vec<Id> = named.iter().filter(belongs).map(|timer| timer.entry_id).collect();
            // What was named first: a timer that was stopped is told before the one that was started in its place.
            for named in named.chunks(CHUNK) {
                let rows = self.entries_by_id(people, named).await?;
                self.live().state().tell_timers(rows);
            }
            let rows = self.running_timers(people).await?;
            self.live().state().tell_timers(rows);
        }
        Ok(())
    }

    /// The timers that run for these people, from an index of a row a person.
    #[expect(clippy::disallowed_methods, reason = "the filter begins with the workspaces of those who wait")]
    async fn running_timers(&self, people: &[Person]) -> Result<Vec<time_entry::Model>, Error> {
        use time_entry::Column;
        let query = time_entry::Entity::find()
            .filter(Column::OrganizationId.is_in(people.iter().map(|(organization, _)| *organization)))
            .filter(Column::UserId.is_in(people.iter().map(|(_, user)| *user)))
            .filter(Column::DurationSeconds.is_null())
            .filter(Column::DeletedAt.is_null());
        Ok(query.all(self.database().reader()).await?)
    }

    /// These entries as they are now, deleted ones too.
    #[expect(clippy::disallowed_methods, reason = "the filter begins with the workspaces of those who wait")]
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

    /// Cuts those whose token, role, plan or scope is not what it was: one statement for everybody who waits.
    async fn recheck(&self) -> Result<(), Error> {
        let tokens: HashSet<Id> = self.live().state().connections.values().map(|waits| waits.token_id).collect();
        let asked: Vec<Id> = tokens.iter().copied().collect();
        let now = self.now();
        let mut standings = HashMap::with_capacity(tokens.len());
        for some in asked.chunks(CHUNK) {
            let places: Vec<_> = (1..=some.len()).map(|place| format!("${place}")).collect();
            let sql = format!("{STANDINGS} ({})", places.join(", "));
            let reader = self.database().reader();
            let values = some.iter().map(|id| (*id).into());
            let statement = Statement::from_sql_and_values(reader.get_database_backend(), sql, values);
            for found in FoundToken::find_by_statement(statement).all(reader).await? {
                standings.insert(found.id, found.standing(now));
            }
        }
        self.live().state().cut_the_changed(&tokens, &standings);
        Ok(())
    }
}

const STANDINGS: &str = "\
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
    fn standing(&self, now: Timestamp) -> Option<Standing> {
        let lives = self.revoked_at.is_none() && self.removed_at.is_none() && self.expires_at.is_none_or(|at| now < at);
        lives.then_some(Standing { role: self.role, plan: self.plan, scope: self.scope })
    }
}

#[derive(FromQueryResult)]
struct FoundEvent {
    organization_id: Id,
    id: Id,
    created_at: Timestamp,
}

impl Connection {
    fn waits_for_events(&self) -> bool {
        self.readers.values().any(|reader| matches!(reader, Reader::Events { .. }))
    }

    fn waits_for_timer(&self) -> bool {
        self.readers.values().any(|reader| matches!(reader, Reader::Timer { .. }))
    }

    fn cut(&self, reason: Closed) {
        self.cut.send_if_modified(|cut| {
            let first = cut.is_none();
            if first {
                *cut = Some(reason);
            }
            first
        });
    }

    /// Tells every reader; drops the connection of one that is too far behind.
    fn tell(&mut self, tell: impl Fn(&Reader) -> bool) {
        let before = self.readers.len();
        self.readers.retain(|_, reader| tell(reader));
        if self.readers.len() < before {
            self.cut(Closed::SlowConsumer);
        }
    }
}

impl State {
    /// Of workspaces and people for whom nobody waits any more, nothing is kept.
    fn prune(&mut self) {
        let State { connections, told_events, told_timers, .. } = self;
        let waiting: Vec<_> = connections.values().filter(|waits| !waits.readers.is_empty()).collect();
        let workspaces: HashSet<Id> =
            waiting.iter().filter(|waits| waits.waits_for_events()).map(|waits| waits.organization_id).collect();
        let people: HashSet<Person> = waiting
            .iter()
            .filter(|waits| waits.waits_for_timer())
            .map(|waits| (waits.organization_id, waits.user_id))
            .collect();
        told_events.retain(|workspace, _| workspaces.contains(workspace));
        told_timers.retain(|person, _| people.contains(person));
    }

    fn fresh_events(&self, found: Vec<FoundEvent>) -> Vec<FoundEvent> {
        let told = |found: &FoundEvent| {
            self.told_events.get(&found.organization_id).is_none_or(|told| told.contains_key(&found.id))
        };
        found.into_iter().filter(|found| !told(found)).collect()
    }

    fn tell_events(&mut self, rows: &[event::Model]) {
        for row in rows {
            if let Some(told) = self.told_events.get_mut(&row.organization_id) {
                told.insert(row.id, row.created_at);
            }
            let event = match event_noun::read(row) {
                Ok(event) => event,
                Err(error) => {
                    error.log();
                    continue;
                }
            };
            for connection in self.connections.values_mut().filter(|waits| waits.organization_id == row.organization_id)
            {
                connection.tell(|reader| reader.tell_event(&event));
            }
        }
    }

    /// The events of those who have no room for a burst.
    fn behind(&self) -> Vec<mpsc::Sender<Event>> {
        let readers = self.connections.values().flat_map(|connection| connection.readers.values());
        let senders = readers.filter_map(|reader| match reader {
            Reader::Events { sender, .. } if sender.capacity() < BURST => Some(sender.clone()),
            _ => None,
        });
        senders.collect()
    }

    fn forget_events_before(&mut self, bound: Timestamp) {
        self.told_events.values_mut().for_each(|told| told.retain(|_, made| *made >= bound));
    }

    /// Everybody who waits for a timer, with the entries that may have changed: those that were named, and those that ran
    /// when they were last looked at.
    fn timers_to_read(&mut self) -> (Vec<Person>, Vec<Timer>) {
        let people: Vec<Person> = self.told_timers.keys().copied().collect();
        let ran = self.told_timers.iter().flat_map(|((organization_id, user_id), told)| {
            told.last().map(|(id, _)| Timer { organization_id: *organization_id, user_id: *user_id, entry_id: *id })
        });
        let named = self.changed.drain().chain(ran).collect();
        (people, named)
    }

    fn tell_timers(&mut self, rows: Vec<time_entry::Model>) {
        for row in rows {
            let (organization_id, user_id) = (row.organization_id, row.user_id);
            let Some(told) = self.told_timers.get_mut(&(organization_id, user_id)) else { continue };
            if told.contains(&(row.id, row.version)) {
                continue;
            }
            told.retain(|(id, _)| *id != row.id);
            told.push((row.id, row.version));
            told.drain(..told.len().saturating_sub(REMEMBERED));
            let entry = TimeEntry::from(row);
            let of_person =
                |waits: &&mut Connection| waits.organization_id == organization_id && waits.user_id == user_id;
            for connection in self.connections.values_mut().filter(of_person) {
                connection.tell(|reader| reader.tell_timer(&entry));
            }
        }
    }

    fn cut_the_changed(&self, asked: &HashSet<Id>, standings: &HashMap<Id, Option<Standing>>) {
        for connection in self.connections.values().filter(|waits| asked.contains(&waits.token_id)) {
            match standings.get(&connection.token_id) {
                Some(Some(standing)) if *standing == connection.standing => {}
                Some(Some(_)) => connection.cut(Closed::Access),
                Some(None) | None => connection.cut(Closed::Token),
            }
        }
    }
}
