//! Webhook endpoints, deliveries and events; the payloads of their mutations.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Object, Result, SimpleObject};
use service::event::Event;
use service::value::Id;
use service::webhook::delivery::{WebhookAttempt, WebhookDelivery};
use service::webhook::endpoint::WebhookEndpoint;

use crate::connection::connection;
use crate::cx;
use crate::error::OrFail;
use crate::loader::{AttemptsOfDelivery, EndpointById, EventById, Loaders};

/// One event on its way to one endpoint.
pub struct WebhookDeliveryNode(pub(crate) WebhookDelivery);

/// One event on its way to one endpoint.
#[Object(name = "WebhookDelivery")]
impl WebhookDeliveryNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &WebhookDelivery {
        &self.0
    }

    /// The id.
    pub async fn id(&self) -> Id {
        self.0.id
    }

    /// What became of each attempt, the first first.
    async fn attempts(&self, ctx: &Context<'_>) -> Result<Vec<WebhookAttempt>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        Ok(loaders.load_one(AttemptsOfDelivery(self.0.id)).await.or_fail(cx(ctx)?)?.unwrap_or_default())
    }

    /// The event; null on a plan without webhooks.
    async fn event(&self, ctx: &Context<'_>) -> Result<Option<Event>> {
        let cx = cx(ctx)?;
        if !cx.may(service::Action::GetEvent) {
            return Ok(None);
        }
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        loaders.load_one(EventById(self.0.event_id)).await.or_fail(cx)
    }

    /// The endpoint.
    async fn endpoint(&self, ctx: &Context<'_>) -> Result<Option<WebhookEndpoint>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        loaders.load_one(EndpointById(self.0.endpoint_id)).await.or_fail(cx(ctx)?)
    }
}

connection!(WebhookEndpointConnection, WebhookEndpointEdge, WebhookEndpoint);
connection!(WebhookDeliveryConnection, WebhookDeliveryEdge, WebhookDeliveryNode);
connection!(EventConnection, EventEdge, Event);

/// The webhook endpoint that was made.
#[derive(SimpleObject)]
pub struct CreateWebhookEndpointPayload {
    /// The endpoint.
    pub(crate) webhook_endpoint: WebhookEndpoint,
    /// Its secret, shown this once.
    pub(crate) secret: Option<String>,
}

/// The webhook endpoint that was changed.
#[derive(SimpleObject)]
pub struct UpdateWebhookEndpointPayload {
    /// The endpoint.
    pub(crate) webhook_endpoint: WebhookEndpoint,
}

/// The webhook endpoint that is gone.
#[derive(SimpleObject)]
pub struct DeleteWebhookEndpointPayload {
    /// Its id.
    pub(crate) id: Id,
}

/// The webhook endpoint with a new secret.
#[derive(SimpleObject)]
pub struct RotateWebhookSecretPayload {
    /// The endpoint.
    pub(crate) webhook_endpoint: WebhookEndpoint,
    /// The new secret, shown this once.
    pub(crate) secret: Option<String>,
}

/// The test event on its way.
#[derive(SimpleObject)]
pub struct TestWebhookEndpointPayload {
    /// The delivery.
    pub(crate) webhook_delivery: WebhookDeliveryNode,
}

/// The event on its way again.
#[derive(SimpleObject)]
pub struct ReplayWebhookDeliveryPayload {
    /// The new delivery.
    pub(crate) webhook_delivery: WebhookDeliveryNode,
}

/// How much is on its way again.
#[derive(SimpleObject)]
pub struct ReplayWebhookDeliveriesPayload {
    /// How many deliveries, at most 1000.
    pub(crate) count: i32,
}
