//! `/settings/api`: API tokens. Own ones are made here; Owner and Admin see and revoke those of everybody.

use std::collections::HashMap;

use maud::{Markup, html};
use poem::Response;
use service::input::FromBody;
use service::token::{self, CreateTokenInput, MintedToken, Token};
use service::value::{Json, MemberId, Timestamp};
use service::{Action, Feature, Precondition, member};

use super::fields::{Field, Fields};
use super::form::Problems;
use super::parts::{self, Column, Row, confirmation, copied, time, time_or};
use super::visit::Visit;
use super::{layout, pager};
use crate::http::rejection::Rejection;

const LIST: &str = "/settings/api";
const NEW: &str = "/settings/api/new";
/// How long a token may live, in days, as the form offers it.
const LIFETIMES: [(&str, &str); 4] =
    [("30", "30 days"), ("90", "90 days"), ("365", "365 days"), ("never", "It does not expire")];
const DAY: i64 = 24 * 3600 * 1000;
/// A token that was not used for so long is pointed out, in milliseconds.
const UNUSED: i64 = 30 * DAY;
/// A token that expires within this time is pointed out, in milliseconds.
const SOON: i64 = 7 * DAY;

pub(super) async fn list(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let tokens = token::list(&visit.cx, &pager::args(visit, &[])).await?;
    let owners = owners(visit, &tokens.items).await?;
    let locked = !Feature::ApiAccess.is_in(visit.caller().plan());
    let body = html! {
        @if locked {
            (layout::unlocks(Feature::ApiAccess))
        } @else {
            p { a.button href=(NEW) { "New token" } }
        }
        @if tokens.items.is_empty() {
            p { "There are no live tokens." }
        } @else {
            (parts::table("API tokens", &COLUMNS, tokens.items.iter().map(|token| row(visit, token, &owners))))
        }
        (pager::ways(visit, &tokens))
    };
    Ok(layout::page(visit, "API tokens", body))
}

const COLUMNS: [Column; 7] = [
    Column::Text("Name"),
    Column::Text("Prefix"),
    Column::Text("Scope"),
    Column::Text("Expires"),
    Column::Text("Last used"),
    Column::Text("Owner"),
    Column::Actions,
];

fn row(visit: &Visit<'_>, token: &Token, owners: &HashMap<MemberId, String>) -> Row {
    let now = visit.cx.now();
    Row::of([
        html! { (token.name) },
        html! { code { (token.prefix) } },
        html! { (scope(token)) },
        html! {
            (time_or(token.expires_at, "never"))
            @if token.expires_at.is_some_and(|at| at <= now) { " " span.badge { "expired" } }
            @else if token.expires_at.is_some_and(|at| at <= now.plus_millis(SOON)) { " " span.badge { "soon" } }
        },
        html! { (time_or(token.last_used_at, "never")) @if is_unused(token, now) { " " span.badge { "unused for 30 days" } } },
        html! { (owner(token, owners)) },
        html! { a href={ (LIST) "/" (token.id) "/revoke" } { "Revoke" span.hidden { " " (token.name) } } },
    ])
}

fn scope(token: &Token) -> &'static str {
    if token.scopes.len() > 1 { "read and write" } else { "read" }
}

fn is_unused(token: &Token, now: Timestamp) -> bool {
    token.last_used_at.unwrap_or(token.created_at).plus_millis(UNUSED) <= now
}

fn owner<'a>(token: &Token, owners: &'a HashMap<MemberId, String>) -> &'a str {
    owners.get(&token.member_id).map_or("", String::as_str)
}

/// The names of those whose tokens are shown.
async fn owners(visit: &Visit<'_>, tokens: &[Token]) -> Result<HashMap<MemberId, String>, Rejection> {
    let caller = visit.caller();
    let mut ids: Vec<MemberId> = tokens.iter().map(|token| token.member_id).collect();
    ids.sort_unstable();
    ids.dedup();
    // One's own name is known.
    if ids.iter().all(|id| *id == caller.member_id()) {
        return Ok(HashMap::from([(caller.member_id(), caller.name().to_owned())]));
    }
    let members = member::by_ids(&visit.cx, &ids).await?;
    Ok(members.into_iter().map(|member| (member.id, member.name)).collect())
}

/// The form for a new token; for one who signed in a while ago, the way to sign in again.
pub(super) fn new(visit: &Visit<'_>) -> Result<Response, Rejection> {
    if let Some(stale) = visit.stale(Action::CreateToken, "make a token")? {
        return Ok(stale);
    }
    Ok(form(visit, &Problems::default()))
}

fn form(visit: &Visit<'_>, problems: &Problems) -> Response {
    let fields = Fields { form: &visit.form, problems };
    let name = Field {
        name: "name",
        label: "Name",
        hint: "What you will recognise it by, such as the program that uses it.",
        required: true,
        ..Field::default()
    };
    let scope = Field {
        name: "scope",
        label: "What it may do",
        hint: "It acts as you, with the role that you have at that time.",
        value: "read",
        ..Field::default()
    };
    let expires = Field { name: "expiresAt", label: "How long it lives", value: "90", ..Field::default() };
    let body = html! {
        (fields.summary())
        form method="post" action=(NEW) {
            (parts::key(visit.facts))
            (fields.text("text", &name))
            (fields.choice(&scope, &[("read", "Read"), ("write", "Read and write")]))
            (fields.choice(&expires, &LIFETIMES))
            div.actions { button type="submit" { "Make the token" } a href=(LIST) { "Cancel" } }
        }
    };
    layout::page_with(visit, problems.status, "New token", body)
}

/// Makes a token and shows it in the answer. The reply is stored sealed for a day, so that the same form sent twice shows the
/// same token.
pub(super) async fn mint(visit: &Visit<'_>) -> Result<Response, Rejection> {
    if let Some(stale) = visit.stale(Action::CreateToken, "make a token")? {
        return Ok(stale);
    }
    let mut fields = visit.form.object(&["name", "scope"]);
    fields.push(("expiresAt".into(), expiry(visit)));
    let minted = match token::mint(&visit.cx, CreateTokenInput::from_json(Json::Object(fields))).await {
        Ok(written) => written.into_record()?,
        Err(error) => return Ok(form(visit, &Problems::of(error)?)),
    };
    Ok(layout::page(visit, "Your new token", shown(visit, &minted)))
}

/// When the token expires: so many days from now.
fn expiry(visit: &Visit<'_>) -> Json {
    match visit.form.get("expiresAt") {
        "never" => Json::Null,
        days => match days.parse::<i64>().ok().filter(|_| LIFETIMES.iter().any(|(offered, _)| *offered == days)) {
            Some(days) => Json::Text(visit.cx.now().plus_millis(days * DAY).to_string()),
            None => Json::Text(days.to_owned()),
        },
    }
}

fn shown(visit: &Visit<'_>, minted: &MintedToken) -> Markup {
    let MintedToken { token, record } = minted;
    let base = visit.facts.site.url();
    html! {
        div.secret {
            h2 { "Copy it now" }
            p { "This is the only time that the token is shown. Store it where only its program can read it." }
            (copied("token", "Token", token))
        }
        dl {
            dt { "Name" } dd { (record.name) }
            dt { "Scope" } dd { (scope(record)) }
            dt { "Expires" } dd { (time_or(record.expires_at, "never")) }
        }
        h2 { "Try it" }
        pre tabindex="0" { code { "curl -H \"Authorization: Bearer " (token) "\" " (base) "/api/v1/me" } }
        p { a href=(LIST) { "All tokens" } }
    }
}

pub(super) async fn confirm_revoke(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let token = token::get(&visit.cx, visit.id()?).await?;
    let owners = owners(visit, std::slice::from_ref(&token)).await?;
    let sure = html! {
        p { "Every request with this token will be refused, at once and permanently." }
        dl {
            dt { "Name" } dd { (token.name) }
            dt { "Prefix" } dd { code { (token.prefix) } }
            dt { "Owner" } dd { (owner(&token, &owners)) }
            dt { "Created" } dd { (time(token.created_at)) }
            dt { "Last used" } dd { (time_or(token.last_used_at, "never")) }
        }
    };
    Ok(layout::page(visit, &format!("Revoke {}", token.name), confirmation(visit, sure, "Revoke this token", LIST)))
}

pub(super) async fn revoke(visit: &Visit<'_>) -> Result<Response, Rejection> {
    token::revoke(&visit.cx, visit.id()?, &Precondition::Any).await?;
    Ok(layout::done(LIST, "token-revoked"))
}
