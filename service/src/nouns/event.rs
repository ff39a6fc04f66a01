//! Events as records: the envelopes of webhooks, for callers that poll instead of receiving them.

use std::borrow::Cow;

use async_graphql::{ContextSelectionSet, OutputType, Positioned, ServerResult, Value, parser::types, registry};
use entity::event;
use entity::value::{DateOrDateTime, EventId, EventType, OrganizationId};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use sea_orm::{ColumnTrait, Condition};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::contract::error::Error;
use crate::contract::input::Field;
use crate::door::Cx;
use crate::list::filter::{one_of, since, until};
use crate::list::page::{Filter, Key, ListArgs, Listed, Page};

/// An event: something that happened in the workspace, exactly as it was sent to webhook endpoints. Kept for 30 days
/// unless the operator chose otherwise.
#[derive(Clone, Debug, Serialize, Deserialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename = "Event", rename_all = "camelCase")]
#[graphql(name = "EventFields")]
pub struct Event {
    /// Identifier of the event (UUID v7), the same on every delivery, retry and replay of it.
    pub id: EventId,
    /// Type of the event, such as `client.created`. New types may be added.
    #[serde(rename = "type")]
    #[oai(rename = "type")]
    #[graphql(name = "type")]
    pub kind: String,
    /// Time at which the event happened, in Unix seconds.
    pub created: i64,
    /// Identifier of the workspace in which the event happened.
    pub org_id: OrganizationId,
    /// Whether the event is real: false on a test server and for test events.
    pub livemode: bool,
    /// The record as an Owner saw it at that moment, under the name of its noun (`client`, `project`, `task`,
    /// `timeEntry` or `invoice`); events of payments add `payment`, test events `test: true`.
    pub data: Payload,
}

crate::contract::record::written!(Event);

/// JSON as it was frozen, byte for byte.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Payload(Box<RawValue>);

impl Payload {
    /// The JSON as a value; null if it cannot be read.
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(self.0.get()).unwrap_or_default()
    }
}

impl OutputType for Payload {
    fn type_name() -> Cow<'static, str> {
        <serde_json::Value as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut registry::Registry) -> String {
        <serde_json::Value as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<types::Field>) -> ServerResult<Value> {
        Ok(Value::from_json(self.value()).unwrap_or_default())
    }
}

impl poem_openapi::types::Type for Payload {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "EventData".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new("object")))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl poem_openapi::types::ParseFromJSON for Payload {
    fn parse_from_json(value: Option<serde_json::Value>) -> poem_openapi::types::ParseResult<Self> {
        let raw = serde_json::value::to_raw_value(&value.unwrap_or_default());
        raw.map(Payload).map_err(poem_openapi::types::ParseError::custom)
    }
}

impl poem_openapi::types::ToJSON for Payload {
    fn to_json(&self) -> Option<serde_json::Value> {
        Some(self.value())
    }
}

pub(crate) fn read(row: &event::Model) -> Result<Event, Error> {
    serde_json::from_str(&row.body).map_err(|e| Error::bug(format!("an event does not read back: {e}")))
}

crate::sort! {
    /// What events are sorted by.
    pub enum EventSort of event {
        CreatedAt "createdAt" by "created_at" => |row| row.created_at.into(),
        Id "id" by "id" => |_row| Key::Id,
    }
}

crate::input! {
    /// Filters of the list of events; an event must match all of them.
    pub struct EventFilter {
        /// Only events with one of these identifiers.
        pub id: Field<Vec<EventId>>,
        /// Only events of one of these types.
        pub r#type: Field<Vec<EventType>>,
        /// Only events that happened at or after this instant; a date means the start of that UTC day.
        pub created_at_from: Field<DateOrDateTime>,
        /// Only events that happened at or before this instant; a date means the end of that UTC day.
        pub created_at_to: Field<DateOrDateTime>,
    }
}

impl Filter for EventFilter {
    fn condition(&self, _: &Caller) -> Condition {
        use event::Column;
        let types = self.r#type.get().map(|types| Column::Kind.is_in(types.iter().map(|kind| kind.as_str())));
        Condition::all()
            .add_option(one_of(Column::Id, &self.id))
            .add_option(types)
            .add_option(since(Column::CreatedAt, &self.created_at_from))
            .add_option(until(Column::CreatedAt, &self.created_at_to))
    }
}

impl Listed for event::Entity {
    type Sort = EventSort;
    type Filter = EventFilter;
    const SEARCH: Option<event::Column> = None;
}

/// The arguments of a list of events.
pub type EventArgs = ListArgs<EventFilter, EventSort>;

/// A page of events.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list(cx: &Cx, args: &EventArgs) -> Result<Page<Event>, Error> {
    cx.list::<event::Entity>(Action::ListEvents, args).await?.try_map(|row| read(&row))
}

/// One event.
///
/// # Errors
/// `Forbidden` (role or scope), `NotFound` (or not visible to the caller), or `Internal` (database).
#[crate::boxed]
pub async fn get(cx: &Cx, id: EventId) -> Result<Event, Error> {
    read(&cx.read(Action::GetEvent)?.get::<event::Entity>(id).await?)
}

/// Events by id.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
#[crate::boxed]
pub async fn by_ids(cx: &Cx, ids: &[EventId]) -> Result<Vec<Event>, Error> {
    let rows = cx.read(Action::GetEvent)?.by_ids::<event::Entity>(ids).await?;
    rows.iter().map(read).collect()
}
