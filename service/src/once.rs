//! One key, one effect: the claim, the effect and the stored answer are one transaction.

use std::time::Duration;

use entity::idempotency_key;
use entity::value::{Id, Role, Timestamp};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, IntoActiveModel, QueryFilter, Statement,
};
use sha2::{Digest, Sha256};

use crate::scope::Scoped;
use crate::{App, Caller, Error, Reason};

/// How long an outcome is kept, in milliseconds.
const KEPT: i64 = 24 * 60 * 60 * 1000;
/// How long a twin waits for the first.
const PATIENCE: Duration = Duration::from_secs(5);

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
        let bare = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
        if (1..=255).contains(&bare.len()) && bare.bytes().all(|b| b.is_ascii_graphic()) {
            IdempotencyKey::Key(bare.to_owned())
        } else {
            IdempotencyKey::Bad(HOW)
        }
    }
}

/// What a finished write leaves for its replays. Knows no HTTP: the surface makes status and headers of it again.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The record that was made or changed.
    pub id: Id,
    /// Its version then.
    pub version: Option<i32>,
    /// Whether it was made.
    pub created: bool,
    /// The record, rendered.
    pub body: String,
}

/// What a key leads to.
pub(crate) enum Claim {
    /// Done before.
    Replay(Stored),
    /// Free: this transaction holds it.
    Fresh(DatabaseTransaction),
}

/// Begins a transaction that holds the key, waiting for a twin without holding a connection.
pub(crate) async fn claim(app: &App, caller: &Caller, key: &str, fingerprint: &[u8; 32]) -> Result<Claim, Error> {
    let started = tokio::time::Instant::now();
    loop {
        // SQLite's one writer may be busy for as long as this request is willing to wait.
        let Ok(tx) = tokio::time::timeout(PATIENCE, app.database().begin()).await else { return Err(Error::InFlight) };
        let tx = tx?;
        if lock(app, &tx, caller, key).await? {
            return look(tx, caller, key, fingerprint, app.now()).await;
        }
        tx.rollback().await?;
        if started.elapsed() >= PATIENCE {
            return Err(Error::InFlight);
        }
        tokio::time::sleep(Duration::from_millis(rand::random_range(25..50))).await;
    }
}

/// SQLite's one writer is lock enough; PostgreSQL takes one on the key until the transaction ends.
async fn lock(app: &App, tx: &DatabaseTransaction, caller: &Caller, key: &str) -> Result<bool, Error> {
    if !app.database().is_postgres() {
        return Ok(true);
    }
    let digest = Sha256::new()
        .chain_update(caller.organization_id.0.as_bytes())
        .chain_update(caller.user_id.0.as_bytes())
        .chain_update(key)
        .finalize();
    let mut number = [0; 8];
    number.copy_from_slice(&digest[..8]);
    let sql = "SELECT pg_try_advisory_xact_lock($1) AS held";
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, [i64::from_be_bytes(number).into()]);
    let row = tx.query_one_raw(statement).await?.ok_or_else(|| Error::bug("a lock gave no answer"))?;
    Ok(row.try_get("", "held")?)
}

async fn look(
    tx: DatabaseTransaction,
    caller: &Caller,
    key: &str,
    fingerprint: &[u8; 32],
    now: Timestamp,
) -> Result<Claim, Error> {
    let known = idempotency_key::Entity::all_of(caller.organization_id)
        .filter(idempotency_key::Column::UserId.eq(caller.user_id))
        .filter(idempotency_key::Column::Key.eq(key))
        .one(&tx)
        .await?;
    match known {
        None => Ok(Claim::Fresh(tx)),
        Some(row) if row.expires_at <= now => {
            row.into_active_model().delete(&tx).await?;
            Ok(Claim::Fresh(tx))
        }
        Some(row) => {
            tx.rollback().await?;
            replay(row, caller.role, fingerprint)
        }
    }
}

fn replay(row: idempotency_key::Model, role: Role, fingerprint: &[u8; 32]) -> Result<Claim, Error> {
    let idempotency_key::Model { record_id, record_version, created, body, .. } = row;
    if row.fingerprint != fingerprint {
        let told = "this Idempotency-Key was used for another request; use a new key for a new request";
        return Err(Error::conflict(Reason::IdempotencyMismatch, told));
    }
    if row.role != role {
        let told = "your role has changed since this request was first answered, so its answer is not shown again";
        return Err(Error::conflict(Reason::IdempotencyRoleChanged, told));
    }
    Ok(Claim::Replay(Stored { id: record_id, version: record_version, created, body }))
}

/// Stores the outcome, in the transaction of the effect.
pub(crate) async fn remember(
    tx: &DatabaseTransaction,
    caller: &Caller,
    key: String,
    fingerprint: &[u8; 32],
    stored: &Stored,
    now: Timestamp,
) -> Result<(), Error> {
    let row = idempotency_key::Model {
        organization_id: caller.organization_id,
        user_id: caller.user_id,
        key,
        fingerprint: fingerprint.to_vec(),
        role: caller.role,
        record_id: stored.id,
        record_version: stored.version,
        created: stored.created,
        body: stored.body.clone(),
        expires_at: now.plus_millis(KEPT),
    };
    use sea_orm::EntityTrait;
    idempotency_key::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
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
