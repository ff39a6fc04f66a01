//! Webhook endpoints: the URLs that a workspace has its events sent to.

mod input;
mod list;
mod reseal;

use std::collections::HashMap;

use entity::value::{EndpointStatus, EventType, Id, OrganizationId, Text, Timestamp, WebhookEndpointId};
use entity::webhook_endpoint;
use sea_orm::{ColumnTrait, QueryFilter};
use serde::{Deserialize, Serialize};

pub use self::input::{CreateWebhookEndpointInput, RotateWebhookSecretInput, UpdateWebhookEndpointInput};
pub use self::list::{WebhookEndpointArgs, WebhookEndpointFilter, WebhookEndpointSort, list};
pub use self::reseal::{Resealed, reseal};
use super::egress::Secret;
use crate::access::action::Action;
use crate::contract::error::Error;
use crate::contract::input::Validate;
use crate::contract::outcome::{Deleted, Precondition, Record, Written};
use crate::contract::reason::Reason;
use crate::contract::visible::Visible;
use crate::core::vault::Vault;
use crate::door::Cx;
use crate::outbox::subscribed;

/// The most endpoints of a workspace.
pub(crate) const MAX_ENDPOINTS: u64 = 50;

/// A webhook endpoint: a URL that events of the workspace are sent to, signed. Only Owners and Admins see endpoints.
#[derive(Clone, Debug, Serialize, Deserialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct WebhookEndpoint {
    /// Identifier of the webhook endpoint (UUID v7).
    pub id: WebhookEndpointId,
    /// Identifier of the workspace that the webhook endpoint belongs to.
    pub org_id: OrganizationId,
    /// Identifier of the webhook endpoint in another system, unique among live webhook endpoints; null if none was
    /// given.
    #[oai(nullable)]
    pub external_id: Option<String>,
    /// URL that events are posted to.
    pub url: String,
    /// Types of the events that are sent to the endpoint.
    pub events: Vec<EventType>,
    /// What the endpoint is for; null if there is no description.
    #[oai(nullable)]
    pub description: Option<String>,
    /// Whether events are sent to the endpoint. A receiver that answers 410 disables it.
    pub enabled: bool,
    /// Whether deliveries succeed.
    pub status: EndpointStatus,
    /// First characters of the secret, to recognise it by.
    pub secret_prefix: String,
    /// Until when deliveries are signed with the former secret, too, for the settings pages.
    #[serde(skip)]
    #[oai(skip)]
    #[graphql(skip)]
    pub previous_secret_until: Option<Timestamp>,
    /// Secret that deliveries are signed with, `wsk_` and standard base64. Only in the answers that create the endpoint
    /// or rotate its secret; absent otherwise.
    #[serde(default, skip_serializing_if = "Visible::is_hidden")]
    pub secret: Visible<String>,
    /// The same secret as libraries of Standard Webhooks take it, `whsec_` and standard base64. Only beside `secret`;
    /// absent otherwise.
    #[serde(default, skip_serializing_if = "Visible::is_hidden")]
    pub standard_secret: Visible<String>,
    /// Version of the webhook endpoint: 1 at creation, higher after every change. Send it as `If-Match` (REST) or
    /// `expectedVersion` (GraphQL) to change only this version.
    pub version: i32,
    /// Time at which the webhook endpoint was created (UTC).
    pub created_at: Timestamp,
    /// Time of the last change of the webhook endpoint (UTC); strictly later with every change.
    pub updated_at: Timestamp,
    /// Time at which the webhook endpoint was deleted (UTC); null while it is live.
    #[oai(nullable)]
    pub deleted_at: Option<Timestamp>,
}

crate::contract::record::written!(WebhookEndpoint);

impl From<webhook_endpoint::Model> for WebhookEndpoint {
    fn from(row: webhook_endpoint::Model) -> WebhookEndpoint {
        let events = subscribed(&row.events);
        let webhook_endpoint::Model {
            id,
            organization_id,
            external_id,
            url,
            events: _,
            description,
            enabled,
            status,
            secret: _,
            secret_prefix,
            previous_secret: _,
            previous_until,
            version,
            created_at,
            updated_at,
            deleted_at,
        } = row;
        WebhookEndpoint {
            id,
            org_id: organization_id,
            external_id,
            url,
            events,
            description,
            enabled,
            status,
            secret_prefix,
            previous_secret_until: previous_until,
            secret: Visible::Hidden,
            standard_secret: Visible::Hidden,
            version,
            created_at,
            updated_at,
            deleted_at,
        }
    }
}

impl Record for WebhookEndpoint {
    fn id(&self) -> Id {
        self.id.any()
    }

    fn version(&self) -> Option<i32> {
        Some(self.version)
    }

    fn holds_secret(&self) -> bool {
        !self.secret.is_hidden()
    }
}

/// The context that the seal of an endpoint's secrets is bound to.
fn seal_context(organization: OrganizationId, id: WebhookEndpointId) -> String {
    format!("webhook_endpoint {organization} {id}")
}

fn seal(vault: &Vault, organization: OrganizationId, id: WebhookEndpointId, secret: &Secret) -> Result<Vec<u8>, Error> {
    vault.seal(&seal_context(organization, id), secret.bytes())
}

/// Opens a sealed secret of an endpoint.
pub(super) fn open(
    vault: &Vault,
    organization: OrganizationId,
    id: WebhookEndpointId,
    sealed: &[u8],
) -> Result<Secret, Error> {
    Secret::from_bytes(&vault.open(&seal_context(organization, id), sealed)?)
}

/// The record with its secret, for the response that shows it once.
fn with_secret(row: webhook_endpoint::Model, secret: &Secret) -> WebhookEndpoint {
    let [own, standard] = [secret.text(), secret.standard_text()].map(|text| Visible::Shown(Some(text)));
    WebhookEndpoint { secret: own, standard_secret: standard, ..row.into() }
}

/// One webhook endpoint.
///
/// # Errors
/// `Forbidden` (role or scope), `NotFound` (or not visible to the caller), or `Internal` (database).
pub async fn get(cx: &Cx, id: WebhookEndpointId) -> Result<WebhookEndpoint, Error> {
    Ok(cx.read(Action::GetWebhookEndpoint)?.get::<webhook_endpoint::Entity>(id).await?.into())
}

/// Webhook endpoints by id, deleted ones too: their deliveries are still there.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
pub async fn by_ids(cx: &Cx, ids: &[WebhookEndpointId]) -> Result<HashMap<WebhookEndpointId, WebhookEndpoint>, Error> {
    let rows = cx.read(Action::GetWebhookEndpoint)?.by_ids::<webhook_endpoint::Entity>(ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
}

/// Resolves the host of a URL before the transaction begins, since a look-up may take seconds. The result counts only
/// inside the transaction, so that a retry is answered as the first request was even if the name has changed.
async fn look_up(cx: &Cx, action: Action, url: Option<&Text<2048>>) -> Result<(), Error> {
    match url {
        Some(url) if cx.may(action) => {
            let checked = cx.url_policy().check_now(url.as_str()).await;
            checked.map_err(|reason| Error::invalid("url", reason))
        }
        _ => Ok(()),
    }
}

/// A new webhook endpoint, with its secret.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `Conflict` (state or idempotency key), or `Internal` (database).
pub async fn create(cx: &Cx, mut input: CreateWebhookEndpointInput) -> Result<Written<WebhookEndpoint>, Error> {
    input.check_url(cx);
    let url = look_up(cx, Action::CreateWebhookEndpoint, input.url.get()).await;
    cx.create(Action::CreateWebhookEndpoint, input, async |write, input| {
        url?;
        crate::nouns::organization::lock(write).await?;
        let live = write
            .count::<webhook_endpoint::Entity>(|query| query.filter(webhook_endpoint::Column::DeletedAt.is_null()));
        if live.await? >= MAX_ENDPOINTS {
            let message = format!("the workspace has {MAX_ENDPOINTS} webhook endpoints; delete one first");
            return Err(Error::conflict(Reason::EndpointCap, message));
        }
        let (id, organization_id, secret) = (write.new_id(), write.organization_id(), Secret::random()?);
        let mut row = webhook_endpoint::Model {
            id,
            organization_id,
            enabled: true,
            status: EndpointStatus::Active,
            secret: seal(write.core().vault(), organization_id, id, &secret)?,
            secret_prefix: secret.prefix(),
            version: 1,
            created_at: write.now,
            updated_at: write.now,
            ..webhook_endpoint::Model::blank()
        };
        input.apply(&mut row);
        write.insert::<webhook_endpoint::Entity>(row.clone()).await?;
        Ok(with_secret(row, &secret))
    })
    .await
}

/// Changes a webhook endpoint.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Stale`, `Conflict` (state or key), or `Internal`
/// (database).
pub async fn update(
    cx: &Cx,
    id: WebhookEndpointId,
    expected: &Precondition,
    mut changes: UpdateWebhookEndpointInput,
) -> Result<Written<WebhookEndpoint>, Error> {
    changes.check_url(cx);
    let url = match cx.caller().has(changes.feature()) {
        true => look_up(cx, Action::UpdateWebhookEndpoint, changes.url.get()).await,
        false => Ok(()),
    };
    cx.write(Action::UpdateWebhookEndpoint, changes, async |write, changes| {
        url?;
        let before = write.lock_exclusive::<webhook_endpoint::Entity>(id).await?;
        expected.check(before.version)?;
        let mut after = before.clone();
        changes.apply(&mut after);
        Ok(write.update::<webhook_endpoint::Entity>(&before, after).await?.into())
    })
    .await
}

/// Deletes a webhook endpoint; its pending deliveries are not sent any more.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Stale`, `Conflict` (state or key), or `Internal`
/// (database).
pub async fn delete(cx: &Cx, id: WebhookEndpointId, expected: &Precondition) -> Result<Written<Deleted>, Error> {
    cx.write(Action::DeleteWebhookEndpoint, (), async |write, ()| {
        let before = write.lock_exclusive::<webhook_endpoint::Entity>(id).await?;
        expected.check(before.version)?;
        let after = webhook_endpoint::Model { deleted_at: Some(write.now), ..before.clone() };
        write.update::<webhook_endpoint::Entity>(&before, after).await?;
        Ok(Deleted { id: id.any() })
    })
    .await
}

/// Gives an endpoint a new secret. The old one may go on signing beside it for a time.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Conflict` (state or key), or `Internal`
/// (database).
pub async fn rotate_secret(
    cx: &Cx,
    id: WebhookEndpointId,
    input: RotateWebhookSecretInput,
) -> Result<Written<WebhookEndpoint>, Error> {
    cx.write(Action::RotateWebhookSecret, input, async |write, input| {
        let before = write.lock_exclusive::<webhook_endpoint::Entity>(id).await?;
        let overlap = i64::from(input.overlap_seconds.take().unwrap_or(0));
        let secret = Secret::random()?;
        let mut after = before.clone();
        after.secret = seal(write.core().vault(), before.organization_id, id, &secret)?;
        after.secret_prefix = secret.prefix();
        (after.previous_secret, after.previous_until) = (None, None);
        if overlap > 0 {
            // Sealed again, so that a rotated endpoint holds nothing under an old key.
            let (vault, organization) = (write.core().vault(), before.organization_id);
            let previous = open(vault, organization, id, &before.secret)?;
            after.previous_secret = Some(seal(vault, organization, id, &previous)?);
            after.previous_until = Some(write.now.plus_millis(overlap * 1000));
        }
        Ok(with_secret(write.update::<webhook_endpoint::Entity>(&before, after).await?, &secret))
    })
    .await
}
