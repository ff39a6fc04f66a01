//! One endpoint: changing, disabling, rotating, testing and deleting it.

use maud::html;
use poem::Response;
use service::input::{Field as InputField, FromBody};
use service::value::{EventType, Json};
use service::webhook::endpoint::{self, RotateWebhookSecretInput, UpdateWebhookEndpointInput, WebhookEndpoint};
use service::webhook::health;
use service::webhook::test::{self, TestWebhookEndpointInput};
use service::{Action, Feature, Precondition};

use super::super::fields::{Field, Fields};
use super::super::form::Problems;
use super::super::layout;
use super::super::parts::{self, confirmation, time};
use super::super::visit::Visit;
use super::endpoints::state;
use super::{LIST, chart, endpoint_fields, endpoint_input, host, is_unlocked, secret};
use crate::http::rejection::Rejection;

/// How long an old secret may sign beside the new one, as the form offers it, in seconds.
const OVERLAPS: [(&str, &str); 4] = [
    ("86400", "Both sign for one day"),
    ("3600", "Both sign for one hour"),
    ("604800", "Both sign for one week"),
    ("0", "The old one ends at once"),
];

fn path(endpoint: &WebhookEndpoint) -> String {
    format!("{LIST}/{}", endpoint.id)
}

pub(in super::super) async fn show(visit: &Visit<'_>) -> Result<Response, Rejection> {
    page(visit, &Problems::default()).await
}

async fn page(visit: &Visit<'_>, problems: &Problems) -> Result<Response, Rejection> {
    let endpoint = &endpoint::get(&visit.cx, visit.id()?).await?;
    let health = health::of(&visit.cx, endpoint.id).await?;
    let fields = Fields { form: &visit.form, problems };
    let path = path(endpoint);
    let (unlocked, about) = (is_unlocked(visit), endpoint.description.as_deref().unwrap_or_default());
    let first = endpoint.events.first().map_or("", |kind| kind.as_str());
    let any = Field { name: "type", label: "Event type", value: first, ..Field::default() };
    let types: Vec<(&str, &str)> = EventType::ALL.iter().map(|kind| (kind.as_str(), kind.as_str())).collect();
    let now = html! {
        dl {
            dt { "State" } dd { (state(endpoint)) }
            dt { "Secret" } dd { code { (endpoint.secret_prefix) "…" } }
            @if let Some(until) = endpoint.previous_secret_until.filter(|until| *until > visit.cx.now()) {
                dt { "The old secret signs, too, until" } dd { (time(until)) }
            }
            dt { "Created" } dd { (time(endpoint.created_at)) }
            dt { "Last changed" } dd { (time(endpoint.updated_at)) }
        }
        (chart::health(&health))
    };
    let body = html! {
        (fields.summary())
        (parts::live(visit, &path, now))
        p { a href={ (LIST) "/deliveries?endpointId=" (endpoint.id) } { "Deliveries to this endpoint" } }
        @if !unlocked { (layout::unlocks(Feature::OutboundWebhooks)) }
        @if unlocked {
            h2 { "Change it" }
            form method="post" action=(path) {
                (parts::key(visit.facts))
                input type="hidden" name="version" value=(endpoint.version);
                (endpoint_fields(&fields, &endpoint.url, &endpoint.events, about))
                div.actions { button type="submit" { "Save" } }
            }
            h2 { "Send a test event" }
            form method="post" action={ (path) "/test" } {
                (parts::key(visit.facts))
                (fields.choice(&any, &types))
                div.actions { button type="submit" { "Send it" } }
            }
        } @else {
            dl {
                dt { "URL" } dd { (endpoint.url) }
                dt { "Events" } dd { @for kind in &endpoint.events { span.badge { (kind) } " " } }
            }
        }
        h2 { "More" }
        div.actions {
            @if endpoint.enabled || unlocked {
                form method="post" action={ (path) "/switch" } {
                    (parts::key(visit.facts))
                    input type="hidden" name="enabled" value=(!endpoint.enabled);
                    button.quiet type="submit" { (if endpoint.enabled { "Disable" } else { "Enable" }) }
                }
            }
            @if unlocked { a href={ (path) "/rotate" } { "Rotate the secret" } }
            a href={ (path) "/delete" } { "Delete" }
        }
    };
    Ok(layout::page_with(visit, problems.status, host(&endpoint.url), body))
}

pub(in super::super) async fn change(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let id = visit.id()?;
    let input = UpdateWebhookEndpointInput::from_json(endpoint_input(&visit.form));
    match endpoint::update(&visit.cx, id, &visit.form.version(), input).await {
        Ok(_) => Ok(layout::done(&format!("{LIST}/{id}"), "endpoint-changed")),
        Err(error) => page(visit, &Problems::of(error)?).await,
    }
}

/// Enables or disables. Disabling alone is open on every plan.
pub(in super::super) async fn switch(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let (id, enabled) = (visit.id()?, visit.form.get("enabled") == "true");
    let input = UpdateWebhookEndpointInput { enabled: InputField::Value(enabled), ..Default::default() };
    endpoint::update(&visit.cx, id, &Precondition::Any, input).await?;
    Ok(layout::done(&format!("{LIST}/{id}"), if enabled { "endpoint-enabled" } else { "endpoint-disabled" }))
}

/// The form that rotates; for one who signed in a while ago, the way to sign in again.
pub(in super::super) async fn ask_to_rotate(visit: &Visit<'_>) -> Result<Response, Rejection> {
    if let Some(stale) = visit.stale(Action::RotateWebhookSecret, "rotate a secret")? {
        return Ok(stale);
    }
    rotation(visit, &Problems::default()).await
}

async fn rotation(visit: &Visit<'_>, problems: &Problems) -> Result<Response, Rejection> {
    let endpoint = endpoint::get(&visit.cx, visit.id()?).await?;
    let fields = Fields { form: &visit.form, problems };
    let overlap = Field {
        name: "overlapSeconds",
        label: "The old secret",
        hint: "While both sign, a receiver that knows either accepts an event.",
        value: "86400",
        ..Field::default()
    };
    let body = html! {
        (fields.summary())
        p { "The endpoint at " strong { (host(&endpoint.url)) } " gets a new secret, which is shown once." }
        form method="post" action=(visit.facts.path()) {
            (parts::key(visit.facts))
            (fields.choice(&overlap, &OVERLAPS))
            div.actions { button type="submit" { "Rotate the secret" } a href=(path(&endpoint)) { "Cancel" } }
        }
    };
    Ok(layout::page_with(visit, problems.status, "Rotate the secret", body))
}

pub(in super::super) async fn rotate(visit: &Visit<'_>) -> Result<Response, Rejection> {
    if let Some(stale) = visit.stale(Action::RotateWebhookSecret, "rotate a secret")? {
        return Ok(stale);
    }
    let seconds = ("overlapSeconds".to_owned(), Json::Number(visit.form.get("overlapSeconds").to_owned()));
    let input = RotateWebhookSecretInput::from_json(Json::Object(vec![seconds]));
    match endpoint::rotate_secret(&visit.cx, visit.id()?, input).await {
        Ok(written) => Ok(layout::page(visit, "The new secret", secret(&written.into_record()?))),
        Err(error) => {
            let problems = Problems::of(error)?;
            rotation(visit, &problems).await
        }
    }
}

pub(in super::super) async fn test(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let id = visit.id()?;
    let input = TestWebhookEndpointInput::from_json(Json::Object(visit.form.object(&["type"])));
    match test::send(&visit.cx, id, input).await {
        Ok(written) => Ok(layout::done(&format!("{LIST}/deliveries/{}", written.into_record()?.id), "test-sent")),
        Err(error) => page(visit, &Problems::of(error)?).await,
    }
}

pub(in super::super) async fn confirm_delete(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let endpoint = endpoint::get(&visit.cx, visit.id()?).await?;
    let sure = html! {
        p { "Nothing will be sent to " strong { (host(&endpoint.url)) } " any more. Deliveries that wait for it are skipped." }
        p { (endpoint.url) }
    };
    let page = confirmation(visit, sure, "Delete this endpoint", &path(&endpoint));
    Ok(layout::page(visit, "Delete an endpoint", page))
}

pub(in super::super) async fn delete(visit: &Visit<'_>) -> Result<Response, Rejection> {
    endpoint::delete(&visit.cx, visit.id()?, &Precondition::Any).await?;
    Ok(layout::done(LIST, "endpoint-deleted"))
}
