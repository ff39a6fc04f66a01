//! Limits on concurrent attempts, for all endpoints together and for each, and on the attempts per second to each. The
//! concurrency limit of an endpoint rises while its receiver answers well and falls while it fails, so that a slow or dead
//! receiver delays no other.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use entity::value::WebhookEndpointId;
use tokio::time::Instant;

/// The most attempts that this process runs at once.
const MAX_CONCURRENT: usize = 256;
/// The most of them that go to degraded endpoints, so that the healthy ones always get permits.
const MAX_DEGRADED: usize = MAX_CONCURRENT / 2;
/// Permits that only endpoints without a running attempt may take, so that an endpoint that has just become due gets one
/// however many others are busy.
const RESERVED_FOR_IDLE: usize = MAX_CONCURRENT / 4;
/// Of these, permits that only healthy endpoints may take, so that they do not wait for endpoints of unknown health.
const RESERVED_FOR_HEALTHY: usize = MAX_CONCURRENT / 8;
/// The first limit of an endpoint, while its health is unknown.
const INITIAL_LIMIT: usize = 4;
/// The highest limit of one endpoint.
const MAX_PER_ENDPOINT: usize = 64;
/// The limit of a receiver that takes longer than this does not rise, even where it answers with success.
const SLOW: Duration = Duration::from_secs(1);
/// The most endpoints without a running attempt whose health is remembered.
const MAX_REMEMBERED: usize = 4096;

/// The rate of an endpoint is counted over this time: so much of it may be used at once after a pause.
const RATE_WINDOW: Duration = Duration::from_secs(1);
/// A throttled endpoint waits until it has this part of its rate, so that a turn of the worker is not spent on one attempt.
const RATE_BATCHES: u32 = 10;

/// The limiter: the running attempts, by endpoint.
#[derive(Debug)]
pub(super) struct Limiter {
    /// The most attempts per second to one endpoint.
    rate: u32,
    endpoints: HashMap<WebhookEndpointId, EndpointLoad>,
    running: usize,
    running_degraded: usize,
    /// Attempts begun since the worker started.
    begun: u64,
}

#[derive(Debug)]
struct EndpointLoad {
    running: usize,
    limit: usize,
    /// The number of the last attempt to this endpoint, as counted by `Limiter::begun`.
    last_begun: u64,
    health: Health,
    /// When the whole rate is available again, as in GCRA; none before the first attempt.
    rested_at: Option<Instant>,
}

/// What the attempt that ended last says about an endpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Health {
    Unknown,
    Good,
    /// The attempt failed, or was slow.
    Degraded,
}

impl EndpointLoad {
    const NEW: EndpointLoad =
        EndpointLoad { running: 0, limit: INITIAL_LIMIT, last_begun: 0, health: Health::Unknown, rested_at: None };

    fn is_degraded(&self) -> bool {
        self.health == Health::Degraded
    }

    /// The part of the rate window that is used at this instant.
    fn used(&self, now: Instant) -> Duration {
        self.rested_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
    }

    /// The attempts that the rate allows at this instant, of which each takes `interval`.
    fn below_rate(&self, interval: Duration, now: Instant) -> usize {
        let left = RATE_WINDOW.saturating_sub(self.used(now));
        usize::try_from(left.as_nanos() / interval.as_nanos()).unwrap_or(usize::MAX)
    }
}

/// The permits for new attempts that are free at one moment.
pub(super) struct Permits<'a> {
    limiter: &'a Limiter,
    now: Instant,
    free: usize,
    free_degraded: usize,
}

impl Permits<'_> {
    /// Divides the free permits among these endpoints. Each endpoint without a running attempt gets one before any gets a
    /// second, and those whose last attempt is the longest ago come first, so that none waits for another's backlog.
    pub(super) fn allocate(mut self, endpoints: &[WebhookEndpointId]) -> Vec<(WebhookEndpointId, usize)> {
        let mut endpoints = endpoints.to_vec();
        endpoints.sort_by_key(|id| self.load(*id).last_begun);
        let first: Vec<usize> = endpoints.iter().map(|id| self.take_first(*id)).collect();
        let more = endpoints
            .iter()
            .zip(first)
            .map(|(id, first)| (*id, first + self.take(*id, MAX_PER_ENDPOINT, first, RESERVED_FOR_IDLE)));
        more.filter(|(_, permits)| *permits > 0).collect()
    }

    fn load(&self, endpoint: WebhookEndpointId) -> &EndpointLoad {
        self.limiter.endpoints.get(&endpoint).unwrap_or(&EndpointLoad::NEW)
    }

    /// Takes one permit for an endpoint without a running attempt.
    fn take_first(&mut self, endpoint: WebhookEndpointId) -> usize {
        let EndpointLoad { running, health, .. } = *self.load(endpoint);
        let reserved = if health == Health::Good { 0 } else { RESERVED_FOR_HEALTHY };
        if running == 0 { self.take(endpoint, 1, 0, reserved) } else { 0 }
    }

    /// Takes up to `wanted` of the free permits, without those that are reserved for other endpoints, for an endpoint that
    /// has already taken `before` of them.
    fn take(&mut self, endpoint: WebhookEndpointId, wanted: usize, before: usize, reserved: usize) -> usize {
        let load = self.load(endpoint);
        let below_limit = load.limit.saturating_sub(load.running + before);
        let below_rate = load.below_rate(self.limiter.interval(), self.now).saturating_sub(before);
        let is_degraded = load.is_degraded();
        let of_health = if is_degraded { self.free_degraded } else { MAX_CONCURRENT };
        let free = self.free.saturating_sub(reserved).min(of_health);
        let permits = below_limit.min(below_rate).min(wanted).min(free);
        self.free -= permits;
        self.free_degraded -= if is_degraded { permits } else { 0 };
        permits
    }

    /// Whether no attempt can begin.
    pub(super) fn is_empty(&self) -> bool {
        self.free == 0
    }
}

impl Limiter {
    /// A limiter for at most this many attempts per second to one endpoint.
    pub(super) fn new(rate: NonZeroU32) -> Limiter {
        Limiter { rate: rate.get(), endpoints: HashMap::new(), running: 0, running_degraded: 0, begun: 0 }
    }

    /// The time of one attempt in the rate of an endpoint.
    fn interval(&self) -> Duration {
        (RATE_WINDOW / self.rate).max(Duration::from_nanos(1))
    }

    /// When the first of these endpoints that wait for their rate may be sent to again; none if none waits.
    pub(super) fn throttled_until(&self, endpoints: &[WebhookEndpointId], now: Instant) -> Option<Instant> {
        let interval = self.interval();
        let batch = interval * (self.rate / RATE_BATCHES).max(1);
        let loads = endpoints.iter().filter_map(|id| self.endpoints.get(id));
        let throttled = loads.filter(|load| load.below_rate(interval, now) == 0);
        throttled.map(|load| now + (load.used(now) + batch).saturating_sub(RATE_WINDOW)).min()
    }

    /// The permits that are free at this instant.
    pub(super) fn permits(&self, now: Instant) -> Permits<'_> {
        Permits {
            limiter: self,
            now,
            free: MAX_CONCURRENT - self.running,
            free_degraded: MAX_DEGRADED.saturating_sub(self.running_degraded),
        }
    }

    /// Counts an attempt that begins at this instant.
    pub(super) fn begin(&mut self, endpoint: WebhookEndpointId, now: Instant) {
        let interval = self.interval();
        let load = self.endpoints.entry(endpoint).or_insert(EndpointLoad::NEW);
        load.running += 1;
        self.running += 1;
        self.begun += 1;
        load.last_begun = self.begun;
        load.rested_at = Some(now + load.used(now) + interval);
        self.running_degraded += usize::from(load.is_degraded());
    }

    /// Counts an attempt that has ended, and learns from it.
    pub(super) fn end(&mut self, endpoint: WebhookEndpointId, succeeded: bool, took: Duration) {
        let Some(load) = self.endpoints.get_mut(&endpoint) else { return };
        self.running_degraded -= if load.is_degraded() { load.running } else { 0 };
        load.running -= 1;
        self.running -= 1;
        let slow = took > SLOW;
        load.limit = match succeeded {
            true if slow => load.limit,
            true => (load.limit + 1).min(MAX_PER_ENDPOINT),
            false => (load.limit / 2).max(1),
        };
        load.health = if slow || !succeeded { Health::Degraded } else { Health::Good };
        self.running_degraded += if load.is_degraded() { load.running } else { 0 };
        if self.endpoints.len() > MAX_REMEMBERED {
            self.endpoints.retain(|id, load| load.running > 0 || *id == endpoint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(n: u128) -> WebhookEndpointId {
        WebhookEndpointId::new(uuid::Uuid::from_u128(n))
    }

    /// A limiter whose rate is never reached.
    fn limiter() -> Limiter {
        Limiter::new(NonZeroU32::MAX)
    }

    const QUICK: Duration = Duration::from_millis(5);

    /// Begins as many attempts to an endpoint as there are permits, and returns their number.
    fn fill(limiter: &mut Limiter, id: WebhookEndpointId) -> usize {
        let permits = limiter.permits(Instant::now()).allocate(&[id]).first().map_or(0, |(_, permits)| *permits);
        (0..permits).for_each(|_| limiter.begin(id, Instant::now()));
        permits
    }

    #[test]
    fn success_raises_the_limit_and_failure_lowers_it_to_one() {
        let (mut limiter, id) = (limiter(), endpoint(1));
        assert_eq!(fill(&mut limiter, id), INITIAL_LIMIT);
        (0..INITIAL_LIMIT).for_each(|_| limiter.end(id, true, QUICK));
        assert_eq!(fill(&mut limiter, id), 2 * INITIAL_LIMIT);
        (0..2 * INITIAL_LIMIT).for_each(|_| limiter.end(id, false, QUICK));
        assert_eq!(fill(&mut limiter, id), 1);
        for _ in 0..100 {
            limiter.end(id, true, QUICK);
            fill(&mut limiter, id);
        }
        assert!(limiter.running <= MAX_PER_ENDPOINT, "{}", limiter.running);
    }

    #[test]
    fn any_number_of_dead_endpoints_leaves_permits_for_the_others() {
        let mut limiter = limiter();
        for n in 0..10_000 {
            let id = endpoint(n);
            // Each has failed once, and hangs now.
            limiter.begin(id, Instant::now());
            limiter.end(id, false, QUICK);
            fill(&mut limiter, id);
        }
        assert!(limiter.running <= MAX_DEGRADED, "{}", limiter.running);
        assert_eq!(limiter.running_degraded, limiter.running);
        assert_eq!(fill(&mut limiter, endpoint(1_000_000)), INITIAL_LIMIT);
        assert!(limiter.endpoints.len() <= MAX_REMEMBERED + 1);
    }

    #[test]
    fn one_allocation_gives_degraded_endpoints_half_of_the_permits_at_most() {
        let mut limiter = limiter();
        for n in 0..1000 {
            limiter.begin(endpoint(n), Instant::now());
            limiter.end(endpoint(n), false, QUICK);
        }
        let due: Vec<WebhookEndpointId> = (0..1000).chain([5000]).map(endpoint).collect();
        let mut allocated = limiter.permits(Instant::now()).allocate(&due);
        // An endpoint that was never served comes first.
        assert_eq!(allocated.remove(0), (endpoint(5000), INITIAL_LIMIT));
        assert_eq!(allocated.iter().map(|(_, permits)| permits).sum::<usize>(), MAX_DEGRADED);
    }

    #[test]
    fn slow_receivers_that_take_everything_leave_permits_for_the_others() {
        let mut limiter = limiter();
        for n in 0..50 {
            // Each answers with success, after nine seconds, and has many deliveries due.
            let begun = fill(&mut limiter, endpoint(n));
            (0..begun).for_each(|_| limiter.end(endpoint(n), true, Duration::from_secs(9)));
            fill(&mut limiter, endpoint(n));
        }
        assert!(limiter.running <= MAX_DEGRADED, "{}", limiter.running);
        assert_eq!(fill(&mut limiter, endpoint(100)), INITIAL_LIMIT);
    }

    #[test]
    fn no_endpoint_gets_a_second_permit_before_all_have_one() {
        let mut limiter = limiter();
        let due: Vec<WebhookEndpointId> = (0..200).map(endpoint).collect();
        for id in &due {
            (0..MAX_PER_ENDPOINT).for_each(|_| {
                limiter.begin(*id, Instant::now());
                limiter.end(*id, true, QUICK);
            });
        }
        let allocated = limiter.permits(Instant::now()).allocate(&due);
        assert_eq!(allocated.len(), due.len());
        assert!(allocated.iter().all(|(_, permits)| *permits == 1));
        let some = limiter.permits(Instant::now()).allocate(&due[..150]);
        assert_eq!(some.iter().map(|(_, permits)| permits).sum::<usize>(), MAX_CONCURRENT - RESERVED_FOR_IDLE);
    }

    #[test]
    fn an_endpoint_that_has_just_become_due_gets_a_permit_among_endpoints_of_unknown_health() {
        let mut limiter = limiter();
        let due: Vec<WebhookEndpointId> = (0..100).map(endpoint).collect();
        for (id, permits) in limiter.permits(Instant::now()).allocate(&due) {
            // All of them hang.
            (0..permits).for_each(|_| limiter.begin(id, Instant::now()));
        }
        assert!(fill(&mut limiter, endpoint(100)) >= 1);
    }

    #[test]
    fn a_healthy_endpoint_gets_a_permit_among_any_number_of_endpoints_of_unknown_health() {
        let (mut limiter, good) = (limiter(), endpoint(1000));
        limiter.begin(good, Instant::now());
        limiter.end(good, true, QUICK);
        let due: Vec<WebhookEndpointId> = (0..400).map(endpoint).collect();
        for (id, permits) in limiter.permits(Instant::now()).allocate(&due) {
            (0..permits).for_each(|_| limiter.begin(id, Instant::now()));
        }
        assert_eq!(limiter.running, MAX_CONCURRENT - RESERVED_FOR_HEALTHY);
        assert_eq!(fill(&mut limiter, good), 1);
    }

    #[test]
    fn degraded_endpoints_take_turns_whichever_waits_longest() {
        let mut limiter = limiter();
        let due: Vec<WebhookEndpointId> = (0..300).map(endpoint).collect();
        for id in &due {
            limiter.begin(*id, Instant::now());
            limiter.end(*id, false, QUICK);
        }
        let mut served = std::collections::HashSet::new();
        for _ in 0..3 {
            let allocated = limiter.permits(Instant::now()).allocate(&due);
            for (id, permits) in &allocated {
                (0..*permits).for_each(|_| limiter.begin(*id, Instant::now()));
                served.insert(*id);
            }
            for (id, permits) in allocated {
                (0..permits).for_each(|_| limiter.end(id, false, Duration::from_secs(10)));
            }
        }
        assert_eq!(served.len(), due.len());
    }

    #[test]
    fn an_endpoint_gets_its_rate_and_no_more_while_others_get_theirs() {
        let mut limiter = Limiter::new(NonZeroU32::new(20).expect("not zero"));
        let (busy, other, began) = (endpoint(1), endpoint(2), Instant::now());
        let mut sent = 0;
        for millisecond in 0..3000 {
            let now = began + Duration::from_millis(millisecond);
            let allocated = limiter.permits(now).allocate(&[busy, other]);
            for (id, permits) in allocated.into_iter().filter(|(id, _)| *id == busy) {
                (0..permits).for_each(|_| limiter.begin(id, now));
                (0..permits).for_each(|_| limiter.end(id, true, QUICK));
                sent += permits;
            }
            let most = 20 + usize::try_from(millisecond).expect("small") * 20 / 1000;
            assert!(sent <= most, "{sent} in {millisecond} ms");
            assert_eq!(limiter.permits(now).allocate(&[other]).len(), 1, "the other endpoint has its own rate");
            let waits = limiter.throttled_until(&[busy, other], now);
            assert_eq!(waits.is_some(), limiter.permits(now).allocate(&[busy]).is_empty());
            assert!(waits.is_none_or(|until| until > now && until <= now + Duration::from_millis(100)));
        }
        assert!(sent >= 78, "{sent}");
    }
}
