//! Passkeys: adding one, removing one, and signing in with one. The only thing here that needs a script.

use maud::{Markup, html};
use poem::Response;
use poem::http::StatusCode;
use service::input::{Field as InputField, FromBody};
use service::passkey::{self, AddPasskeyInput, Challenge, PasskeyFilter, RelyingParty};
use service::value::Json;
use service::{Action, Error, ListArgs, Reason};

use super::fields::{Field, Fields};
use super::form::{Form, Problems, sentence};
use super::parts::{self, confirmation, time, time_or};
use super::sessions::LIST;
use super::visit::{Facts, Visit};
use super::{cookie, layout, sign_in};
use crate::http::rejection::Rejection;

const START: &str = "/settings/sessions/passkeys/start";
const ADD: &str = "/settings/sessions/passkeys/add";

/// Why there are no passkeys at an address.
const NOT_HERE: &str = "Passkeys need an address with a name, over https or on localhost.";

/// The list of passkeys, with the form that adds one.
pub(super) async fn section(visit: &Visit<'_>, problems: &Problems) -> Result<Markup, Rejection> {
    let passkeys = passkey::list(&visit.cx, &ListArgs::default()).await?.items;
    let fields = Fields { form: &visit.form, problems };
    let name = Field {
        name: "name",
        label: "Name of the new passkey",
        hint: "What you will recognise it by, such as the device that holds it.",
        required: true,
        ..Field::default()
    };
    Ok(html! {
        section aria-labelledby="passkeys" {
            h2 id="passkeys" { "Passkeys" }
            (fields.summary())
            @if passkeys.is_empty() {
                p { "You have no passkey yet. With one you sign in without asking the operator for a link." }
            }
            ul.cards {
                @for passkey in &passkeys {
                    li {
                        h3 { (passkey.name) }
                        dl {
                            dt { "Added" } dd { (time(passkey.created_at)) }
                            dt { "Last used" } dd { (time_or(passkey.last_used_at, "never")) }
                        }
                        a href={ (LIST) "/passkeys/" (passkey.id) "/remove" } { "Remove " (passkey.name) }
                    }
                }
            }
            @if visit.facts.site.relying_party().is_none() {
                p.soft { (NOT_HERE) }
            } @else {
                form method="post" action=(ADD) data-passkey="create" data-start=(START) hidden {
                    (parts::key(visit.facts))
                    (ceremony())
                    (fields.text("text", &name))
                    div.actions { button type="submit" { "Add a passkey" } }
                }
                noscript { p { "To add a passkey, allow scripts on this page." } }
            }
        }
    })
}

/// What the script fills in, and where it says what went wrong.
fn ceremony() -> Markup {
    html! {
        input type="hidden" name="state";
        input type="hidden" name="credential";
        p.error role="alert" data-failed="" {}
    }
}

/// The way in with a passkey, on the page of signing in.
pub(super) fn ask(next: &str) -> Markup {
    html! {
        section aria-labelledby="by-passkey" {
            h2 id="by-passkey" { "With a passkey" }
            form method="post" action="/settings/sign-in/passkey" data-passkey="get" data-start="/settings/sign-in/passkey/start" hidden {
                input type="hidden" name="next" value=(next);
                (ceremony())
                div.actions { button type="submit" { "Sign in with a passkey" } }
            }
            noscript { p { "To sign in with a passkey, allow scripts on this page." } }
        }
    }
}

fn relying_party(facts: &Facts) -> Result<RelyingParty, Error> {
    facts.site.relying_party().ok_or(Error::BadRequest(NOT_HERE.into()))
}

fn json(challenge: &Challenge) -> Response {
    let body = serde_json::to_vec(challenge).unwrap_or_default();
    Response::builder().content_type("application/json").body(body)
}

pub(super) async fn start_adding(visit: &Visit<'_>) -> Result<Response, Rejection> {
    Ok(json(&passkey::start_adding(&visit.cx, &relying_party(visit.facts)?).await?))
}

pub(super) async fn add(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let input = AddPasskeyInput::from_json(Json::Object(visit.form.object(&["name", "state", "credential"])));
    match passkey::add(&visit.cx, &relying_party(visit.facts)?, input).await {
        Ok(_) => Ok(layout::done(LIST, "passkey-added")),
        Err(error @ (Error::Invalid(_) | Error::Conflict { reason: Reason::PasskeyCap, .. })) => {
            let problems = Problems::of(error)?;
            let body = section(visit, &problems).await?;
            Ok(layout::page_with(visit, problems.status, "Sessions and passkeys", body))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn confirm_remove(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let filter = PasskeyFilter { id: InputField::Value(vec![visit.id()?]), ..Default::default() };
    let found = passkey::list(&visit.cx, &ListArgs { filter, ..Default::default() }).await?;
    let passkey = found.items.first().ok_or(Error::NotFound("passkey"))?;
    if let Some(stale) = visit.stale(Action::RemovePasskey, "remove a passkey")? {
        return Ok(stale);
    }
    let sure = html! {
        p {
            "You will not be able to sign in with " strong { (passkey.name) } " any more. Last used: "
            (time_or(passkey.last_used_at, "never")) "."
        }
    };
    Ok(layout::page(visit, "Remove a passkey", confirmation(visit, sure, "Remove this passkey", LIST)))
}

pub(super) async fn remove(visit: &Visit<'_>) -> Result<Response, Rejection> {
    passkey::remove(&visit.cx, visit.id()?).await?;
    Ok(layout::done(LIST, "passkey-removed"))
}

pub(super) fn challenge(facts: &Facts) -> Result<Response, Rejection> {
    Ok(json(&passkey::start_sign_in(&facts.visitor(), &relying_party(facts)?)?))
}

pub(super) async fn sign_in(facts: &Facts, form: &Form) -> Result<Response, Rejection> {
    let (party, browser, visitor) = (relying_party(facts)?, facts.browser(), facts.visitor());
    let signed_in = passkey::sign_in(&visitor, &party, form.get("state"), form.get("credential"), &browser);
    match signed_in.await {
        Ok(new) => Ok(cookie::set(layout::done(sign_in::next(form.get("next")), "signed-in"), &facts.site, &new)),
        Err(Error::Unauthenticated(why)) => {
            let body = html! { p { (sentence(&why)) } p { a href="/settings/sign-in" { "Other ways to sign in" } } };
            Ok(layout::open(facts, StatusCode::UNAUTHORIZED, "This passkey does not sign in", body))
        }
        Err(error) => Err(error.into()),
    }
}
