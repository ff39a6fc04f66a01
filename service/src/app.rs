//! What lives as long as the process: pools, clock, ids, what wakes the worker. Made once in `main`, once per test.

use std::sync::Arc;
use std::time::Duration;

use entity::value::{Id, Timestamp};
use ipnet::IpNet;
use rustls::pki_types::CertificateDer;
use tokio::sync::Notify;

use crate::access::auth::TokenUse;
use crate::contract::error::Error;
use crate::core::clock::Clock;
use crate::core::clock::Ids;
use crate::core::database::Database;
use crate::core::vault::{SecretKey, Vault};
use crate::idempotency::Idempotency;
use crate::limit::Limits;
use crate::live::Live;
use crate::webhook::{Resolve, Webhooks};

/// Which of its two kinds a server is: tokens of one are refused by the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Environment {
    /// For real.
    #[default]
    Live,
    /// For trying out; its events say so.
    Test,
}

impl Environment {
    /// Its part of a token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Environment::Live => "live",
            Environment::Test => "test",
        }
    }
}

/// What an operator decides about a server.
#[derive(Clone, Debug)]
pub struct Config {
    /// `sqlite://…` or `postgres://…`, of a migrated database.
    pub database_url: String,
    /// Live or test.
    pub environment: Environment,
    /// Multiplies every rate budget. With 0 there are none, and nothing is told of them: for measuring what they cost.
    pub rate_limit_scale: u32,
    /// A Redis or Valkey whose rate-limit buckets all replicas share; else each process has its own.
    pub redis_url: Option<String>,
    /// What stored secrets are sealed with: the first seals, all open.
    pub secret_keys: Vec<SecretKey>,
    /// Networks that webhooks may reach although private, over http too and on any port.
    pub webhook_allow: Vec<IpNet>,
    /// Authorities that receivers are trusted by, besides those of the public.
    pub webhook_roots: Vec<CertificateDer<'static>>,
    /// How long a receiver may take to answer.
    pub webhook_timeout: Duration,
    /// Finds the addresses of receivers; the system's own unless said.
    pub resolver: Option<Arc<dyn Resolve>>,
    /// How long events, deliveries and attempts are kept, in days.
    pub retention_days: u32,
    /// Where chance begins, for runs that are to repeat.
    pub seed: Option<u64>,
}

impl Config {
    /// The defaults, on this database.
    pub fn new(database_url: impl Into<String>) -> Config {
        Config {
            database_url: database_url.into(),
            environment: Environment::default(),
            rate_limit_scale: 1,
            redis_url: None,
            secret_keys: vec![],
            webhook_allow: vec![],
            webhook_roots: vec![],
            webhook_timeout: Duration::from_secs(10),
            resolver: None,
            retention_days: 30,
            seed: None,
        }
    }

    /// Whether a setting can be the URL of a Redis, as far as can be told without asking one.
    ///
    /// # Errors
    /// What it should be, in one line that does not quote it.
    pub fn check_redis_url(url: &str) -> Result<(), &'static str> {
        crate::limit::check_url(url)
    }
}

/// The application. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    database: Database,
    environment: Environment,
    clock: Clock,
    ids: Ids,
    limits: Limits,
    idempotency: Idempotency,
    token_use: TokenUse,
    vault: Vault,
    webhooks: Webhooks,
    retention_days: u32,
    wake: Notify,
    live: Live,
    due: Notify,
}

impl App {
    /// Connects to a migrated database.
    pub async fn connect(config: Config, clock: Clock) -> Result<App, Error> {
        Self::build(config, clock, |_| {}).await
    }

    /// The same, telling of every SQL statement; for tests that count them.
    pub async fn connect_watched(
        config: Config,
        clock: Clock,
        tell: impl Fn(&str) + Clone + Send + Sync + 'static,
    ) -> Result<App, Error> {
        Self::build(config, clock, |database| database.on_statement(tell)).await
    }

    async fn build(config: Config, clock: Clock, watch: impl FnOnce(&mut Database)) -> Result<App, Error> {
        let limits = Limits::new(clock.clone(), config.rate_limit_scale, config.redis_url.as_deref())?;
        limits.connect().await;
        let mut database = Database::connect(&config.database_url).await?;
        watch(&mut database);
        let app = App(Arc::new(Inner {
            limits,
            idempotency: Idempotency::default(),
            vault: Vault::new(&config.secret_keys),
            webhooks: Webhooks::new(&config)?,
            retention_days: config.retention_days,
            database,
            environment: config.environment,
            clock,
            ids: Ids::default(),
            token_use: TokenUse::default(),
            wake: Notify::new(),
            live: Live::default(),
            due: Notify::new(),
        }));
        app.follow_database_clock().await?;
        Ok(app)
    }

    /// This instant.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Live or test.
    pub fn environment(&self) -> Environment {
        self.0.environment
    }

    /// Whether the database answers and its last migration is this one.
    pub async fn is_ready(&self, last_migration: &str) -> bool {
        self.0.database.last_migration().await.is_ok_and(|last| last.as_deref() == Some(last_migration))
    }

    /// Closes the pools, when nothing runs any more.
    pub async fn close(&self) -> Result<(), Error> {
        Ok(self.0.database.close().await?)
    }

    /// The id of a request that brings none.
    pub fn new_request_id(&self) -> String {
        self.new_id().to_string()
    }

    /// Seals a text that a client is to bring back, bound to what it is for.
    ///
    /// # Errors
    /// `Internal` where there is no secret key.
    pub fn seal_state(&self, purpose: &str, text: &str) -> Result<String, Error> {
        self.0.vault.seal_text(purpose, text)
    }

    /// The text of a state that was sealed for this purpose; none for anything else.
    pub fn open_state(&self, purpose: &str, sealed: &str) -> Option<String> {
        self.0.vault.open_sealed(purpose, sealed).ok()
    }

    pub(crate) fn new_id(&self) -> Id {
        self.0.ids.next(self.now())
    }

    pub(crate) fn database(&self) -> &Database {
        &self.0.database
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn idempotency(&self) -> &Idempotency {
        &self.0.idempotency
    }

    pub(crate) fn token_use(&self) -> &TokenUse {
        &self.0.token_use
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.0.vault
    }

    pub(crate) fn webhooks(&self) -> &Webhooks {
        &self.0.webhooks
    }

    pub(crate) fn retention_days(&self) -> u32 {
        self.0.retention_days
    }

    /// Told to the worker whenever an event was committed, here or elsewhere, and kept until it looks.
    pub(crate) fn due(&self) -> &Notify {
        &self.0.due
    }

    /// Told whenever an event was committed here; whoever waits must have begun to.
    pub(crate) fn wake(&self) -> &Notify {
        &self.0.wake
    }

    pub(crate) fn live(&self) -> &Live {
        &self.0.live
    }

    /// An event was committed by this process.
    pub(crate) fn wake_all(&self) {
        self.0.wake.notify_waiters();
        self.0.due.notify_one();
    }

    /// Measures how far PostgreSQL's clock is ahead of this machine's, and follows it.
    pub(crate) async fn follow_database_clock(&self) -> Result<(), Error> {
        if let Some(theirs) = self.0.database.time().await? {
            self.0.clock.follow(theirs);
        }
        Ok(())
    }
}
