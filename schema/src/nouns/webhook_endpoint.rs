//! Webhook endpoints: queries, mutations and loaders.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use service::input::Field;
use service::value::{Id, Json, WebhookEndpointId};
use service::webhook::endpoint::{
    CreateWebhookEndpointInput, RotateWebhookSecretInput, UpdateWebhookEndpointInput, WebhookEndpoint,
    WebhookEndpointFilter, WebhookEndpointSort,
};
use service::webhook::test::TestWebhookEndpointInput;
use service::{Deleted, Error};

use crate::engine::connection::lists;
use crate::engine::loader::{Linked, Loaders};
use crate::engine::object::{Output, nodes};
use crate::nouns::webhook_delivery::WebhookDeliveryNode;
use crate::nouns::{cx, expected, parse_id, record, shared};

/// A webhook endpoint by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EndpointById(pub(crate) WebhookEndpointId);

impl Loader<EndpointById> for Loaders {
    type Value = Arc<WebhookEndpoint>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[EndpointById]) -> Result<HashMap<EndpointById, Arc<WebhookEndpoint>>, Arc<Error>> {
        let ids: Vec<WebhookEndpointId> = keys.iter().map(|key| key.0).collect();
        let endpoints = service::webhook::endpoint::by_ids(&self.0, &ids).await?;
        Ok(endpoints.into_iter().map(|(id, endpoint)| (EndpointById(id), Arc::new(endpoint))).collect())
    }
}

nodes! {
    WebhookEndpoint => self: WebhookEndpoint;
    CreateWebhookEndpointPayload;
    UpdateWebhookEndpointPayload;
    DeleteWebhookEndpointPayload;
    RotateWebhookSecretPayload;
    TestWebhookEndpointPayload;
}

lists! {
    /// The list of this noun.
    WebhookEndpointRootLists() {
        /// A page of webhook endpoints, without their secrets.
        webhook_endpoints[]: WebhookEndpointFilter, WebhookEndpointSort => WebhookEndpoint as std::convert::identity[], (flat service::webhook::endpoint::list);
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

    /// A webhook endpoint by its identifier; null with the error `not_found` if the caller sees none.
    async fn webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the webhook endpoint.")] id: ID,
    ) -> Result<Option<Linked<WebhookEndpoint>>> {
        let cx = cx(ctx)?;
        shared(ctx, "webhookEndpoint", &id, async { service::webhook::endpoint::get(cx, parse_id(&id)).await }).await
    }
}

/// The mutations of this noun.
#[derive(Default)]
pub struct WebhookEndpointMutations;

/// The mutations of this noun.
#[Object]
impl WebhookEndpointMutations {
    /// Creates a webhook endpoint. The answer holds its secret, which is not shown again.
    async fn create_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The fields of the new webhook endpoint.")] input: CreateWebhookEndpointInput,
    ) -> Result<Output<CreateWebhookEndpointPayload>> {
        let webhook_endpoint = record(ctx, service::webhook::endpoint::create(cx(ctx)?, input).await)?;
        let (secret, standard_secret) = secrets(&webhook_endpoint);
        let webhook_endpoint = Output(webhook_endpoint);
        Ok(Output(CreateWebhookEndpointPayload { webhook_endpoint, secret, standard_secret }))
    }

    /// Changes a webhook endpoint: an absent field keeps its value, null clears a nullable one. Disabling alone works
    /// on every plan with API access.
    async fn update_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the webhook endpoint.")] id: ID,
        #[graphql(desc = "The fields to change.")] input: UpdateWebhookEndpointInput,
        #[graphql(
            desc = "The version that the record must still have; otherwise the error is `conflict` with reason `stale`. Without it, any version is changed."
        )]
        expected_version: Option<i32>,
    ) -> Result<Output<UpdateWebhookEndpointPayload>> {
        let expected = expected(expected_version);
        let done = service::webhook::endpoint::update(cx(ctx)?, parse_id(&id), &expected, input).await;
        Ok(Output(UpdateWebhookEndpointPayload { webhook_endpoint: Output(record(ctx, done)?) }))
    }

    /// Deletes a webhook endpoint. Its pending deliveries are skipped.
    async fn delete_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the webhook endpoint.")] id: ID,
        #[graphql(
            desc = "The version that the record must still have; otherwise the error is `conflict` with reason `stale`. Without it, any version is changed."
        )]
        expected_version: Option<i32>,
    ) -> Result<Output<DeleteWebhookEndpointPayload>> {
        let expected = expected(expected_version);
        let done = service::webhook::endpoint::delete(cx(ctx)?, parse_id(&id), &expected).await;
        let deleted: Deleted = record(ctx, done)?;
        Ok(Output(DeleteWebhookEndpointPayload { deleted_id: deleted.id }))
    }

    /// Replaces the secret of a webhook endpoint. The answer holds the new one, which is not shown again. During
    /// `overlapSeconds` both secrets sign.
    async fn rotate_webhook_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the webhook endpoint.")] id: ID,
        #[graphql(desc = "How long the old secret goes on signing, in seconds; by default not at all.")]
        overlap_seconds: Option<i32>,
    ) -> Result<Output<RotateWebhookSecretPayload>> {
        let overlap_seconds = overlap_seconds.map_or(Field::Absent, Field::Value);
        let input = RotateWebhookSecretInput { overlap_seconds, ..RotateWebhookSecretInput::default() };
        let done = service::webhook::endpoint::rotate_secret(cx(ctx)?, parse_id(&id), input).await;
        let webhook_endpoint = record(ctx, done)?;
        let (secret, standard_secret) = secrets(&webhook_endpoint);
        let webhook_endpoint = Output(webhook_endpoint);
        Ok(Output(RotateWebhookSecretPayload { webhook_endpoint, secret, standard_secret }))
    }

    /// Sends a made-up event to a webhook endpoint, with `livemode: false` and `data.test: true`.
    async fn test_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the webhook endpoint.")] id: ID,
        #[graphql(desc = "Type of the test event; by default the first type that the endpoint is subscribed to.")]
        r#type: Option<String>,
    ) -> Result<Output<TestWebhookEndpointPayload>> {
        let kind = r#type.map_or(Field::Absent, |kind| Field::from_json(Json::Text(kind)));
        let input = TestWebhookEndpointInput { r#type: kind, ..TestWebhookEndpointInput::default() };
        let delivery = record(ctx, service::webhook::test::send(cx(ctx)?, parse_id(&id), input).await)?;
        Ok(Output(TestWebhookEndpointPayload { webhook_delivery: Output(WebhookDeliveryNode(delivery)) }))
    }
}

/// The secret of an endpoint, in both spellings, where it is shown.
fn secrets(endpoint: &WebhookEndpoint) -> (Option<String>, Option<String>) {
    (endpoint.secret.get().cloned(), endpoint.standard_secret.get().cloned())
}

/// The result of creating a webhook endpoint.
#[derive(SimpleObject)]
pub struct CreateWebhookEndpointPayload {
    /// The webhook endpoint.
    pub(crate) webhook_endpoint: Output<WebhookEndpoint>,
    /// The secret of the endpoint, not shown again.
    pub(crate) secret: Option<String>,
    /// The same secret as libraries of Standard Webhooks take it: `whsec_` and standard base64.
    pub(crate) standard_secret: Option<String>,
}

/// The result of changing a webhook endpoint.
#[derive(SimpleObject)]
pub struct UpdateWebhookEndpointPayload {
    /// The webhook endpoint.
    pub(crate) webhook_endpoint: Output<WebhookEndpoint>,
}

/// The result of deleting a webhook endpoint.
#[derive(SimpleObject)]
pub struct DeleteWebhookEndpointPayload {
    /// The id of what was deleted.
    pub(crate) deleted_id: Id,
}

/// The result of rotating the secret of a webhook endpoint.
#[derive(SimpleObject)]
pub struct RotateWebhookSecretPayload {
    /// The webhook endpoint.
    pub(crate) webhook_endpoint: Output<WebhookEndpoint>,
    /// The new secret, not shown again.
    pub(crate) secret: Option<String>,
    /// The same secret as libraries of Standard Webhooks take it: `whsec_` and standard base64.
    pub(crate) standard_secret: Option<String>,
}

/// The result of sending a test event.
#[derive(SimpleObject)]
pub struct TestWebhookEndpointPayload {
    /// The delivery of the test event.
    pub(crate) webhook_delivery: Output<WebhookDeliveryNode>,
}
