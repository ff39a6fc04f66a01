//! `/settings/sessions`: where I am signed in, and my passkeys; ending both.

use maud::{Markup, html};
use poem::Response;
use service::Error;
use service::session::{self, Session, SignInMethod};

use super::form::Problems;
use super::parts::{confirmation, time};
use super::visit::Visit;
use super::{cookie, layout, pager, passkeys, see_other};
use crate::http::rejection::Rejection;

/// Where the list is.
pub(super) const LIST: &str = "/settings/sessions";

pub(super) async fn list(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let sessions = session::list(&visit.cx, &pager::args(visit, &[])).await?;
    let body = html! {
        section aria-labelledby="sessions" {
            h2 id="sessions" { "Where you are signed in" }
            ul.cards {
                @for session in &sessions.items { li { (card(visit, session)) } }
            }
            (pager::ways(visit, &sessions))
            p { a href="/settings/sessions/end-all" { "Sign out everywhere" } }
        }
        (passkeys::section(visit, &Problems::default()).await?)
    };
    Ok(layout::page(visit, "Sessions and passkeys", body))
}

fn card(visit: &Visit<'_>, session: &Session) -> Markup {
    let here = visit.caller().session().is_some_and(|own| own.id == session.id);
    let device = session.device.as_deref().unwrap_or("An unknown browser");
    html! {
        h3 { (device) @if here { " " span.badge { "this session" } } }
        dl {
            dt { "Signed in" } dd { (time(session.created_at)) " " (how(session.method)) " from " (session.address) }
            dt { "Last used" } dd { (time(session.seen_at)) }
            dt { "Ends by itself" } dd { (time(session.expires_at)) }
        }
        @if !here { a href={ "/settings/sessions/" (session.id) "/end" } { "End this session" } }
    }
}

fn how(method: SignInMethod) -> &'static str {
    match method {
        SignInMethod::Link => "by a link",
        SignInMethod::Passkey => "with a passkey",
        SignInMethod::Oidc => "at your identity provider",
    }
}

pub(super) async fn confirm_end(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let id = visit.id()?;
    let args = service::ListArgs {
        filter: session::SessionFilter { id: service::input::Field::Value(vec![id]), ..Default::default() },
        ..Default::default()
    };
    let found = session::list(&visit.cx, &args).await?;
    let session = found.items.first().ok_or(Error::NotFound("session"))?;
    let sure = html! { p { "This browser will have to sign in again:" } (card(visit, session)) };
    Ok(layout::page(visit, "End a session", confirmation(visit, sure, "End this session", LIST)))
}

pub(super) async fn end(visit: &Visit<'_>) -> Result<Response, Rejection> {
    session::end(&visit.cx, visit.id()?).await?;
    Ok(layout::done(LIST, "session-ended"))
}

pub(super) fn confirm_end_all(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let sure = html! { p { "Every browser in which you are signed in will have to sign in again, this one too. API tokens stay." } };
    Ok(layout::page(visit, "Sign out everywhere", confirmation(visit, sure, "Sign out everywhere", LIST)))
}

pub(super) async fn end_all(visit: &Visit<'_>) -> Result<Response, Rejection> {
    session::end_all(&visit.cx).await?;
    Ok(cookie::cleared(see_other("/settings/sign-in"), &visit.facts.site))
}

pub(super) async fn sign_out(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let own = visit.caller().session().ok_or(Error::NotFound("session"))?;
    session::end(&visit.cx, own.id).await?;
    Ok(cookie::cleared(see_other("/settings/sign-in"), &visit.facts.site))
}
