//! The runner of background jobs: each is a task of its own, so that one that takes long, or fails, holds up no other.
//! This one notifies the other replicas of commits in this process (LISTEN/NOTIFY on PostgreSQL).

use std::pin::pin;
use std::time::Duration;

use entity::token;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, Statement};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::access::scope::Scoped;
use crate::app::App;
use crate::contract::error::{Error, report};
use crate::door::operator::Operator;
use crate::nouns::time_entry::settle;

/// The channel of notifications between replicas.
const CHANNEL: &str = "hoursmith_wake";
/// Jobs of housekeeping need no haste.
const HOUSEKEEPING: Duration = Duration::from_secs(30);
/// How many rounds of it an hour has.
const ROUNDS_AN_HOUR: u64 = 120;
/// Rows that one transaction of a sweep deletes at most, so that it holds nothing up.
const SWEEP: u64 = 500;
/// The most tokens whose last use is stored in one transaction.
const TOKENS_AT_ONCE: usize = 500;
const RECONNECT: Duration = Duration::from_secs(5);
/// The least time between two notifications of the other replicas.
const GATHER: Duration = Duration::from_millis(10);

impl App {
    /// Runs until it is stopped. Jobs of this process always run; work on shared rows only if the worker is on.
    pub async fn run_jobs(&self, worker: bool, mut stop: watch::Receiver<bool>) {
        let listening = self.clone();
        let listener = tokio::spawn(async move { listening.listen().await });
        let live = tokio::spawn(self.hub().clone().follow_changes(stop.clone()));
        let settler = self.clone();
        let settling = tokio::spawn(async move { settler.run_settling().await });
        let housekeeper = self.clone();
        let housekeeping = tokio::spawn(async move { housekeeper.run_housekeeping(worker).await });
        let (delivering, stopped) = (self.clone(), stop.clone());
        let deliveries = worker.then(|| tokio::spawn(async move { delivering.dispatcher().run_worker(stopped).await }));
        let mut woken = pin!(self.wake().notified());
        woken.as_mut().enable();
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                () = &mut woken => {}
            }
            // Commits made during this notification trigger the next one.
            woken.set(self.wake().notified());
            woken.as_mut().enable();
            report("wake", self.notify_replicas().await);
            // What is committed meanwhile goes with the next one: under load, one notification stands for many commits.
            tokio::time::sleep(GATHER).await;
        }
        // Each piece of it is a transaction, so that it can end anywhere.
        housekeeping.abort();
        settling.abort();
        if let Some(Err(cause)) = futures_util::future::OptionFuture::from(deliveries).await {
            tracing::error!(%cause, "the worker ended in a fault of ours");
        }
        listener.abort();
        live.abort();
        report("token use", self.store_token_use().await);
    }

    /// What needs no haste, and may take long: beside the rest, which it must not hold up.
    async fn run_housekeeping(&self, worker: bool) {
        let mut rounds = interval(HOUSEKEEPING);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for round in 0_u64.. {
            rounds.tick().await;
            if round.is_multiple_of(ROUNDS_AN_HOUR) {
                if worker {
                    report("unsettled projects", settle::find(self.core().database().reader(), self.unsettled()).await);
                }
                report("statistics", self.core().database().optimize(round == 0).await.map_err(Error::from));
            }
            report("clock", self.core().follow_database_clock().await);
            report("token use", self.store_token_use().await);
            self.door().limits.sweep();
            if worker {
                report("idempotency sweep", self.sweep_idempotency_keys().await);
                report("session sweep", self.sweep_sessions().await);
                report("webhook sweep", self.sweep_webhooks().await);
            }
        }
    }

    /// Makes the entries not billable that are left of projects that have become NON_BILLABLE, a few at a time.
    async fn run_settling(&self) {
        loop {
            if let Err(cause) = self.settle_known().await {
                report("settling", Err(cause));
                tokio::time::sleep(RECONNECT).await;
                continue;
            }
            self.unsettled().added().await;
        }
    }

    /// Makes all entries of NON_BILLABLE projects not billable that are left to be. The runner does this by itself; tests call
    /// it.
    ///
    /// # Errors
    /// `Internal` or `Unavailable` if the database does not answer; what was done before stays so.
    pub async fn settle_projects(&self) -> Result<(), Error> {
        settle::find(self.core().database().reader(), self.unsettled()).await?;
        self.settle_known().await
    }

    async fn settle_known(&self) -> Result<(), Error> {
        let operator = Operator::of(self);
        while let Some((organization, project)) = self.unsettled().next() {
            match settle::step(&operator, organization, project).await {
                Ok(false) => {}
                Ok(true) => self.unsettled().add(organization, project),
                Err(cause) => {
                    self.unsettled().add(organization, project);
                    return Err(cause);
                }
            }
        }
        Ok(())
    }

    /// Deletes login links, sessions and challenges that have expired. They let nobody in any more; this only makes room.
    async fn sweep_sessions(&self) -> Result<(), Error> {
        for table in ["login_link", "session", "spent_challenge"] {
            let tx = self.core().database().begin().await?;
            let sql = format!("DELETE FROM {table} WHERE expires_at <= $1");
            tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [self.now().into()])).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Wakes the other replicas, off the path of the request that has something for them.
    async fn notify_replicas(&self) -> Result<(), Error> {
        let messages = self.hub().live().outgoing();
        if self.core().database().is_postgres() {
            for text in messages {
                let statement = Statement::from_sql_and_values(
                    self.core().database().reader().get_database_backend(),
                    "SELECT pg_notify($1, $2)",
                    [CHANNEL.into(), text.into()],
                );
                self.core().database().reader().execute_raw(statement).await?;
            }
        }
        Ok(())
    }

    /// Hears what other replicas commit. A lost connection is made again; the poll bridges the gap.
    async fn listen(&self) {
        if !self.core().database().can_listen() {
            return;
        }
        loop {
            let listening = async {
                let Some(mut listener) = self.core().database().listener().await? else { return Ok(()) };
                listener.listen(CHANNEL).await?;
                loop {
                    let message = listener.recv().await?;
                    self.notified(message.payload());
                    tracing::trace!("woken by a replica");
                }
            };
            let lost: Result<(), sea_orm::sqlx::Error> = listening.await;
            if let Err(error) = lost {
                tracing::debug!(%error, "listening for other replicas was interrupted");
            }
            tokio::time::sleep(RECONNECT).await;
        }
    }

    async fn store_token_use(&self) -> Result<(), Error> {
        let used: Vec<_> = self.door().callers.token_use.noted().into_iter().collect();
        // A few at a time: no other write waits long, and what is stored is not stored again if the rest fails.
        for some in used.chunks(TOKENS_AT_ONCE) {
            let tx = self.core().database().begin().await?;
            for &((organization, id), at) in some {
                token::Entity::update_in(organization)
                    .col_expr(token::Column::LastUsedAt, Expr::value(at))
                    .filter(token::Column::Id.eq(id))
                    .exec(&tx)
                    .await?;
            }
            tx.commit().await?;
            self.door().callers.token_use.forget(some);
        }
        Ok(())
    }

    /// Keys are dead when their time is over; this only makes room, a little at a time, so that it holds nobody up.
    async fn sweep_idempotency_keys(&self) -> Result<(), Error> {
        let database = self.core().database();
        // Another replica's sweep is not waited for: it takes what it has begun.
        let busy = if database.is_postgres() { "FOR UPDATE SKIP LOCKED" } else { "" };
        let sql = format!(
            "DELETE FROM idempotency_key WHERE expires_at <= $1 AND (organization_id, user_id, key) IN (\
             SELECT organization_id, user_id, key FROM idempotency_key \
             WHERE expires_at <= $1 ORDER BY expires_at LIMIT {SWEEP} {busy})"
        );
        loop {
            let tx = database.begin().await?;
            let statement = Statement::from_sql_and_values(tx.get_database_backend(), &sql, [self.now().into()]);
            let swept = tx.execute_raw(statement).await?.rows_affected();
            tx.commit().await?;
            if swept < SWEEP {
                return Ok(());
            }
        }
    }
}
