//! Housekeeping: deletes finished deliveries and events that are older than the retention, in small transactions.

use entity::value::{Id, OrganizationId, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};

use crate::contract::error::Error;
use crate::core::database::Tx;
use crate::webhook::Dispatcher;

/// The most rows that one transaction deletes, so that no other write waits long for it.
const ROWS_AT_ONCE: i64 = 500;
const DAY: i64 = 24 * 60 * 60 * 1000;

const OLD_DELIVERIES: &str = "\
    SELECT organization_id, id FROM webhook_delivery WHERE due_at IS NULL AND created_at < $1 \
    ORDER BY created_at LIMIT $2";
/// Events that a remaining delivery refers to stay.
const OLD_EVENTS: &str = "\
    SELECT e.organization_id, e.id FROM event e WHERE e.created_at < $1 AND NOT EXISTS (\
      SELECT 1 FROM webhook_delivery d WHERE d.organization_id = e.organization_id AND d.event_id = e.id) \
    ORDER BY e.created_at LIMIT $2";

impl Dispatcher {
    /// Deletes deliveries with their attempts, and then events, that are older than the retention.
    ///
    /// # Errors
    /// `Internal` if the database does not answer; the deletions of earlier transactions stay.
    pub(crate) async fn sweep_webhooks(&self) -> Result<(), Error> {
        let before = self.now().plus_millis(-i64::from(self.retention_days()) * DAY);
        let attempts_and_deliveries = [("webhook_attempt", "delivery_id"), ("webhook_delivery", "id")];
        for (old, tables) in [(OLD_DELIVERIES, &attempts_and_deliveries[..]), (OLD_EVENTS, &[("event", "id")])] {
            while self.sweep_some(old, tables, before).await? >= ROWS_AT_ONCE {}
        }
        Ok(())
    }

    async fn sweep_some(&self, old: &str, tables: &[(&str, &str)], before: Timestamp) -> Result<i64, Error> {
        let reader = self.database().reader();
        let values = [Value::from(before), ROWS_AT_ONCE.into()];
        let found = Statement::from_sql_and_values(reader.get_database_backend(), old, values);
        let found = reader.query_all_raw(found).await?;
        let key = |row: &sea_orm::QueryResult| Ok((row.try_get("", "organization_id")?, row.try_get("", "id")?));
        let keys = found.iter().map(key).collect::<Result<Vec<(OrganizationId, Id)>, DbErr>>()?;
        if !keys.is_empty() {
            let tx = self.database().begin().await?;
            for (table, column) in tables {
                delete(&tx, table, column, &keys).await?;
            }
            tx.commit().await?;
        }
        Ok(i64::try_from(keys.len()).unwrap_or(0))
    }
}

/// Deletes rows by their whole primary keys, workspace included.
async fn delete(tx: &Tx, table: &str, column: &str, keys: &[(OrganizationId, Id)]) -> Result<(), DbErr> {
    let parameters: Vec<_> = (0..keys.len()).map(|i| format!("(${}, ${})", 2 * i + 1, 2 * i + 2)).collect();
    let sql = format!("DELETE FROM {table} WHERE (organization_id, {column}) IN (VALUES {})", parameters.join(", "));
    let values = keys.iter().flat_map(|(organization, id)| [Value::from(*organization), Value::from(*id)]);
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    Ok(())
}
