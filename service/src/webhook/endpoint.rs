//! Webhook endpoints: the URLs that a workspace has its events sent to.

use std::collections::HashMap;

use entity::value::{
    DateOrDateTime, EndpointStatus, EventType, ExternalId, FieldErrors, Id, Note, OrganizationId, Text, Timestamp,
    WebhookEndpointId,
};
use entity::webhook_endpoint;
use sea_orm::{ColumnTrait, Condition, QueryFilter};
use serde::{Deserialize, Serialize};

use super::egress::Secret;
use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::contract::error::{Error, Feature};
use crate::contract::input::{Defaulted, Field, Input, NonNull, Required, Validate};
use crate::contract::outcome::{Deleted, Precondition, Record, Written};
use crate::contract::reason::Reason;
use crate::contract::visible::Visible;
use crate::core::vault::Vault;
use crate::door::Cx;
use crate::list::filter::{one_of, one_of_texts, since, until};
use crate::list::page::{Filter, Key, ListArgs, Listed, Page};
use crate::outbox::subscribed;

/// The most endpoints of a workspace.
pub(crate) const MAX_ENDPOINTS: u64 = 50;
/// The longest time that a replaced secret may go on signing, in seconds: a week.
const MAX_OVERLAP: i32 = 7 * 24 * 3600;

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
            previous_until: _,
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

fn column(events: &[EventType]) -> String {
    // In the order sent, without repetitions.
    let mut once: Vec<EventType> = Vec::new();
    for kind in events {
        if !once.contains(kind) {
            once.push(*kind);
        }
    }
    serde_json::to_string(&once).unwrap_or_default()
}

/// The two inputs of an endpoint differ in what they need.
macro_rules! endpoint_input {
    ($(#[doc = $doc:literal])* $name:ident, needed: $needed:ident, flag: $flag:ident) => {
        crate::input! {
            $(#[doc = $doc])*
            pub struct $name {
                /// Identifier of the webhook endpoint in another system: at most 255 characters, unique among live
                /// webhook endpoints. Null or an empty text clears it.
                pub external_id: Field<ExternalId>,
                /// URL that events are posted to: `https`, port 443 or 1024 to 65535, without user name or password,
                /// and no private address.
                pub url: $needed<Text<2048>>,
                /// Types of the events to send to the endpoint; at least one.
                pub events: $needed<Vec<EventType>>,
                /// What the endpoint is for: at most 10,000 characters. Null or an empty text clears it.
                pub description: Field<Note>,
                /// Whether events are sent to the endpoint; `true` by default.
                pub enabled: $flag<bool>,
            }
            read_only "id" "orgId" "status" "secret" "standardSecret" "secretPrefix" "version" "createdAt" "updatedAt" "deletedAt"
        }

        impl $name {
            /// Marks a URL that is refused whatever addresses its name has.
            fn check_url(&mut self, cx: &Cx) {
                let checked = self.url.get().map(|url| cx.url_policy().check(url.as_str()));
                if let Some(Err(reason)) = checked {
                    self.url = Field::Bad(reason.into());
                }
            }

            fn own_problems(&self) -> FieldErrors {
                let mut problems = self.field_problems();
                if self.events.get().is_some_and(Vec::is_empty) {
                    problems.add("events", "must name at least one event type");
                }
                problems
            }

            /// Writes the sent values into a row.
            fn apply(self, row: &mut webhook_endpoint::Model) {
                self.external_id.change(&mut row.external_id);
                self.description.change(&mut row.description);
                self.enabled.change(&mut row.enabled);
                if let Some(url) = self.url.take() {
                    row.url = url.into();
                }
                if let Some(events) = self.events.take() {
                    row.events = column(&events);
                }
            }
        }
    };
}

endpoint_input!(
    /// The fields of a new webhook endpoint. `url` and `events` are required.
    CreateWebhookEndpointInput, needed: Required, flag: Defaulted
);
endpoint_input!(
    /// The fields of a webhook endpoint to change. An absent field keeps its value, null clears a nullable one.
    UpdateWebhookEndpointInput, needed: NonNull, flag: NonNull
);

impl Validate for CreateWebhookEndpointInput {
    fn problems(&self) -> FieldErrors {
        self.own_problems()
    }
}

impl Validate for UpdateWebhookEndpointInput {
    /// Switching off stays open on every plan.
    fn feature(&self) -> Feature {
        let UpdateWebhookEndpointInput { external_id, url, events, description, enabled, not_taken } = self;
        let others = external_id.is_sent() || url.is_sent() || events.is_sent() || description.is_sent();
        let off = enabled.get() == Some(&false) && !others && not_taken.is_empty();
        if off { Feature::ApiAccess } else { Feature::OutboundWebhooks }
    }

    fn problems(&self) -> FieldErrors {
        self.own_problems()
    }
}

crate::input! {
    /// How to replace the secret.
    pub struct RotateWebhookSecretInput {
        /// Seconds during which the old secret signs beside the new one, from 0 to 604,800 (a week); 0 by default.
        pub overlap_seconds: Defaulted<i32>,
    }
}

impl Validate for RotateWebhookSecretInput {
    fn problems(&self) -> FieldErrors {
        let mut problems = self.field_problems();
        if self.overlap_seconds.get().is_some_and(|seconds| !(0..=MAX_OVERLAP).contains(seconds)) {
            problems.add("overlapSeconds", format!("must be between 0 and {MAX_OVERLAP}"));
        }
        problems
    }
}

crate::sort! {
    /// What webhook endpoints are sorted by.
    pub enum WebhookEndpointSort of webhook_endpoint {
        CreatedAt "createdAt" by "created_at" => |row| row.created_at.into(),
        Id "id" by "id" => |_row| Key::Id,
        UpdatedAt "updatedAt" by "updated_at" => |row| row.updated_at.into(),
    }
}

crate::input! {
    /// Filters of the list of webhook endpoints; an endpoint must match all of them.
    pub struct WebhookEndpointFilter {
        /// Only webhook endpoints with one of these identifiers.
        pub id: Field<Vec<WebhookEndpointId>>,
        /// Only webhook endpoints with one of these external identifiers.
        pub external_id: Field<Vec<ExternalId>>,
        /// Only webhook endpoints that are enabled (`true`) or disabled (`false`).
        pub enabled: Field<Vec<bool>>,
        /// Only webhook endpoints in one of these states.
        pub status: Field<Vec<EndpointStatus>>,
        /// Only webhook endpoints created at or after this instant; a date means the start of that UTC day.
        pub created_at_from: Field<DateOrDateTime>,
        /// Only webhook endpoints created at or before this instant; a date means the end of that UTC day.
        pub created_at_to: Field<DateOrDateTime>,
        /// Only webhook endpoints last changed at or after this instant; a date means the start of that UTC day.
        /// Records may appear up to 60 seconds late, so let polls overlap by that much.
        pub updated_at_from: Field<DateOrDateTime>,
        /// Only webhook endpoints last changed at or before this instant; a date means the end of that UTC day.
        pub updated_at_to: Field<DateOrDateTime>,
    }
}

impl Filter for WebhookEndpointFilter {
    fn condition(&self, _: &Caller) -> Condition {
        use webhook_endpoint::Column;
        Condition::all()
            .add_option(one_of(Column::Id, &self.id))
            .add_option(one_of_texts(Column::ExternalId, &self.external_id))
            .add_option(one_of(Column::Enabled, &self.enabled))
            .add_option(one_of(Column::Status, &self.status))
            .add_option(since(Column::CreatedAt, &self.created_at_from))
            .add_option(until(Column::CreatedAt, &self.created_at_to))
            .add_option(since(Column::UpdatedAt, &self.updated_at_from))
            .add_option(until(Column::UpdatedAt, &self.updated_at_to))
    }
}

impl Listed for webhook_endpoint::Entity {
    type Sort = WebhookEndpointSort;
    type Filter = WebhookEndpointFilter;
    const SEARCH: Option<webhook_endpoint::Column> = None;
}

/// The arguments of a list of webhook endpoints.
pub type WebhookEndpointArgs = ListArgs<WebhookEndpointFilter, WebhookEndpointSort>;

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

/// A page of webhook endpoints.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
pub async fn list(cx: &Cx, args: &WebhookEndpointArgs) -> Result<Page<WebhookEndpoint>, Error> {
    let page = cx.list::<webhook_endpoint::Entity>(Action::ListWebhookEndpoints, args).await?;
    Ok(page.map(WebhookEndpoint::from))
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
            external_id: None,
            url: String::new(),
            events: String::new(),
            description: None,
            enabled: true,
            status: EndpointStatus::Active,
            secret: seal(write.core().vault(), organization_id, id, &secret)?,
            secret_prefix: secret.prefix(),
            previous_secret: None,
            previous_until: None,
            version: 1,
            created_at: write.now,
            updated_at: write.now,
            deleted_at: None,
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
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Stale`, `Conflict` (state or key), or `Internal`
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
