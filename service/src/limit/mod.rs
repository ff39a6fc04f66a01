//! Rate limits: two token buckets per API token, and one per address that sends bad credentials, refilled evenly. The
//! buckets live in memory, or in Redis for all replicas.

mod memory;
mod network;
mod shared;
mod store;

use std::net::IpAddr;
use std::time::Duration;

use entity::value::Plan;
use prometheus::{IntCounterVec, Opts};

use self::memory::Memory;
use self::shared::Shared;
use crate::access::caller::Caller;
use crate::contract::error::Error;
use crate::core::clock::Clock;

pub use self::network::network_of;
pub(crate) use self::shared::{check_url, ping};

const TEN_SECONDS: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_secs(60);

/// The sizes of a plan's buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Requests per ten seconds.
    pub burst: u32,
    /// Points per minute.
    pub sustained: u32,
}

impl Sizes {
    const fn of(plan: Plan, scale: u32) -> Sizes {
        match plan {
            Plan::Free | Plan::Studio => Sizes { burst: 30 * scale, sustained: 600 * scale },
            Plan::Agency => Sizes { burst: 60 * scale, sustained: 1200 * scale },
        }
    }
}

/// What is left in a token's buckets, for the headers of its responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The sizes of the buckets.
    pub sizes: Sizes,
    /// Requests left in the burst bucket.
    pub burst: u32,
    /// Points left in the sustained bucket.
    pub sustained: u32,
    /// Seconds until the burst bucket is full.
    pub burst_reset: u64,
    /// Seconds until the sustained bucket is full.
    pub sustained_reset: u64,
    /// Unix seconds, rounded up, when both are full.
    pub full_at: i64,
}

/// A charge to both buckets of a token, in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Charge {
    /// Whether the charge admits a request; otherwise it adds points to an admitted one.
    request: bool,
    /// Points to take; one to admit a request.
    points: u32,
    /// Points that the same request was charged before.
    before: u32,
}

impl Charge {
    const REQUEST: Charge = Charge { request: true, points: 1, before: 0 };
    const PEEK: Charge = Charge { request: false, points: 0, before: 1 };

    /// The points that a retry of the same request costs: all of them, those charged before included.
    fn again(self) -> u32 {
        self.points.saturating_add(self.before)
    }
}

/// The state of a bucket after a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Level {
    /// Units left in the bucket, rounded down.
    left: u32,
    /// The time until the bucket is full.
    full_in: Duration,
    /// The time until the bucket has room for a retry of the request.
    wait: Duration,
}

/// Whether a charge was admitted, and the state of both buckets after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ChargeResult {
    admitted: bool,
    burst: Level,
    sustained: Level,
}

impl ChargeResult {
    /// The whole seconds until both buckets have room for a retry.
    fn retry_after(&self) -> u64 {
        seconds_up(self.burst.wait.max(self.sustained.wait)).clamp(1, MINUTE.as_secs())
    }
}

/// The rate limits of this process.
pub(crate) struct Limits {
    clock: Clock,
    scale: u32,
    memory: Memory,
    shared: Option<Shared>,
    /// Requests that were refused, by the bucket that was empty.
    pub(crate) refused: IntCounterVec,
}

impl Limits {
    /// Limits in memory, or shared by all processes with the same Redis.
    ///
    /// # Errors
    /// `Internal` if the setting is not the URL of a Redis. No connection is made yet.
    pub(crate) fn new(
        clock: Clock,
        scale: u32,
        redis_url: Option<&str>,
        redis_ca: Option<&[u8]>,
    ) -> Result<Limits, Error> {
        let shared = redis_url.map(|url| Shared::new(url, redis_ca)).transpose().map_err(Error::bug)?;
        let refused =
            Opts::new("hoursmith_rate_limited_total", "Requests that were answered 429, by the bucket that was empty.");
        let refused = IntCounterVec::new(refused, &["bucket"]).map_err(|cause| Error::bug(cause.to_string()))?;
        for bucket in ["burst", "sustained", "address"] {
            refused.with_label_values(&[bucket]);
        }
        Ok(Limits { memory: Memory::new(&clock, scale), shared, clock, scale, refused })
    }

    /// Connects to Redis, if one is configured. A failure is not an error: the next charge tries again.
    pub(crate) async fn connect(&self) {
        if let Some(shared) = &self.shared {
            shared.connect().await;
        }
    }

    /// Charges one request and one point. The burst bucket is charged first, so that its refusal takes no points.
    pub(crate) async fn charge_request(&self, caller: &Caller) -> (Result<(), Error>, Budget) {
        self.charge(caller, Charge::REQUEST).await
    }

    /// Charges further points to an admitted request, which was charged `before` points already.
    pub(crate) async fn charge_points(&self, caller: &Caller, points: u32, before: u32) -> (Result<(), Error>, Budget) {
        self.charge(caller, Charge { request: false, points, before }).await
    }

    /// The budget of a token, without a charge.
    pub(crate) async fn peek(&self, caller: &Caller) -> Budget {
        self.charge(caller, Charge::PEEK).await.1
    }

    /// The whole seconds until both buckets have room for a request of so many points.
    pub(crate) async fn wait(&self, caller: &Caller, points: u32) -> u64 {
        let sizes = Sizes::of(caller.plan, self.scale);
        // More than a whole bucket is never there.
        let asked = Charge { request: false, points: 0, before: points.min(sizes.sustained) };
        self.result(caller, sizes, asked).await.retry_after()
    }

    async fn result(&self, caller: &Caller, sizes: Sizes, charge: Charge) -> ChargeResult {
        let shared = match &self.shared {
            Some(shared) => shared.charge(caller.token_id, sizes, charge).await,
            None => None,
        };
        match shared {
            Some(result) => {
                // A shared charge counts in memory too, so that losing Redis does not refill the buckets.
                if result.admitted {
                    self.memory.charge(caller, charge);
                }
                result
            }
            None => self.memory.charge(caller, charge),
        }
    }

    async fn charge(&self, caller: &Caller, charge: Charge) -> (Result<(), Error>, Budget) {
        let sizes = Sizes::of(caller.plan, self.scale);
        if self.scale == 0 {
            let nothing = Budget { sizes, burst: 0, sustained: 0, burst_reset: 0, sustained_reset: 0, full_at: 0 };
            return (Ok(()), nothing);
        }
        let result = self.result(caller, sizes, charge).await;
        let verdict = if result.admitted {
            Ok(())
        } else {
            // The burst bucket is asked first.
            let bucket = if charge.request && !result.burst.wait.is_zero() { "burst" } else { "sustained" };
            self.refused.with_label_values(&[bucket]).inc();
            Err(Error::RateLimited { retry_after: result.retry_after() })
        };
        (verdict, self.budget(sizes, &result))
    }

    fn budget(&self, sizes: Sizes, result: &ChargeResult) -> Budget {
        let ChargeResult { burst, sustained, .. } = result;
        // Rounded up to milliseconds and then to seconds, so that the instant is never too early.
        let full_in = burst.full_in.max(sustained.full_in).as_nanos().div_ceil(1_000_000);
        let full_in = i64::try_from(full_in).unwrap_or(0);
        Budget {
            sizes,
            burst: burst.left,
            sustained: sustained.left,
            burst_reset: seconds_up(burst.full_in),
            sustained_reset: seconds_up(sustained.full_in),
            full_at: (self.clock.now().millis() + full_in + 999).div_euclid(1000),
        }
    }

    /// Charges a bad credential to the bucket of its address.
    ///
    /// # Errors
    /// `RateLimited` when the bucket of the address is empty.
    pub(crate) fn charge_bad_credentials(&self, address: IpAddr) -> Result<(), Error> {
        self.memory.charge_address(address).map_err(|wait| {
            self.refused.with_label_values(&["address"]).inc();
            Error::RateLimited { retry_after: seconds_up(wait).max(1) }
        })
    }

    /// Refuses an address that has sent too many bad credentials, before what it asks for costs anything.
    ///
    /// # Errors
    /// `RateLimited` when the bucket of the address is empty.
    pub(crate) fn ensure_not_guessing(&self, address: IpAddr) -> Result<(), Error> {
        let wait = self.memory.address_wait(address);
        if wait.is_zero() {
            return Ok(());
        }
        self.refused.with_label_values(&["address"]).inc();
        Err(Error::RateLimited { retry_after: seconds_up(wait).max(1) })
    }

    /// Forgets buckets that are full.
    pub(crate) fn sweep(&self) {
        self.memory.sweep();
    }
}

fn seconds_up(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up() {
        for (millis, seconds) in [(0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2)] {
            assert_eq!(seconds_up(Duration::from_millis(millis)), seconds);
        }
    }
}
