//! The reader of live subscriptions: it loads new events and changed timers, and checks the rights of the subscribers.

use std::collections::HashSet;
use std::time::Duration;

use entity::value::{OrganizationId, TimeEntryId};
use entity::{event, time_entry};
use futures_util::future::join_all;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::Hub;
use super::pages::PAGES_INTERVAL;
use super::state::{FoundEvent, Person, Timer};
use crate::access::scope::Scoped;
use crate::contract::error::{Error, report};

/// How often the reader looks for changes without being woken.
const POLL: Duration = Duration::from_secs(1);
/// How often the rights of all subscribers are checked.
const RIGHTS_INTERVAL: Duration = Duration::from_secs(2);
/// How far back the reader looks for events, in milliseconds: a transaction may commit after a later one.
const LATE_COMMITS: i64 = 60_000;
/// The most values in one statement.
pub(super) const CHUNK: usize = 500;
/// The most events that are sent at once. Before more are sent, subscribers get `PAUSE` to read them, so that a burst of
/// commits closes nobody.
pub(super) const BURST: usize = 128;
const PAUSE: Duration = Duration::from_millis(50);

impl Hub {
    /// Reads until `stop` is set.
    pub(crate) async fn follow_changes(self, mut stop: watch::Receiver<bool>) {
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut next_check = Instant::now();
        let mut next_look = Instant::now();
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = self.live().wake.notified() => {}
                _ = poll.tick() => {}
            }
            self.live().state().prune();
            report("events for subscriptions", self.read_events().await);
            report("timers for subscriptions", self.read_timers().await);
            if Instant::now() >= next_look {
                next_look = Instant::now() + PAGES_INTERVAL;
                report("pages that are refreshed", self.read_pages().await);
            }
            if Instant::now() >= next_check {
                next_check = Instant::now() + RIGHTS_INTERVAL;
                let all = self.live().state().all_subscribers();
                report("rights of subscribers", self.entitled(all).await.map(drop));
            }
        }
    }

    /// Marks the present events of a workspace as sent, before its first subscriber.
    pub(super) async fn prepare_events(&self, organization: OrganizationId) -> Result<(), Error> {
        if self.live().state().sent_events.contains_key(&organization) {
            return Ok(());
        }
        let present = self.recent_events(&[organization]).await?;
        let present = present.into_iter().map(|found| (found.id, found.created_at)).collect();
        self.live().state().sent_events.entry(organization).or_insert(present);
        Ok(())
    }

    async fn read_events(&self) -> Result<(), Error> {
        let workspaces: Vec<OrganizationId> = self.live().state().sent_events.keys().copied().collect();
        for workspaces in workspaces.chunks(CHUNK) {
            let found = self.recent_events(workspaces).await?;
            let fresh = self.live().state().fresh_events(found);
            for fresh in fresh.chunks(BURST) {
                let rows = self.events_by_id(fresh).await?;
                self.await_capacity().await;
                let workspaces = rows.iter().map(|row| row.organization_id).collect();
                let subscribers = self.live().state().event_subscribers(&workspaces);
                let entitled = self.entitled(subscribers).await?;
                self.live().state().send_events(&rows, &entitled);
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
    async fn recent_events(&self, workspaces: &[OrganizationId]) -> Result<Vec<FoundEvent>, Error> {
        use event::Column;
        let query = event::Entity::all_of_each(workspaces.iter().copied())
            .select_only()
            .columns([Column::OrganizationId, Column::Id, Column::CreatedAt])
            .filter(Column::CreatedAt.gte(self.now().plus_millis(-LATE_COMMITS)));
        Ok(query.into_model::<FoundEvent>().all(self.database().reader()).await?)
    }

    async fn events_by_id(&self, fresh: &[FoundEvent]) -> Result<Vec<event::Model>, Error> {
        use event::Column;
        let workspaces: HashSet<OrganizationId> = fresh.iter().map(|found| found.organization_id).collect();
        let query = event::Entity::all_of_each(workspaces)
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

    /// Marks the running timers of a workspace as sent, before the first subscription to all of them.
    pub(super) async fn prepare_timers(&self, organization: OrganizationId) -> Result<(), Error> {
        let running = self.running_timers_in(&[organization]).await?;
        let mut state = self.live().state();
        for row in running {
            state.sent_timers.entry((organization, row.user_id)).or_insert_with(|| vec![(row.id, row.version)]);
        }
        Ok(())
    }

    async fn read_timers(&self) -> Result<(), Error> {
        let (people, named, everybody) = {
            let mut state = self.live().state();
            let everybody = state.timer_workspaces();
            let (people, named) = state.timers_to_read();
            (people, named, everybody)
        };
        let of_people: HashSet<&Person> = people.iter().collect();
        let of_everybody: HashSet<&OrganizationId> = everybody.iter().collect();
        let wanted = |timer: &&Timer| {
            of_people.contains(&(timer.organization_id, timer.user_id)) || of_everybody.contains(&timer.organization_id)
        };
        let named: Vec<&Timer> = named.iter().filter(wanted).collect();
        let sent = self.send_changes(&people, &named, &everybody).await;
        if sent.is_err() {
            // They changed all the same, and nothing else names them.
            self.live().state().changed.extend(named.into_iter().copied());
        }
        sent
    }

    /// Sends the named entries, then the running ones. These are read first: where a timer replaced another between the two
    /// statements, the end of the other is read with the second, and sent before its successor.
    async fn send_changes(
        &self,
        people: &[Person],
        named: &[&Timer],
        everybody: &[OrganizationId],
    ) -> Result<(), Error> {
        let mut running = Vec::new();
        for people in people.chunks(CHUNK) {
            running.extend(self.running_timers(people).await?);
        }
        for workspaces in everybody.chunks(CHUNK) {
            running.extend(self.running_timers_in(workspaces).await?);
        }
        for named in named.chunks(CHUNK) {
            self.send_timers(self.entries_by_id(named).await?).await?;
        }
        // A named one was read again since, and may have ended.
        let named: HashSet<TimeEntryId> = named.iter().map(|timer| timer.entry_id).collect();
        running.retain(|row| !named.contains(&row.id));
        self.send_timers(running).await
    }

    /// Sends timers to those subscribers whose rights are unchanged.
    async fn send_timers(&self, rows: Vec<time_entry::Model>) -> Result<(), Error> {
        let rows = self.live().state().fresh_timers(rows);
        if rows.is_empty() {
            return Ok(());
        }
        let workspaces = rows.iter().map(|row| row.organization_id).collect();
        let subscribers = self.live().state().timer_subscribers(&workspaces);
        let entitled = self.entitled(subscribers).await?;
        self.live().state().send_timers(rows, &entitled);
        Ok(())
    }

    /// The running timers of these people, from an index with one row per person.
    async fn running_timers(&self, people: &[Person]) -> Result<Vec<time_entry::Model>, Error> {
        use time_entry::Column;
        let query = time_entry::Entity::all_of_each(people.iter().map(|(organization, _)| *organization))
            .filter(Column::UserId.is_in(people.iter().map(|(_, user)| *user)))
            .filter(Column::DurationSeconds.is_null())
            .filter(Column::DeletedAt.is_null());
        Ok(query.all(self.database().reader()).await?)
    }

    /// The running timers of these workspaces, from an index with one row per person.
    async fn running_timers_in(&self, workspaces: &[OrganizationId]) -> Result<Vec<time_entry::Model>, Error> {
        use time_entry::Column;
        let query = time_entry::Entity::all_of_each(workspaces.iter().copied())
            .filter(Column::DurationSeconds.is_null())
            .filter(Column::DeletedAt.is_null());
        Ok(query.all(self.database().reader()).await?)
    }

    /// The present state of these entries, deleted ones too.
    async fn entries_by_id(&self, timers: &[&Timer]) -> Result<Vec<time_entry::Model>, Error> {
        use time_entry::Column;
        let workspaces: HashSet<OrganizationId> = timers.iter().map(|timer| timer.organization_id).collect();
        let query = time_entry::Entity::all_of_each(workspaces)
            .filter(Column::Id.is_in(timers.iter().map(|timer| timer.entry_id)))
            .order_by_asc(Column::UpdatedAt)
            .order_by_asc(Column::Id);
        Ok(query.all(self.database().reader()).await?)
    }
}
