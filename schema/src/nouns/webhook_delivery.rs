//! Deliveries of events to webhook endpoints: the node, queries, mutations and loaders.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use service::value::{Id, WebhookDeliveryId};
use service::webhook::delivery::{WebhookAttempt, WebhookDelivery, WebhookDeliveryFilter, WebhookDeliverySort};
use service::webhook::endpoint::WebhookEndpoint;
use service::webhook::replay::ReplayInput;
use service::{Action, Error};

use crate::engine::connection::lists;
use crate::engine::error::OrFail;
use crate::engine::loader::{Linked, Loaders, one};
use crate::engine::object::{Output, Outputs, nodes};
use crate::nouns::event::{EventById, EventNode};
use crate::nouns::webhook_endpoint::EndpointById;
use crate::nouns::{cx, parse_id, record, shared};

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
        self.0.id.any()
    }

    /// All attempts, the first one first.
    async fn attempts(&self, ctx: &Context<'_>) -> Result<Outputs<WebhookAttempt>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        let attempts = loaders.load_one(AttemptsOfDelivery(self.0.id)).await.or_fail(cx(ctx)?)?;
        Ok(Outputs(attempts.unwrap_or_default()))
    }

    /// The event that is delivered; null on a plan without webhooks.
    async fn event(&self, ctx: &Context<'_>) -> Result<Option<Linked<EventNode>>> {
        one(ctx, Action::GetEvent, Some(EventById(self.0.event_id))).await
    }

    /// The webhook endpoint that the event is sent to.
    async fn endpoint(&self, ctx: &Context<'_>) -> Result<Option<Linked<WebhookEndpoint>>> {
        one(ctx, Action::GetWebhookEndpoint, Some(EndpointById(self.0.endpoint_id))).await
    }
}

nodes! {
    WebhookDeliveryNode => 0: WebhookDelivery;
    WebhookAttempt => self: WebhookAttempt;
    ReplayWebhookDeliveryPayload;
    ReplayWebhookDeliveriesPayload;
}

/// The attempts of a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AttemptsOfDelivery(pub(crate) WebhookDeliveryId);

impl Loader<AttemptsOfDelivery> for Loaders {
    type Value = Vec<WebhookAttempt>;
    type Error = Arc<Error>;

    async fn load(
        &self,
        keys: &[AttemptsOfDelivery],
    ) -> Result<HashMap<AttemptsOfDelivery, Vec<WebhookAttempt>>, Arc<Error>> {
        let ids: Vec<WebhookDeliveryId> = keys.iter().map(|key| key.0).collect();
        let attempts = service::webhook::delivery::attempts_of(&self.0, &ids).await?;
        Ok(attempts.into_iter().map(|(id, attempts)| (AttemptsOfDelivery(id), attempts)).collect())
    }
}

lists! {
    /// The list of this noun.
    WebhookDeliveryRootLists() {
        /// A page of deliveries of events to webhook endpoints.
        webhook_deliveries[]: WebhookDeliveryFilter, WebhookDeliverySort => WebhookDeliveryNode[], (flat service::webhook::delivery::list);
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
    ) -> Result<Option<Linked<WebhookDeliveryNode>>> {
        let cx = cx(ctx)?;
        shared(ctx, "webhookDelivery", &id, async {
            service::webhook::delivery::get(cx, parse_id(&id)).await.map(WebhookDeliveryNode)
        })
        .await
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
    ) -> Result<Output<ReplayWebhookDeliveryPayload>> {
        let delivery = record(ctx, service::webhook::replay::one(cx(ctx)?, parse_id(&id)).await)?;
        Ok(Output(ReplayWebhookDeliveryPayload { webhook_delivery: Output(WebhookDeliveryNode(delivery)) }))
    }

    /// Sends the events of all matching deliveries again, the oldest first, or only counts them. Costs one point per 20
    /// deliveries.
    async fn replay_webhook_deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which deliveries to replay.")] input: ReplayInput,
    ) -> Result<Output<ReplayWebhookDeliveriesPayload>> {
        let replayed = record(ctx, service::webhook::replay::many(cx(ctx)?, input.into()).await)?;
        Ok(Output(ReplayWebhookDeliveriesPayload { count: replayed.count }))
    }
}

/// The result of replaying a delivery.
#[derive(SimpleObject)]
pub struct ReplayWebhookDeliveryPayload {
    /// The new delivery of the same event.
    pub(crate) webhook_delivery: Output<WebhookDeliveryNode>,
}

/// The result of replaying many deliveries.
#[derive(SimpleObject)]
pub struct ReplayWebhookDeliveriesPayload {
    /// Number of deliveries that are sent again, or would be: at most 1,000.
    pub(crate) count: i32,
}
