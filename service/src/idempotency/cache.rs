//! Finished writes in memory, in front of the table: a replay asks no database. Filled after COMMIT only.

use std::sync::Arc;
use std::time::Duration;

use entity::idempotency_key;
use entity::value::{Role, Timestamp};
use moka::sync::Cache;

use super::{KeyId, Mark, RETENTION};
use crate::contract::error::Error;
use crate::contract::outcome::StoredReply;
use crate::contract::reason::Reason;

/// Bytes of answers that are kept in memory; the table has them all.
const CAPACITY: u64 = 32 * 1024 * 1024;
/// What an entry takes besides its text.
const OVERHEAD: usize = 320;

/// What a key led to.
#[derive(Clone)]
pub(super) struct Outcome {
    pub(super) mark: Mark,
    pub(super) role: Role,
    pub(super) expires_at: Timestamp,
    pub(super) stored: StoredReply,
}

impl Outcome {
    /// As the table has it.
    pub(super) fn read(row: idempotency_key::Model) -> Outcome {
        let idempotency_key::Model {
            organization_id: _,
            user_id: _,
            key: _,
            fingerprint,
            role,
            record_id,
            record_version,
            created,
            body,
            expires_at,
        } = row;
        let stored = StoredReply { id: record_id, version: record_version, created, body: body.into() };
        Outcome { mark: Mark::read(&fingerprint), role, expires_at, stored }
    }

    /// Whether it came of a call with the same words.
    pub(super) fn is_of_call(&self, mark: &Mark) -> bool {
        self.mark.is_same_call(mark)
    }

    /// The answer once more, if it is the same request by somebody of the same role.
    pub(super) fn replay(&self, role: Role, mark: &Mark) -> Result<StoredReply, Error> {
        if !self.mark.is_same(mark) {
            let message = "this Idempotency-Key was used for another request; use a new key for a new request";
            return Err(Error::conflict(Reason::IdempotencyMismatch, message));
        }
        if self.role != role {
            let message =
                "your role has changed since this request was first answered, so its answer is not shown again";
            return Err(Error::conflict(Reason::IdempotencyRoleChanged, message));
        }
        Ok(self.stored.clone())
    }
}

/// The outcomes that were asked for last.
pub(super) struct ReplyCache(Cache<KeyId, Arc<Outcome>>);

impl Default for ReplyCache {
    fn default() -> ReplyCache {
        let weigh =
            |_: &KeyId, outcome: &Arc<Outcome>| u32::try_from(outcome.stored.body.len() + OVERHEAD).unwrap_or(u32::MAX);
        // The library's own clock only frees memory; our clock decides whether a reply is still valid.
        let kept = Duration::from_millis(RETENTION.unsigned_abs());
        ReplyCache(Cache::builder().max_capacity(CAPACITY).weigher(weigh).time_to_live(kept).build())
    }
}

impl ReplyCache {
    /// What is remembered and not over.
    pub(super) fn get(&self, slot: &KeyId, now: Timestamp) -> Option<Arc<Outcome>> {
        self.0.get(slot).filter(|outcome| now < outcome.expires_at)
    }

    /// Remembers what the database is known to have.
    pub(super) fn put(&self, slot: KeyId, outcome: Outcome) -> Arc<Outcome> {
        let outcome = Arc::new(outcome);
        self.0.insert(slot, outcome.clone());
        outcome
    }
}

#[cfg(test)]
mod tests {
    use entity::value::Id;

    use super::*;

    fn outcome(bytes: usize) -> Outcome {
        let stored = StoredReply { id: Id::NONE, version: None, created: true, body: "x".repeat(bytes).into() };
        Outcome { mark: Mark::new([1; 32], None), role: Role::Owner, expires_at: Timestamp::from_millis(1000), stored }
    }

    #[test]
    fn an_outcome_is_over_by_our_clock() {
        let replays = ReplyCache::default();
        replays.put(KeyId([1; 32]), outcome(10));
        assert!(replays.get(&KeyId([1; 32]), Timestamp::from_millis(999)).is_some());
        assert!(replays.get(&KeyId([1; 32]), Timestamp::from_millis(1000)).is_none());
        assert!(replays.get(&KeyId([2; 32]), Timestamp::from_millis(0)).is_none());
    }

    #[test]
    fn memory_is_bounded_by_bytes() {
        let replays = ReplyCache::default();
        for i in 0..100_u8 {
            replays.put(KeyId([i; 32]), outcome(1024 * 1024));
        }
        replays.0.run_pending_tasks();
        assert!(replays.0.weighted_size() <= CAPACITY, "{}", replays.0.weighted_size());
        assert!(replays.0.entry_count() > 0);
    }
}
