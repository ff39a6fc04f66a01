//! The settings pages: a surface over the same operations as the others, for people with a browser. Plain HTML that works without
//! script; every form is one operation, with its idempotency key in a hidden field.

mod cookie;
mod fields;
mod form;
mod home;
mod invoices;
mod layout;
mod live;
mod members;
mod oidc;
mod origin;
mod pager;
mod parts;
mod passkeys;
mod routes;
mod sessions;
mod sign_in;
mod site;
mod tokens;
mod visit;
mod webhooks;
mod workspace;

use std::sync::Arc;

use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response, Result};
use service::{Error, IdempotencyKey, RequestFacts};

use self::form::Form;
use self::routes::{Page, RouteMatch};
pub(crate) use self::sign_in::link_of;
use self::visit::{Facts, Visit};
use self::webhooks::{deliveries, endpoint, endpoints};
use crate::http::middleware::caught;
use crate::http::rejection::{HttpRejection, Rejection};
use crate::http::request::{fingerprint, header_text};
use crate::http::server::Server;

/// Where the pages are.
pub(crate) const BASE: &str = "/settings";

/// Allows nothing but what this server sends, no inline script or style, and no page that frames ours.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The methods that a path of the whole server takes, if it is a path of these pages.
pub(crate) fn allowed_methods(path: &str) -> Option<Vec<Method>> {
    let below = path.strip_prefix(BASE)?;
    let path = if below.is_empty() { below } else { below.strip_prefix('/')? };
    routes::find(path).map(|found| found.route.allowed())
}

/// All pages below `/settings`.
pub(crate) struct Settings {
    pub(crate) server: Arc<Server>,
}

impl Endpoint for Settings {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let facts = Facts::of(&self.server, &request);
        let answer = caught(self.answer(&mut request, &facts)).await;
        let mut response = match answer {
            Ok(Ok(response)) => response,
            Ok(Err(rejection)) => layout::rejected(&facts, &rejection),
            Err(fault) => layout::rejected(&facts, &fault.into()),
        };
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CACHE_CONTROL, "no-store"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::REFERRER_POLICY, "same-origin"),
            (header::X_FRAME_OPTIONS, "DENY"),
            (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        Ok(response)
    }
}

impl Settings {
    /// Rejects in the order 404, 405, a foreign POST, not signed in, over budget, a bad body; the rest is the operation's.
    async fn answer(&self, request: &mut Request, facts: &Facts) -> Result<Response, Rejection> {
        let RouteMatch { route, ids } = routes::find(&facts.below).ok_or(HttpRejection::NoSuchPath)?;
        if !route.takes(&facts.method) {
            return Err(HttpRejection::MethodNotAllowed(route.allowed()).into());
        }
        let posts = facts.method == Method::POST;
        if posts && origin::is_foreign(&facts.site, request.headers()) {
            origin::report(&facts.site, request.headers());
            return Err(Error::Forbidden("this form was not sent by a page of this server".into()).into());
        }
        if route.open {
            let form = Form::of(request, posts).await?;
            return sign_in::answer(facts, route.page, posts, form).await;
        }
        let Some(secret) = &facts.secret else { return Ok(sign_in::needed(facts)) };
        // A page that loads itself again is not used by somebody.
        let is_use = posts || header_text(request, "sec-fetch-dest") != Some("empty");
        let admission = match facts.visitor().admit(secret, is_use).await {
            Ok(admission) => admission,
            Err(Error::Unauthenticated(_)) => return Ok(cookie::cleared(sign_in::needed(facts), &facts.site)),
            Err(error) => return Err(error.into()),
        };
        let admitted = admission.pass?;
        let form = Form::of(request, posts).await?;
        let key = match posts {
            true => IdempotencyKey::read(Some(form.get(form::KEY)), true),
            false => IdempotencyKey::None,
        };
        let cx = admitted.enter(RequestFacts {
            request_id: facts.request_id.to_string(),
            key,
            fingerprint: fingerprint(&facts.method, &facts.path(), Some(&form.identity())),
            ..RequestFacts::default()
        });
        let visit = Visit { facts, cx, form, ids };
        match Box::pin(page(route.page, posts, &visit)).await {
            // Who was let in sees who they are on the page of an error too.
            Err(rejection) => Ok(layout::refused(&visit, &rejection)),
            answer => answer,
        }
    }
}

/// The answer of a page: `posts` says that its form was sent.
async fn page(page: Page, posts: bool, visit: &Visit<'_>) -> Result<Response, Rejection> {
    match (page, posts) {
        (Page::Home, _) => home::show(visit).await,

        (Page::Tokens, _) => tokens::list(visit).await,
        (Page::NewToken, false) => tokens::new(visit),
        (Page::NewToken, true) => tokens::mint(visit).await,
        (Page::RevokeToken, false) => tokens::confirm_revoke(visit).await,
        (Page::RevokeToken, true) => tokens::revoke(visit).await,

        (Page::Members, _) => members::list(visit).await,
        (Page::NewMember, false) => members::new(visit),
        (Page::NewMember, true) => members::add(visit).await,
        (Page::MemberRole, false) => members::ask_role(visit).await,
        (Page::MemberRole, true) => members::set_role(visit).await,
        (Page::RemoveMember, false) => members::confirm_remove(visit).await,
        (Page::RemoveMember, true) => members::remove(visit).await,

        (Page::Workspace, false) => workspace::show(visit).await,
        (Page::Workspace, true) => workspace::change(visit).await,

        (Page::Invoices, _) => invoices::list::list(visit).await,
        (Page::NewInvoice, false) => invoices::new::new(visit).await,
        (Page::NewInvoice, true) => invoices::new::preview(visit).await,
        (Page::MakeInvoice, _) => invoices::new::make(visit).await,
        (Page::Invoice, _) => invoices::document::show(visit).await,
        (Page::PrintInvoice, _) => invoices::document::print(visit).await,
        (Page::InvoiceStep(step), false) => invoices::steps::ask(visit, step).await,
        (Page::InvoiceStep(step), true) => invoices::steps::perform(visit, step).await,
        (Page::Endpoints, _) => endpoints::list(visit).await,
        (Page::NewEndpoint, false) => endpoints::new(visit),
        (Page::NewEndpoint, true) => endpoints::create(visit).await,
        (Page::Endpoint, false) => endpoint::show(visit).await,
        (Page::Endpoint, true) => endpoint::change(visit).await,
        (Page::SwitchEndpoint, _) => endpoint::switch(visit).await,
        (Page::RotateSecret, false) => endpoint::ask_to_rotate(visit).await,
        (Page::RotateSecret, true) => endpoint::rotate(visit).await,
        (Page::TestEndpoint, _) => endpoint::test(visit).await,
        (Page::DeleteEndpoint, false) => endpoint::confirm_delete(visit).await,
        (Page::DeleteEndpoint, true) => endpoint::delete(visit).await,

        (Page::Deliveries, _) => deliveries::list(visit).await,
        (Page::Delivery, _) => deliveries::show(visit).await,
        (Page::ReplayDelivery, _) => deliveries::replay_one(visit).await,
        (Page::ReplayDeliveries, false) => deliveries::count(visit).await,
        (Page::ReplayDeliveries, true) => deliveries::replay_many(visit).await,

        (Page::Live(part), _) => live::stream(visit, part).await,

        (Page::Sessions, _) => sessions::list(visit).await,
        (Page::EndSession, false) => sessions::confirm_end(visit).await,
        (Page::EndSession, true) => sessions::end(visit).await,
        (Page::EndAllSessions, false) => sessions::confirm_end_all(visit),
        (Page::EndAllSessions, true) => sessions::end_all(visit).await,
        (Page::StartPasskey, _) => passkeys::start_adding(visit).await,
        (Page::AddPasskey, _) => passkeys::add(visit).await,
        (Page::RemovePasskey, false) => passkeys::confirm_remove(visit).await,
        (Page::RemovePasskey, true) => passkeys::remove(visit).await,
        (Page::SignOut, _) => sessions::sign_out(visit).await,

        (Page::SignIn | Page::Link | Page::PasskeyChallenge | Page::PasskeySignIn, _)
        | (Page::Oidc | Page::OidcCallback, _) => Err(HttpRejection::NoSuchPath.into()),
    }
}

/// Leads to another page of this server, which is then asked for by GET.
fn see_other(location: &str) -> Response {
    StatusCode::SEE_OTHER.with_header(header::LOCATION, location).into_response()
}
