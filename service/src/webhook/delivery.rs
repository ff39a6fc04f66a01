//! Deliveries: one event sent to one endpoint, with the result of each attempt.

use std::collections::HashMap;

use entity::value::{
    DateOrDateTime, DeliveryStatus, EventId, EventType, Id, OrganizationId, Timestamp, WebhookDeliveryId,
    WebhookEndpointId,
};
use entity::{webhook_attempt, webhook_delivery};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};

use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::contract::error::Error;
use crate::contract::input::Field;
use crate::contract::outcome::Record;
use crate::door::Cx;
use crate::list::filter::{one_of, since, until};
use crate::list::page::{Filter, Key, ListArgs, Listed, Page};

crate::contract::record::record! {
    /// A delivery: one event on its way to one webhook endpoint, with up to 8 attempts over about 32 hours. Only Owners and
    /// Admins see deliveries.
    #[graphql(name = "WebhookDeliveryFields")]
    pub struct WebhookDelivery from webhook_delivery without due_at lease {
        /// Identifier of the delivery (UUID v7).
        pub id: WebhookDeliveryId,
        /// Identifier of the workspace that the delivery belongs to.
        pub org_id: OrganizationId,
        /// Identifier of the event that is delivered.
        pub event_id: EventId,
        /// Type of the event, such as `client.created`.
        pub event_type: String,
        /// Identifier of the webhook endpoint that it is sent to.
        pub endpoint_id: WebhookEndpointId,
        /// State of the delivery.
        pub status: DeliveryStatus,
        /// Why the delivery was skipped: `plan`, `disabled` or `deleted`; null otherwise.
        #[oai(nullable)]
        pub reason: Option<String>,
        /// Number of attempts so far.
        pub attempt_count: i32,
        /// Time of the next attempt (UTC); null if there is none.
        #[oai(nullable)]
        pub next_attempt_at: Option<Timestamp>,
        /// Time of the last attempt (UTC); null before the first.
        #[oai(nullable)]
        pub last_attempt_at: Option<Timestamp>,
        /// HTTP status of the last answer; null if there was no answer yet.
        #[oai(nullable)]
        pub last_response_status: Option<i32>,
        /// Identifier of the delivery that this one repeats; null if it repeats none.
        #[oai(nullable)]
        pub replay_of: Option<WebhookDeliveryId>,
        /// Time at which the delivery was created (UTC).
        pub created_at: Timestamp,
    }
}

impl Record for WebhookDelivery {
    fn id(&self) -> Id {
        self.id.any()
    }

    fn version(&self) -> Option<i32> {
        None
    }
}

/// One attempt to deliver an event.
#[derive(Clone, Debug, Serialize, Deserialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct WebhookAttempt {
    /// Number of the attempt; the first is 1.
    pub number: i32,
    /// Time at which the attempt began (UTC).
    pub started_at: Timestamp,
    /// Duration of the attempt, in milliseconds.
    pub duration_ms: i32,
    /// HTTP status of the answer; null if there was none.
    #[oai(nullable)]
    pub response_status: Option<i32>,
    /// Why the attempt failed; null if it succeeded or the status says it.
    #[oai(nullable)]
    pub error: Option<String>,
    /// The first 2 KiB of the answer; null if there was none.
    #[oai(nullable)]
    pub response_excerpt: Option<String>,
}

crate::contract::record::written!(WebhookAttempt);

impl From<webhook_attempt::Model> for WebhookAttempt {
    fn from(row: webhook_attempt::Model) -> WebhookAttempt {
        let webhook_attempt::Model {
            organization_id: _,
            delivery_id: _,
            number,
            started_at,
            duration_ms,
            response_status,
            error,
            response_excerpt,
        } = row;
        WebhookAttempt { number, started_at, duration_ms, response_status, error, response_excerpt }
    }
}

/// A delivery with its attempts.
#[derive(Clone, Debug, Serialize, poem_openapi::Object)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct WebhookDeliveryDetail {
    /// The delivery.
    #[serde(flatten)]
    #[oai(flatten)]
    pub delivery: WebhookDelivery,
    /// All attempts, the first one first.
    pub attempts: Vec<WebhookAttempt>,
}

crate::sort! {
    /// What deliveries are sorted by.
    pub enum WebhookDeliverySort of webhook_delivery {
        CreatedAt "createdAt" by "created_at" => |row| row.created_at.into(),
        Id "id" by "id" => |_row| Key::Id,
    }
}

crate::input! {
    /// Filters of the list of deliveries; a delivery must match all of them.
    pub struct WebhookDeliveryFilter {
        /// Only deliveries with one of these identifiers.
        pub id: Field<Vec<WebhookDeliveryId>>,
        /// Only deliveries to one of these webhook endpoints.
        pub endpoint_id: Field<Vec<WebhookEndpointId>>,
        /// Only deliveries of one of these events.
        pub event_id: Field<Vec<EventId>>,
        /// Only deliveries of events of one of these types.
        pub event_type: Field<Vec<EventType>>,
        /// Only deliveries in one of these states.
        pub status: Field<Vec<DeliveryStatus>>,
        /// Only deliveries created at or after this instant; a date means the start of that UTC day.
        pub created_at_from: Field<DateOrDateTime>,
        /// Only deliveries created at or before this instant; a date means the end of that UTC day.
        pub created_at_to: Field<DateOrDateTime>,
    }
}

impl WebhookDeliveryFilter {
    /// The condition of these filters.
    pub(super) fn demands(&self) -> Condition {
        use webhook_delivery::Column;
        let types = self.event_type.get().map(|types| Column::EventType.is_in(types.iter().map(|kind| kind.as_str())));
        Condition::all()
            .add_option(one_of(Column::Id, &self.id))
            .add_option(one_of(Column::EndpointId, &self.endpoint_id))
            .add_option(one_of(Column::EventId, &self.event_id))
            .add_option(types)
            .add_option(one_of(Column::Status, &self.status))
            .add_option(since(Column::CreatedAt, &self.created_at_from))
            .add_option(until(Column::CreatedAt, &self.created_at_to))
    }
}

impl Filter for WebhookDeliveryFilter {
    fn condition(&self, _: &Caller) -> Condition {
        self.demands()
    }
}

impl Listed for webhook_delivery::Entity {
    type Sort = WebhookDeliverySort;
    type Filter = WebhookDeliveryFilter;
    const SEARCH: Option<webhook_delivery::Column> = None;
}

/// The arguments of a list of deliveries.
pub type WebhookDeliveryArgs = ListArgs<WebhookDeliveryFilter, WebhookDeliverySort>;

/// A page of deliveries.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
pub async fn list(cx: &Cx, args: &WebhookDeliveryArgs) -> Result<Page<WebhookDelivery>, Error> {
    let page = cx.list::<webhook_delivery::Entity>(Action::ListWebhookDeliveries, args).await?;
    Ok(page.map(WebhookDelivery::from))
}

/// One delivery.
///
/// # Errors
/// `Forbidden` (role or scope), `NotFound` (or not visible to the caller), or `Internal` (database).
pub async fn get(cx: &Cx, id: WebhookDeliveryId) -> Result<WebhookDelivery, Error> {
    Ok(cx.read(Action::GetWebhookDelivery)?.get::<webhook_delivery::Entity>(id).await?.into())
}

/// One delivery with its attempts.
///
/// # Errors
/// `Forbidden` (role or scope), `NotFound` (or not visible to the caller), or `Internal` (database).
pub async fn get_detail(cx: &Cx, id: WebhookDeliveryId) -> Result<WebhookDeliveryDetail, Error> {
    let delivery = get(cx, id).await?;
    let attempts = attempts_of(cx, &[id]).await?.remove(&id).unwrap_or_default();
    Ok(WebhookDeliveryDetail { delivery, attempts })
}

/// The attempts of each of these deliveries, in one statement.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
pub async fn attempts_of(
    cx: &Cx,
    deliveries: &[WebhookDeliveryId],
) -> Result<HashMap<WebhookDeliveryId, Vec<WebhookAttempt>>, Error> {
    let read = cx.read(Action::GetWebhookDelivery)?;
    let rows = read.all::<webhook_attempt::Entity>(|query| {
        let theirs = query.filter(webhook_attempt::Column::DeliveryId.is_in(deliveries.iter().copied()));
        theirs.order_by_asc(webhook_attempt::Column::Number)
    });
    let mut found: HashMap<WebhookDeliveryId, Vec<WebhookAttempt>> = HashMap::new();
    for row in rows.await? {
        found.entry(row.delivery_id).or_default().push(row.into());
    }
    Ok(found)
}
