//! The store of governor's buckets: a map of bounded size.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use governor::nanos::Nanos;
use governor::state::StateStore;

/// Enough shards that requests on different cores seldom wait for the same lock.
const SHARDS: usize = 16;

/// The time when each key's bucket is full. Shared by the limiters of all plans.
pub(super) struct Store<K> {
    shards: Arc<[Mutex<HashMap<K, Entry>>]>,
    hasher: RandomState,
    capacity: usize,
}

/// A bucket in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    /// When the bucket is full: GCRA's theoretical arrival time.
    full_at: Nanos,
    /// The refill time of one unit under the plan that wrote this entry.
    interval: Nanos,
}

impl<K: Hash + Eq + Clone> Store<K> {
    /// A store of at most this many keys, to within a sixteenth.
    pub(super) fn new(capacity: usize) -> Store<K> {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Store { shards, hasher: RandomState::new(), capacity: capacity.div_ceil(SHARDS) }
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, HashMap<K, Entry>> {
        let hash = self.hasher.hash_one(key);
        // The high bits: the low ones choose the bucket within a map.
        let shard = &self.shards[(hash >> 60) as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the buckets that are full at this time.
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

/// Evicts the quarter of a shard whose buckets are nearest to full, and so carry the least information.
fn evict<K>(shard: &mut HashMap<K, Entry>) {
    let mut times: Vec<Nanos> = shard.values().map(|entry| entry.full_at).collect();
    let mut surplus = times.len().div_ceil(4);
    let (_, pivot, _) = times.select_nth_unstable(surplus - 1);
    let pivot = *pivot;
    shard.retain(|_, entry| {
        let evicted = surplus > 0 && entry.full_at <= pivot;
        surplus -= usize::from(evicted);
        !evicted
    });
}

/// The store in the units of one plan's limiter.
pub(super) struct View<K> {
    store: Arc<Store<K>>,
    interval: Nanos,
    now: Box<dyn Fn() -> Nanos + Send + Sync>,
}

impl<K: Hash + Eq + Clone> View<K> {
    /// `interval` is the refill time of one unit in the limiter's bucket.
    pub(super) fn new(store: Arc<Store<K>>, interval: Nanos, now: impl Fn() -> Nanos + Send + Sync + 'static) -> Self {
        View { store, interval, now: Box::new(now) }
    }

    /// When the key's bucket is full; none if it is full now. Units spent on another plan stay spent.
    pub(super) fn full_at(&self, key: &K) -> Option<Nanos> {
        let entry = self.store.shard(key).get(key).copied();
        entry.map(|entry| self.converted(entry))
    }

    fn converted(&self, entry: Entry) -> Nanos {
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
        let (outcome, full_at) = f(before.map(|entry| self.converted(entry)))?;
        let entry = Entry { full_at, interval: self.interval };
        match shard.get_mut(key) {
            Some(stored) => *stored = entry,
            None => {
                if shard.len() >= self.store.capacity {
                    evict(&mut shard);
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
        view.measure_and_replace(&key, |_| Ok::<_, ()>(((), Nanos::new(full_at)))).expect("it is stored");
    }

    #[test]
    fn a_million_keys_do_not_grow_the_store() {
        let store = Arc::new(Store::new(1600));
        let view = View::new(store.clone(), Nanos::new(1), || Nanos::new(0));
        // Two keys have spent a lot, and a flood of others has spent little.
        put(&view, 7, 1_000_000_000);
        put(&view, 8, 1_000_000_001);
        for key in 1_000..1_001_000 {
            put(&view, key, u64::from(key));
        }
        assert!(store.len() <= 1600 + SHARDS, "{}", store.len());
        assert_eq!(view.full_at(&7), Some(Nanos::new(1_000_000_000)), "keys that have spent the most are not evicted");
        store.sweep(Nanos::new(1_000_000_000));
        assert_eq!((view.full_at(&7), store.len()), (None, 1));
    }

    #[test]
    fn units_stay_spent_on_another_plan() {
        let store = Arc::new(Store::new(100));
        let small = View::new(store.clone(), Nanos::new(300), || Nanos::new(1_000));
        let large = View::new(store, Nanos::new(100), || Nanos::new(1_000));
        put(&small, 1, 1_000 + 4 * 300);
        assert_eq!(large.full_at(&1), Some(Nanos::new(1_000 + 4 * 100)));
    }
}
