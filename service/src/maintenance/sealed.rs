//! Which keys have sealed what a database holds.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::MaintenanceError;
use super::connection::{ColumnKind, Purpose, Raw, Value};
use super::tables;

/// A key that secrets of a database were sealed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInUse {
    /// The key's fingerprint, as `SecretKey::fingerprint` gives it.
    pub fingerprint: String,
    /// The number of secrets that it opens.
    pub secrets: i64,
}

/// Columns of sealed bytes: the form, the key's id in eight bytes, and the rest.
const BYTES: [(&str, &str, &str); 2] = [
    ("webhook_endpoint", "secret", "deleted_at IS NULL"),
    ("webhook_endpoint", "previous_secret", "deleted_at IS NULL"),
];
/// Columns of texts some of which are sealed: a mark, then the same bytes in base64. Nine bytes are twelve characters.
const TEXTS: [(&str, &str); 1] = [("idempotency_key", "body")];

/// The keys that a database needs, by what is sealed in it; none if it has no tables yet.
///
/// # Errors
/// The database cannot be read.
pub async fn keys_in_use(url: &str) -> Result<Vec<KeyInUse>, MaintenanceError> {
    let mut db = Raw::open(url, Purpose::Read).await?;
    let keys = keys(&mut db).await;
    db.close().await;
    keys
}

/// The keys that the secrets of webhook endpoints were sealed with, which is few rows to read.
///
/// # Errors
/// The database cannot be read.
pub async fn keys_of_endpoints(url: &str) -> Result<Vec<KeyInUse>, MaintenanceError> {
    let mut db = Raw::open(url, Purpose::Read).await?;
    let mut found = BTreeMap::new();
    let added = add_bytes(&mut db, &mut found).await;
    db.close().await;
    added.map(|()| in_order(found))
}

pub(super) async fn keys(db: &mut Raw) -> Result<Vec<KeyInUse>, MaintenanceError> {
    let mut found = BTreeMap::new();
    add_bytes(db, &mut found).await?;
    let present = tables::names(db).await?;
    for (table, column) in TEXTS.iter().filter(|(table, _)| present.iter().any(|own| own == table)) {
        let sql = format!(
            "SELECT substr({column}, 8, 12), COUNT(*) FROM {table} WHERE substr({column}, 1, 7) = 'sealed:' GROUP BY 1"
        );
        for row in db.rows(&sql, &[], &[ColumnKind::Text, ColumnKind::Integer]).await? {
            if let [Value::Text(text), Value::Integer(count)] = row.as_slice() {
                let bytes = STANDARD.decode(text).unwrap_or_default();
                *found.entry(hex(bytes.get(1..).unwrap_or_default())).or_default() += count;
            }
        }
    }
    Ok(in_order(found))
}

async fn add_bytes(db: &mut Raw, found: &mut BTreeMap<String, i64>) -> Result<(), MaintenanceError> {
    let present = tables::names(db).await?;
    for (table, column, condition) in BYTES.iter().filter(|(table, _, _)| present.iter().any(|own| own == table)) {
        let sql = format!(
            "SELECT substr({column}, 2, 8), COUNT(*) FROM {table} WHERE {column} IS NOT NULL AND {condition} GROUP BY 1"
        );
        for row in db.rows(&sql, &[], &[ColumnKind::Bytes, ColumnKind::Integer]).await? {
            if let [Value::Bytes(id), Value::Integer(count)] = row.as_slice() {
                *found.entry(hex(id)).or_default() += count;
            }
        }
    }
    Ok(())
}

fn in_order(found: BTreeMap<String, i64>) -> Vec<KeyInUse> {
    found.into_iter().map(|(fingerprint, secrets)| KeyInUse { fingerprint, secrets }).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
