//! Compares the rows of the database, counted past the door, with the responses that the clients received.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::Value;

use crate::load::{Client, Operation};
use crate::server::Environment;

/// The result of the count. All but the first three must be 0.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub effects: usize,
    pub events: usize,
    pub keys: usize,
    /// Records or events beyond one per operation.
    pub duplicates: usize,
    /// Records, events or keys that were acknowledged to a client and are missing.
    pub losses: usize,
    /// Replays that are not the first answer, byte for byte, or not marked as replays.
    pub differing: usize,
}

impl Counted {
    pub fn assert_exact(&self, operations: usize) {
        let wrong = (self.duplicates, self.losses, self.differing);
        assert_eq!(wrong, (0, 0, 0), "{self:?}");
        assert_eq!(self.keys, operations, "{self:?}");
        assert_eq!(self.effects, self.events, "{self:?}");
    }
}

async fn texts(db: &DatabaseConnection, sql: &str) -> Vec<String> {
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    rows.iter().map(|row| row.try_get("", "text").unwrap()).collect()
}

fn tally(texts: impl IntoIterator<Item = String>) -> HashMap<String, usize> {
    let mut tally = HashMap::new();
    texts.into_iter().for_each(|text| *tally.entry(text).or_default() += 1);
    tally
}

/// Counts records, events and keys, and replays every key once more.
pub async fn count(environment: &Environment, client: &Client, operations: &[Operation]) -> Counted {
    let mut counted = Counted::default();
    for (i, operation) in operations.iter().enumerate() {
        match client.replay(operation, i as u64).await {
            Some((reply, true)) if reply == operation.reply => {}
            reported => {
                let _ = reported;
                counted.differing += 1;
            }
        }
    }
    let db = environment.database.connect().await;
    let made = "SELECT name AS text FROM client WHERE name LIKE 'fault-%' \
        UNION ALL SELECT note AS text FROM time_entry WHERE note LIKE 'fault-%'";
    let effects = tally(texts(&db, made).await);
    let named = |body: String| {
        let event: Value = serde_json::from_str(&body).unwrap();
        let name = [&event["data"]["client"]["name"], &event["data"]["timeEntry"]["note"]];
        name.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned()
    };
    let reported = texts(&db, "SELECT body AS text FROM event").await;
    let events = tally(reported.into_iter().map(named).filter(|name| name.starts_with("fault-")));
    let keys = tally(texts(&db, "SELECT key AS text FROM idempotency_key WHERE key LIKE 'fault-%'").await);
    db.close().await.unwrap();

    for operation in operations {
        let wanted = if operation.path.ends_with("/batch") { 3 } else { 1 };
        for there in [effects.get(&operation.key), events.get(&operation.key)].map(|there| there.copied().unwrap_or(0))
        {
            counted.duplicates += there.saturating_sub(wanted);
            counted.losses += wanted.saturating_sub(there);
        }
        counted.losses += usize::from(!keys.contains_key(&operation.key));
    }
    // No record exists that no client requested.
    let asked: std::collections::HashSet<_> = operations.iter().map(|operation| &operation.key).collect();
    counted.duplicates += effects.keys().chain(events.keys()).filter(|key| !asked.contains(key)).count();
    counted.effects = effects.values().sum();
    counted.events = events.values().sum();
    counted.keys = keys.values().sum();
    counted
}
