//! Budgets: two buckets a token, one a guessing address, refilled evenly. In memory, or in Redis for all replicas.

mod memory;
mod shared;
mod store;

use std::net::IpAddr;
use std::time::Duration;

use entity::value::Plan;

use self::memory::Memory;
use self::shared::Shared;
use crate::access::caller::Caller;
use crate::contract::error::Error;
use crate::core::clock::Clock;

pub(crate) use self::shared::check_url;

const TEN_SECONDS: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_secs(60);

/// The sizes of a plan's buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Requests in ten seconds.
    pub burst: u32,
    /// Points in a minute.
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

/// What a token has left, for the headers of its answers.
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

/// What is taken from a token's buckets in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Charge {
    /// Whether it is a request at the door; else it is more points for one that was let in.
    request: bool,
    /// Points, one at the door.
    points: u32,
    /// Points that the same request has taken before.
    before: u32,
}

impl Charge {
    const REQUEST: Charge = Charge { request: true, points: 1, before: 0 };
    const NOTHING: Charge = Charge { request: false, points: 0, before: 1 };

    /// What the request costs when it comes again: who is refused more points pays once more for all that was taken.
    fn again(self) -> u32 {
        self.points.saturating_add(self.before)
    }
}

/// A bucket after it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Level {
    /// What is left in it, rounded down.
    left: u32,
    /// How long until it is full.
    full_in: Duration,
    /// How long until the same request would find room in it.
    wait: Duration,
}

/// Both buckets after they were asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outcome {
    admitted: bool,
    burst: Level,
    sustained: Level,
}

/// All buckets that this process knows of.
pub(crate) struct Limits {
    clock: Clock,
    scale: u32,
    memory: Memory,
    shared: Option<Shared>,
}

impl Limits {
    /// In memory, or shared by whoever has the same Redis.
    ///
    /// # Errors
    /// The setting is no URL of a Redis. Whether one answers there does not matter yet.
    pub(crate) fn new(clock: Clock, scale: u32, redis_url: Option<&str>) -> Result<Limits, Error> {
        let shared = redis_url.map(Shared::new).transpose().map_err(Error::bug)?;
        Ok(Limits { memory: Memory::new(&clock, scale), shared, clock, scale })
    }

    /// Makes ready what is shared, if it answers; if not, it is tried again when it is needed.
    pub(crate) async fn connect(&self) {
        if let Some(shared) = &self.shared {
            shared.connect().await;
        }
    }

    /// Takes one request and one point: the burst is asked first, so that its refusal takes no points.
    pub(crate) async fn charge_request(&self, caller: &Caller) -> (Result<(), Error>, Budget) {
        self.charge(caller, Charge::REQUEST).await
    }

    /// Takes more points for a request that was let in, once it is known how many, besides those that it took `before`.
    pub(crate) async fn charge_points(&self, caller: &Caller, points: u32, before: u32) -> (Result<(), Error>, Budget) {
        self.charge(caller, Charge { request: false, points, before }).await
    }

    /// The budget of a token that nothing is taken from.
    pub(crate) async fn look(&self, caller: &Caller) -> Budget {
        self.charge(caller, Charge::NOTHING).await.1
    }

    async fn charge(&self, caller: &Caller, charge: Charge) -> (Result<(), Error>, Budget) {
        let sizes = Sizes::of(caller.plan, self.scale);
        if self.scale == 0 {
            let nothing = Budget { sizes, burst: 0, sustained: 0, burst_reset: 0, sustained_reset: 0, full_at: 0 };
            return (Ok(()), nothing);
        }
        let shared = match &self.shared {
            Some(shared) => shared.charge(caller.token_id, sizes, charge).await,
            None => None,
        };
        let outcome = match shared {
            Some(outcome) => {
                // What was spent together is remembered here too, so that losing Redis does not fill anybody's buckets.
                if outcome.admitted {
                    self.memory.charge(caller, charge);
                }
                outcome
            }
            None => self.memory.charge(caller, charge),
        };
        let verdict = if outcome.admitted {
            Ok(())
        } else {
            let wait = outcome.burst.wait.max(outcome.sustained.wait);
            Err(Error::RateLimited { retry_after: seconds_up(wait).clamp(1, MINUTE.as_secs()) })
        };
        (verdict, self.budget(sizes, &outcome))
    }

    fn budget(&self, sizes: Sizes, outcome: &Outcome) -> Budget {
        let Outcome { burst, sustained, .. } = outcome;
        // Up to whole milliseconds, and then to whole seconds: never too early.
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

    /// Counts a bad credential against the address that it came from.
    pub(crate) fn charge_bad_credentials(&self, address: IpAddr) -> Result<(), Error> {
        self.memory.guess(address).map_err(|wait| Error::RateLimited { retry_after: seconds_up(wait).max(1) })
    }

    /// Forgets whoever is back at a full bucket.
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
