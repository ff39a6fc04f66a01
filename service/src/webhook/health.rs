//! The health of an endpoint: what became of the deliveries of its last 24 hours.

use entity::value::{DeliveryStatus, Timestamp, WebhookEndpointId};
use sea_orm::QueryResult;

use crate::access::action::Action;
use crate::contract::error::Error;
use crate::door::Cx;

/// Hours that are looked at, this one included.
pub const HOURS: usize = 24;
/// Deliveries that are looked at, at most: the newest.
pub const MOST: u64 = 10_000;
const HOUR: i64 = 60 * 60 * 1000;

/// What became of the deliveries that were made in one hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hour {
    /// The receiver has accepted them.
    pub succeeded: u64,
    /// At least one attempt has failed, and none has succeeded.
    pub failed: u64,
    /// The first attempt is still to come.
    pub waiting: u64,
}

impl Hour {
    /// All of them.
    pub fn all(self) -> u64 {
        self.succeeded + self.failed + self.waiting
    }
}

/// The last 24 hours of an endpoint, the earliest first. The last one is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// When the first hour began: at a full hour of UTC.
    pub begins_at: Timestamp,
    /// Each hour.
    pub hours: [Hour; HOURS],
}

impl Health {
    /// When an hour of this list began.
    pub fn hour_begins_at(&self, hour: usize) -> Timestamp {
        self.begins_at.plus_millis(i64::try_from(hour).unwrap_or(0) * HOUR)
    }

    /// All hours together.
    pub fn sum(&self) -> Hour {
        self.hours.iter().fold(Hour::default(), |sum, hour| Hour {
            succeeded: sum.succeeded + hour.succeeded,
            failed: sum.failed + hour.failed,
            waiting: sum.waiting + hour.waiting,
        })
    }

    /// Whether there were more deliveries than are looked at.
    pub fn is_cut(&self) -> bool {
        self.sum().all() >= MOST
    }
}

/// The health of an endpoint, by one statement over at most 10,000 deliveries.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
pub async fn of(cx: &Cx, endpoint: WebhookEndpointId) -> Result<Health, Error> {
    let read = cx.read(Action::ListWebhookDeliveries)?.heavy();
    let now = cx.now().millis();
    let begins_at = Timestamp::from_millis(now - now.rem_euclid(HOUR) - 23 * HOUR);
    let (succeeded, failed) = (DeliveryStatus::Succeeded.rank(), DeliveryStatus::Failed.rank());
    let skipped = DeliveryStatus::Skipped.rank();
    let sql = format!(
        "SELECT (created_at - $3) / {HOUR} AS hour, \
         COUNT(CASE WHEN status = {succeeded} THEN 1 END) AS succeeded, \
         COUNT(CASE WHEN status = {failed} OR (status <> {succeeded} AND attempt_count > 0) THEN 1 END) AS failed, \
         COUNT(*) AS sum FROM \
         (SELECT created_at, status, attempt_count FROM webhook_delivery \
         WHERE organization_id = $1 AND endpoint_id = $2 AND created_at >= $3 AND status <> {skipped} \
         ORDER BY created_at DESC, id DESC LIMIT {MOST}) AS newest GROUP BY 1"
    );
    let workspace = cx.caller().organization_id();
    let rows = read.raw(&sql, [workspace.into(), endpoint.into(), begins_at.into()]).await?;
    let mut health = Health { begins_at, hours: [Hour::default(); HOURS] };
    for row in &rows {
        let number = |name: &str| number(row, name);
        let hour = usize::try_from(number("hour")?).ok();
        let (succeeded, failed, sum) = (number("succeeded")?, number("failed")?, number("sum")?);
        // What was made since the clock was read belongs to the hour after the last.
        if let Some(own) = hour.and_then(|hour| health.hours.get_mut(hour)) {
            *own = Hour { succeeded, failed, waiting: sum.saturating_sub(succeeded + failed) };
        }
    }
    Ok(health)
}

fn number(row: &QueryResult, name: &str) -> Result<u64, Error> {
    Ok(u64::try_from(row.try_get::<i64>("", name)?).unwrap_or(0))
}
