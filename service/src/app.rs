//! The application: everything that lives as long as the process, assembled. Made once in `main`, once per test.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use entity::value::Timestamp;
use ipnet::IpNet;
use rustls::pki_types::CertificateDer;
use tokio::sync::Notify;

use crate::access::action::Action;
use crate::contract::caller::Caller;
use crate::contract::error::{Cause, Error, Feature, OPERATION_TIMEOUT};
use crate::core::clock::Clock;
use crate::core::database::{self, Database};
use crate::core::trace::Tracer;
use crate::core::vault::{SecretKey, Vault};
use crate::core::{Core, Environment};
use crate::door::admission::Admission;
use crate::door::operator::Operator;
use crate::door::visitor::Visitor;
use crate::door::{Cx, Door, OnCommit, Signal};
use crate::limit::Limits;
use crate::live::{Hub, Subscriber, Timer, Watch, Watched};
use crate::metrics::Gauges;
use crate::webhook::{ATTEMPT_TIMEOUT, Dispatcher, Resolve, Settings, Webhooks};

/// What an operator decides about a server.
#[derive(Clone, Debug)]
pub struct Config {
    /// `sqlite://…` or `postgres://…`, of a migrated database.
    pub database_url: String,
    /// A way to PostgreSQL past a pooler: for LISTEN.
    pub database_direct_url: Option<String>,
    /// Connections to PostgreSQL, at most.
    pub database_connections: u32,
    /// How long an operation may take in all; tests shorten it.
    pub operation_timeout: Duration,
    /// Live or test.
    pub environment: Environment,
    /// Multiplies every rate limit. With 0 there are none, and no headers report them: for measuring what they cost.
    pub rate_limit_scale: u32,
    /// A Redis or Valkey whose rate-limit buckets all replicas share; else each process has its own.
    pub redis_url: Option<String>,
    /// The authorities (PEM) that sign the certificate of a Redis behind `rediss://`; the public ones if none are given.
    pub redis_ca: Option<Vec<u8>>,
    /// What stored secrets are sealed with: the first seals, all open.
    pub secret_keys: Vec<SecretKey>,
    /// Networks that webhooks may reach although private, over http too and on any port.
    pub webhook_allow: Vec<IpNet>,
    /// Networks that webhooks may not reach although public: the operator's own, for example. They take precedence over
    /// `webhook_allow`.
    pub webhook_deny: Vec<IpNet>,
    /// The most attempts per second to one endpoint, by this process.
    pub webhook_rate: NonZeroU32,
    /// Authorities that receivers are trusted by, besides those of the public.
    pub webhook_roots: Vec<CertificateDer<'static>>,
    /// How long a receiver may take to answer.
    pub webhook_timeout: Duration,
    /// Resolves the addresses of receivers; by default the system's resolver.
    pub resolver: Option<Arc<dyn Resolve>>,
    /// How long events, deliveries and attempts are kept, in days.
    pub retention_days: u32,
    /// Seed of the random source, for runs that are to repeat.
    pub seed: Option<u64>,
    /// Whether this process is a server. On PostgreSQL other commands then know that the database is in use.
    pub serves: bool,
    /// Makes spans of requests and of what they cause; by default there are none.
    pub tracer: Option<Tracer>,
}

/// The default of `Config::webhook_rate`: 50.
const DEFAULT_WEBHOOK_RATE: NonZeroU32 = NonZeroU32::MIN.saturating_add(49);

impl Config {
    /// The defaults, on this database.
    pub fn new(database_url: impl Into<String>) -> Config {
        Config {
            database_url: database_url.into(),
            database_direct_url: None,
            database_connections: 16,
            operation_timeout: OPERATION_TIMEOUT,
            environment: Environment::default(),
            rate_limit_scale: 1,
            redis_url: None,
            redis_ca: None,
            secret_keys: vec![],
            webhook_allow: vec![],
            webhook_deny: vec![],
            webhook_rate: DEFAULT_WEBHOOK_RATE,
            webhook_roots: vec![],
            webhook_timeout: ATTEMPT_TIMEOUT,
            resolver: None,
            retention_days: 30,
            seed: None,
            serves: false,
            tracer: None,
        }
    }

    /// Whether a setting can be the URL of a Redis, as far as can be checked without connecting.
    ///
    /// # Errors
    /// What it should be, in one line that does not quote it.
    pub fn check_redis_url(url: &str, authorities: Option<&[u8]>) -> Result<(), &'static str> {
        crate::limit::check_url(url, authorities)
    }
}

/// The application. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    door: Arc<Door>,
    dispatcher: Dispatcher,
    hub: Hub,
    wake: Arc<Notify>,
    gauges: Gauges,
}

impl App {
    /// Connects to a migrated database.
    ///
    /// # Errors
    /// `Internal` if the database does not answer, or a setting cannot be used.
    pub async fn connect(config: Config, clock: Clock) -> Result<App, Error> {
        Self::build(config, clock, |_| {}).await
    }

    /// Connects as `connect` does, and reports every SQL statement; for tests that count them.
    ///
    /// # Errors
    /// As `connect`.
    pub async fn connect_watched(
        config: Config,
        clock: Clock,
        report: impl Fn(&str) + Clone + Send + Sync + 'static,
    ) -> Result<App, Error> {
        Self::build(config, clock, |database| database.on_statement(report)).await
    }

    async fn build(config: Config, clock: Clock, watch: impl FnOnce(&mut Database)) -> Result<App, Error> {
        let limits = Limits::new(
            clock.clone(),
            config.rate_limit_scale,
            config.redis_url.as_deref(),
            config.redis_ca.as_deref(),
        )?;
        limits.connect().await;
        let mut database = Database::connect(database::Settings {
            url: &config.database_url,
            direct_url: config.database_direct_url.as_deref(),
            connections: config.database_connections,
            timeout: config.operation_timeout,
            serves: config.serves,
        })
        .await
        .map_err(|cause| Error::Internal(Cause::Database(cause)))?;
        watch(&mut database);
        let mut core = Core::new(database, clock, config.environment, Vault::new(&config.secret_keys));
        core.tracer = config.tracer;
        core.follow_database_clock().await?;
        let webhooks = Arc::new(Webhooks::new(&Settings {
            allow: config.webhook_allow,
            deny: config.webhook_deny,
            rate: config.webhook_rate,
            roots: config.webhook_roots,
            timeout: config.webhook_timeout,
            resolver: config.resolver,
            seed: config.seed,
            retention_days: config.retention_days,
        })?);
        let (wake, due) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let hub = Hub::new(core.clone());
        let on_commit = Self::on_commit(hub.clone(), wake.clone(), due.clone());
        let door = Arc::new(Door::new(core.clone(), limits, webhooks.clone(), on_commit));
        let dispatcher = Dispatcher::new(core, webhooks, due);
        let registry = &dispatcher.webhooks().metrics.registry;
        let gauges = Gauges::new(registry)?;
        registry.register(Box::new(door.limits.refused.clone())).map_err(crate::webhook::metrics::broken)?;
        Ok(App(Arc::new(Inner { door, dispatcher, hub, wake, gauges })))
    }

    /// What follows a commit: subscriptions and the other replicas learn of it, and the worker of webhooks if it wrote deliveries.
    fn on_commit(hub: Hub, wake: Arc<Notify>, due: Arc<Notify>) -> OnCommit {
        Box::new(move |organization_id, signals| {
            let timer = |signal: &Signal| match *signal {
                Signal::Timer { user_id, entry_id } => Some(Timer { organization_id, user_id, entry_id }),
                Signal::Events | Signal::Deliveries => None,
            };
            let timers: Vec<Timer> = signals.iter().filter_map(timer).collect();
            let has_deliveries = signals.contains(&Signal::Deliveries);
            hub.live().committed(&timers, has_deliveries);
            wake.notify_waiters();
            if has_deliveries {
                due.notify_one();
            }
        })
    }

    /// This instant.
    pub fn now(&self) -> Timestamp {
        self.core().now()
    }

    /// Live or test.
    pub fn environment(&self) -> Environment {
        self.core().environment
    }

    /// Makes spans, where the operator wants traces.
    pub fn tracer(&self) -> Option<&Tracer> {
        self.core().tracer.as_ref()
    }

    /// Whether the database answers, has the last of these migrations, and no breaking one besides them.
    pub async fn is_ready(&self, migrations: &[String]) -> bool {
        self.core().database().fits(migrations).await.unwrap_or(false)
    }

    /// Closes the connections to the database, when nothing runs any more.
    ///
    /// # Errors
    /// `Internal` if the database does not take leave.
    pub async fn close(&self) -> Result<(), Error> {
        Ok(self.core().database().close().await?)
    }

    /// The id of a request that brings none.
    pub fn new_request_id(&self) -> String {
        crate::core::clock::request_id(self.core().now()).hyphenated().to_string()
    }

    /// Lets a request in: token, then plan, then budget.
    ///
    /// # Errors
    /// `Unauthenticated`, or `RateLimited` in its place for an address that guesses.
    #[crate::boxed]
    pub async fn admit(&self, authorization: Option<&str>, address: IpAddr) -> Result<Admission, Error> {
        self.admit_to(Feature::ApiAccess, authorization, address).await
    }

    /// Lets a request in to an operation that the plan must have a feature for: token, then plan, then budget.
    ///
    /// # Errors
    /// As `admit`.
    #[crate::boxed]
    pub async fn admit_to(
        &self,
        feature: Feature,
        authorization: Option<&str>,
        address: IpAddr,
    ) -> Result<Admission, Error> {
        self.0.door.admit_to(feature, authorization, address).await
    }

    /// The caller that this `Authorization` header stands for.
    ///
    /// # Errors
    /// `Unauthenticated`.
    #[crate::boxed]
    pub async fn authenticate(&self, authorization: Option<&str>) -> Result<Caller, Error> {
        self.0.door.authenticate(authorization).await
    }

    /// Lets a request in to an action, which confirms the caller itself where it can.
    ///
    /// # Errors
    /// As `admit`.
    #[crate::boxed]
    pub async fn admit_action(
        &self,
        action: Action,
        authorization: Option<&str>,
        address: IpAddr,
    ) -> Result<Admission, Error> {
        self.0.door.admit_action(action, authorization, address).await
    }

    /// Somebody at an address, who is not signed in yet.
    pub fn visitor(&self, address: IpAddr) -> Visitor {
        Visitor::new(self.0.door.clone(), address)
    }

    /// Lets in a request that confirms its caller by itself (`Admitted::confirm_access`, `Cx::renewed`), before anything of
    /// its answer is sent.
    ///
    /// # Errors
    /// As `admit`.
    #[crate::boxed]
    pub async fn admit_unconfirmed(&self, authorization: Option<&str>, address: IpAddr) -> Result<Admission, Error> {
        self.0.door.admit_unconfirmed(authorization, address).await
    }

    /// Registers a subscriber for a connection of this caller. It is closed when the token, role, plan or scope changes.
    pub fn register_subscriber(&self, caller: &Caller) -> Subscriber {
        self.hub().register_subscriber(caller)
    }

    /// Watches what a page of the settings shows, for as long as the session of the caller lets in and may see it.
    ///
    /// # Errors
    /// As for reading it; `Conflict` where the session or the member has too many pages open, `Unavailable` where all
    /// together have.
    pub async fn watch(&self, cx: &Cx, watched: Watched) -> Result<Watch, Error> {
        self.hub().watch(cx, watched).await
    }

    /// Closes every subscriber, present and future: the server stops.
    pub fn close_subscribers(&self) {
        self.hub().close_subscribers();
    }

    /// The number of registered subscribers and of pages that watch, for tests and operators.
    pub fn subscriber_count(&self) -> usize {
        self.hub().subscriber_count()
    }

    /// Stops taking deliveries, at once; what runs is finished, the rest handed back.
    pub fn stop_delivering(&self) {
        self.dispatcher().stop_delivering();
    }

    /// Delivers everything that is due now and returns how many attempts that took. The runner does the same by itself;
    /// this is for tests, which move the clock.
    ///
    /// # Errors
    /// `Internal` if the database does not answer.
    pub async fn deliver_due(&self) -> Result<usize, Error> {
        self.dispatcher().deliver_due().await
    }

    /// Deletes deliveries with their attempts, and then events, that are older than the retention.
    ///
    /// # Errors
    /// `Internal` if the database does not answer; what was deleted before stays so.
    pub async fn sweep_webhooks(&self) -> Result<(), Error> {
        self.dispatcher().sweep_webhooks().await
    }

    /// How many requests with an idempotency key work or wait in this process; for tests and operators.
    pub fn requests_with_keys(&self) -> usize {
        self.door().requests_with_keys()
    }

    /// How many messages have been sent to the database, each of which had one answer; for tests that count them.
    pub fn database_round_trips(&self) -> u64 {
        self.core().database().round_trips()
    }

    pub(crate) fn core(&self) -> &Core {
        &self.0.door.core
    }

    pub(crate) fn door(&self) -> &Door {
        &self.0.door
    }

    pub(crate) fn dispatcher(&self) -> &Dispatcher {
        &self.0.dispatcher
    }

    pub(crate) fn gauges(&self) -> &Gauges {
        &self.0.gauges
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.0.hub
    }

    /// Notified at each commit that has something for others: events, deliveries or timers by this process; a waiter must have begun to wait by then.
    pub(crate) fn wake(&self) -> &Notify {
        &self.0.wake
    }

    /// Something was committed by another replica, or by this one, which hears its own notifications.
    pub(crate) fn notified(&self, message: &str) {
        if self.hub().live().notified(message) {
            self.dispatcher().wake();
        }
    }
}

impl Operator {
    /// The operator of this application.
    pub fn of(app: &App) -> Operator {
        Operator::new(app.0.door.clone())
    }
}
