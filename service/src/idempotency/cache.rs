//! Replies in memory, in front of the table: a replay of one needs no database. Filled after a commit only.

use std::sync::Arc;
use std::time::Duration;

use entity::idempotency_key;
use entity::value::{Role, Timestamp};
use moka::sync::Cache;

use super::{Fingerprints, KeyId, RETENTION};
use crate::contract::error::Error;
use crate::contract::outcome::StoredReply;
use crate::contract::reason::Reason;

/// Bytes of replies in memory; the table has them all.
const CAPACITY: u64 = 32 * 1024 * 1024;
/// Bytes of an entry besides its body.
const OVERHEAD: usize = 320;

/// The reply that is stored under a key, with what decides who may have it again.
#[derive(Clone)]
pub(super) struct KeyedReply {
    /// None if the row is damaged: then no request is the same as the one that was answered.
    pub(super) fingerprints: Option<Fingerprints>,
    pub(super) role: Role,
    pub(super) expires_at: Timestamp,
    pub(super) stored: StoredReply,
}

impl KeyedReply {
    /// From its row.
    pub(super) fn of_row(row: idempotency_key::Model) -> KeyedReply {
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
        KeyedReply { fingerprints: Fingerprints::read(&fingerprint), role, expires_at, stored }
    }

    /// Whether it answered an MCP call of the same tool with the same arguments, by value.
    pub(super) fn is_of_call(&self, fingerprints: &Fingerprints) -> bool {
        self.fingerprints.is_some_and(|answered| answered.is_same_call(fingerprints))
    }

    /// The reply once more, if this is the same request of a caller with the same role.
    ///
    /// # Errors
    /// A conflict if the key was used for another request, or if the role has changed.
    pub(super) fn replay(&self, role: Role, fingerprints: &Fingerprints) -> Result<StoredReply, Error> {
        if !self.fingerprints.is_some_and(|answered| answered.is_same(fingerprints)) {
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

/// The replies that were used last.
pub(super) struct ReplyCache(Cache<KeyId, Arc<KeyedReply>>);

impl Default for ReplyCache {
    fn default() -> ReplyCache {
        let weigh =
            |_: &KeyId, reply: &Arc<KeyedReply>| u32::try_from(reply.stored.body.len() + OVERHEAD).unwrap_or(u32::MAX);
        // The library's own clock only frees memory; our clock decides whether a reply is still valid.
        let lifetime = Duration::from_millis(RETENTION.unsigned_abs());
        ReplyCache(Cache::builder().max_capacity(CAPACITY).weigher(weigh).time_to_live(lifetime).build())
    }
}

impl ReplyCache {
    /// The reply under a key, if it is in memory and has not expired.
    pub(super) fn get(&self, key_id: &KeyId, now: Timestamp) -> Option<Arc<KeyedReply>> {
        self.0.get(key_id).filter(|reply| now < reply.expires_at)
    }

    /// Remembers a reply that is known to be committed.
    pub(super) fn put(&self, key_id: KeyId, reply: KeyedReply) -> Arc<KeyedReply> {
        let reply = Arc::new(reply);
        self.0.insert(key_id, reply.clone());
        reply
    }
}

#[cfg(test)]
mod tests {
    use entity::value::Id;

    use super::*;

    fn reply(bytes: usize) -> KeyedReply {
        let stored = StoredReply { id: Id::NONE, version: None, created: true, body: "x".repeat(bytes).into() };
        KeyedReply {
            fingerprints: Some(Fingerprints::new([1; 32], None)),
            role: Role::Owner,
            expires_at: Timestamp::from_millis(1000),
            stored,
        }
    }

    #[test]
    fn a_reply_expires_by_our_clock() {
        let replays = ReplyCache::default();
        replays.put(KeyId([1; 32]), reply(10));
        assert!(replays.get(&KeyId([1; 32]), Timestamp::from_millis(999)).is_some());
        assert!(replays.get(&KeyId([1; 32]), Timestamp::from_millis(1000)).is_none());
        assert!(replays.get(&KeyId([2; 32]), Timestamp::from_millis(0)).is_none());
    }

    #[test]
    fn memory_is_bounded_by_bytes() {
        let replays = ReplyCache::default();
        for i in 0..100_u8 {
            replays.put(KeyId([i; 32]), reply(1024 * 1024));
        }
        replays.0.run_pending_tasks();
        assert!(replays.0.weighted_size() <= CAPACITY, "{}", replays.0.weighted_size());
        assert!(replays.0.entry_count() > 0);
    }
}
