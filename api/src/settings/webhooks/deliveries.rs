//! Deliveries: the list with filters, one with its attempts, and replays of one or of many.

use std::collections::HashMap;

use maud::{Markup, html};
use poem::Response;
use service::input::FromBody;
use service::value::{DeliveryStatus, EventType, Json, WebhookDeliveryId, WebhookEndpointId};
use service::webhook::delivery::{self, WebhookAttempt, WebhookDelivery};
use service::webhook::endpoint::{self, WebhookEndpoint};
use service::webhook::replay::{self, Replay};
use service::{Action, ListArgs};

use super::super::fields::{Field, Fields};
use super::super::form::{Form, Problems};
use super::super::parts::{self, Column, Row, time, time_or};
use super::super::visit::Visit;
use super::super::{layout, pager};
use super::{LIST, host, is_unlocked, name_among};
use crate::http::rejection::Rejection;

const DELIVERIES: &str = "/settings/webhooks/deliveries";
const REPLAY: &str = "/settings/webhooks/deliveries/replay";
/// The filters, as they stand in the address.
const FILTERS: [&str; 3] = ["status", "endpointId", "eventType"];

type Endpoints = HashMap<WebhookEndpointId, WebhookEndpoint>;

pub(in super::super) async fn list(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let (deliveries, problems) = match delivery::list(&visit.cx, &pager::args(visit, &FILTERS)).await {
        Ok(page) => (Some(page), Problems::default()),
        Err(error) => (None, Problems::of(error)?),
    };
    // All that are not deleted: a workspace has as many as a page of them.
    let offered = endpoint::list(&visit.cx, &ListArgs::default()).await?.items;
    let mut endpoints: Endpoints = offered.iter().map(|endpoint| (endpoint.id, endpoint.clone())).collect();
    let shown = deliveries.iter().flat_map(|page| &page.items).map(|delivery| delivery.endpoint_id);
    let deleted: Vec<WebhookEndpointId> = shown.filter(|id| !endpoints.contains_key(id)).collect();
    if !deleted.is_empty() {
        endpoints.extend(endpoint::by_ids(&visit.cx, &deleted).await?);
    }
    let list = html! {
        @if let Some(deliveries) = &deliveries {
            @if deliveries.items.is_empty() && !deliveries.continued {
                p { "No delivery matches. A delivery is made when something happens that an endpoint is sent, or by a test event." }
            } @else {
                (table(&deliveries.items, &endpoints))
            }
            (pager::ways(visit, deliveries))
            @if is_unlocked(visit) && !deliveries.items.is_empty() {
                p { a href=(format!("{REPLAY}?{}", query(visit))) { "Replay what fits these filters" } }
            }
        }
    };
    let body = html! { (filters(visit, &offered, &problems)) (parts::live(visit, DELIVERIES, list)) };
    Ok(layout::page_with(visit, problems.status, "Deliveries", body))
}

/// The filters that are set, for an address.
fn query(visit: &Visit<'_>) -> String {
    let all = FILTERS.into_iter().map(|name| (name, visit.facts.parameter(name)));
    let set = all.filter(|(_, value)| !value.is_empty());
    form_urlencoded::Serializer::new(String::new()).extend_pairs(set).finish()
}

fn filters(visit: &Visit<'_>, endpoints: &[WebhookEndpoint], problems: &Problems) -> Markup {
    let ids: Vec<String> = endpoints.iter().map(|endpoint| endpoint.id.to_string()).collect();
    let any = ("", "all");
    let statuses = DeliveryStatus::ALL.iter().map(|status| (status.as_str(), status.as_str()));
    let kinds = EventType::ALL.iter().map(|kind| (kind.as_str(), kind.as_str()));
    let names: Vec<String> = endpoints.iter().map(|endpoint| name_among(endpoint, endpoints)).collect();
    let names = ids.iter().zip(&names).map(|(id, name)| (id.as_str(), name.as_str()));
    let form = Form::default();
    let fields = Fields { form: &form, problems };
    let field = |name, label| Field { name, label, value: visit.facts.parameter(name), ..Field::default() };
    let options = |values: Vec<(&'static str, &'static str)>| [vec![any], values].concat();
    let names: Vec<(&str, &str)> = [any].into_iter().chain(names).collect();
    let [status, endpoint, kind] =
        [field("status", "Status"), field("endpointId", "Endpoint"), field("eventType", "Event type")];
    html! {
        (fields.summary_of(&[status, endpoint, kind]))
        form.filters method="get" action=(DELIVERIES) aria-label="Filters" {
            (fields.choice(&status, &options(statuses.collect())))
            (fields.choice(&endpoint, &names))
            (fields.choice(&kind, &options(kinds.collect())))
            button.quiet type="submit" { "Filter" }
        }
    }
}

const COLUMNS: [Column; 6] = [
    Column::Text("Event"),
    Column::Text("Status"),
    Column::Text("Endpoint"),
    Column::Text("Attempts"),
    Column::Text("Last answer"),
    Column::Text("Created"),
];

fn table(deliveries: &[WebhookDelivery], endpoints: &Endpoints) -> Markup {
    let row = |delivery: &WebhookDelivery| {
        Row::of([
            html! { a href={ (DELIVERIES) "/" (delivery.id) } { (delivery.event_type) } },
            status(delivery),
            html! { (endpoints.get(&delivery.endpoint_id).map_or("", |endpoint| host(&endpoint.url))) },
            html! { (delivery.attempt_count) },
            html! { @if let Some(status) = delivery.last_response_status { (status) } },
            time(delivery.created_at),
        ])
        .named(format!("d{}", delivery.id))
    };
    parts::table("Deliveries", &COLUMNS, deliveries.iter().map(row))
}

fn status(delivery: &WebhookDelivery) -> Markup {
    let class = match delivery.status {
        DeliveryStatus::Succeeded => "badge good",
        DeliveryStatus::Failed => "badge bad",
        DeliveryStatus::Pending | DeliveryStatus::Skipped => "badge",
    };
    html! {
        span class=(class) { (delivery.status) }
        @if let Some(reason) = &delivery.reason { " " span.soft { "(" (reason) ")" } }
    }
}

pub(in super::super) async fn show(visit: &Visit<'_>) -> Result<Response, Rejection> {
    page(visit, visit.id()?, &Problems::default()).await
}

async fn page(visit: &Visit<'_>, id: WebhookDeliveryId, problems: &Problems) -> Result<Response, Rejection> {
    let found = delivery::get_detail(&visit.cx, id).await?;
    let delivery = &found.delivery;
    let endpoints = endpoint::by_ids(&visit.cx, &[delivery.endpoint_id]).await?;
    let url = endpoints.get(&delivery.endpoint_id).map_or("", |endpoint| endpoint.url.as_str());
    let fields = Fields { form: &visit.form, problems };
    let replays = visit.cx.may(Action::ReplayWebhookDelivery) && delivery.status != DeliveryStatus::Pending;
    let path = format!("{DELIVERIES}/{id}");
    let state = html! {
        dl {
            dt { "Status" } dd { (status(delivery)) }
            dt { "Endpoint" } dd { a href={ (LIST) "/" (delivery.endpoint_id) } { (url) } }
            dt { "Event" } dd { code { (delivery.event_id) } }
            dt { "Created" } dd { (time(delivery.created_at)) }
            dt { "Next attempt" } dd { (time_or(delivery.next_attempt_at, "none")) }
            @if let Some(first) = delivery.replay_of {
                dt { "Repeats" } dd { a href={ (DELIVERIES) "/" (first) } { (first) } }
            }
        }
        h2 { "Attempts" }
        @if found.attempts.is_empty() { p { "There was none yet." } }
        ol.cards { @for attempt in &found.attempts { li id={ "attempt-" (attempt.number) } { (card(attempt)) } } }
        @if replays {
            form method="post" action={ (path) "/replay" } {
                (parts::key(visit.facts))
                div.actions { button type="submit" { "Replay" } }
            }
        }
    };
    let body = html! {
        (fields.summary())
        (parts::live(visit, &path, state))
        p { a href=(DELIVERIES) { "All deliveries" } }
    };
    Ok(layout::page_with(visit, problems.status, &delivery.event_type, body))
}

fn card(attempt: &WebhookAttempt) -> Markup {
    html! {
        h3 { "Attempt " (attempt.number) }
        dl {
            dt { "Began" } dd { (time(attempt.started_at)) }
            dt { "Took" } dd { (attempt.duration_ms) " ms" }
            @if let Some(status) = attempt.response_status { dt { "Answer" } dd { (status) } }
            @if let Some(error) = &attempt.error { dt { "Error" } dd.bad { (error) } }
        }
        @if let Some(excerpt) = attempt.response_excerpt.as_deref().filter(|excerpt| !excerpt.is_empty()) {
            details { summary { "What it answered" } pre tabindex="0" { (excerpt) } }
        }
    }
}

pub(in super::super) async fn replay_one(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let id = visit.id()?;
    match replay::one(&visit.cx, id).await {
        Ok(written) => Ok(layout::done(&format!("{DELIVERIES}/{}", written.into_record()?.id), "replayed")),
        Err(error) => {
            let problems = Problems::of(error)?;
            page(visit, id, &problems).await
        }
    }
}

/// The input of a replay of many. Without a status it replays what has failed.
fn replayed(value: impl Fn(&'static str) -> String, dry_run: bool) -> Replay {
    let set = |name: &&'static str| {
        let value = value(name);
        (!value.is_empty()).then(|| ((*name).to_owned(), Json::List(vec![Json::Text(value)])))
    };
    let filters = Json::Object(FILTERS.iter().filter_map(set).collect());
    Replay::from_json(Json::Object(vec![("filters".into(), filters), ("dryRun".into(), Json::Bool(dry_run))]))
}

/// Counts what would be replayed, and asks. The operation is only tried, so that nothing is changed.
pub(in super::super) async fn count(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let value = |name: &'static str| visit.facts.parameter(name).to_owned();
    let (count, problems) = match replay::many(&visit.cx, replayed(value, true)).await {
        Ok(written) => (written.into_record()?.count, Problems::default()),
        Err(error) => (0, Problems::of(error)?),
    };
    Ok(asked(visit, count, &value, &problems))
}

fn asked(visit: &Visit<'_>, count: i32, value: &dyn Fn(&'static str) -> String, problems: &Problems) -> Response {
    let fields = Fields { form: &visit.form, problems };
    let status = Some(value("status")).filter(|status| !status.is_empty()).unwrap_or_else(|| "failed".into());
    let body = html! {
        (fields.summary())
        p {
            strong { (count) } " deliveries with status " strong { (status) } " would be sent again, the oldest first: at most 1,000 at once. "
            "Those that are pending, are replays themselves, or go to a disabled or deleted endpoint are left out."
        }
        @if count > 0 {
            form method="post" action=(REPLAY) {
                (parts::key(visit.facts))
                @for name in FILTERS { input type="hidden" name=(name) value=(value(name)); }
                div.actions { button type="submit" { "Replay " (count) " deliveries" } a href=(DELIVERIES) { "Cancel" } }
            }
        } @else {
            p { a href=(DELIVERIES) { "Back to the deliveries" } }
        }
    };
    layout::page_with(visit, problems.status, "Replay deliveries", body)
}

pub(in super::super) async fn replay_many(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let value = |name: &'static str| visit.form.get(name).to_owned();
    match replay::many(&visit.cx, replayed(value, false)).await {
        Ok(_) => Ok(layout::done(DELIVERIES, "replayed-many")),
        Err(error) => Ok(asked(visit, 0, &value, &Problems::of(error)?)),
    }
}
