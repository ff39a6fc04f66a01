//! Deliveries of events to webhook endpoints: the node, queries, mutations and loaders.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use service::Error;
use service::event::Event;
use service::value::Id;
use service::webhook::delivery::{WebhookAttempt, WebhookDelivery, WebhookDeliveryFilter, WebhookDeliverySort};
use service::webhook::endpoint::WebhookEndpoint;
use service::webhook::replay::ReplayInput;

use crate::engine::connection::{connection, lists};
use crate::engine::error::OrFail;
use crate::engine::loader::Loaders;
use crate::nouns::event::EventById;
use crate::nouns::webhook_endpoint::EndpointById;
use crate::nouns::{cx, parse_id, record};

/// A delivery: one event on its way to one webhook endpoint. Only Owners and Admins see deliveries.
pub struct WebhookDeliveryNode(pub(crate) WebhookDelivery);

/// A delivery: one event on its way to one webhook endpoint. Only Owners and Admins see deliveries.
#[Object(name = "WebhookDelivery")]
impl WebhookDeliveryNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &WebhookDelivery {
        &self.0
    }

    /// Identifier of the delivery (UUID v7), the same as over REST.
    pub async fn id(&self) -> Id {
        self.0.id
    }

    /// All attempts, the first one first.
    async fn attempts(&self, ctx: &Context<'_>) -> Result<Vec<WebhookAttempt>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        Ok(loaders.load_one(AttemptsOfDelivery(self.0.id)).await.or_fail(cx(ctx)?)?.unwrap_or_default())
    }

    /// The event that is delivered; null on a plan without webhooks.
    async fn event(&self, ctx: &Context<'_>) -> Result<Option<Event>> {
        let cx = cx(ctx)?;
        if !cx.may(service::Action::GetEvent) {
            return Ok(None);
        }
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        loaders.load_one(EventById(self.0.event_id)).await.or_fail(cx)
    }

    /// The webhook endpoint that the event is sent to.
    async fn endpoint(&self, ctx: &Context<'_>) -> Result<Option<WebhookEndpoint>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        loaders.load_one(EndpointById(self.0.endpoint_id)).await.or_fail(cx(ctx)?)
    }
}

connection!(WebhookDeliveryConnection, WebhookDeliveryEdge, WebhookDeliveryNode);

/// The attempts of a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AttemptsOfDelivery(pub(crate) Id);

impl Loader<AttemptsOfDelivery> for Loaders {
    type Value = Vec<WebhookAttempt>;
    type Error = Arc<Error>;

    async fn load(
        &self,
        keys: &[AttemptsOfDelivery],
    ) -> Result<HashMap<AttemptsOfDelivery, Vec<WebhookAttempt>>, Arc<Error>> {
        let ids: Vec<Id> = keys.iter().map(|key| key.0).collect();
        let attempts = service::webhook::delivery::attempts_of(&self.0, &ids).await?;
        Ok(attempts.into_iter().map(|(id, attempts)| (AttemptsOfDelivery(id), attempts)).collect())
    }
}

lists! {
    /// The list of this noun.
    WebhookDeliveryRootLists() {
        /// A page of deliveries of events to webhook endpoints.
        webhook_deliveries: WebhookDeliveryFilter, WebhookDeliverySort => WebhookDeliveryConnection(WebhookDeliveryNode), (flat service::webhook::delivery::list);
    }
}

/// The queries of this noun.
#[derive(Default)]
pub struct WebhookDeliveryQueries;

/// The queries of this noun.
#[Object]
impl WebhookDeliveryQueries {
    #[graphql(flatten)]
    async fn lists(&self) -> WebhookDeliveryRootLists {
        WebhookDeliveryRootLists()
    }

    /// A delivery by its identifier; null with the error `not_found` if the caller sees none.
    async fn webhook_delivery(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the delivery.")] id: ID,
    ) -> Result<Option<WebhookDeliveryNode>> {
        let cx = cx(ctx)?;
        service::webhook::delivery::get(cx, parse_id(&id)).await.map(WebhookDeliveryNode).map(Some).or_fail(cx)
    }
}

/// The mutations of this noun.
#[derive(Default)]
pub struct WebhookDeliveryMutations;

/// The mutations of this noun.
#[Object]
impl WebhookDeliveryMutations {
    /// Sends the event of a delivery again, as a new delivery signed with the current secret.
    async fn replay_webhook_delivery(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the delivery.")] id: ID,
    ) -> Result<ReplayWebhookDeliveryPayload> {
        let delivery = record(ctx, service::webhook::replay::one(cx(ctx)?, parse_id(&id)).await)?;
        Ok(ReplayWebhookDeliveryPayload { webhook_delivery: WebhookDeliveryNode(delivery) })
    }

    /// Sends the events of all matching deliveries again, the oldest first, or only counts them. Costs one point per 20
    /// deliveries.
    async fn replay_webhook_deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which deliveries to replay.")] input: ReplayInput,
    ) -> Result<ReplayWebhookDeliveriesPayload> {
        let replayed = record(ctx, service::webhook::replay::many(cx(ctx)?, input.into()).await)?;
        Ok(ReplayWebhookDeliveriesPayload { count: replayed.count })
    }
}

/// The result of replaying a delivery.
#[derive(SimpleObject)]
pub struct ReplayWebhookDeliveryPayload {
    /// The new delivery of the same event.
    pub(crate) webhook_delivery: WebhookDeliveryNode,
}

/// The result of replaying many deliveries.
#[derive(SimpleObject)]
pub struct ReplayWebhookDeliveriesPayload {
    /// Number of deliveries that are sent again, or would be: at most 1,000.
    pub(crate) count: i32,
}
