//! The deliveries of an event: one for each endpoint that is enabled and subscribed, while the plan includes webhooks.

use std::sync::Arc;

use entity::value::{DeliveryStatus, EventId, EventType, WebhookDeliveryId, WebhookEndpointId};
use entity::webhook_delivery;
use sea_orm::{ConnectionTrait, Statement};

use crate::contract::error::{Error, Feature};
use crate::contract::record::list_in;
use crate::door::Signal;
use crate::door::write::{EventTargets, Write};

/// The endpoints that are sent events, as this transaction sees them.
const TARGETS: &str = "\
    SELECT w.id, w.events FROM webhook_endpoint w JOIN organization o ON o.id = w.organization_id \
    WHERE w.organization_id = $1 AND w.enabled AND w.deleted_at IS NULL AND o.plan >= $2 ORDER BY w.id";

/// The endpoints of a workspace that are sent events, each with the types that it is subscribed to: asked once in a
/// transaction.
pub(super) struct Targets<'a>(&'a EventTargets);

impl Targets<'_> {
    /// Those of the workspace of a transaction.
    pub(super) async fn of(write: &Write) -> Result<Targets<'_>, Error> {
        let known = write.event_targets.get_or_try_init(async || {
            // A change of endpoints or of the plan raises the epoch.
            let cache = &write.door().event_targets;
            let (workspace, epoch) = (write.organization_id(), write.epoch());
            if let Some((at, targets)) = cache.get(&workspace)
                && Some(at) == epoch
            {
                return Ok(targets);
            }
            let targets = Arc::new(Self::read(write).await?);
            if let Some(epoch) = epoch {
                cache.insert(workspace, (epoch, targets.clone()));
            }
            Ok::<_, Error>(targets)
        });
        Ok(Targets(known.await?))
    }

    async fn read(write: &Write) -> Result<EventTargets, Error> {
        let db = write.connection();
        let plan = Feature::OutboundWebhooks.required_plan().rank();
        let values = [write.organization_id().into(), plan.into()];
        let statement = Statement::from_sql_and_values(db.get_database_backend(), TARGETS, values);
        let target = |row: sea_orm::QueryResult| {
            let events: String = row.try_get("", "events")?;
            Ok((row.try_get("", "id")?, subscribed(&events)))
        };
        let rows = db.query_all_raw(statement).await?;
        rows.into_iter().map(target).collect()
    }

    /// Those that are sent events of this type.
    pub(super) fn subscribed_to(&self, kind: &str) -> impl Iterator<Item = WebhookEndpointId> {
        self.0.iter().filter(move |(_, kinds)| kinds.iter().any(|own| own.as_str() == kind)).map(|(id, _)| *id)
    }
}

/// A new delivery.
pub(crate) struct Delivery {
    pub(crate) endpoint: WebhookEndpointId,
    pub(crate) event: EventId,
    pub(crate) replay_of: Option<WebhookDeliveryId>,
}

impl Delivery {
    /// The row of the delivery, due at once.
    pub(crate) fn row(self, write: &Write, kind: &str) -> webhook_delivery::Model {
        webhook_delivery::Model {
            id: write.new_id(),
            organization_id: write.organization_id(),
            endpoint_id: self.endpoint,
            event_id: self.event,
            event_type: kind.to_owned(),
            status: DeliveryStatus::Pending,
            reason: None,
            attempt_count: 0,
            next_attempt_at: Some(write.now),
            last_attempt_at: None,
            last_response_status: None,
            replay_of: self.replay_of,
            due_at: Some(write.now),
            lease: None,
            created_at: write.now,
        }
    }
}

/// The event types in the column `events`. A type that this release does not know is left out. A column that is no list of
/// texts is damaged: the endpoint gets nothing, and the log says so.
pub(crate) fn subscribed(column: &str) -> Vec<EventType> {
    let texts: Vec<String> = list_in(column);
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// New deliveries of events of one type, due at once, in one statement.
pub(super) async fn deliver(
    write: &Write,
    deliveries: impl Iterator<Item = Delivery>,
    kind: &str,
) -> Result<(), Error> {
    insert_deliveries(write, deliveries.map(|delivery| delivery.row(write, kind)).collect()).await
}

/// New rows of deliveries, in one statement; a worker is woken after the commit.
pub(crate) async fn insert_deliveries(write: &Write, rows: Vec<webhook_delivery::Model>) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    write.after_commit(Signal::Deliveries);
    write.insert_all_last::<webhook_delivery::Entity>(rows).await
}
