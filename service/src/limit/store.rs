//! Where governor keeps its buckets: a map that never holds more than it has room for.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use governor::nanos::Nanos;
use governor::state::StateStore;

/// Enough that requests on different cores seldom meet.
const SHARDS: usize = 16;

/// When each key's bucket is full again. Shared by the limiters of all plans.
pub(super) struct Store<K> {
    shards: Arc<[Mutex<HashMap<K, Entry>>]>,
    hasher: RandomState,
    room: usize,
}

/// A bucket in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    /// When it is full again: GCRA's theoretical arrival time.
    full_at: Nanos,
    /// The time of one unit in the bucket when this was written: another plan has another.
    interval: Nanos,
}

impl<K: Hash + Eq + Clone> Store<K> {
    /// For at most this many keys, to within a sixteenth.
    pub(super) fn new(room: usize) -> Store<K> {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Store { shards, hasher: RandomState::new(), room: room.div_ceil(SHARDS) }
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, HashMap<K, Entry>> {
        let hash = self.hasher.hash_one(key);
        // The low bits choose the place within a map.
        let shard = &self.shards[(hash >> 60) as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the buckets that are full at this time.
    pub(super) fn sweep(&self, now: Nanos) {
        for shard in &*self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, entry| entry.full_at > now);
            if shard.capacity() > 4 * shard.len() + 64 {
                shard.shrink_to_fit();
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().expect("no test panics in here").len()).sum()
    }
}

/// Drops the quarter of a shard that is nearest to full: whoever has least to be reminded of.
fn make_room<K>(shard: &mut HashMap<K, Entry>) {
    let mut times: Vec<Nanos> = shard.values().map(|entry| entry.full_at).collect();
    let mut surplus = times.len().div_ceil(4);
    let (_, pivot, _) = times.select_nth_unstable(surplus - 1);
    let pivot = *pivot;
    shard.retain(|_, entry| {
        let goes = surplus > 0 && entry.full_at <= pivot;
        surplus -= usize::from(goes);
        !goes
    });
}

/// A store as one plan's limiter sees it.
pub(super) struct View<K> {
    store: Arc<Store<K>>,
    interval: Nanos,
    now: Box<dyn Fn() -> Nanos + Send + Sync>,
}

impl<K: Hash + Eq + Clone> View<K> {
    /// `interval` is the time of one unit in the limiter's bucket.
    pub(super) fn new(store: Arc<Store<K>>, interval: Nanos, now: impl Fn() -> Nanos + Send + Sync + 'static) -> Self {
        View { store, interval, now: Box::new(now) }
    }

    /// When the key's bucket is full again, if it is in use. What was spent on another plan stays spent.
    pub(super) fn full_at(&self, key: &K) -> Option<Nanos> {
        let entry = self.store.shard(key).get(key).copied();
        entry.map(|entry| self.seen(entry))
    }

    fn seen(&self, entry: Entry) -> Nanos {
        if entry.interval == self.interval {
            return entry.full_at;
        }
        let now = (self.now)().as_u64();
        let owed = u128::from(entry.full_at.as_u64().saturating_sub(now));
        let owed = owed * u128::from(self.interval.as_u64()) / u128::from(entry.interval.as_u64().max(1));
        Nanos::new(now.saturating_add(u64::try_from(owed).unwrap_or(u64::MAX)))
    }
}

impl<K: Hash + Eq + Clone> StateStore for View<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut shard = self.store.shard(key);
        let before = shard.get(key).copied();
        let (outcome, full_at) = f(before.map(|entry| self.seen(entry)))?;
        let entry = Entry { full_at, interval: self.interval };
        match shard.get_mut(key) {
            Some(place) => *place = entry,
            None => {
                if shard.len() >= self.store.room {
                    make_room(&mut shard);
                }
                shard.insert(key.clone(), entry);
            }
        }
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(view: &View<u32>, key: u32, full_at: u64) {
        view.measure_and_replace(&key, |_| Ok::<_, ()>(((), Nanos::new(full_at)))).expect("it is put");
    }

    #[test]
    fn a_million_keys_find_no_more_room_than_there_is() {
        let store = Arc::new(Store::new(1600));
        let view = View::new(store.clone(), Nanos::new(1), || Nanos::new(0));
        // Two who have spent a lot, and a flood of those who have spent little.
        put(&view, 7, 1_000_000_000);
        put(&view, 8, 1_000_000_001);
        for key in 1_000..1_001_000 {
            put(&view, key, u64::from(key));
        }
        assert!(store.len() <= 1600 + SHARDS, "{}", store.len());
        assert_eq!(view.full_at(&7), Some(Nanos::new(1_000_000_000)), "those who owe most are remembered");
        store.sweep(Nanos::new(1_000_000_000));
        assert_eq!((view.full_at(&7), store.len()), (None, 1));
    }

    #[test]
    fn what_was_spent_stays_spent_on_another_plan() {
        let store = Arc::new(Store::new(100));
        let small = View::new(store.clone(), Nanos::new(300), || Nanos::new(1_000));
        let large = View::new(store, Nanos::new(100), || Nanos::new(1_000));
        put(&small, 1, 1_000 + 4 * 300);
        assert_eq!(large.full_at(&1), Some(Nanos::new(1_000 + 4 * 100)));
    }
}
