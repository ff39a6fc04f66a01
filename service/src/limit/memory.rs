//! The buckets of this process: governor's GCRA, over stores of bounded size.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use entity::value::{Plan, TokenId};
use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::{Quota, RateLimiter};

use super::store::{Store, View};
use super::{Charge, ChargeResult, Level, MINUTE, Sizes, TEN_SECONDS, network_of};
use crate::access::caller::Caller;
use crate::core::clock::Clock;

/// Bad credentials per minute that one address may send.
const BAD_CREDENTIALS: u32 = 10;
/// The most tokens whose buckets are stored: about 16 MiB.
const MAX_TOKENS: usize = 1 << 18;
/// The most addresses whose buckets are stored: about 4 MiB.
const MAX_ADDRESSES: usize = 1 << 16;

/// All buckets of this process.
pub(super) struct Memory {
    clock: Ticker,
    burst: Arc<Store<TokenId>>,
    sustained: Arc<Store<TokenId>>,
    studio: Pair,
    agency: Pair,
    addresses: Arc<Store<IpAddr>>,
    bad_credentials: Bucket<IpAddr>,
}

/// The two buckets of a plan.
struct Pair {
    burst: Bucket<TokenId>,
    sustained: Bucket<TokenId>,
}

/// Buckets of one size, by key.
struct Bucket<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, View<K>, Ticker, NoOpMiddleware<Nanos>>,
    /// A view of the limiter's state: governor has no way to read it.
    view: View<K>,
    size: u32,
    interval: u64,
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Bucket<K> {
    fn new(store: &Arc<Store<K>>, size: u32, window: Duration, clock: &Ticker) -> Bucket<K> {
        let size = NonZeroU32::new(size).unwrap_or(NonZeroU32::MIN);
        let period = (window / size.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(period).unwrap_or(Quota::per_second(size)).allow_burst(size);
        let interval = Nanos::from(period);
        let view = || {
            let clock = clock.clone();
            View::new(store.clone(), interval, move || clock.now())
        };
        let limiter = RateLimiter::new(quota, view(), clock.clone());
        Bucket { limiter, view: view(), size: size.get(), interval: interval.as_u64() }
    }

    /// Takes `n` units if there is room for all of them.
    fn take(&self, key: &K, n: u32) -> bool {
        match NonZeroU32::new(n) {
            None => true,
            Some(n) => matches!(self.limiter.check_key_n(key, n), Ok(Ok(()))),
        }
    }

    /// The state of the bucket; `again` is the number of units that a retry takes.
    fn level(&self, key: &K, now: Nanos, again: u32) -> Level {
        let full_at = self.view.full_at(key).map_or(0, Nanos::as_u64);
        let owed = full_at.saturating_sub(now.as_u64());
        let whole = self.interval * u64::from(self.size);
        let asked = self.interval.saturating_mul(u64::from(again));
        let left = whole.saturating_sub(owed) / self.interval;
        Level {
            left: u32::try_from(left).unwrap_or(self.size),
            full_in: Duration::from_nanos(owed),
            wait: Duration::from_nanos(owed.saturating_add(asked).saturating_sub(whole)),
        }
    }
}

impl Memory {
    pub(super) fn new(clock: &Clock, scale: u32) -> Memory {
        let clock = Ticker { clock: clock.clone(), since: clock.elapsed() };
        let (burst, sustained) = (Arc::new(Store::new(MAX_TOKENS)), Arc::new(Store::new(MAX_TOKENS)));
        let addresses = Arc::new(Store::new(MAX_ADDRESSES));
        let pair = |plan| {
            let sizes = Sizes::of(plan, scale);
            Pair {
                burst: Bucket::new(&burst, sizes.burst, TEN_SECONDS, &clock),
                sustained: Bucket::new(&sustained, sizes.sustained, MINUTE, &clock),
            }
        };
        let (studio, agency) = (pair(Plan::Studio), pair(Plan::Agency));
        let bad_credentials = Bucket::new(&addresses, BAD_CREDENTIALS * scale, MINUTE, &clock);
        Memory { burst, sustained, studio, agency, addresses, bad_credentials, clock }
    }

    fn pair(&self, plan: Plan) -> &Pair {
        match plan {
            Plan::Free | Plan::Studio => &self.studio,
            Plan::Agency => &self.agency,
        }
    }

    pub(super) fn charge(&self, caller: &Caller, charge: Charge) -> ChargeResult {
        let Pair { burst, sustained } = self.pair(caller.plan);
        let token = &caller.token_id;
        let admitted = burst.take(token, u32::from(charge.request)) && sustained.take(token, charge.points);
        let now = self.clock.now();
        ChargeResult {
            admitted,
            burst: burst.level(token, now, 1),
            sustained: sustained.level(token, now, charge.again()),
        }
    }

    /// Charges a bad credential; the error is the time until the bucket has room for another.
    pub(super) fn charge_address(&self, address: IpAddr) -> Result<(), Duration> {
        let address = network_of(address);
        if self.bad_credentials.take(&address, 1) {
            Ok(())
        } else {
            Err(self.bad_credentials.level(&address, self.clock.now(), 1).wait)
        }
    }

    /// How long until an address may send a bad credential again, without charging it for one.
    pub(super) fn address_wait(&self, address: IpAddr) -> Duration {
        self.bad_credentials.level(&network_of(address), self.clock.now(), 1).wait
    }

    pub(super) fn sweep(&self) {
        let now = self.clock.now();
        self.burst.sweep(now);
        self.sustained.sweep(now);
        self.addresses.sweep(now);
    }
}

/// The clock of the limiters: the time since they were made, which never goes back.
#[derive(Clone, Debug)]
struct Ticker {
    clock: Clock,
    since: Duration,
}

impl GovernorClock for Ticker {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let passed = self.clock.elapsed().saturating_sub(self.since);
        Nanos::new(u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use entity::value::Timestamp;

    use super::*;

    #[test]
    fn a_million_addresses_do_not_grow_the_store() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let memory = Memory::new(&clock, 1);
        let guesser = IpAddr::from([203, 0, 113, 7]);
        for _ in 0..BAD_CREDENTIALS {
            assert_eq!(memory.charge_address(guesser), Ok(()));
        }
        assert!(memory.charge_address(guesser).is_err());
        for bits in 0..1_000_000_u32 {
            let _ = memory.charge_address(IpAddr::V4((bits | 0x0a00_0000).into()));
        }
        assert!(memory.addresses.len() <= MAX_ADDRESSES);
        assert!(
            memory.charge_address(guesser).is_err(),
            "a flood does not evict the address with the most bad credentials"
        );
        clock.advance(60_000);
        memory.sweep();
        assert_eq!(memory.addresses.len(), 0);
    }

    #[test]
    fn ipv6_addresses_count_by_64() {
        let memory = Memory::new(&Clock::manual(Timestamp::from_millis(0)), 1);
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        for i in 0..BAD_CREDENTIALS {
            assert_eq!(memory.charge_address(address(&format!("2001:db8:0:1::{i}"))), Ok(()));
        }
        assert!(memory.charge_address(address("2001:db8:0:1:ffff::1")).is_err());
        assert_eq!(memory.charge_address(address("2001:db8:0:2::1")), Ok(()));
        for _ in 0..BAD_CREDENTIALS {
            assert_eq!(memory.charge_address(address("::ffff:192.0.2.1")), Ok(()));
        }
        assert!(memory.charge_address(address("192.0.2.1")).is_err(), "a mapped address is the address");
    }
}
