//! `/settings/api`: API tokens. Own ones; Owner and Admin see and revoke those of everybody.

use std::collections::HashMap;

use maud::{Markup, html};
use poem::Response;
use service::token::{self, Token};
use service::value::{Id, Timestamp};
use service::{Feature, member};

use super::parts::{confirmation, time, time_or};
use super::visit::Visit;
use super::{layout, pager};
use crate::http::rejection::Rejection;

const LIST: &str = "/settings/api";
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
        @if locked { (layout::unlocks(Feature::ApiAccess)) }
        @if tokens.items.is_empty() {
            p { "There are no live tokens." }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="API tokens" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Name" }
                            th scope="col" { "Prefix" }
                            th scope="col" { "Scope" }
                            th scope="col" { "Expires" }
                            th scope="col" { "Last used" }
                            th scope="col" { "Owner" }
                            th scope="col" { span.hidden { "Actions" } }
                        }
                    }
                    tbody { @for token in &tokens.items { (row(visit, token, &owners)) } }
                }
            }
        }
        (pager::ways(visit, &tokens))
    };
    Ok(layout::page(visit, "API tokens", body))
}

fn row(visit: &Visit<'_>, token: &Token, owners: &HashMap<Id, String>) -> Markup {
    let now = visit.cx.now();
    html! {
        tr {
            th scope="row" { (token.name) }
            td { code { (token.prefix) } }
            td { (scope(token)) }
            td {
                (time_or(token.expires_at, "never"))
                @if token.expires_at.is_some_and(|at| at <= now) { " " span.badge { "expired" } }
                @else if token.expires_at.is_some_and(|at| at <= now.plus_millis(SOON)) { " " span.badge { "soon" } }
            }
            td { (time_or(token.last_used_at, "never")) @if is_unused(token, now) { " " span.badge { "unused for 30 days" } } }
            td { (owner(token, owners)) }
            td { a href={ (LIST) "/" (token.id) "/revoke" } { "Revoke" span.hidden { " " (token.name) } } }
        }
    }
}

fn scope(token: &Token) -> &'static str {
    if token.scopes.len() > 1 { "read and write" } else { "read" }
}

fn is_unused(token: &Token, now: Timestamp) -> bool {
    token.last_used_at.unwrap_or(token.created_at).plus_millis(UNUSED) <= now
}

fn owner<'a>(token: &Token, owners: &'a HashMap<Id, String>) -> &'a str {
    owners.get(&token.member_id).map_or("", String::as_str)
}

/// The names of those whose tokens are shown.
async fn owners(visit: &Visit<'_>, tokens: &[Token]) -> Result<HashMap<Id, String>, Rejection> {
    let caller = visit.caller();
    let mut ids: Vec<Id> = tokens.iter().map(|token| token.member_id).collect();
    ids.sort_unstable();
    ids.dedup();
    // One's own name is known.
    if ids.iter().all(|id| *id == caller.member_id()) {
        return Ok(HashMap::from([(caller.member_id(), caller.name().to_owned())]));
    }
    let members = member::by_ids(&visit.cx, &ids).await?;
    Ok(members.into_iter().map(|member| (member.id, member.name)).collect())
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
    token::revoke(&visit.cx, visit.id()?).await?;
    Ok(layout::done(LIST, "token-revoked"))
}
