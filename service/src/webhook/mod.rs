//! Webhooks: the endpoints of a workspace, the deliveries of its events to them, and the worker that sends them.
//!
//! `endpoint` and `delivery` are the nouns; `replay` and `test` create deliveries on request; `worker` sends what is due;
//! `egress` is the way out to receivers.

pub mod delivery;
mod egress;
mod emit;
pub mod endpoint;
mod forwarder;
pub mod replay;
mod sample;
pub mod test;
mod worker;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;

use self::egress::{EgressPolicy, Sender, SystemResolver};
use self::worker::schedule;
use crate::app::Config;
use crate::contract::error::Error;
use crate::metrics::Metrics;

pub use self::egress::{Resolve, Secret, Signed, sign};
pub(crate) use self::emit::{Delivery, Targets};
pub use self::forwarder::{Forwarded, Forwarder, Reply};
pub use self::worker::schedule::ATTEMPTS;

/// Concurrent DNS look-ups for deliveries; the runtime has 512 threads for blocking calls.
const LOOK_UPS_TO_SEND: usize = 256;
/// Concurrent DNS look-ups for endpoints that are being saved.
const LOOK_UPS_TO_SAVE: usize = 32;

/// The state of webhooks that lives as long as the process.
pub(crate) struct Webhooks {
    egress: EgressPolicy,
    sender: Sender,
    rng: Mutex<StdRng>,
    stopping: watch::Sender<bool>,
    pub(crate) metrics: Metrics,
}

impl Webhooks {
    pub(crate) fn new(config: &Config) -> Result<Webhooks, Error> {
        // Saving has look-ups of its own, so that slow names there delay no delivery.
        let egress = |look_ups| {
            let resolver = config.resolver.clone();
            let resolver = resolver.unwrap_or_else(|| Arc::new(SystemResolver::new(look_ups)));
            EgressPolicy { allow: config.webhook_allow.as_slice().into(), resolver }
        };
        Ok(Webhooks {
            sender: Sender::new(egress(LOOK_UPS_TO_SEND), &config.webhook_roots, config.webhook_timeout)?,
            egress: egress(LOOK_UPS_TO_SAVE),
            rng: Mutex::new(config.seed.map_or_else(StdRng::from_os_rng, StdRng::seed_from_u64)),
            stopping: watch::Sender::new(false),
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
