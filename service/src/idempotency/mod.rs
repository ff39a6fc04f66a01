//! One key, one effect: the effect and the stored reply are one transaction, and the key is unique. The second request
//! cannot store a reply, so its transaction is rolled back, and it returns the first reply.

mod cache;
mod mark;
mod queue;

use std::sync::Arc;
use std::time::Duration;

use entity::idempotency_key;
use entity::value::Timestamp;
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, Statement};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use self::cache::{Outcome, ReplyCache};
pub(crate) use self::mark::Mark;
use self::queue::{Queue, Ticket};
use crate::access::caller::Caller;
use crate::access::scope::Scoped;
use crate::contract::error::Error;
use crate::contract::outcome::StoredReply;
use crate::core::Core;
use crate::core::database::{Beginning, Begun, Tx};

/// How long an outcome is kept, in milliseconds.
const RETENTION: i64 = 24 * 60 * 60 * 1000;
/// How long a concurrent duplicate waits for the first request.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Written out, since every write with a key does it. A row that is over and not swept yet is as good as none.
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

/// What this process knows of keys: who works on which, and what came of them.
pub(crate) struct Idempotency {
    core: Core,
    queue: Arc<Queue>,
    replays: ReplyCache,
}

impl Idempotency {
    pub(crate) fn new(core: Core) -> Idempotency {
        Idempotency { core, queue: Arc::default(), replays: ReplyCache::default() }
    }

    /// What the table has of a key that is not over.
    async fn stored(&self, caller: &Caller, key: &str) -> Result<Option<Outcome>, Error> {
        let row = idempotency_key::Entity::all_of(caller.organization_id)
            .filter(idempotency_key::Column::UserId.eq(caller.user_id))
            .filter(idempotency_key::Column::Key.eq(key))
            .filter(idempotency_key::Column::ExpiresAt.gt(self.core.now()))
            .one(self.core.database().reader())
            .await?;
        Ok(row.map(Outcome::read))
    }

    /// How many requests work on keys or wait for them.
    pub(crate) fn requests(&self) -> usize {
        self.queue.people()
    }
}

/// What a key leads to.
pub(crate) enum Claim<'a> {
    /// Done before.
    Replay(StoredReply),
    /// This process knows of nobody else who works on it, or has.
    Claimed(Claimed<'a>),
}

/// A claimed key. However the work ends, dropping this lets the next duplicate proceed.
pub(crate) struct Claimed<'a> {
    store: &'a Idempotency,
    caller: &'a Caller,
    slot: KeyId,
    key: String,
    mark: Mark,
    until: Instant,
    turn: Ticket,
}

/// Claims a key, in this process. Concurrent duplicates wait in a queue, without a connection. A reply in memory needs no
/// database; a reply that only the table knows is found when the write conflicts with it.
///
/// # Errors
/// `InFlight` after five seconds, or at once when too many wait already; a conflict if the key was used otherwise.
pub(crate) async fn claim<'a>(
    store: &'a Idempotency,
    caller: &'a Caller,
    key: &str,
    mark: Mark,
) -> Result<Claim<'a>, Error> {
    let Idempotency { core, queue, replays } = store;
    let slot = KeyId::of(caller, key);
    let until = Instant::now() + TIMEOUT;
    let known = || replays.get(&slot, core.now());
    if let Some(outcome) = known() {
        return outcome.replay(caller.role, &mark).map(Claim::Replay);
    }
    let turn = queue.turn(slot, until).await.ok_or(Error::InFlight)?;
    if turn.waited
        && let Some(outcome) = known()
    {
        return outcome.replay(caller.role, &mark).map(Claim::Replay);
    }
    Ok(Claim::Claimed(Claimed { store, caller, slot, key: key.to_owned(), mark, until, turn }))
}

/// The reply that this very call was given before, if it was. It is asked for before the call is understood: what its names
/// stood for may be gone by its own doing.
///
/// # Errors
/// A conflict if the caller's role was another one then.
pub(crate) async fn reply_to_call(
    store: &Idempotency,
    caller: &Caller,
    key: &str,
    mark: &Mark,
) -> Result<Option<StoredReply>, Error> {
    let slot = KeyId::of(caller, key);
    let outcome = match store.replays.get(&slot, store.core.now()) {
        Some(outcome) => outcome,
        None => match store.stored(caller, key).await? {
            Some(outcome) => store.replays.put(slot, outcome),
            None => return Ok(None),
        },
    };
    match outcome.is_of_call(mark) {
        true => outcome.replay(caller.role, mark).map(Some),
        false => Ok(None),
    }
}

/// The place of a stored answer, which its seal is bound to.
fn place(caller: &Caller, key: &str) -> String {
    format!("idempotency_key {} {} {key}", caller.organization_id, caller.user_id)
}

/// Opens a stored answer, if it was sealed.
pub(crate) fn open(core: &Core, caller: &Caller, key: &str, stored: StoredReply) -> Result<StoredReply, Error> {
    Ok(StoredReply { body: core.vault().open_text(&place(caller, key), stored.body)?, ..stored })
}

impl Claimed<'_> {
    /// What the table has of the key, if it is known there: from before this process, from another one, or from too long ago
    /// for its memory.
    ///
    /// # Errors
    /// A conflict if the key was used otherwise.
    pub(crate) async fn read(&self) -> Result<Option<StoredReply>, Error> {
        let Some(outcome) = self.store.stored(self.caller, &self.key).await? else { return Ok(None) };
        // The row was there to be read, so it is committed.
        self.store.replays.put(self.slot, outcome).replay(self.caller.role, &self.mark).map(Some)
    }

    /// Begins the transaction of the effect, and locks the key in it against other processes. Their duplicates wait by asking
    /// again: no connection is held while somebody else works on it.
    ///
    /// # Errors
    /// `InFlight` after five seconds.
    pub(crate) async fn begin(&self, deadline: Option<Instant>) -> Result<(Tx, Option<i64>), Error> {
        let asked = Beginning { lock: Some(self.slot.number()), workspace: Some(self.caller.organization_id) };
        let mut has_duplicate = self.turn.waited;
        loop {
            // A request that is alone waits for a connection, or for SQLite's one writer, like any other write.
            let until = if has_duplicate { Some(self.until) } else { deadline };
            match self.store.core.database().begin_asking(&asked, until).await {
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

    /// Seals an answer that shows a secret, before it is stored; memory holds it sealed too.
    pub(crate) fn seal(&self, body: &str) -> Result<String, Error> {
        self.store.core.vault().seal_text(&place(self.caller, &self.key), body)
    }

    /// The statement that stores the outcome, in the transaction of the effect. It changes no row if the key has an outcome
    /// that counts already, and then the effect must not stay.
    pub(crate) fn storing(&self, stored: &StoredReply, now: Timestamp) -> Statement {
        let caller = self.caller;
        let values = [
            caller.organization_id.into(),
            caller.user_id.into(),
            self.key.as_str().into(),
            self.mark.bytes().into(),
            caller.role.into(),
            stored.id.into(),
            stored.version.into(),
            stored.created.into(),
            (&*stored.body).into(),
            now.plus_millis(RETENTION).into(),
            now.into(),
        ];
        let backend = self.store.core.database().reader().get_database_backend();
        Statement::from_sql_and_values(backend, STORE_REPLY, values)
    }

    /// Lets replays have the outcome without the database. Only once it is committed.
    pub(crate) fn committed(self, stored: StoredReply, now: Timestamp) {
        let Claimed { store, caller, slot, mark, turn: _turn, .. } = self;
        let outcome = Outcome { mark, role: caller.role, expires_at: now.plus_millis(RETENTION), stored };
        store.replays.put(slot, outcome);
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
