//! How much is sent at once: to each endpoint as much as it takes, so that one that is slow or dead holds up no other.
//! What fails is slowed to one attempt at a time, what succeeds at once gets faster again.

use std::collections::HashMap;
use std::time::Duration;

use entity::value::Id;

/// Attempts that run at once at most, in this process.
const ALL: usize = 256;
/// Of these, to endpoints whose last attempt failed or was slow: the others always find room.
const DEGRADED: usize = ALL / 2;
/// Of all, kept for endpoints that have none: one that has just become due finds room among any number of others.
const FIRST_PLACES: usize = ALL / 4;
/// Of these, kept for endpoints whose last attempt went well: none of them waits for others of which nothing is known.
const GOOD_PLACES: usize = ALL / 8;
/// Attempts at once to an endpoint of which nothing is known.
const FIRST: usize = 4;
/// Attempts at once to one endpoint at most.
const MOST: usize = 64;
/// A receiver that takes longer is slow, however well it answers: it is sent no more at once than it is now.
const SLOW: Duration = Duration::from_secs(1);
/// Endpoints that are remembered at most while nothing is sent to them.
const REMEMBERED: usize = 4096;

/// What runs, by endpoint.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    lanes: HashMap<Id, EndpointLoad>,
    running: usize,
    degraded: usize,
    /// Attempts so far.
    begun: u64,
}

#[derive(Debug)]
struct EndpointLoad {
    running: usize,
    limit: usize,
    /// Which attempt of all was its last.
    turn: u64,
    standing: Health,
}

/// What the last attempt that ended tells of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Health {
    Unknown,
    Good,
    /// It has failed, or was slow.
    Degraded,
}

impl EndpointLoad {
    const NEW: EndpointLoad = EndpointLoad { running: 0, limit: FIRST, turn: 0, standing: Health::Unknown };

    fn is_suspect(&self) -> bool {
        self.standing == Health::Degraded
    }
}

/// What there is room for at one moment, handed out endpoint by endpoint.
pub(super) struct Permits<'a> {
    pace: &'a Limiter,
    all: usize,
    degraded: usize,
}

impl Permits<'_> {
    /// How many attempts may begin to each of these endpoints: one to each that has none, before anybody has a second, and
    /// first to those that had theirs longest ago, so that none waits for another's backlog.
    pub(super) fn allocate(mut self, endpoints: &[Id]) -> Vec<(Id, usize)> {
        let mut endpoints = endpoints.to_vec();
        endpoints.sort_by_key(|id| self.lane(*id).turn);
        let first: Vec<usize> = endpoints.iter().map(|id| self.take_first(*id)).collect();
        let more =
            endpoints.iter().zip(first).map(|(id, first)| (*id, first + self.take(*id, MOST, first, FIRST_PLACES)));
        more.filter(|(_, places)| *places > 0).collect()
    }

    fn lane(&self, endpoint: Id) -> &EndpointLoad {
        self.pace.lanes.get(&endpoint).unwrap_or(&EndpointLoad::NEW)
    }

    /// Takes a place for an endpoint that has none.
    fn take_first(&mut self, endpoint: Id) -> usize {
        let EndpointLoad { running, standing, .. } = *self.lane(endpoint);
        let kept = if standing == Health::Good { 0 } else { GOOD_PLACES };
        if running == 0 { self.take(endpoint, 1, 0, kept) } else { 0 }
    }

    /// Takes up to `wanted` places from what is left, but for those that are kept for others, for an endpoint that has taken
    /// some before.
    fn take(&mut self, endpoint: Id, wanted: usize, before: usize, kept: usize) -> usize {
        let lane = self.lane(endpoint);
        let (room, is_suspect) = (lane.limit.saturating_sub(lane.running + before), lane.is_suspect());
        let free = self.all.saturating_sub(kept).min(if is_suspect { self.degraded } else { ALL });
        let places = room.min(wanted).min(free);
        self.all -= places;
        self.degraded -= if is_suspect { places } else { 0 };
        places
    }

    /// Whether nothing can begin at all.
    pub(super) fn is_none(&self) -> bool {
        self.all == 0
    }
}

impl Limiter {
    /// What may begin now.
    pub(super) fn room(&self) -> Permits<'_> {
        Permits { pace: self, all: ALL - self.running, degraded: DEGRADED.saturating_sub(self.degraded) }
    }

    pub(super) fn begin(&mut self, endpoint: Id) {
        let lane = self.lanes.entry(endpoint).or_insert(EndpointLoad::NEW);
        lane.running += 1;
        self.running += 1;
        self.begun += 1;
        lane.turn = self.begun;
        self.degraded += usize::from(lane.is_suspect());
    }

    pub(super) fn end(&mut self, endpoint: Id, succeeded: bool, took: Duration) {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        self.degraded -= if lane.is_suspect() { lane.running } else { 0 };
        lane.running -= 1;
        self.running -= 1;
        let slow = took > SLOW;
        lane.limit = match succeeded {
            true if slow => lane.limit,
            true => (lane.limit + 1).min(MOST),
            false => (lane.limit / 2).max(1),
        };
        lane.standing = if slow || !succeeded { Health::Degraded } else { Health::Good };
        self.degraded += if lane.is_suspect() { lane.running } else { 0 };
        if self.lanes.len() > REMEMBERED {
            self.lanes.retain(|id, lane| lane.running > 0 || *id == endpoint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(n: u128) -> Id {
        Id(uuid::Uuid::from_u128(n))
    }

    const AT_ONCE: Duration = Duration::from_millis(5);

    /// Begins as much as there is room for.
    fn fill(pace: &mut Limiter, id: Id) -> usize {
        let places = pace.room().allocate(&[id]).first().map_or(0, |(_, places)| *places);
        (0..places).for_each(|_| pace.begin(id));
        places
    }

    #[test]
    fn what_succeeds_gets_faster_and_what_fails_goes_one_by_one() {
        let (mut pace, id) = (Limiter::default(), endpoint(1));
        assert_eq!(fill(&mut pace, id), FIRST);
        (0..FIRST).for_each(|_| pace.end(id, true, AT_ONCE));
        assert_eq!(fill(&mut pace, id), 2 * FIRST);
        (0..2 * FIRST).for_each(|_| pace.end(id, false, AT_ONCE));
        assert_eq!(fill(&mut pace, id), 1);
        for _ in 0..100 {
            pace.end(id, true, AT_ONCE);
            fill(&mut pace, id);
        }
        assert!(pace.running <= MOST, "{}", pace.running);
    }

    #[test]
    fn any_number_of_dead_endpoints_leaves_room_for_the_others() {
        let mut pace = Limiter::default();
        for n in 0..10_000 {
            let id = endpoint(n);
            // Each has failed once, and hangs now.
            pace.begin(id);
            pace.end(id, false, AT_ONCE);
            fill(&mut pace, id);
        }
        assert!(pace.running <= DEGRADED, "{}", pace.running);
        assert_eq!(pace.degraded, pace.running);
        assert_eq!(fill(&mut pace, endpoint(1_000_000)), FIRST);
        assert!(pace.lanes.len() <= REMEMBERED + 1);
    }

    #[test]
    fn what_fails_takes_its_half_in_one_go_at_most() {
        let mut pace = Limiter::default();
        for n in 0..1000 {
            pace.begin(endpoint(n));
            pace.end(endpoint(n), false, AT_ONCE);
        }
        let due: Vec<Id> = (0..1000).chain([5000]).map(endpoint).collect();
        let mut shared = pace.room().allocate(&due);
        // Who was never served comes first.
        assert_eq!(shared.remove(0), (endpoint(5000), FIRST));
        assert_eq!(shared.iter().map(|(_, places)| places).sum::<usize>(), DEGRADED);
    }

    #[test]
    fn slow_receivers_that_take_everything_leave_room_for_the_others() {
        let mut pace = Limiter::default();
        for n in 0..50 {
            // Each answers well, after nine seconds, and has much waiting.
            let begun = fill(&mut pace, endpoint(n));
            (0..begun).for_each(|_| pace.end(endpoint(n), true, Duration::from_secs(9)));
            fill(&mut pace, endpoint(n));
        }
        assert!(pace.running <= DEGRADED, "{}", pace.running);
        assert_eq!(fill(&mut pace, endpoint(100)), FIRST);
    }

    #[test]
    fn nobody_has_a_second_place_before_all_have_one() {
        let mut pace = Limiter::default();
        let due: Vec<Id> = (0..200).map(endpoint).collect();
        for id in &due {
            (0..MOST).for_each(|_| {
                pace.begin(*id);
                pace.end(*id, true, AT_ONCE);
            });
        }
        let shared = pace.room().allocate(&due);
        assert_eq!(shared.len(), due.len());
        assert!(shared.iter().all(|(_, places)| *places == 1));
        let some = pace.room().allocate(&due[..150]);
        assert_eq!(some.iter().map(|(_, places)| places).sum::<usize>(), ALL - FIRST_PLACES);
    }

    #[test]
    fn who_has_just_become_due_finds_room_among_endpoints_of_which_nothing_is_known() {
        let mut pace = Limiter::default();
        let due: Vec<Id> = (0..100).map(endpoint).collect();
        for (id, places) in pace.room().allocate(&due) {
            // All of them hang.
            (0..places).for_each(|_| pace.begin(id));
        }
        assert!(fill(&mut pace, endpoint(100)) >= 1);
    }

    #[test]
    fn who_answers_well_finds_room_among_any_number_of_endpoints_of_which_nothing_is_known() {
        let (mut pace, good) = (Limiter::default(), endpoint(1000));
        pace.begin(good);
        pace.end(good, true, AT_ONCE);
        let due: Vec<Id> = (0..400).map(endpoint).collect();
        for (id, places) in pace.room().allocate(&due) {
            (0..places).for_each(|_| pace.begin(id));
        }
        assert_eq!(pace.running, ALL - GOOD_PLACES);
        assert_eq!(fill(&mut pace, good), 1);
    }

    #[test]
    fn suspects_take_turns_whoever_waits_longest() {
        let mut pace = Limiter::default();
        let due: Vec<Id> = (0..300).map(endpoint).collect();
        for id in &due {
            pace.begin(*id);
            pace.end(*id, false, AT_ONCE);
        }
        let mut served = std::collections::HashSet::new();
        for _ in 0..3 {
            let shared = pace.room().allocate(&due);
            for (id, places) in &shared {
                (0..*places).for_each(|_| pace.begin(*id));
                served.insert(*id);
            }
            for (id, places) in shared {
                (0..places).for_each(|_| pace.end(id, false, Duration::from_secs(10)));
            }
        }
        assert_eq!(served.len(), due.len());
    }
}
