//! A request to the pages: its facts, and the visit of a member who is signed in.

use std::net::IpAddr;
use std::sync::Arc;

use poem::http::Method;
use poem::{Request, Response};
use service::session::Browser;
use service::value::{Id, Role};
use service::{Action, Caller, Cx, Error, Visitor, policy};

use super::form::Form;
use super::site::Site;
use super::{BASE, cookie, sign_in};
use crate::http::address::Address;
use crate::http::request::{header_text, query_pairs, request_id};
use crate::http::server::Server;

/// What is known of a request before anybody has signed in.
pub(super) struct Facts {
    pub(super) server: Arc<Server>,
    pub(super) request_id: Arc<str>,
    pub(super) method: Method,
    /// The path below `/settings`, without a slash in front.
    pub(super) below: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) address: IpAddr,
    pub(super) site: Site,
    /// The secret in the cookie.
    pub(super) secret: Option<String>,
    /// What was remembered of a sign-in at the identity provider.
    pub(super) attempt: Option<String>,
    device: Option<String>,
}

impl Facts {
    pub(super) fn of(server: &Arc<Server>, request: &Request) -> Facts {
        let site = Site::of(server, request);
        let path = request.uri().path();
        Facts {
            server: server.clone(),
            request_id: request_id(request),
            method: request.method().clone(),
            below: path.strip_prefix('/').unwrap_or(path).to_owned(),
            query: query_pairs(request),
            address: Address::of(request, &server.trusted_proxies).0,
            secret: cookie::read(request, &site),
            attempt: cookie::read_attempt(request, &site),
            device: header_text(request, "user-agent").map(str::to_owned),
            site,
        }
    }

    /// The whole path.
    pub(super) fn path(&self) -> String {
        if self.below.is_empty() { BASE.to_owned() } else { format!("{BASE}/{}", self.below) }
    }

    /// The path with its query, for a way back.
    pub(super) fn target(&self) -> String {
        if self.query.is_empty() {
            return self.path();
        }
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.query).finish();
        format!("{}?{query}", self.path())
    }

    /// A parameter of the query; empty if it was not sent.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.query.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    /// Who asks, before they are signed in.
    pub(super) fn visitor(&self) -> Visitor {
        self.server.app.visitor(self.address)
    }

    /// What is stored of a browser that signs in.
    pub(super) fn browser(&self) -> Browser {
        Browser { device: self.device.clone(), previous: self.secret.clone() }
    }

    /// A key for a form: one effect, however often it is sent.
    pub(super) fn new_key(&self) -> String {
        self.server.app.new_request_id()
    }
}

/// The visit of a member who is signed in.
pub(super) struct Visit<'a> {
    pub(super) facts: &'a Facts,
    /// The way to the operations.
    pub(super) cx: Cx,
    /// What was sent, if a form was.
    pub(super) form: Form,
    /// The ids in the path, in order.
    pub(super) ids: Vec<Id>,
}

impl Visit<'_> {
    pub(super) fn caller(&self) -> &Caller {
        self.cx.caller()
    }

    pub(super) fn role(&self) -> Role {
        self.caller().role()
    }

    /// The way to sign in again, for one who signed in too long ago for this action; `what` says it after "To".
    ///
    /// # Errors
    /// `Forbidden` if the role does not allow the action, however recent the sign-in.
    pub(super) fn stale(&self, action: Action, what: &str) -> Result<Option<Response>, Error> {
        policy::ensure_allowed(self.caller(), action)?;
        Ok(policy::ensure_recent(self.caller(), action).is_err().then(|| sign_in::stale(self, what)))
    }

    /// The id in the path.
    pub(super) fn id<T>(&self) -> Result<Id<T>, Error> {
        self.ids.first().map(|id| id.of()).ok_or_else(|| Error::bug("a page without an id in its path"))
    }
}
