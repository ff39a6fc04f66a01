//! Sign-in at the operator's OpenID provider. It begins with a link, since `form-action` stops a form that is redirected to
//! another server; and it ends with a form, since no GET changes anything.

use maud::html;
use poem::Response;
use poem::http::StatusCode;
use service::Error;
use service::openid::{self, Finished, Provider, Returned};
use service::session::Membership;

use super::form::{Form, sentence};
use super::visit::Facts;
use super::{BASE, cookie, layout, see_other, sign_in};
use crate::http::rejection::Rejection;

/// Where it begins.
pub(super) const BEGIN: &str = "/settings/sign-in/oidc";
/// Where the provider leads back to.
const CALLBACK: &str = "/settings/sign-in/oidc/callback";

fn provider(facts: &Facts) -> Result<&Provider, Error> {
    facts.server.oidc.as_ref().ok_or(Error::NotFound("identity provider"))
}

/// Leads to the provider.
pub(super) async fn begin(facts: &Facts) -> Result<Response, Rejection> {
    let next = sign_in::next(facts.parameter("next"));
    match openid::start(provider(facts)?, &facts.visitor(), next).await {
        Ok(started) => Ok(cookie::set_attempt(see_other(&started.url), &facts.site, &started.attempt)),
        Err(error) => answered(facts, error),
    }
}

/// Where the provider leads back to: a form, since nothing is changed by GET.
pub(super) fn returned(facts: &Facts) -> Result<Response, Rejection> {
    provider(facts)?;
    let (code, state) = (facts.parameter("code"), facts.parameter("state"));
    if code.is_empty() || state.is_empty() {
        return Ok(refused(facts, "the identity provider has not signed you in"));
    }
    let body = html! {
        p { "Your identity provider has signed you in. Go on to the settings of Hoursmith." }
        form method="post" action=(CALLBACK) {
            input type="hidden" name="code" value=(code);
            input type="hidden" name="state" value=(state);
            div.actions { button type="submit" { "Go on" } }
        }
    };
    Ok(layout::open(facts, StatusCode::OK, "Sign in", body))
}

/// Signs in: by the code of the provider, or after the choice among workspaces.
pub(super) async fn finish(facts: &Facts, form: &Form) -> Result<Response, Rejection> {
    let returned = match form.sent("proof") {
        Some(proof) => Returned::Choice { proof, workspace: form.get("workspace") },
        None => Returned::Code { code: form.get("code"), state: form.get("state") },
    };
    let attempt = facts.attempt.as_deref();
    match openid::finish(provider(facts)?, &facts.visitor(), attempt, returned, &facts.browser()).await {
        Ok(Finished::SignedIn { session, next }) => {
            let to = layout::done(sign_in::next(&next), "signed-in");
            Ok(cookie::clear_attempt(cookie::set(to, &facts.site, &session), &facts.site))
        }
        Ok(Finished::Choose { proof, memberships }) => Ok(choose(facts, &proof, &memberships)),
        Err(error) => answered(facts, error),
    }
}

fn choose(facts: &Facts, proof: &str, memberships: &[Membership]) -> Response {
    let body = html! {
        p { "You are a member of several workspaces. Which do you want to go on to?" }
        @for membership in memberships {
            form method="post" action=(CALLBACK) {
                input type="hidden" name="proof" value=(proof);
                input type="hidden" name="workspace" value=(membership.organization_id);
                div.actions { button type="submit" { (membership.organization_name) } }
            }
        }
    };
    layout::open(facts, StatusCode::OK, "Choose a workspace", body)
}

/// The page of an error, with the other ways in where they help.
fn answered(facts: &Facts, error: Error) -> Result<Response, Rejection> {
    match error {
        Error::Unauthenticated(why) => Ok(refused(facts, &why)),
        Error::Unavailable => {
            let body = html! {
                p { "The identity provider does not answer as it should. Try again in a minute, or sign in another way." }
                p { a href=(sign_in::HERE) { "Other ways to sign in" } }
                p.soft { "For the operator: the log says what is wrong, at request " code { (facts.request_id) } "." }
            };
            Ok(layout::open(facts, StatusCode::SERVICE_UNAVAILABLE, "Not available at the moment", body))
        }
        error => Err(error.into()),
    }
}

fn refused(facts: &Facts, why: &str) -> Response {
    let body = html! {
        p { (sentence(why)) }
        p { "If you have just signed in, " a href=(BASE) { "go on to the settings" } "." }
        p { a href=(sign_in::HERE) { "Other ways to sign in" } }
    };
    layout::open(facts, StatusCode::UNAUTHORIZED, "This does not sign in", body)
}
