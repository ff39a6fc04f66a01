//! `/settings/webhooks`: endpoints, and the deliveries to them. For Owner and Admin.

mod chart;
pub(super) mod deliveries;
pub(super) mod endpoint;
pub(super) mod endpoints;

use maud::{Markup, html};
use service::Feature;
use service::value::{EventType, Json};
use service::webhook::endpoint::WebhookEndpoint;

use super::fields::{Field, Fields};
use super::form::Form;
use super::parts::copied;
use super::visit::Visit;

/// Where the endpoints are.
const LIST: &str = "/settings/webhooks";

/// Whether the plan has webhooks; without them endpoints are read, disabled and deleted.
fn is_unlocked(visit: &Visit<'_>) -> bool {
    Feature::OutboundWebhooks.is_in(visit.caller().plan())
}

/// The host of a URL, by which people know an endpoint.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

/// How an endpoint is called among others: by its host, and by its whole URL where another one has the same.
fn name_among(endpoint: &WebhookEndpoint, all: &[WebhookEndpoint]) -> String {
    let own = host(&endpoint.url);
    let same = all.iter().filter(|other| host(&other.url) == own).count();
    if same > 1 { endpoint.url.clone() } else { own.to_owned() }
}

/// The fields of an endpoint, with what they are before anything was typed.
fn endpoint_fields(fields: &Fields<'_>, url: &str, events: &[EventType], description: &str) -> Markup {
    let address = Field {
        name: "url",
        label: "URL",
        hint: "Events are posted to it. It begins with https:// and is reachable from the internet.",
        value: url,
        required: true,
        ..Field::default()
    };
    let kinds = Field { name: "events", label: "Events", hint: "What is sent to it.", ..Field::default() };
    let about = Field { name: "description", label: "What it is for", value: description, ..Field::default() };
    let options: Vec<(&str, &str)> = EventType::ALL.iter().map(|kind| (kind.as_str(), kind.as_str())).collect();
    let chosen: Vec<&str> = events.iter().map(|kind| kind.as_str()).collect();
    html! {
        (fields.text("url", &address))
        (fields.choices(&kinds, &options, &chosen))
        (fields.area(&about))
    }
}

/// What the form of an endpoint has sent, as the input of its operation.
fn endpoint_input(form: &Form) -> Json {
    let mut fields = form.object(&["url", "description"]);
    let events = form.all("events").map(|kind| Json::Text(kind.to_owned())).collect();
    fields.push(("events".into(), Json::List(events)));
    Json::Object(fields)
}

/// The secret of an endpoint, in both spellings, where it is shown once.
fn secret(endpoint: &WebhookEndpoint) -> Markup {
    let text = endpoint.secret.get().cloned().unwrap_or_default();
    let standard = text.replacen("wsk_", "whsec_", 1);
    html! {
        div.secret {
            h2 { "Copy the secret now" }
            p { "This is the only time that it is shown. The receiver verifies with it that events are ours." }
            (copied("secret", "Secret", &text))
            (copied("standard-secret", "The same for libraries of Standard Webhooks", &standard))
        }
        p { a href={ (LIST) "/" (endpoint.id) } { "To the endpoint" } }
    }
}
