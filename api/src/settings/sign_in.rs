//! `/settings/sign-in`: the ways in. A login link is shown by GET and used by POST, so that previews do not use it up.

use maud::html;
use poem::Response;
use poem::http::StatusCode;
use service::{Error, session};

use super::fields::{Field, Fields};
use super::form::{Form, Problems, sentence};
use super::routes::Page;
use super::visit::{Facts, Visit};
use super::{BASE, cookie, layout, oidc, passkeys, see_other};
use crate::http::rejection::{HttpRejection, Rejection};

/// Where to sign in.
pub(super) const HERE: &str = "/settings/sign-in";
/// Where links are used.
pub(super) const LINK: &str = "/settings/sign-in/link";

/// The pages for people who are not signed in.
pub(super) async fn answer(facts: &Facts, page: Page, posts: bool, form: Form) -> Result<Response, Rejection> {
    match (page, posts) {
        (Page::SignIn, _) => Ok(show(facts, StatusCode::OK, &form, &Problems::default())),
        (Page::Link, false) => look(facts).await,
        (Page::Link, true) => redeem(facts, form).await,
        (Page::PasskeyChallenge, _) => passkeys::challenge(facts),
        (Page::Oidc, _) => oidc::begin(facts).await,
        (Page::OidcCallback, false) => oidc::returned(facts),
        (Page::OidcCallback, true) => oidc::finish(facts, &form).await,
        (Page::PasskeySignIn, _) => passkeys::sign_in(facts, &form).await,
        _ => Err(HttpRejection::NoSuchPath.into()),
    }
}

/// Leads to this page, from where one comes back to where one was. What a form has sent is not kept.
pub(super) fn needed(facts: &Facts) -> Response {
    let back = match facts.method.as_str() {
        "POST" => BASE.to_owned(),
        _ => facts.target(),
    };
    again(&back)
}

/// Leads to this page, from where one comes back to the page `back`.
pub(super) fn again(back: &str) -> Response {
    see_other(&format!("{HERE}?{}", coded_next(back)))
}

/// The parameter that says where to go after signing in.
fn coded_next(next: &str) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish()
}

/// Where to go after signing in: a page of the settings, and never another server.
pub(super) fn next(wanted: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~?=&%+".contains(c);
    let below = wanted.strip_prefix(BASE).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    let path = wanted.split('?').next().unwrap_or_default();
    let is_safe =
        below && wanted.chars().all(plain) && !path.contains("//") && !path.contains("..") && !path.contains('%');
    if is_safe && !path.starts_with(HERE) { wanted } else { BASE }
}

fn show(facts: &Facts, status: StatusCode, form: &Form, problems: &Problems) -> Response {
    let next = next(form.sent("next").unwrap_or(facts.parameter("next")));
    let fields = Fields { form, problems };
    let link = Field {
        name: "code",
        label: "Login link",
        hint: "The whole link, as the operator sent it. It works once, within ten minutes.",
        required: true,
        ..Field::default()
    };
    let body = html! {
        (fields.summary())
        @if facts.site.relying_party().is_some() { (passkeys::ask(next)) }
        @if facts.server.oidc.is_some() {
            section aria-labelledby="by-oidc" {
                h2 id="by-oidc" { "With your identity provider" }
                p { "Sign in where your organization signs you in, by the e-mail address that you are a member with." }
                p { a.button href={ (oidc::BEGIN) "?" (coded_next(next)) } { "Sign in at the identity provider" } }
            }
        }
        section aria-labelledby="by-link" {
            h2 id="by-link" { "With a link" }
            p { "Open the link that the operator of this server made for you, or paste it here." }
            form method="post" action=(LINK) {
                input type="hidden" name="next" value=(next);
                (fields.text("text", &link))
                div.actions { button type="submit" { "Sign in" } }
            }
        }
        section aria-labelledby="no-link" {
            h2 id="no-link" { "You have no link?" }
            p { "The operator makes one on the command line:" }
            pre tabindex="0" { code { "hoursmith login-link --workspace ID --member EMAIL" } }
            p { code { "hoursmith workspace list" } " shows the ID of each workspace. Members who are signed in see it in their overview." }
        }
    };
    layout::open(facts, status, "Sign in", body)
}

/// Whom the link signs in, with a button. Changes nothing.
async fn look(facts: &Facts) -> Result<Response, Rejection> {
    let code = facts.parameter("code");
    let owner = match session::look_at_link(&facts.visitor(), code).await {
        Ok(owner) => owner,
        Err(Error::Unauthenticated(why)) => return Ok(bad_link(facts, &why)),
        Err(error) => return Err(error.into()),
    };
    let body = html! {
        p { "This link signs you in to " strong { (owner.organization_name) } " as " strong { (owner.name) } " (" (owner.email) ")." }
        form method="post" action=(LINK) {
            input type="hidden" name="code" value=(code);
            input type="hidden" name="next" value=(BASE);
            div.actions { button type="submit" { "Sign in" } }
        }
        p.soft { "Not you? Close this page; nothing has happened." }
    };
    Ok(layout::open(facts, StatusCode::OK, "Sign in", body))
}

fn bad_link(facts: &Facts, why: &str) -> Response {
    let body = html! {
        p { (sentence(why)) }
        p { "If you have just signed in with it, " a href=(BASE) { "go on to the settings" } "." }
        p { a href=(HERE) { "Other ways to sign in" } }
    };
    layout::open(facts, StatusCode::UNAUTHORIZED, "This link does not sign in", body)
}

async fn redeem(facts: &Facts, form: Form) -> Result<Response, Rejection> {
    let code = code_in(form.get("code"));
    if code.is_empty() {
        let problems = Problems {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            general: None,
            fields: vec![("code".into(), "required".into())],
        };
        return Ok(show(facts, problems.status, &form, &problems));
    }
    match session::redeem_link(&facts.visitor(), code, &facts.browser()).await {
        Ok(new) => {
            let to = layout::done(next(form.get("next")), "signed-in");
            Ok(cookie::set(to, &facts.site, &new))
        }
        Err(Error::Unauthenticated(why)) => Ok(bad_link(facts, &why)),
        Err(error) => Err(error.into()),
    }
}

/// The code in what was pasted: the whole link, or the code alone.
fn code_in(pasted: &str) -> &str {
    let pasted = pasted.trim();
    let code = pasted.split_once("code=").map_or(pasted, |(_, rest)| rest);
    code.split(['&', '#']).next().unwrap_or_default()
}

/// The link that carries a code.
pub(crate) fn link_of(base: &str, code: &str) -> String {
    format!("{}{LINK}?code={code}", base.trim_end_matches('/'))
}

/// The page that asks to sign in again, for what needs a recent sign-in, and that leads back.
pub(super) fn stale(visit: &Visit<'_>, what: &str) -> Response {
    let query = coded_next(&visit.facts.path());
    let body = html! {
        p { "To " (what) ", sign in again: this takes a sign-in of the last five minutes." }
        p { a.button href={ (HERE) "?" (query) } { "Sign in again" } }
    };
    layout::page_with(visit, StatusCode::FORBIDDEN, "Sign in again", body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_server() {
        for safe in ["/settings", "/settings/api", "/settings/webhooks/deliveries?status=failed&cursor=a-b_c"] {
            assert_eq!(next(safe), safe);
        }
        for unsafe_one in [
            "",
            "/",
            "//evil.example",
            "https://evil.example",
            "/settings//evil",
            "/settingsx",
            "/settings/../x",
            "/settings\\@evil",
            "/settings/%2e%2e/x",
            "/settings/\r\nSet-Cookie:x",
            "javascript:alert(1)",
            "/settings@evil.example",
            "/settings/sign-in",
            " /settings",
            "/settings/sign-in/link?code=x",
        ] {
            assert_eq!(next(unsafe_one), BASE, "{unsafe_one}");
        }
    }

    #[test]
    fn a_code_is_found_in_what_was_pasted() {
        for pasted in ["abc", " abc ", "http://x/settings/sign-in/link?code=abc", "https://x/?code=abc&utm=1#top"] {
            assert_eq!(code_in(pasted), "abc");
        }
    }
}
