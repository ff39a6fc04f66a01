//! How much is sent at once: to each endpoint as much as it takes, so that one that is slow or dead holds up no other.
//! What fails is slowed to one attempt at a time, and what succeeds gets faster again.

use std::collections::HashMap;

use entity::value::Id;

/// Attempts that run at once at most, in this process.
const ALL: usize = 256;
/// Of these, to endpoints whose last attempt failed: the others always find room.
const SUSPECTS: usize = ALL / 2;
/// Attempts at once to an endpoint of which nothing is known.
const FIRST: usize = 4;
/// Attempts at once to one endpoint at most.
const MOST: usize = 64;
/// Endpoints that are remembered at most while nothing is sent to them.
const REMEMBERED: usize = 4096;

/// What runs, by endpoint.
#[derive(Debug, Default)]
pub(super) struct Pace {
    lanes: HashMap<Id, Lane>,
    running: usize,
    suspects: usize,
}

#[derive(Debug)]
struct Lane {
    running: usize,
    limit: usize,
    /// The last attempt that ended has failed.
    suspect: bool,
}

impl Lane {
    const NEW: Lane = Lane { running: 0, limit: FIRST, suspect: false };
}

/// What there is room for at one moment, handed out endpoint by endpoint.
pub(super) struct Room<'a> {
    pace: &'a Pace,
    all: usize,
    suspects: usize,
}

impl Room<'_> {
    /// How many attempts may begin to this endpoint; they are taken from what is left for the next.
    pub(super) fn take(&mut self, endpoint: Id) -> usize {
        let lane = self.pace.lanes.get(&endpoint).unwrap_or(&Lane::NEW);
        let shared = if lane.suspect { self.suspects } else { self.all };
        let places = lane.limit.saturating_sub(lane.running).min(shared).min(self.all);
        self.all -= places;
        self.suspects -= if lane.suspect { places } else { 0 };
        places
    }

    /// Whether nothing can begin at all.
    pub(super) fn is_none(&self) -> bool {
        self.all == 0
    }
}

impl Pace {
    /// What may begin now.
    pub(super) fn room(&self) -> Room<'_> {
        Room { pace: self, all: ALL - self.running, suspects: SUSPECTS.saturating_sub(self.suspects) }
    }

    pub(super) fn begin(&mut self, endpoint: Id) {
        let lane = self.lanes.entry(endpoint).or_insert(Lane::NEW);
        lane.running += 1;
        self.running += 1;
        self.suspects += usize::from(lane.suspect);
    }

    pub(super) fn end(&mut self, endpoint: Id, succeeded: bool) {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        self.suspects -= if lane.suspect { lane.running } else { 0 };
        lane.running -= 1;
        self.running -= 1;
        lane.limit = if succeeded { (lane.limit + 1).min(MOST) } else { (lane.limit / 2).max(1) };
        lane.suspect = !succeeded;
        self.suspects += if lane.suspect { lane.running } else { 0 };
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

    /// Begins as much as there is room for.
    fn fill(pace: &mut Pace, id: Id) -> usize {
        let room = pace.room().take(id);
        (0..room).for_each(|_| pace.begin(id));
        room
    }

    #[test]
    fn what_succeeds_gets_faster_and_what_fails_goes_one_by_one() {
        let (mut pace, id) = (Pace::default(), endpoint(1));
        assert_eq!(fill(&mut pace, id), FIRST);
        (0..FIRST).for_each(|_| pace.end(id, true));
        assert_eq!(fill(&mut pace, id), 2 * FIRST);
        (0..2 * FIRST).for_each(|_| pace.end(id, false));
        assert_eq!(fill(&mut pace, id), 1);
        for _ in 0..100 {
            pace.end(id, true);
            fill(&mut pace, id);
        }
        assert!(pace.room().take(id) <= MOST && pace.running <= MOST);
    }

    #[test]
    fn any_number_of_dead_endpoints_leaves_room_for_the_others() {
        let mut pace = Pace::default();
        for n in 0..10_000 {
            let id = endpoint(n);
            // Each has failed once, and hangs now.
            pace.begin(id);
            pace.end(id, false);
            fill(&mut pace, id);
        }
        assert!(pace.running <= SUSPECTS, "{}", pace.running);
        assert_eq!(pace.suspects, pace.running);
        assert_eq!(fill(&mut pace, endpoint(1_000_000)), FIRST);
        assert!(pace.lanes.len() <= REMEMBERED + 1);
    }

    #[test]
    fn what_fails_takes_its_half_in_one_go_at_most() {
        let mut pace = Pace::default();
        for n in 0..1000 {
            pace.begin(endpoint(n));
            pace.end(endpoint(n), false);
        }
        let mut room = pace.room();
        let taken: usize = (0..1000).map(|n| room.take(endpoint(n))).sum();
        assert_eq!((taken, room.take(endpoint(5000))), (SUSPECTS, FIRST));
    }
}
