//! From the secret of a session to a caller: member, role and plan as they are now, read by one statement at every request.
//! Sessions are rows, so that all replicas share them and each change counts from the next request.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::value::{SessionId, Timestamp};
use rand::TryRngCore;
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::access::auth::KnownCaller;
use crate::access::who::{Pass, Who, who_columns};
use crate::contract::caller::CallerSession;
use crate::contract::error::Error;
use crate::core::Core;
use crate::core::database::Class;

const MINUTE: i64 = 60_000;
/// How long a session lasts without use, in milliseconds: 12 hours.
pub(crate) const IDLE: i64 = 12 * 60 * MINUTE;
/// How long it lasts in all, in milliseconds: 7 days.
pub(crate) const LIFETIME: i64 = 7 * 24 * 60 * MINUTE;
/// How long a sign-in counts as recent, in milliseconds.
const RECENT: i64 = 5 * MINUTE;
/// Use is written at most this often per session, in milliseconds.
const USE_GRAIN: i64 = 5 * MINUTE;
/// Bytes of a secret: 256 bits.
const SECRET: usize = 32;

/// A new secret of a session or a login link: shown once, of which only the hash is stored.
pub(crate) struct FreshSecret {
    pub(crate) text: String,
    pub(crate) hash: Vec<u8>,
}

impl FreshSecret {
    /// From the system's random source.
    pub(crate) fn new() -> Result<FreshSecret, Error> {
        let mut bytes = [0_u8; SECRET];
        rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(|e| Error::bug(format!("no randomness: {e}")))?;
        let text = URL_SAFE_NO_PAD.encode(bytes);
        Ok(FreshSecret { hash: hash_of(&text), text })
    }
}

/// What is stored of a secret. It has 256 random bits, so that a plain hash cannot be reversed, and its index can be asked
/// for it: how long that takes says nothing of another secret.
pub(crate) fn hash_of(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

/// A session that lets in.
pub(crate) struct LiveSession {
    pub(crate) known: KnownCaller,
    id: SessionId,
    seen_at: Timestamp,
    ends_at: Timestamp,
}

#[derive(FromQueryResult)]
struct SessionRow {
    session_id: SessionId,
    created_at: Timestamp,
    seen_at: Timestamp,
    ends_at: Timestamp,
    #[sea_orm(nested)]
    who: Who,
}

const LOOK_UP: &str = concat!(
    "SELECT s.id AS session_id, s.created_at, s.seen_at, s.ends_at, ",
    who_columns!(),
    " FROM session s JOIN member m ON m.organization_id = s.organization_id AND m.id = s.member_id \
     JOIN organization o ON o.id = s.organization_id \
     LEFT JOIN access_epoch a ON a.organization_id = s.organization_id \
     WHERE s.hash = $1 AND s.ended_at IS NULL AND s.expires_at > $2 AND m.deleted_at IS NULL"
);

const TOUCH: &str = "\
    UPDATE session SET seen_at = $1, expires_at = $2 WHERE organization_id = $3 AND id = $4 AND ended_at IS NULL";

/// The session with this secret, if it lets in now.
///
/// # Errors
/// `Unavailable` if the database does not answer by `until`.
pub(crate) async fn find(core: &Core, secret: &str, until: Instant) -> Result<Option<LiveSession>, Error> {
    let (reader, now) = (core.database().reader_for(Class::Authentication, Some(until)), core.now());
    let values = [hash_of(secret).into(), now.into()];
    let statement = Statement::from_sql_and_values(reader.get_database_backend(), LOOK_UP, values);
    let found = SessionRow::find_by_statement(statement).one(&reader).await;
    let found = found.map_err(|cause| Error::from(cause).of_look_up())?;
    Ok(found.map(|found| found.into_live(now)))
}

impl LiveSession {
    /// Whether its last use is to be written.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.seen_at.plus_millis(USE_GRAIN) <= now
    }

    /// Writes its use: it lasts as long again, at most to its end.
    ///
    /// # Errors
    /// `Internal` (database).
    pub(crate) async fn touch(&self, core: &Core) -> Result<(), Error> {
        let (tx, now) = (core.database().begin().await?, core.now());
        let expires_at = now.plus_millis(IDLE).min(self.ends_at);
        let workspace = self.known.caller.organization_id;
        let values = [now.into(), expires_at.into(), workspace.into(), self.id.into()];
        tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), TOUCH, values)).await?;
        Ok(tx.commit().await?)
    }
}

impl SessionRow {
    fn into_live(self, now: Timestamp) -> LiveSession {
        let SessionRow { session_id, created_at, seen_at, ends_at, who } = self;
        let epoch = who.epoch;
        let session = CallerSession { id: session_id, recent: now < created_at.plus_millis(RECENT) };
        let caller = who.with(Pass::Session(session));
        LiveSession { known: KnownCaller::of_session(caller, epoch), id: session_id, seen_at, ends_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_have_256_bits_and_are_stored_as_their_hash() {
        let [one, other] = [(), ()].map(|()| FreshSecret::new().expect("randomness"));
        assert_eq!((one.text.len(), one.hash.len()), (43, 32));
        assert_ne!(one.text, other.text);
        assert_eq!(hash_of(&one.text), one.hash);
    }
}
