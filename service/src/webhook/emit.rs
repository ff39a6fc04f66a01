//! The deliveries of an event: one for each endpoint that is enabled and subscribed, while the plan includes webhooks.

use entity::value::{DeliveryStatus, EventType, Id};
use entity::webhook_delivery;
use sea_orm::{ConnectionTrait, Statement};

use super::endpoint::subscribed;
use crate::contract::error::{Error, Feature};
use crate::door::write::Write;

/// The endpoints that are sent events, as this transaction sees them.
const TARGETS: &str = "\
    SELECT w.id, w.events FROM webhook_endpoint w JOIN organization o ON o.id = w.organization_id \
    WHERE w.organization_id = $1 AND w.enabled AND w.deleted_at IS NULL AND o.plan >= $2 ORDER BY w.id";

/// The endpoints of a workspace that are sent events, each with its subscribed types.
pub(crate) struct Targets(Vec<(Id, Vec<EventType>)>);

impl Targets {
    /// Reads the endpoints of the workspace of a transaction.
    pub(crate) async fn of(write: &Write) -> Result<Targets, Error> {
        let db = write.connection();
        let plan = Feature::OutboundWebhooks.required_plan().rank();
        let values = [write.organization_id().into(), plan.into()];
        let statement = Statement::from_sql_and_values(db.get_database_backend(), TARGETS, values);
        let target = |row: sea_orm::QueryResult| {
            let events: String = row.try_get("", "events")?;
            Ok((row.try_get("", "id")?, subscribed(&events)))
        };
        let rows = db.query_all_raw(statement).await?;
        Ok(Targets(rows.into_iter().map(target).collect::<Result<_, Error>>()?))
    }

    /// The endpoints that are subscribed to this type.
    pub(crate) fn subscribed_to(&self, kind: &str) -> impl Iterator<Item = Id> {
        self.0.iter().filter(move |(_, kinds)| kinds.iter().any(|own| own.as_str() == kind)).map(|(id, _)| *id)
    }
}

/// A new delivery.
pub(crate) struct Delivery {
    pub(crate) endpoint: Id,
    pub(crate) event: Id,
    pub(crate) replay_of: Option<Id>,
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
