//! Webhooks: the endpoints of a workspace, the deliveries of its events to them, and the worker that sends them.
//!
//! `endpoint` and `delivery` are the nouns; `replay` and `test` create deliveries on request; `worker` sends what is due;
//! `egress` is the way out to receivers.

pub mod delivery;
mod egress;
pub mod endpoint;
mod forwarder;
pub mod health;
pub(crate) mod metrics;
pub mod replay;
pub(crate) mod sample;
pub mod test;
mod worker;

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entity::value::{Id, Timestamp};
use futures_util::future::BoxFuture;
use ipnet::IpNet;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rustls::pki_types::CertificateDer;
use tokio::sync::{Notify, watch};

use self::egress::{EgressPolicy, Sender, SystemResolver};
use self::metrics::Metrics;
use self::worker::schedule;
use crate::contract::error::Error;
use crate::core::Core;
use crate::core::database::Database;
use crate::core::vault::Vault;
use crate::door::UrlPolicy;

pub use self::egress::{Resolve, Secret, Signed, sign};
pub use self::forwarder::{Forwarded, Forwarder, HttpReply};
pub use self::worker::schedule::ATTEMPTS;

/// How long a receiver may take to answer, unless `Config::webhook_timeout` says otherwise.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Concurrent DNS look-ups for deliveries; the runtime has 512 threads for blocking calls.
const LOOK_UPS_TO_SEND: usize = 256;
/// Concurrent DNS look-ups for endpoints that are being saved.
const LOOK_UPS_TO_SAVE: usize = 32;

/// What an operator decides about webhooks.
pub(crate) struct Settings {
    /// Networks that may be reached although private, over http too and on any port.
    pub(crate) allow: Vec<IpNet>,
    /// Networks that may not be reached although public; they take precedence over `allow`.
    pub(crate) deny: Vec<IpNet>,
    /// The most attempts per second to one endpoint, by this process.
    pub(crate) rate: NonZeroU32,
    /// Authorities that receivers are trusted by, besides the public ones.
    pub(crate) roots: Vec<CertificateDer<'static>>,
    /// How long a receiver may take to answer.
    pub(crate) timeout: Duration,
    /// Finds the addresses of receivers; the system's own by default.
    pub(crate) resolver: Option<Arc<dyn Resolve>>,
    /// Seed of the random source, for reproducible runs.
    pub(crate) seed: Option<u64>,
    /// For how many days events, deliveries and attempts are stored.
    pub(crate) retention_days: u32,
}

/// The state of webhooks that lives as long as the process.
pub(crate) struct Webhooks {
    egress: EgressPolicy,
    sender: Sender,
    rng: Mutex<StdRng>,
    stopping: watch::Sender<bool>,
    retention_days: u32,
    /// The most attempts per second to one endpoint.
    rate: NonZeroU32,
    pub(crate) metrics: Metrics,
}

impl Webhooks {
    pub(crate) fn new(settings: &Settings) -> Result<Webhooks, Error> {
        // Saving has look-ups of its own, so that slow names there delay no delivery.
        let egress = |look_ups| {
            let resolver = settings.resolver.clone();
            let resolver = resolver.unwrap_or_else(|| Arc::new(SystemResolver::new(look_ups)));
            let (allow, deny) = (settings.allow.as_slice().into(), settings.deny.as_slice().into());
            EgressPolicy { allow, deny, resolver }
        };
        Ok(Webhooks {
            sender: Sender::new(egress(LOOK_UPS_TO_SEND), &settings.roots, settings.timeout)?,
            egress: egress(LOOK_UPS_TO_SAVE),
            rng: Mutex::new(settings.seed.map_or_else(StdRng::from_os_rng, StdRng::seed_from_u64)),
            stopping: watch::Sender::new(false),
            retention_days: settings.retention_days,
            rate: settings.rate,
            metrics: Metrics::new()?,
        })
    }

    /// A random number between 0 and 1.
    fn rng(&self) -> f64 {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).random()
    }

    /// The wait before the next attempt of a delivery that has failed this often, in milliseconds; none after the last.
    fn wait(&self, failed: usize, retry_after: Option<Duration>) -> Option<i64> {
        let wait = schedule::wait(failed, self.rng(), retry_after)?;
        i64::try_from(wait.as_millis()).ok()
    }
}

impl UrlPolicy for Webhooks {
    fn check(&self, url: &str) -> Result<(), &'static str> {
        self.egress.destination(url).map(|_| ())
    }

    fn check_now<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<(), &'static str>> {
        Box::pin(self.egress.check_now(url))
    }
}

/// What sends webhooks: the ground and the state of webhooks. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Dispatcher {
    core: Core,
    webhooks: Arc<Webhooks>,
    due: Arc<Notify>,
}

impl Dispatcher {
    /// `due` is notified whenever deliveries were committed, here or elsewhere; it holds the notification until the worker
    /// looks.
    pub(crate) fn new(core: Core, webhooks: Arc<Webhooks>, due: Arc<Notify>) -> Dispatcher {
        Dispatcher { core, webhooks, due }
    }

    fn database(&self) -> &Database {
        self.core.database()
    }

    fn vault(&self) -> &Vault {
        self.core.vault()
    }

    fn now(&self) -> Timestamp {
        self.core.now()
    }

    fn new_id<T>(&self) -> Id<T> {
        self.core.new_id()
    }

    pub(crate) fn webhooks(&self) -> &Webhooks {
        &self.webhooks
    }

    fn retention_days(&self) -> u32 {
        self.webhooks.retention_days
    }

    fn due(&self) -> &Notify {
        &self.due
    }

    /// Something was committed by another replica.
    pub(crate) fn wake(&self) {
        self.due.notify_one();
    }
}
