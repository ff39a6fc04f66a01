//! Time and ids, from one place, so that tests can move the one and both databases agree on the other.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use entity::value::{Id, Timestamp};
use uuid::{ContextV7, Uuid};

/// Where "now" comes from.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    /// The machine's clock, moved by what the database's was last measured to be ahead, in milliseconds.
    System { ahead: AtomicI64, since: Instant },
    /// Stands still until moved; `elapsed` only counts what it was moved forward.
    Manual { now: AtomicI64, elapsed: AtomicU64 },
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Clock {
        Clock(Arc::new(Source::System { ahead: AtomicI64::new(0), since: Instant::now() }))
    }

    /// A clock that stands at `start` until `advance`.
    pub fn manual(start: Timestamp) -> Clock {
        Clock(Arc::new(Source::Manual { now: AtomicI64::new(start.millis()), elapsed: AtomicU64::new(0) }))
    }

    /// This instant, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(match &*self.0 {
            Source::System { ahead, .. } => machine_millis() + ahead.load(Ordering::Relaxed),
            Source::Manual { now, .. } => now.load(Ordering::SeqCst),
        })
    }

    /// How much time has passed since this clock was made. Unlike `now` it never goes back: nobody waits for an hour
    /// because somebody has set the machine's clock back by one.
    pub(crate) fn elapsed(&self) -> Duration {
        match &*self.0 {
            Source::System { since, .. } => since.elapsed(),
            Source::Manual { elapsed, .. } => Duration::from_millis(elapsed.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock, forward or back, by milliseconds; the machine's goes by itself.
    pub fn advance(&self, millis: i64) {
        if let Source::Manual { now, elapsed } = &*self.0 {
            now.fetch_add(millis, Ordering::SeqCst);
            elapsed.fetch_add(u64::try_from(millis).unwrap_or(0), Ordering::SeqCst);
        }
    }

    /// Follows another clock, which just said `theirs`, and returns how far it is ahead of the machine's, in milliseconds.
    pub(crate) fn follow(&self, theirs: Timestamp) -> i64 {
        let Source::System { ahead, .. } = &*self.0 else { return 0 };
        let millis = theirs.millis() - machine_millis();
        ahead.store(millis, Ordering::Relaxed);
        millis
    }
}

/// A length of time in milliseconds as people say it: `3 s`, `5 min`, `2 h`, `400 days`.
pub fn length_in_words(millis: i64) -> String {
    let seconds = millis.unsigned_abs() / 1000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
fn machine_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Makes ids: UUID v7 at the clock's time, rising within one process.
#[derive(Debug, Default)]
pub(crate) struct Ids(Mutex<ContextV7>);

/// An id of the same kind for a request. It rises with nothing, so that the generator of this thread will do: asking the
/// system each time costs more than all the rest of it.
pub(crate) fn request_id(now: Timestamp) -> Uuid {
    let millis = u64::try_from(now.millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid()
}

impl Ids {
    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
    pub(crate) fn next<T>(&self, now: Timestamp) -> Id<T> {
        let context = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        let nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
        Id::new(Uuid::new_v7(uuid::Timestamp::from_unix(&*context, millis / 1000, nanos)))
    }
}
