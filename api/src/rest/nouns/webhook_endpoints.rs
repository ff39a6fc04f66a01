//! `/webhook-endpoints`.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use service::webhook::delivery::WebhookDelivery;
use service::webhook::endpoint::{
    self, CreateWebhookEndpointInput, RotateWebhookSecretInput, UpdateWebhookEndpointInput, WebhookEndpoint,
    WebhookEndpointFilter, WebhookEndpointSort,
};
use service::webhook::test::{self, TestWebhookEndpointInput};

use super::Tag;
use crate::http::rejection::Rejection;
use crate::rest::answers::{Changed, Created, List, NoContent, Queued, Tagged};
use crate::rest::extract::{Access, Body, IfMatch, OptionalBody, PathId, Query};

pub struct WebhookEndpoints;

#[OpenApi(tag = "Tag::Webhooks")]
impl WebhookEndpoints {
    /// List webhook endpoints
    ///
    /// Webhook endpoints of the workspace, without their secrets.
    #[oai(path = "/webhook-endpoints", method = "get", operation_id = "listWebhookEndpoints")]
    async fn list_webhook_endpoints(
        &self,
        Access(cx): Access,
        query: Query<WebhookEndpointFilter, WebhookEndpointSort>,
    ) -> Result<List<WebhookEndpoint>, Rejection> {
        Ok(List(endpoint::list(&cx, &query.0).await?))
    }

    /// Create a webhook endpoint
    ///
    /// Creates a webhook endpoint. The answer holds its secret, which is not shown again. At most 50 endpoints per
    /// workspace (409 `endpoint_cap`).
    #[oai(path = "/webhook-endpoints", method = "post", operation_id = "createWebhookEndpoint")]
    async fn create_webhook_endpoint(
        &self,
        Access(cx): Access,
        body: Body<CreateWebhookEndpointInput>,
    ) -> Result<Created<WebhookEndpoint>, Rejection> {
        Ok(Created { written: endpoint::create(&cx, body.0).await?, list: "/webhook-endpoints" })
    }

    /// Get a webhook endpoint
    ///
    /// Returns one webhook endpoint, without its secret.
    #[oai(path = "/webhook-endpoints/:id", method = "get", operation_id = "getWebhookEndpoint")]
    async fn get_webhook_endpoint(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
    ) -> Result<Tagged<WebhookEndpoint>, Rejection> {
        Ok(Tagged(endpoint::get(&cx, id.0.into()).await?))
    }

    /// Change a webhook endpoint
    ///
    /// Changes the fields that are sent; pending deliveries use the new URL. `{"enabled": false}` alone works on every
    /// plan with API access, anything else needs the plan Agency.
    #[oai(path = "/webhook-endpoints/:id", method = "patch", operation_id = "updateWebhookEndpoint")]
    async fn update_webhook_endpoint(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
        body: Body<UpdateWebhookEndpointInput>,
    ) -> Result<Changed<WebhookEndpoint>, Rejection> {
        Ok(Changed(endpoint::update(&cx, id.0.into(), &expected.0, body.0).await?))
    }

    /// Delete a webhook endpoint
    ///
    /// Deletes a webhook endpoint. Its pending deliveries are skipped.
    #[oai(path = "/webhook-endpoints/:id", method = "delete", operation_id = "deleteWebhookEndpoint")]
    async fn delete_webhook_endpoint(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
    ) -> Result<NoContent, Rejection> {
        Ok(NoContent(endpoint::delete(&cx, id.0.into(), &expected.0).await?))
    }

    /// Rotate the secret of a webhook endpoint
    ///
    /// Replaces the secret. The answer holds the new one, which is not shown again. During `overlapSeconds` both
    /// secrets sign.
    #[oai(path = "/webhook-endpoints/:id/rotate-secret", method = "post", operation_id = "rotateWebhookSecret")]
    async fn rotate_webhook_secret(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        body: OptionalBody<RotateWebhookSecretInput>,
    ) -> Result<Changed<WebhookEndpoint>, Rejection> {
        Ok(Changed(endpoint::rotate_secret(&cx, id.0.into(), body.0).await?))
    }

    /// Send a test event
    ///
    /// Sends a made-up event to the endpoint, with `livemode: false` and `data.test: true`, whether or not it is
    /// subscribed to the type. A disabled endpoint is refused (409 `endpoint_disabled`).
    #[oai(path = "/webhook-endpoints/:id/test", method = "post", operation_id = "testWebhookEndpoint")]
    async fn test_webhook_endpoint(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        body: OptionalBody<TestWebhookEndpointInput>,
    ) -> Result<Queued<WebhookDelivery>, Rejection> {
        Ok(Queued { written: test::send(&cx, id.0.into(), body.0).await?, list: "/webhook-deliveries" })
    }
}
