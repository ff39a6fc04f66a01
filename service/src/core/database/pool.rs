//! Connections that are taken and given back without a word to the database. A connection on which something went wrong,
//! or whose user went away in the middle of a statement, is closed. While the database is away, everybody is refused at
//! once, and one task tries to reach it.
//!
//! Decision: `docs/decisions/0013-a-connection-pool-of-our-own.md`.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use sea_orm::sqlx;
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::connection::{Conn, Options, is_refused_for_now};
use super::permits::{Class, Permit, Permits, Waiting};
use super::pooler::Pooler;
use super::space::Space;
use super::taken::Taken;
use crate::core::observed;

/// How long it may take to open a connection.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// How often the database is tried while it is away.
const RECONNECT: Duration = Duration::from_millis(250);
/// Idle connections are tried this often, so that nothing on the way forgets them, and the dead are found.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// How long an idle connection may take to answer.
const PING: Duration = Duration::from_secs(3);

/// Is given the text of every statement; for tests.
pub(super) type Watch = Arc<dyn Fn(&str) + Send + Sync>;

/// Connections to one database.
pub(super) struct Pool {
    options: Options,
    pooler: Option<Pooler>,
    idle: Mutex<Vec<Idle>>,
    permits: Permits,
    /// Whether the database cannot be reached, as far as is known.
    away: watch::Sender<bool>,
    /// Connections that were opened before the last loss are not trusted.
    generation: AtomicU64,
    /// Whether somebody finds out at this moment whether the database still answers.
    suspected: AtomicBool,
    round_trips: AtomicU64,
    /// Users that wait for a connection.
    waiting: AtomicUsize,
    space: Space,
    watch: Mutex<Option<Watch>>,
}

struct Idle {
    conn: Conn,
    generation: u64,
    since: Instant,
}

fn unavailable() -> DbErr {
    DbErr::Conn(RuntimeErr::Internal("the database is away".into()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// A pool of so many connections at most, of which some are reserved for small reads. The first is opened at once.
    pub(super) async fn open(options: Options, size: usize, pooler: Option<Pooler>) -> Result<Arc<Pool>, sqlx::Error> {
        let pool = Arc::new(Pool {
            options,
            pooler,
            idle: Mutex::default(),
            permits: Permits::new(size),
            away: watch::Sender::new(false),
            generation: AtomicU64::new(0),
            suspected: AtomicBool::new(false),
            round_trips: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            space: Space::default(),
            watch: Mutex::default(),
        });
        let first = timeout(CONNECT, pool.options.open(pooler)).await;
        let conn = first.map_err(|_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))??;
        pool.put(conn, 0);
        if pool.is_postgres() {
            tokio::spawn(keep_alive(Arc::downgrade(&pool)));
        }
        Ok(pool)
    }

    /// A connection, once there is one.
    pub(super) async fn take(self: &Arc<Pool>, class: Class, until: Instant) -> Result<Taken, DbErr> {
        let asked = Instant::now();
        let permit = self.permit(class, until).await?;
        let generation = self.generation();
        let found = loop {
            match lock(&self.idle).pop() {
                Some(idle) if idle.generation < generation => drop(idle),
                found => break found,
            }
        };
        let (conn, fresh) = match found {
            Some(idle) => (idle.conn, false),
            None => (self.connect(until).await?, true),
        };
        observed::waited(asked.elapsed());
        Ok(Taken::new(self.clone(), conn, generation, fresh, permit))
    }

    async fn permit(&self, class: Class, until: Instant) -> Result<Permit, DbErr> {
        if self.is_away() {
            return Err(unavailable());
        }
        match self.permits.now(class) {
            Some(permit) => Ok(permit),
            // Boxed, since most need not wait.
            None => Box::pin(self.permit_once_free(class, until)).await,
        }
    }

    async fn permit_once_free(&self, class: Class, until: Instant) -> Result<Permit, DbErr> {
        let mut away = self.away.subscribe();
        if *away.borrow_and_update() {
            return Err(unavailable());
        }
        let _waiting = Waiting::of(&self.waiting);
        tokio::select! {
            biased;
            asked = timeout_at(until, self.permits.once_free(class)) => {
                asked.unwrap_or(Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)))
            }
            _ = away.wait_for(|away| *away) => Err(unavailable()),
        }
    }

    /// Opens a connection.
    pub(super) async fn connect(self: &Arc<Pool>, until: Instant) -> Result<Conn, DbErr> {
        let limit = Instant::now() + CONNECT;
        match timeout_at(until.min(limit), self.options.open(self.pooler)).await {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(error)) if is_refused_for_now(&error) => {
                tracing::warn!(%error, "the database gave no connection");
                Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed))
            }
            Ok(Err(error)) => {
                self.lost(&error.to_string());
                Err(unavailable())
            }
            // The time of the request was over first, which says nothing about the database.
            Err(_) if until < limit => Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)),
            Err(_) => {
                self.lost("it takes too long to connect");
                Err(unavailable())
            }
        }
    }

    /// The database is away: everybody hears of it at once, and one task tries until it is back.
    fn lost(self: &Arc<Pool>, why: &str) {
        self.distrust();
        if self.away.send_replace(true) {
            return;
        }
        tracing::warn!(%why, "the database is away; requests are refused until it is back");
        let pool = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(pool) = pool.upgrade() {
                if let Ok(Ok(mut conn)) = timeout(CONNECT, pool.options.open(pool.pooler)).await
                    && pool.is_answered(&mut conn).await
                {
                    pool.put(conn, pool.generation());
                    pool.away.send_replace(false);
                    tracing::warn!("the database is back");
                    return;
                }
                drop(pool);
                tokio::time::sleep(RECONNECT).await;
            }
        });
    }

    /// What was opened before now is not used again: a restart of the database ends all connections together.
    pub(super) fn distrust(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        lock(&self.idle).clear();
    }

    /// The connections that are trusted are of this generation.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn is_postgres(&self) -> bool {
        matches!(self.options, Options::Postgres(_))
    }

    /// Takes a connection back, if it is still trusted.
    pub(super) fn put(&self, conn: Conn, generation: u64) {
        if generation == self.generation() {
            lock(&self.idle).push(Idle { conn, generation, since: Instant::now() });
        }
    }

    /// Whether the database cannot be reached, as far as is known.
    pub(super) fn is_away(&self) -> bool {
        *self.away.borrow()
    }

    /// What writes have shown of the disk.
    pub(super) fn space(&self) -> &Space {
        &self.space
    }

    /// How many connections are in use, and how many idle.
    pub(super) fn usage(&self) -> (usize, usize) {
        let idle = lock(&self.idle).len();
        (self.permits.in_use(), idle)
    }

    /// How many wait for a connection, and how many connections there may be.
    pub(super) fn waiting_and_size(&self) -> (usize, usize) {
        (self.waiting.load(Ordering::Relaxed), self.permits.size())
    }

    /// Messages that were sent to the database, each of which was answered once.
    pub(super) fn round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::Relaxed)
    }

    /// What spans call the database.
    pub(super) fn system(&self) -> &'static str {
        match self.options {
            Options::Postgres(_) => "postgresql",
            Options::Sqlite(_) => "sqlite",
        }
    }

    pub(super) fn count_round_trip(&self) {
        self.round_trips.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn set_watch(&self, watch: Watch) {
        *lock(&self.watch) = Some(watch);
    }

    /// Reports a statement to its observer, if there is one.
    pub(super) fn report(&self, sql: &str) {
        let watch = lock(&self.watch).clone();
        if let Some(watch) = watch {
            watch(sql);
        }
    }

    /// Closes what is idle; nothing is taken any more.
    pub(super) async fn close(&self) -> Result<(), sqlx::Error> {
        self.permits.close();
        let idle = std::mem::take(&mut *lock(&self.idle));
        for idle in idle {
            timeout(PING, idle.conn.close()).await.unwrap_or(Ok(()))?;
        }
        Ok(())
    }

    /// Tries the connections that have been idle for so long; those that do not answer are closed, with all that are as old.
    async fn try_idle(&self, rested: Duration) {
        let rested: Vec<Idle> = {
            let mut idle = lock(&self.idle);
            let (rested, used) =
                std::mem::take(&mut *idle).into_iter().partition(|idle| idle.since.elapsed() >= rested);
            *idle = used;
            rested
        };
        for mut idle in rested {
            if !idle.conn.ping(Instant::now() + PING).await {
                self.distrust();
                return;
            }
            // Last used, last taken again: those that were used since stay above it.
            if idle.generation == self.generation() {
                lock(&self.idle).insert(0, Idle { since: Instant::now(), ..idle });
            }
        }
    }

    /// A statement had no answer in time: finds out whether the database still gives any, so that others need not wait for
    /// that long.
    pub(super) async fn suspect(self: Arc<Pool>) {
        if self.suspected.swap(true, Ordering::AcqRel) {
            return;
        }
        self.try_idle(Duration::ZERO).await;
        match timeout(PING, self.options.open(self.pooler)).await {
            Ok(Ok(mut conn)) => match self.is_answered(&mut conn).await {
                true => self.put(conn, self.generation()),
                false => self.lost("the pooler answers, and the database behind it does not"),
            },
            Ok(Err(error)) if is_refused_for_now(&error) => {}
            Ok(Err(error)) => self.lost(&error.to_string()),
            Err(_) => self.lost("it does not answer"),
        }
        self.suspected.store(false, Ordering::Release);
    }

    /// Whether the database answers on a new connection. A pooler gives one whatever has become of the database behind it.
    async fn is_answered(&self, conn: &mut Conn) -> bool {
        self.pooler.is_none() || conn.simple("SELECT 1", Instant::now() + PING).await.is_ok()
    }

    /// Cancels the running statement of a connection in PostgreSQL.
    pub(super) async fn cancel(self: Arc<Pool>, process: i32) {
        let until = Instant::now() + CONNECT;
        if let Ok(mut taken) = self.take(Class::Authentication, until).await {
            _ = taken.simple(&format!("SELECT pg_cancel_backend({process})"), until).await;
        }
    }
}

/// Tries connections that were idle for long.
async fn keep_alive(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(KEEP_ALIVE).await;
        let Some(pool) = pool.upgrade() else { return };
        pool.try_idle(KEEP_ALIVE).await;
    }
}
