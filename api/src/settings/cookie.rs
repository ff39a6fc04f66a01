//! The cookie that holds the secret of a session, and the one of a sign-in at the identity provider. No other surface reads
//! them.

use poem::http::{HeaderValue, header};
use poem::{Request, Response};
use service::session::NewSession;

use super::site::Site;

/// Over TLS: the prefix binds the cookie to this host and to TLS.
const SECURE: &str = "__Host-hs";
/// On this machine, over plain HTTP.
const PLAIN: &str = "hs";
/// How long a browser remembers what belongs to a sign-in at the identity provider, in seconds.
const ATTEMPT_AGE: u32 = 600;
/// How long a browser keeps the cookie of a session, in seconds: as long as a session lasts at most. The server ends it earlier.
const MAX_AGE: u32 = 7 * 24 * 3600;

fn name(site: &Site) -> &'static str {
    if site.is_secure() { SECURE } else { PLAIN }
}

fn attempt_name(site: &Site) -> &'static str {
    if site.is_secure() { "__Host-hs-oidc" } else { "hs-oidc" }
}

/// The secret that a browser has sent.
pub(super) fn read(request: &Request, site: &Site) -> Option<String> {
    named(request, name(site))
}

/// What a browser has brought back of a sign-in at the identity provider.
pub(super) fn read_attempt(request: &Request, site: &Site) -> Option<String> {
    named(request, attempt_name(site))
}

fn named(request: &Request, name: &str) -> Option<String> {
    let lines = request.headers().get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(own, secret)| *own == name && !secret.is_empty()).map(|(_, secret)| secret.to_owned())
}

/// The answer, with the cookie of a new session.
pub(super) fn set(response: Response, site: &Site, session: &NewSession) -> Response {
    put(response, site, name(site), &session.secret, MAX_AGE)
}

/// The answer, after which a browser has no cookie any more.
pub(super) fn cleared(response: Response, site: &Site) -> Response {
    put(response, site, name(site), "", 0)
}

/// The answer, with what is to be remembered of a sign-in at the identity provider.
pub(super) fn set_attempt(response: Response, site: &Site, attempt: &str) -> Response {
    put(response, site, attempt_name(site), attempt, ATTEMPT_AGE)
}

/// The answer, after which nothing of it is remembered.
pub(super) fn clear_attempt(response: Response, site: &Site) -> Response {
    put(response, site, attempt_name(site), "", 0)
}

fn put(mut response: Response, site: &Site, name: &str, value: &str, max_age: u32) -> Response {
    let secure = if site.is_secure() { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
