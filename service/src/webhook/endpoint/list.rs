//! Lists of webhook endpoints: what they are sorted and filtered by.

use entity::value::{DateOrDateTime, EndpointStatus, ExternalId, WebhookEndpointId};
use entity::webhook_endpoint;
use sea_orm::Condition;

use super::WebhookEndpoint;
use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::contract::error::Error;
use crate::contract::input::Field;
use crate::door::Cx;
use crate::list::filter::{one_of, one_of_texts, since, until};
use crate::list::page::{Filter, Key, ListArgs, Listed, Page};

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

/// A page of webhook endpoints.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
pub async fn list(cx: &Cx, args: &WebhookEndpointArgs) -> Result<Page<WebhookEndpoint>, Error> {
    let page = cx.list::<webhook_endpoint::Entity>(Action::ListWebhookEndpoints, args).await?;
    Ok(page.map(WebhookEndpoint::from))
}
