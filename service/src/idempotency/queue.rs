//! Concurrent duplicates in one process: a request whose key is held by another one waits in memory, without a connection
//! to the database.
//!
//! Decision: `docs/decisions/0011-concurrent-duplicates-wait-in-memory.md`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout_at};

use super::KeyId;

/// How many requests may wait for one key, besides the one that holds it.
const MAX_WAITING: usize = 64;

/// The requests of this process by key: one holds the key, the others wait for it in the order of arrival.
#[derive(Default)]
pub(super) struct KeyQueue(Mutex<HashMap<KeyId, Entry>>);

#[derive(Default)]
struct Entry {
    /// The request that holds the key and those that wait for it.
    requests: usize,
    /// The request that has locked it holds the key; the lock is passed on in the order of arrival.
    holder: Arc<tokio::sync::Mutex<()>>,
}

/// A key that one request holds. The next request gets it when this is dropped, however that comes about.
pub(super) struct HeldKey {
    // Dropped in this order: the next request may proceed before this one is no longer counted.
    _lock: OwnedMutexGuard<()>,
    _counted: Counted,
    /// Whether another request held the key first.
    pub(super) waited: bool,
}

/// One request in the count of its key, until this is dropped.
struct Counted {
    queue: Arc<KeyQueue>,
    key_id: KeyId,
}

impl KeyQueue {
    /// Waits until this request holds the key. `None` if too many wait already, or if it is not its turn by `until`.
    pub(super) async fn acquire(self: &Arc<KeyQueue>, key_id: KeyId, until: Instant) -> Option<HeldKey> {
        let (counted, holder) = self.count(key_id)?;
        let (waited, lock) = match holder.clone().try_lock_owned() {
            Ok(lock) => (false, lock),
            Err(_) => (true, timeout_at(until, holder.lock_owned()).await.ok()?),
        };
        Some(HeldKey { _lock: lock, _counted: counted, waited })
    }

    fn count(self: &Arc<KeyQueue>, key_id: KeyId) -> Option<(Counted, Arc<tokio::sync::Mutex<()>>)> {
        let mut entries = self.entries();
        let entry = entries.entry(key_id).or_default();
        if entry.requests > MAX_WAITING {
            return None;
        }
        entry.requests += 1;
        Some((Counted { queue: self.clone(), key_id }, entry.holder.clone()))
    }

    /// How many requests hold a key or wait for one.
    pub(super) fn requests(&self) -> usize {
        self.entries().values().map(|entry| entry.requests).sum()
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<KeyId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut entries = self.queue.entries();
        if let Some(entry) = entries.get_mut(&self.key_id) {
            entry.requests -= 1;
            if entry.requests == 0 {
                entries.remove(&self.key_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const KEY: KeyId = KeyId([7; 32]);

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test]
    async fn waiting_requests_proceed_in_order_and_their_number_is_bounded() {
        let queue = Arc::new(KeyQueue::default());
        let first = queue.acquire(KEY, soon()).await.expect("no other request has the key");
        assert!(!first.waited);
        let (sender, mut order) = tokio::sync::mpsc::unbounded_channel();
        for i in 0..MAX_WAITING {
            let (queue, sender) = (queue.clone(), sender.clone());
            tokio::spawn(async move {
                let held = queue.acquire(KEY, soon()).await.expect("there is room");
                sender.send((i, held.waited)).expect("the test receives");
            });
            tokio::task::yield_now().await;
        }
        assert!(queue.acquire(KEY, soon()).await.is_none(), "too many wait");
        assert!(queue.acquire(KeyId([8; 32]), soon()).await.is_some(), "another key is independent");
        drop(first);
        for i in 0..MAX_WAITING {
            assert_eq!(order.recv().await, Some((i, true)));
        }
        assert!(queue.entries().is_empty(), "nothing is left of a key that no request holds");
    }

    #[tokio::test]
    async fn a_request_that_is_cancelled_or_waits_too_long_is_no_longer_counted() {
        let queue = Arc::new(KeyQueue::default());
        let first = queue.acquire(KEY, soon()).await.expect("no other request has the key");
        assert!(queue.acquire(KEY, Instant::now()).await.is_none());
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { queue.acquire(KEY, soon()).await.is_some() }
        });
        tokio::task::yield_now().await;
        waiting.abort();
        assert!(waiting.await.is_err());
        drop(first);
        assert!(queue.entries().is_empty());
        assert!(!queue.acquire(KEY, soon()).await.expect("the key is free").waited);
    }
}
