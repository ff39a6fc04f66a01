//! What may leave the system, and its shape: the noun as GET gives it to an Owner, frozen at that moment.

use entity::event;
use entity::value::{EventId, EventType, OrganizationId};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::deliveries::{Delivery, Targets, deliver};
use crate::contract::error::Error;
use crate::core::Environment;
use crate::core::observed;
use crate::door::Signal;
use crate::door::write::Write;

/// A record that events are about.
pub(crate) trait EventRecord: Serialize {
    /// What it stands under in the data of an event.
    const KEY: &'static str;
}

/// The records of one event.
pub(crate) trait EventData {
    /// Writes each under its key.
    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;
}

impl<R: EventRecord> EventData for &R {
    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry(R::KEY, self)
    }
}

impl<A: EventRecord, B: EventRecord> EventData for (&A, &B) {
    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.0.write(map)?;
        self.1.write(map)
    }
}

/// The records as they are sent.
struct Records<D>(D);

impl<D: EventData> Serialize for Records<D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.0.write(&mut map)?;
        map.end()
    }
}

/// What is sent of an event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Envelope<D> {
    pub(crate) id: EventId,
    pub(crate) r#type: &'static str,
    /// Unix seconds.
    pub(crate) created: i64,
    pub(crate) org_id: OrganizationId,
    pub(crate) livemode: bool,
    pub(crate) data: D,
}

impl<D: Serialize> Envelope<D> {
    pub(crate) fn text(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|e| Error::bug(format!("an event does not serialize: {e}")))
    }
}

/// Writes an event into the outbox, with a delivery for each endpoint that is sent it: they exist if and only if the
/// transaction commits.
///
/// # Errors
/// `Internal` if the database does not answer.
pub(crate) async fn emit(write: &Write, kind: EventType, data: impl EventData) -> Result<(), Error> {
    let (id, org_id, data) = (write.new_id(), write.organization_id(), Records(data));
    let livemode = write.core().environment == Environment::Live;
    let created = write.now.seconds();
    let body = Envelope { id, r#type: kind.as_str(), created, org_id, livemode, data }.text()?;
    insert_event(write, id, kind.as_str(), body).await?;
    let targets = Targets::of(write).await?;
    let to = targets.subscribed_to(kind.as_str());
    deliver(write, to.map(|endpoint| Delivery { endpoint, event: id, replay_of: None }), kind.as_str()).await
}

/// The event alone, without deliveries.
///
/// # Errors
/// `Internal` if the database does not answer.
pub(crate) async fn insert_event(write: &Write, id: EventId, kind: &str, body: String) -> Result<(), Error> {
    let row = event::Model {
        id,
        organization_id: write.organization_id(),
        kind: kind.to_owned(),
        body,
        created_at: write.now,
        traceparent: observed::trace().map(|trace| trace.as_str().to_owned()),
    };
    write.after_commit(Signal::Events);
    write.insert_last::<event::Entity>(row).await
}
