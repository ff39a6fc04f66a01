//! Endpoints whose secrets were sealed with a key that this process lacks: their deliveries are left to the processes that have
//! it, and are sent from here once it is set.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use entity::value::WebhookEndpointId;
use tokio::time::Instant;

/// How long such an endpoint is passed over before it is looked at again: its secret may have been rotated since.
const PASSED_OVER: Duration = Duration::from_secs(30);

/// The endpoints that are passed over, and the keys that the log has named.
#[derive(Debug, Default)]
pub(super) struct Unopened {
    endpoints: HashMap<WebhookEndpointId, Instant>,
    named: HashSet<String>,
}

impl Unopened {
    /// Those of the endpoints whose deliveries can be sent, as far as is known.
    pub(super) fn leave_out(&mut self, due: Vec<WebhookEndpointId>, now: Instant) -> Vec<WebhookEndpointId> {
        if self.endpoints.is_empty() {
            return due;
        }
        self.endpoints.retain(|_, until| *until > now);
        due.into_iter().filter(|endpoint| !self.endpoints.contains_key(endpoint)).collect()
    }

    /// Passes over an endpoint from now on. The log names each key once, however many deliveries wait for it.
    pub(super) fn pass_over(&mut self, endpoint: WebhookEndpointId, key: String, now: Instant) {
        self.endpoints.insert(endpoint, now + PASSED_OVER);
        if self.named.insert(key.clone()) {
            tracing::warn!(
                key,
                "webhooks wait for a key that HOURSMITH_SECRET_KEY lacks here: their secrets were sealed with it; add it after \
                 the first one, on every replica"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::value::Id;

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_is_passed_over_for_a_while() {
        let id = |n: u128| Id::new(uuid::Uuid::from_u128(n));
        let (mut unopened, now) = (Unopened::default(), Instant::now());
        unopened.pass_over(id(1), "c9".into(), now);
        assert_eq!(unopened.leave_out(vec![id(1), id(2)], now), [id(2)]);
        assert_eq!(unopened.leave_out(vec![id(1), id(2)], now + PASSED_OVER), [id(1), id(2)]);
    }
}
