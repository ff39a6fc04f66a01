//! One key, one effect: the effect and the stored reply are one transaction, and the key is unique. The second request
//! cannot store a reply, so its transaction is rolled back, and it returns the first reply.
//!
//! Decision: `docs/decisions/0034-the-key-is-unique.md`.

mod cache;
mod fingerprints;
mod queue;

use std::sync::Arc;
use std::time::Duration;

use entity::idempotency_key;
use entity::value::Timestamp;
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, Statement};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use self::cache::{KeyedReply, ReplyCache};
pub(crate) use self::fingerprints::Fingerprints;
use self::queue::{HeldKey, KeyQueue};
use crate::access::caller::Caller;
use crate::access::scope::Scoped;
use crate::contract::error::Error;
use crate::contract::outcome::StoredReply;
use crate::core::Core;
use crate::core::database::{Beginning, Begun, Tx};

/// How long a reply is stored, in milliseconds.
const RETENTION: i64 = 24 * 60 * 60 * 1000;
/// How long a concurrent duplicate waits for the first request.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Stores a reply. Every write with a key runs it, so its text is fixed. An expired row that is not swept yet counts as absent.
const STORE_REPLY: &str = "\
    INSERT INTO idempotency_key (organization_id, user_id, key, fingerprint, role, record_id, record_version, created, \
      body, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
    ON CONFLICT (organization_id, user_id, key) DO UPDATE SET fingerprint = excluded.fingerprint, role = excluded.role, \
      record_id = excluded.record_id, record_version = excluded.record_version, created = excluded.created, \
      body = excluded.body, expires_at = excluded.expires_at \
    WHERE idempotency_key.expires_at <= $11";

/// The header of a request, as its surface read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum IdempotencyKey {
    /// None was sent, and none is needed.
    #[default]
    None,
    /// A key of 1 to 255 visible ASCII characters.
    Key(String),
    /// Missing where one is needed, or malformed; why.
    Bad(&'static str),
}

impl IdempotencyKey {
    /// Reads the value of the header, bare or in quotes.
    pub fn read(header: Option<&str>, required: bool) -> IdempotencyKey {
        const HOW: &str = "send a header `Idempotency-Key` of 1 to 255 visible ASCII characters, such as a UUID, \
            new for each thing to be done and the same when you retry it";
        let Some(text) = header else {
            return if required { IdempotencyKey::Bad(HOW) } else { IdempotencyKey::None };
        };
        let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        // A quote that is opened and not closed is neither form.
        let bare = quoted.or_else(|| (!text.starts_with('"')).then_some(text)).unwrap_or_default();
        if (1..=255).contains(&bare.len()) && bare.bytes().all(|b| b.is_ascii_graphic()) {
            IdempotencyKey::Key(bare.to_owned())
        } else {
            IdempotencyKey::Bad(HOW)
        }
    }
}

/// A key of one person in one workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct KeyId([u8; 32]);

impl KeyId {
    fn of(caller: &Caller, key: &str) -> KeyId {
        let digest = Sha256::new()
            .chain_update(caller.organization_id.0.as_bytes())
            .chain_update(caller.user_id.0.as_bytes())
            .chain_update(key);
        KeyId(digest.finalize().into())
    }

    /// As PostgreSQL numbers its advisory locks.
    fn number(&self) -> i64 {
        let mut number = [0; 8];
        number.copy_from_slice(&self.0[..8]);
        i64::from_be_bytes(number)
    }
}

/// What this process knows of keys: which requests hold them, and the replies of those that are done.
pub(crate) struct Idempotency {
    core: Core,
    queue: Arc<KeyQueue>,
    replays: ReplyCache,
}

impl Idempotency {
    pub(crate) fn new(core: Core) -> Idempotency {
        Idempotency { core, queue: Arc::default(), replays: ReplyCache::default() }
    }

    /// The reply in the table, of a key that has not expired.
    async fn find_stored(&self, caller: &Caller, key: &str) -> Result<Option<KeyedReply>, Error> {
        let row = idempotency_key::Entity::all_of(caller.organization_id)
            .filter(idempotency_key::Column::UserId.eq(caller.user_id))
            .filter(idempotency_key::Column::Key.eq(key))
            .filter(idempotency_key::Column::ExpiresAt.gt(self.core.now()))
            .one(self.core.database().reader())
            .await?;
        Ok(row.map(KeyedReply::of_row))
    }

    /// How many requests hold a key or wait for one.
    pub(crate) fn requests(&self) -> usize {
        self.queue.requests()
    }
}

/// The result of claiming a key.
pub(crate) enum Claim<'a> {
    /// The request was executed before; this is its reply.
    Replay(StoredReply),
    /// No other request of this process holds the key or has used it.
    Claimed(Claimed<'a>),
}

/// A claimed key. However the work ends, dropping this lets the next duplicate proceed.
pub(crate) struct Claimed<'a> {
    idempotency: &'a Idempotency,
    caller: &'a Caller,
    key_id: KeyId,
    key: String,
    fingerprints: Fingerprints,
    until: Instant,
    held: HeldKey,
}

/// Claims a key, in this process. Concurrent duplicates wait in a queue, without a connection. A reply in memory needs no
/// database; a reply that only the table knows is found when the write conflicts with it.
///
/// # Errors
/// `InFlight` after five seconds, or at once when too many wait already; a conflict if the key was used otherwise.
pub(crate) async fn claim<'a>(
    idempotency: &'a Idempotency,
    caller: &'a Caller,
    key: &str,
    fingerprints: Fingerprints,
) -> Result<Claim<'a>, Error> {
    let Idempotency { core, queue, replays } = idempotency;
    let key_id = KeyId::of(caller, key);
    let until = Instant::now() + TIMEOUT;
    let remembered = || replays.get(&key_id, core.now());
    if let Some(reply) = remembered() {
        return reply.replay(caller.role, &fingerprints).map(Claim::Replay);
    }
    let held = queue.acquire(key_id, until).await.ok_or(Error::InFlight)?;
    if held.waited
        && let Some(reply) = remembered()
    {
        return reply.replay(caller.role, &fingerprints).map(Claim::Replay);
    }
    Ok(Claim::Claimed(Claimed { idempotency, caller, key_id, key: key.to_owned(), fingerprints, until, held }))
}

/// The reply that this very MCP call was given before, if it was. It is looked up before the names in the call are resolved,
/// since the first execution may have renamed or deleted what they named.
///
/// # Errors
/// A conflict if the caller's role was another one then.
pub(crate) async fn reply_to_call(
    idempotency: &Idempotency,
    caller: &Caller,
    key: &str,
    fingerprints: &Fingerprints,
) -> Result<Option<StoredReply>, Error> {
    let key_id = KeyId::of(caller, key);
    let reply = match idempotency.replays.get(&key_id, idempotency.core.now()) {
        Some(reply) => reply,
        None => match idempotency.find_stored(caller, key).await? {
            Some(reply) => idempotency.replays.put(key_id, reply),
            None => return Ok(None),
        },
    };
    if reply.is_of_call(fingerprints) { reply.replay(caller.role, fingerprints).map(Some) } else { Ok(None) }
}

/// The additional data that the seal of a stored reply is bound to.
fn seal_context(caller: &Caller, key: &str) -> String {
    format!("idempotency_key {} {} {key}", caller.organization_id, caller.user_id)
}

/// Opens a stored reply, if it was sealed.
pub(crate) fn open(core: &Core, caller: &Caller, key: &str, stored: StoredReply) -> Result<StoredReply, Error> {
    Ok(StoredReply { body: core.vault().open_text(&seal_context(caller, key), stored.body)?, ..stored })
}

impl Claimed<'_> {
    /// The reply in the table: of an earlier process, of another one, or one that is no longer in this one's memory.
    ///
    /// # Errors
    /// A conflict if the key was used for another request.
    pub(crate) async fn read(&self) -> Result<Option<StoredReply>, Error> {
        let Some(reply) = self.idempotency.find_stored(self.caller, &self.key).await? else { return Ok(None) };
        // The row could be read, so it is committed.
        self.idempotency.replays.put(self.key_id, reply).replay(self.caller.role, &self.fingerprints).map(Some)
    }

    /// Begins the transaction of the effect, and locks the key in it against other processes. If another process has it, this
    /// one tries again after a pause, and holds no connection meanwhile.
    ///
    /// # Errors
    /// `InFlight` after five seconds.
    pub(crate) async fn begin(&self, deadline: Option<Instant>) -> Result<(Tx, Option<i64>), Error> {
        let asked = Beginning { lock: Some(self.key_id.number()), workspace: Some(self.caller.organization_id) };
        let mut has_duplicate = self.held.waited;
        loop {
            let database = self.idempotency.core.database();
            // A request that is alone waits for a connection, or for SQLite's one writer, like any other write. Once it has
            // begun, a duplicate has as long for its work as any other, too.
            let begun = match has_duplicate {
                true => database.begin_by(&asked, self.until, deadline).await,
                false => database.begin_asking(&asked, deadline).await,
            };
            match begun {
                Err(_) if has_duplicate && Instant::now() >= self.until => return Err(Error::InFlight),
                begun => {
                    let Begun { tx, epoch } = begun?;
                    if let Some(tx) = tx {
                        return Ok((tx, epoch));
                    }
                }
            }
            has_duplicate = true;
            if Instant::now() >= self.until {
                return Err(Error::InFlight);
            }
            tokio::time::sleep(Duration::from_millis(rand::random_range(25..50))).await;
        }
    }

    /// Seals a reply that shows a secret, before it is stored; in memory it is sealed, too.
    pub(crate) fn seal(&self, body: &str) -> Result<String, Error> {
        self.idempotency.core.vault().seal_text(&seal_context(self.caller, &self.key), body)
    }

    /// The statement that stores the reply, in the transaction of the effect. It changes no row if the key has a reply that
    /// has not expired; the transaction must be rolled back then.
    pub(crate) fn storing(&self, stored: &StoredReply, now: Timestamp) -> Statement {
        let caller = self.caller;
        let values = [
            caller.organization_id.into(),
            caller.user_id.into(),
            self.key.as_str().into(),
            self.fingerprints.bytes().into(),
            caller.role.into(),
            stored.id.into(),
            stored.version.into(),
            stored.created.into(),
            (&*stored.body).into(),
            now.plus_millis(RETENTION).into(),
            now.into(),
        ];
        let backend = self.idempotency.core.database().reader().get_database_backend();
        Statement::from_sql_and_values(backend, STORE_REPLY, values)
    }

    /// Remembers the reply for replays without the database. To be called after the commit only.
    pub(crate) fn committed(self, stored: StoredReply, now: Timestamp) {
        let Claimed { idempotency, caller, key_id, fingerprints, held: _held, .. } = self;
        let reply = KeyedReply {
            fingerprints: Some(fingerprints),
            role: caller.role,
            expires_at: now.plus_millis(RETENTION),
            stored,
        };
        idempotency.replays.put(key_id, reply);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_visible_ascii_bare_or_in_quotes() {
        let read = |text| IdempotencyKey::read(Some(text), true);
        assert_eq!(read("abc"), IdempotencyKey::Key("abc".into()));
        assert_eq!(read("\"abc\""), IdempotencyKey::Key("abc".into()));
        for bad in ["", "\"\"", "a b", "é", "a\tb", &"x".repeat(256)] {
            assert!(matches!(read(bad), IdempotencyKey::Bad(_)), "{bad:?}");
        }
        assert!(matches!(IdempotencyKey::read(None, true), IdempotencyKey::Bad(_)));
        assert_eq!(IdempotencyKey::read(None, false), IdempotencyKey::None);
    }
}
