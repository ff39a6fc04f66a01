//! Webhook endpoints: queries, mutations and loaders.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use service::input::Field;
use service::value::{Id, Json};
use service::webhook::endpoint::{
    CreateWebhookEndpointInput, RotateWebhookSecretInput, UpdateWebhookEndpointInput, WebhookEndpoint,
    WebhookEndpointFilter, WebhookEndpointSort,
};
use service::webhook::test::TestWebhookEndpointInput;
use service::{Deleted, Error};

use crate::engine::connection::{connection, lists};
use crate::engine::error::OrFail;
use crate::engine::loader::Loaders;
use crate::nouns::webhook_delivery::WebhookDeliveryNode;
use crate::nouns::{cx, expected, parse_id, record};

connection!(WebhookEndpointConnection, WebhookEndpointEdge, WebhookEndpoint);

/// A webhook endpoint by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EndpointById(pub(crate) Id);

impl Loader<EndpointById> for Loaders {
    type Value = WebhookEndpoint;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[EndpointById]) -> Result<HashMap<EndpointById, WebhookEndpoint>, Arc<Error>> {
        let ids: Vec<Id> = keys.iter().map(|key| key.0).collect();
        let endpoints = service::webhook::endpoint::by_ids(&self.0, &ids).await?;
        Ok(endpoints.into_iter().map(|(id, endpoint)| (EndpointById(id), endpoint)).collect())
    }
}

lists! {
    /// The list of this noun.
    WebhookEndpointRootLists() {
        /// Webhook endpoints, a page at a time.
        webhook_endpoints: WebhookEndpointFilter, WebhookEndpointSort => WebhookEndpointConnection(std::convert::identity), (flat service::webhook::endpoint::list);
    }
}

/// The queries of this noun.
#[derive(Default)]
pub struct WebhookEndpointQueries;

/// The queries of this noun.
#[Object]
impl WebhookEndpointQueries {
    #[graphql(flatten)]
    async fn lists(&self) -> WebhookEndpointRootLists {
        WebhookEndpointRootLists()
    }

    /// One webhook endpoint.
    async fn webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
    ) -> Result<Option<WebhookEndpoint>> {
        let cx = cx(ctx)?;
        service::webhook::endpoint::get(cx, parse_id(&id)).await.map(Some).or_fail(cx)
    }
}

/// The mutations of this noun.
#[derive(Default)]
pub struct WebhookEndpointMutations;

/// The mutations of this noun.
#[Object]
impl WebhookEndpointMutations {
    /// A new webhook endpoint; the answer shows its secret, this once.
    async fn create_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is sent.")] input: CreateWebhookEndpointInput,
    ) -> Result<CreateWebhookEndpointPayload> {
        let webhook_endpoint = record(ctx, service::webhook::endpoint::create(cx(ctx)?, input).await)?;
        let secret = webhook_endpoint.secret.get().cloned();
        Ok(CreateWebhookEndpointPayload { webhook_endpoint, secret })
    }

    /// Change a webhook endpoint: what is absent stays, null clears.
    async fn update_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "What is sent.")] input: UpdateWebhookEndpointInput,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<UpdateWebhookEndpointPayload> {
        let expected = expected(expected_version);
        let done = service::webhook::endpoint::update(cx(ctx)?, parse_id(&id), &expected, input).await;
        Ok(UpdateWebhookEndpointPayload { webhook_endpoint: record(ctx, done)? })
    }

    /// Delete a webhook endpoint.
    async fn delete_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<DeleteWebhookEndpointPayload> {
        let expected = expected(expected_version);
        let done = service::webhook::endpoint::delete(cx(ctx)?, parse_id(&id), &expected).await;
        let deleted: Deleted = record(ctx, done)?;
        Ok(DeleteWebhookEndpointPayload { id: deleted.id })
    }

    /// Give a webhook endpoint a new secret; the answer shows it, this once. The old one goes on signing for
    /// `overlapSeconds`.
    async fn rotate_webhook_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "How long the old secret goes on signing, in seconds; not at all unless said.")]
        overlap_seconds: Option<i32>,
    ) -> Result<RotateWebhookSecretPayload> {
        let overlap_seconds = overlap_seconds.map_or(Field::Absent, Field::Value);
        let input = RotateWebhookSecretInput { overlap_seconds, ..RotateWebhookSecretInput::default() };
        let done = service::webhook::endpoint::rotate_secret(cx(ctx)?, parse_id(&id), input).await;
        let webhook_endpoint = record(ctx, done)?;
        let secret = webhook_endpoint.secret.get().cloned();
        Ok(RotateWebhookSecretPayload { webhook_endpoint, secret })
    }

    /// Send a test event to a webhook endpoint; of the first type that it is subscribed to unless said.
    async fn test_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "The type of event; the first that it is subscribed to unless said.")] r#type: Option<String>,
    ) -> Result<TestWebhookEndpointPayload> {
        let kind = r#type.map_or(Field::Absent, |kind| Field::from_json(Json::Text(kind)));
        let input = TestWebhookEndpointInput { r#type: kind, ..TestWebhookEndpointInput::default() };
        let delivery = record(ctx, service::webhook::test::send(cx(ctx)?, parse_id(&id), input).await)?;
        Ok(TestWebhookEndpointPayload { webhook_delivery: WebhookDeliveryNode(delivery) })
    }
}

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

/// The webhook endpoint that was deleted.
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
