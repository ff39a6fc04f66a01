//! The test call: sends an example event to one endpoint.

use entity::value::{EventType, WebhookEndpointId};
use entity::webhook_endpoint;

use super::delivery::WebhookDelivery;
use super::replay::{refuse_above_cap, refuse_unless_open};
use super::sample;
use crate::access::action::Action;
use crate::contract::error::Error;
use crate::contract::input::{Field, Input, Validate};
use crate::contract::outcome::Written;
use crate::door::Cx;
use crate::nouns::organization;
use crate::outbox::{self, Delivery, Envelope, subscribed};

crate::input! {
    /// Which test event to send.
    pub struct TestWebhookEndpointInput {
        /// Type of the test event; by default the first type that the endpoint is subscribed to.
        pub r#type: Field<EventType>,
    }
}

impl Validate for TestWebhookEndpointInput {
    fn problems(&self) -> entity::value::FieldErrors {
        self.field_problems()
    }
}

/// Sends a test event to one endpoint, subscribed or not: `livemode` is false and `data.test` true.
///
/// # Errors
/// `NotFound`; `Conflict` where the endpoint is disabled or deleted, or where the workspace has too many pending deliveries;
/// what the door refuses.
pub async fn send(
    cx: &Cx,
    id: WebhookEndpointId,
    input: TestWebhookEndpointInput,
) -> Result<Written<WebhookDelivery>, Error> {
    cx.create(Action::TestWebhookEndpoint, input, async |write, input| {
        organization::lock(write).await?;
        let endpoint =
            write.lock_shared::<webhook_endpoint::Entity>(id).await?.ok_or(Error::NotFound("webhook endpoint"))?;
        refuse_unless_open(Some(&endpoint))?;
        refuse_above_cap(write, 1).await?;
        let first = || subscribed(&endpoint.events).first().copied();
        let kind = input.r#type.take().or_else(first).unwrap_or(EventType::ClientCreated);
        let (event, org_id) = (write.new_id(), write.organization_id());
        let data = sample::data(kind, org_id, write.now, || write.new_id());
        let created = write.now.seconds();
        let envelope = Envelope { id: event, r#type: kind.as_str(), created, org_id, livemode: false, data };
        outbox::insert_event(write, event, kind.as_str(), envelope.text()?).await?;
        let row = Delivery { endpoint: id, event, replay_of: None }.row(write, kind.as_str());
        outbox::insert_deliveries(write, vec![row.clone()]).await?;
        Ok(row.into())
    })
    .await
}
