//! The frame around every page: title, navigation, what was just done; and the pages of errors.

use maud::{DOCTYPE, Markup, html};
use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use service::value::Role;
use service::{Caller, Error, Feature, policy};

use super::form::sentence;
use super::parts;
use super::visit::{Facts, Visit};
use crate::http::rejection::Rejection;

/// A place in the navigation: its path, its name, and the roles that it is shown to.
type Entry = (&'static str, &'static str, fn(Role) -> bool);

const NAVIGATION: &[Entry] = &[
    ("/settings", "Overview", |_| true),
    ("/settings/api", "API tokens", |_| true),
    ("/settings/members", "Members", |_| true),
    ("/settings/workspace", "Workspace", |_| true),
    ("/settings/invoices", "Invoices", policy::sees_money),
    ("/settings/webhooks", "Webhooks", policy::administers),
    ("/settings/sessions", "Sessions and passkeys", |_| true),
];

/// What a page says after a form has done its work: the value of `done` in the address, and the sentence. Nothing of the
/// address is repeated on a page.
const DONE: &[(&str, &str)] = &[
    ("signed-in", "You are signed in."),
    ("token-revoked", "The token is revoked. Requests with it are refused from now on."),
    ("member-added", "The person is added. They can sign in from now on."),
    ("role-changed", "The role is changed. It counts from now on."),
    ("member-removed", "The person is removed. Their sessions and tokens have ended."),
    ("workspace-changed", "The workspace is changed."),
    ("invoice-made", "The invoice is made, as a draft."),
    ("invoice-sent", "The invoice is marked as sent."),
    ("payment-recorded", "The payment is recorded."),
    ("invoice-paid", "The payment is recorded. The invoice is paid in full."),
    ("payment-failed", "The failed payment is recorded."),
    ("invoice-refunded", "The refund is recorded."),
    ("invoice-cancelled", "The invoice is cancelled. What it billed can be billed again."),
    ("endpoint-changed", "The endpoint is changed."),
    ("endpoint-enabled", "The endpoint is enabled. Events are sent to it from now on."),
    ("endpoint-disabled", "The endpoint is disabled. Nothing is sent to it."),
    ("endpoint-deleted", "The endpoint is deleted."),
    ("test-sent", "A test event is on its way. This page shows what becomes of it."),
    ("replayed", "The event is on its way again, as this new delivery."),
    ("replayed-many", "The events are on their way again, as new deliveries."),
    ("session-ended", "The session is ended."),
    ("passkey-removed", "The passkey is removed. It signs in no more."),
    ("passkey-added", "The passkey is added. You can sign in with it from now on."),
];

/// A page for a member who is signed in.
pub(super) fn page(visit: &Visit<'_>, title: &str, body: Markup) -> Response {
    page_with(visit, StatusCode::OK, title, body)
}

/// A page for a member who is signed in, with another status code than 200, for a form that was not accepted.
pub(super) fn page_with(visit: &Visit<'_>, status: StatusCode, title: &str, body: Markup) -> Response {
    framed(visit.facts, Some(visit.caller()), status, title, body)
}

/// A page for somebody who is not signed in.
pub(super) fn open(facts: &Facts, status: StatusCode, title: &str, body: Markup) -> Response {
    framed(facts, None, status, title, body)
}

fn framed(facts: &Facts, caller: Option<&Caller>, status: StatusCode, title: &str, body: Markup) -> Response {
    let done = DONE.iter().find(|(name, _)| *name == facts.parameter("done")).map(|(_, text)| *text);
    let path = facts.path();
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) " – Hoursmith" }
                link rel="icon" href="/assets/favicon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/theme.css";
                link rel="stylesheet" href="/assets/settings.css";
                script src="/assets/settings.js" defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header {
                    a.brand href="/" { img src="/assets/favicon.svg" alt="" width="28" height="28"; " Hoursmith" }
                    a href="/docs" { "API guides" }
                    @if let Some(caller) = caller { (signed_in(facts, caller)) }
                }
                @if let Some(caller) = caller {
                    nav aria-label="Settings" {
                        ul {
                            @for (href, name, _) in NAVIGATION.iter().filter(|(_, _, shown)| shown(caller.role())) {
                                @let here = path == *href || (*href != "/settings" && path.starts_with(&format!("{href}/")));
                                li { a href=(href) aria-current=[here.then_some("page")] { (name) } }
                            }
                        }
                    }
                }
                main id="main" tabindex="-1" {
                    h1 { (title) }
                    @if let Some(done) = done { p.done role="status" { (done) } }
                    (body)
                }
            }
        }
    };
    Response::builder().status(status).content_type("text/html; charset=utf-8").body(markup.into_string())
}

/// Who is signed in, and the way out.
fn signed_in(facts: &Facts, caller: &Caller) -> Markup {
    html! {
        div.who {
            span { (caller.name()) " · " (caller.organization_name()) }
            form method="post" action="/settings/sign-out" {
                (parts::key(facts))
                button.quiet type="submit" { "Sign out" }
            }
        }
    }
}

/// The page of an error, for somebody who is not signed in.
pub(super) fn rejected(facts: &Facts, rejection: &Rejection) -> Response {
    error_page(facts, None, rejection)
}

/// The page of an error, for a member who is signed in.
pub(super) fn refused(visit: &Visit<'_>, rejection: &Rejection) -> Response {
    error_page(visit.facts, Some(visit.caller()), rejection)
}

fn error_page(facts: &Facts, caller: Option<&Caller>, rejection: &Rejection) -> Response {
    if let Rejection::Service(error) = rejection {
        error.log();
    }
    let status = rejection.status();
    let body = html! {
        p { (explained(rejection)) }
        @if let Rejection::Service(Error::PlanLacks(feature)) = rejection { (unlocks(*feature)) }
        p { a href="/settings" { "Back to the overview" } }
        p.soft { "Request " code { (facts.request_id) } }
    };
    let mut response = framed(facts, caller, status, title(status), body);
    rejection.add_headers(&mut response);
    // That header is for clients of the API.
    response.headers_mut().remove(header::WWW_AUTHENTICATE);
    response
}

fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "Not signed in",
        402 => "Not in your plan",
        403 => "Not allowed",
        404 => "There is no such page",
        405 => "This page does not take that",
        409 | 412 => "This is not possible now",
        413 | 415 | 400 | 422 => "This form cannot be read",
        429 => "Too many requests",
        503 => "Not available at the moment",
        _ => "Something went wrong",
    }
}

fn explained(rejection: &Rejection) -> String {
    match rejection {
        Rejection::Service(Error::Internal(_)) => {
            "The fault is ours. Try again; if it happens again, report the request below to the operator.".into()
        }
        Rejection::Service(Error::NotFound(what)) => format!("There is no such {what}, or you may not see it."),
        Rejection::Service(error) => sentence(&error.to_string()),
        Rejection::Http(rejection) if rejection.status() == StatusCode::NOT_FOUND => {
            "The address may be misspelt, or the page was moved.".into()
        }
        Rejection::Http(rejection) => sentence(&rejection.error().to_string()),
    }
}

/// What unlocks a feature that the plan lacks.
pub(super) fn unlocks(feature: Feature) -> Markup {
    let (what, plan) = match feature {
        Feature::ApiAccess => ("The API: REST, GraphQL and MCP", "Studio"),
        Feature::OutboundWebhooks => ("Webhooks and events", "Agency"),
    };
    html! {
        div.locked {
            p { strong { (what) } " need the plan " strong { (plan) } ". Ask the operator of this server to change the plan of the workspace." }
        }
    }
}

/// Leads on, with a sentence about what was done.
pub(super) fn done(path: &str, what: &str) -> Response {
    let separator = if path.contains('?') { '&' } else { '?' };
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("{path}{separator}done={what}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
