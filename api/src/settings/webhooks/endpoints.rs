//! The list of endpoints, and a new one.

use maud::{Markup, html};
use poem::Response;
use service::input::FromBody;
use service::webhook::endpoint::{self, CreateWebhookEndpointInput, WebhookEndpoint};
use service::{Action, Feature, policy};

use super::super::fields::Fields;
use super::super::form::Problems;
use super::super::visit::Visit;
use super::super::{layout, pager, parts};
use super::{LIST, endpoint_fields, endpoint_input, host, is_unlocked, secret};
use crate::http::rejection::Rejection;

const NEW: &str = "/settings/webhooks/new";

pub(in super::super) async fn list(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let endpoints = endpoint::list(&visit.cx, &pager::args(visit, &[])).await?;
    let unlocked = is_unlocked(visit);
    let list = html! {
        @if endpoints.items.is_empty() && !endpoints.continued {
            p { "There is no endpoint yet. With one, another system is sent what happens in this workspace, signed." }
        }
        ul.cards { @for endpoint in &endpoints.items { li id={ "e" (endpoint.id) } { (card(endpoint)) } } }
        (pager::ways(visit, &endpoints))
    };
    let body = html! {
        @if !unlocked { (layout::unlocks(Feature::OutboundWebhooks)) }
        div.actions {
            @if unlocked { a.button href=(NEW) { "New endpoint" } }
            a href={ (LIST) "/deliveries" } { "All deliveries" }
        }
        (parts::live(visit, LIST, list))
    };
    Ok(layout::page(visit, "Webhooks", body))
}

fn card(endpoint: &WebhookEndpoint) -> Markup {
    html! {
        h3 { a href={ (LIST) "/" (endpoint.id) } { (host(&endpoint.url)) } " " (state(endpoint)) }
        p { (endpoint.url) }
        @if let Some(about) = &endpoint.description { p.soft { (about) } }
        p.soft { (endpoint.events.len()) " of 8 event types" }
    }
}

/// Whether events are sent to an endpoint, and with what success.
pub(super) fn state(endpoint: &WebhookEndpoint) -> Markup {
    html! {
        @if endpoint.enabled { span.badge { (endpoint.status) } } @else { span.badge { "disabled" } }
    }
}

pub(in super::super) fn new(visit: &Visit<'_>) -> Result<Response, Rejection> {
    policy::ensure_allowed(visit.caller(), Action::CreateWebhookEndpoint)?;
    Ok(form(visit, &Problems::default()))
}

fn form(visit: &Visit<'_>, problems: &Problems) -> Response {
    let fields = Fields { form: &visit.form, problems };
    let body = html! {
        (fields.summary())
        form method="post" action=(NEW) {
            (parts::key(visit.facts))
            (endpoint_fields(&fields, "", &[], ""))
            div.actions { button type="submit" { "Make the endpoint" } a href=(LIST) { "Cancel" } }
        }
    };
    layout::page_with(visit, problems.status, "New endpoint", body)
}

/// Makes an endpoint and shows its secret in the answer. The reply is stored sealed for a day, so that the same form
/// sent twice shows the same secret.
pub(in super::super) async fn create(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let input = CreateWebhookEndpointInput::from_json(endpoint_input(&visit.form));
    match endpoint::create(&visit.cx, input).await {
        Ok(written) => Ok(layout::page(visit, "Your new endpoint", secret(&written.into_record()?))),
        Err(error) => Ok(form(visit, &Problems::of(error)?)),
    }
}
