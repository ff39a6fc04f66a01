//! Budgets: two buckets a token, one a guessing address; in memory, refilled evenly (governor's GCRA).

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use entity::value::{Id, Plan};
use governor::clock::Clock as GovernorClock;
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{NotUntil, Quota, RateLimiter};

use crate::{Caller, Clock, Error};

/// Bad credentials that an address may send in a minute.
const GUESSES: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);

type Buckets<K> = RateLimiter<K, DashMapStateStore<K>, Ticker, StateInformationMiddleware>;

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

/// All buckets of this process.
pub(crate) struct Limits {
    clock: Clock,
    studio: Pair,
    agency: Pair,
    addresses: Buckets<IpAddr>,
}

struct Pair {
    sizes: Sizes,
    burst: Buckets<Id>,
    sustained: Buckets<Id>,
}

impl Pair {
    fn new(clock: &Clock, sizes: Sizes) -> Pair {
        let bucket = |size: u32, window: Duration| {
            let size = NonZeroU32::new(size).unwrap_or(NonZeroU32::MIN);
            let quota = Quota::with_period(window / size.get()).unwrap_or(Quota::per_second(size)).allow_burst(size);
            RateLimiter::new(quota, DashMapStateStore::default(), Ticker(clock.clone()))
        };
        Pair { sizes, burst: bucket(sizes.burst, Duration::from_secs(10)), sustained: bucket(sizes.sustained, MINUTE) }
    }
}

impl Limits {
    pub(crate) fn new(clock: Clock, scale: u32) -> Limits {
        let guesses = NonZeroU32::new(GUESSES * scale).unwrap_or(NonZeroU32::MIN);
        let quota =
            Quota::with_period(MINUTE / guesses.get()).unwrap_or(Quota::per_minute(guesses)).allow_burst(guesses);
        let addresses = RateLimiter::new(quota, DashMapStateStore::default(), Ticker(clock.clone()));
        Limits {
            studio: Pair::new(&clock, Sizes::of(Plan::Studio, scale)),
            agency: Pair::new(&clock, Sizes::of(Plan::Agency, scale)),
            addresses,
            clock,
        }
    }

    fn pair(&self, plan: Plan) -> &Pair {
        match plan {
            Plan::Free | Plan::Studio => &self.studio,
            Plan::Agency => &self.agency,
        }
    }

    /// Takes one request and one point: the burst is asked first, so that its refusal takes no points.
    pub(crate) fn charge(&self, caller: &Caller) -> (Result<(), Error>, Budget) {
        let pair = self.pair(caller.plan);
        let now = Ticker(self.clock.clone());
        let mut budget = self.look(caller);
        match pair.burst.check_key(&caller.token_id) {
            Ok(state) => budget.burst = state.remaining_burst_capacity(),
            Err(refusal) => {
                budget.burst = 0;
                return (Err(refused(&refusal, &now)), self.with_resets(pair, budget));
            }
        }
        let outcome = match pair.sustained.check_key(&caller.token_id) {
            Ok(state) => {
                budget.sustained = state.remaining_burst_capacity();
                Ok(())
            }
            Err(refusal) => {
                budget.sustained = 0;
                Err(refused(&refusal, &now))
            }
        };
        (outcome, self.with_resets(pair, budget))
    }

    /// Takes more points for a request that was let in, once it is known how many.
    pub(crate) fn charge_points(&self, caller: &Caller, points: u32) -> Result<(), Error> {
        let Some(points) = NonZeroU32::new(points) else { return Ok(()) };
        match self.pair(caller.plan).sustained.check_key_n(&caller.token_id, points) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(refusal)) => Err(refused(&refusal, &Ticker(self.clock.clone()))),
            Err(_) => Err(Error::RateLimited { retry_after: MINUTE.as_secs() }),
        }
    }

    /// The budget of a token that nothing was taken from.
    pub(crate) fn look(&self, caller: &Caller) -> Budget {
        let pair = self.pair(caller.plan);
        let full = Budget {
            sizes: pair.sizes,
            burst: pair.sizes.burst,
            sustained: pair.sizes.sustained,
            burst_reset: 0,
            sustained_reset: 0,
            full_at: 0,
        };
        self.with_resets(pair, full)
    }

    /// When the buckets are full again: arithmetic, since governor does not say.
    fn with_resets(&self, pair: &Pair, budget: Budget) -> Budget {
        let seconds = |size: u32, left: u32, window: u64| {
            (u64::from(size - left.min(size)) * window * 1000).div_ceil(u64::from(size) * 1000)
        };
        let burst_reset = seconds(pair.sizes.burst, budget.burst, 10);
        let sustained_reset = seconds(pair.sizes.sustained, budget.sustained, 60);
        let wait = i64::try_from(burst_reset.max(sustained_reset)).unwrap_or(0);
        let now = self.clock.now().millis();
        Budget { burst_reset, sustained_reset, full_at: (now + wait * 1000 + 999).div_euclid(1000), ..budget }
    }

    /// Counts a bad credential against the address that it came from.
    pub(crate) fn charge_bad_credentials(&self, address: IpAddr) -> Result<(), Error> {
        match self.addresses.check_key(&subscriber(address)) {
            Ok(_) => Ok(()),
            Err(refusal) => Err(refused(&refusal, &Ticker(self.clock.clone()))),
        }
    }

    /// Forgets whoever is back at a full bucket.
    pub(crate) fn sweep(&self) {
        for pair in [&self.studio, &self.agency] {
            pair.burst.retain_recent();
            pair.sustained.retain_recent();
        }
        self.addresses.retain_recent();
    }
}

/// One subscriber holds a whole /64 of IPv6.
fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

fn refused(refusal: &NotUntil<Nanos>, now: &Ticker) -> Error {
    let wait = refusal.wait_time_from(now.now());
    Error::RateLimited { retry_after: wait.as_secs() + u64::from(wait.subsec_nanos() > 0) }
}

/// Our clock, as governor asks for it.
#[derive(Clone, Debug)]
struct Ticker(Clock);

impl GovernorClock for Ticker {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let millis = u64::try_from(self.0.now().millis()).unwrap_or(0);
        Nanos::new(millis.saturating_mul(1_000_000))
    }
}
