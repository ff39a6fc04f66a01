//! `/webhook-deliveries`.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use service::webhook::delivery::{
    self, WebhookDelivery, WebhookDeliveryDetail, WebhookDeliveryFilter, WebhookDeliverySort,
};
use service::webhook::replay::{self, Replay, Replayed};

use super::Tag;
use crate::http::rejection::Rejection;
use crate::rest::answers::{Data, List, Put, Queued};
use crate::rest::extract::{Access, Body, PathId, Query};

pub struct WebhookDeliveries;

#[OpenApi(tag = "Tag::Webhooks")]
impl WebhookDeliveries {
    /// List deliveries
    ///
    /// Deliveries to all webhook endpoints of the workspace, without their attempts. Kept for 30 days unless the
    /// operator chose otherwise.
    #[oai(path = "/webhook-deliveries", method = "get", operation_id = "listWebhookDeliveries")]
    async fn list_webhook_deliveries(
        &self,
        Access(cx): Access,
        query: Query<WebhookDeliveryFilter, WebhookDeliverySort>,
    ) -> Result<List<WebhookDelivery>, Rejection> {
        Ok(List(delivery::list(&cx, &query.0).await?))
    }

    /// Replay many deliveries
    ///
    /// Sends the events of all matching deliveries again, the oldest first, at most 1,000, or only counts them
    /// (`dryRun`). Deliveries that are pending, are replays themselves, or belong to a disabled or deleted endpoint are
    /// left out. Costs one rate-limit point per 20 deliveries.
    #[oai(path = "/webhook-deliveries/replay", method = "post", operation_id = "replayWebhookDeliveries")]
    async fn replay_webhook_deliveries(
        &self,
        Access(cx): Access,
        body: Body<Replay>,
    ) -> Result<Put<Replayed>, Rejection> {
        Ok(Put(replay::many(&cx, body.0).await?))
    }

    /// Get a delivery
    ///
    /// Returns one delivery with its attempts.
    #[oai(path = "/webhook-deliveries/:id", method = "get", operation_id = "getWebhookDelivery")]
    async fn get_webhook_delivery(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
    ) -> Result<Data<WebhookDeliveryDetail>, Rejection> {
        Ok(Data(delivery::get_detail(&cx, id.0.into()).await?))
    }

    /// Replay a delivery
    ///
    /// Sends the event of a delivery again, as a new delivery signed with the current secret. A pending delivery is
    /// refused (409 `delivery_pending`), a disabled endpoint too (409 `endpoint_disabled`).
    #[oai(path = "/webhook-deliveries/:id/replay", method = "post", operation_id = "replayWebhookDelivery")]
    async fn replay_webhook_delivery(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
    ) -> Result<Queued<WebhookDelivery>, Rejection> {
        Ok(Queued { written: replay::one(&cx, id.0.into()).await?, list: "/webhook-deliveries" })
    }
}
