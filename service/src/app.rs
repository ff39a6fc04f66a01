//! What lives as long as the process: pools, clock, ids, what wakes the worker. Made once in `main`, once per test.

use std::sync::Arc;

use entity::value::{Id, Timestamp};
use tokio::sync::Notify;

use crate::auth::TokenUse;
use crate::clock::Ids;
use crate::database::Database;
use crate::feed::Feed;
use crate::limit::Limits;
use crate::once::Once;
use crate::{Clock, Error};

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
}

impl Config {
    /// The defaults, on this database.
    pub fn new(database_url: impl Into<String>) -> Config {
        Config {
            database_url: database_url.into(),
            environment: Environment::default(),
            rate_limit_scale: 1,
            redis_url: None,
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
    once: Once,
    token_use: TokenUse,
    wake: Notify,
    feed: Feed,
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
        let mut database = Database::connect(&config.database_url).await?;
        watch(&mut database);
        let app = App(Arc::new(Inner {
            limits,
            once: Once::default(),
            database,
            environment: config.environment,
            clock,
            ids: Ids::default(),
            token_use: TokenUse::default(),
            wake: Notify::new(),
            feed: Feed::default(),
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

    pub(crate) fn new_id(&self) -> Id {
        self.0.ids.next(self.now())
    }

    pub(crate) fn database(&self) -> &Database {
        &self.0.database
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn once(&self) -> &Once {
        &self.0.once
    }

    pub(crate) fn token_use(&self) -> &TokenUse {
        &self.0.token_use
    }

    pub(crate) fn wake(&self) -> &Notify {
        &self.0.wake
    }

    pub(crate) fn feed(&self) -> &Feed {
        &self.0.feed
    }

    /// Measures how far PostgreSQL's clock is ahead of this machine's, and follows it.
    pub(crate) async fn follow_database_clock(&self) -> Result<(), Error> {
        if let Some(theirs) = self.0.database.time().await? {
            self.0.clock.follow(theirs);
        }
        Ok(())
    }
}
