//! Concurrent duplicates in one process: a request whose key is claimed waits in a queue in memory, without a connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout_at};

use super::KeyId;

/// How many may wait for one key, besides the one that works on it.
const WAITING: usize = 64;

/// One line for each key that somebody works on.
#[derive(Default)]
pub(super) struct Queue(Mutex<HashMap<KeyId, Line>>);

#[derive(Default)]
struct Line {
    /// Who works and who waits.
    people: usize,
    /// Handed on in the order of arrival.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// The turn of one request; it goes to the next when this is dropped, however that comes about.
pub(super) struct Ticket {
    // Dropped in this order: the next may go on before the place is given up.
    _turn: OwnedMutexGuard<()>,
    _place: Place,
    /// Whether somebody else had the key first.
    pub(super) waited: bool,
}

/// A place in a line.
struct Place {
    queue: Arc<Queue>,
    slot: KeyId,
}

impl Queue {
    /// The turn of this request, or none if the line is full or the time is over first.
    pub(super) async fn turn(self: &Arc<Queue>, slot: KeyId, until: Instant) -> Option<Ticket> {
        let (place, turn) = self.join(slot)?;
        let (waited, turn) = match turn.clone().try_lock_owned() {
            Ok(turn) => (false, turn),
            Err(_) => (true, timeout_at(until, turn.lock_owned()).await.ok()?),
        };
        Some(Ticket { _turn: turn, _place: place, waited })
    }

    fn join(self: &Arc<Queue>, slot: KeyId) -> Option<(Place, Arc<tokio::sync::Mutex<()>>)> {
        let mut lines = self.lines();
        let line = lines.entry(slot).or_default();
        if line.people > WAITING {
            return None;
        }
        line.people += 1;
        Some((Place { queue: self.clone(), slot }, line.turn.clone()))
    }

    /// How many requests there are in all lines.
    pub(super) fn people(&self) -> usize {
        self.lines().values().map(|line| line.people).sum()
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<KeyId, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lines = self.queue.lines();
        if let Some(line) = lines.get_mut(&self.slot) {
            line.people -= 1;
            if line.people == 0 {
                lines.remove(&self.slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SLOT: KeyId = KeyId([7; 32]);

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test]
    async fn waiting_requests_proceed_in_order_and_their_number_is_bounded() {
        let queue = Arc::new(Queue::default());
        let first = queue.turn(SLOT, soon()).await.expect("nobody else is there");
        assert!(!first.waited);
        let (sender, mut order) = tokio::sync::mpsc::unbounded_channel();
        for i in 0..WAITING {
            let (queue, sender) = (queue.clone(), sender.clone());
            tokio::spawn(async move {
                let turn = queue.turn(SLOT, soon()).await.expect("there is room");
                sender.send((i, turn.waited)).expect("somebody listens");
            });
            tokio::task::yield_now().await;
        }
        assert!(queue.turn(SLOT, soon()).await.is_none(), "the line is full");
        assert!(queue.turn(KeyId([8; 32]), soon()).await.is_some(), "another key has a line of its own");
        drop(first);
        for i in 0..WAITING {
            assert_eq!(order.recv().await, Some((i, true)));
        }
        assert!(queue.lines().is_empty(), "nothing is left of a line that is over");
    }

    #[tokio::test]
    async fn who_goes_away_or_waits_too_long_leaves_its_place() {
        let queue = Arc::new(Queue::default());
        let first = queue.turn(SLOT, soon()).await.expect("nobody else is there");
        assert!(queue.turn(SLOT, Instant::now()).await.is_none());
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { queue.turn(SLOT, soon()).await.is_some() }
        });
        tokio::task::yield_now().await;
        waiting.abort();
        assert!(waiting.await.is_err());
        drop(first);
        assert!(queue.lines().is_empty());
        assert!(!queue.turn(SLOT, soon()).await.expect("the key is free").waited);
    }
}
