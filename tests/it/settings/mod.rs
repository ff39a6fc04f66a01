//! The settings pages, by HTTP as a browser speaks it: signing in, every page, and what is refused.

mod browser;
mod cost;
mod health;
mod hostile;
mod invoices;
mod live;
mod members;
mod oidc;
mod pages;
mod roles;
mod sign_in;
mod webhooks;
mod workspace;

use std::sync::Mutex;

use poem::http::Method;
use service::session;
use service::value::OrganizationId;
use tests::{Answer, Call, World};

/// Where the browser of a test believes the server to be.
pub(crate) const HOST: &str = "127.0.0.1:8080";
pub(crate) const ORIGIN: &str = "http://127.0.0.1:8080";

/// A browser with a cookie of its own.
pub(crate) struct Browser<'a> {
    world: &'a World,
    cookie: Mutex<Option<String>>,
}

impl<'a> Browser<'a> {
    /// Without a cookie.
    pub(crate) fn new(world: &'a World) -> Browser<'a> {
        Browser { world, cookie: Mutex::new(None) }
    }

    /// Signed in by a link of the operator.
    pub(crate) async fn signed_in(world: &'a World, workspace: OrganizationId, email: &str) -> Browser<'a> {
        let browser = Browser::new(world);
        let code = link(world, workspace, email).await;
        let answer = browser.post("/settings/sign-in/link", &[("code", &code)]).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        browser
    }

    /// The secret in the cookie.
    pub(crate) fn secret(&self) -> Option<String> {
        self.cookie.lock().unwrap().clone()
    }

    /// The same cookie at another replica.
    pub(crate) fn at<'b>(&self, world: &'b World) -> Browser<'b> {
        Browser { world, cookie: Mutex::new(self.secret()) }
    }

    /// A request with the cookie, and with nothing else that a browser would add.
    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        let call = self.world.call(method, path).header("host", HOST);
        match self.secret() {
            Some(secret) => call.header("cookie", &format!("theme=dark; hs={secret}")),
            None => call,
        }
    }

    /// Follows a link.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.keep_cookie(self.call(Method::GET, path).header("sec-fetch-site", "same-origin").send().await)
    }

    /// Sends a form of the page, with a key of its own.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let key = self.world.new_key();
        self.post_with(&key, path, fields).await
    }

    /// The same with this key.
    pub(crate) async fn post_with(&self, key: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let fields = [&[("key", key)], fields].concat();
        let call = self.call(Method::POST, path).header("origin", ORIGIN).header("sec-fetch-site", "same-origin");
        self.keep_cookie(form(call, &fields).send().await)
    }

    fn keep_cookie(&self, answer: Answer) -> Answer {
        if let Some(set) = answer.header("set-cookie") {
            let value = set.strip_prefix("hs=").expect("the one cookie").split(';').next().unwrap();
            *self.cookie.lock().unwrap() = Some(value.to_owned()).filter(|value| !value.is_empty());
        }
        answer
    }
}

/// A request with the body of a form.
pub(crate) fn form(call: Call, fields: &[(&str, &str)]) -> Call {
    let text: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", coded(name), coded(value))).collect();
    call.header("content-type", "application/x-www-form-urlencoded").body(text.join("&"))
}

pub(crate) fn coded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// The code of a new link of the operator.
pub(crate) async fn link(world: &World, workspace: OrganizationId, email: &str) -> String {
    session::create_link(&world.operator(), workspace, email).await.expect("a link").code
}

/// Asserts that a page is shown, and returns its text.
#[track_caller]
pub(crate) fn page(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.text()
}

/// Asserts that an answer leads to this page.
#[track_caller]
pub(crate) fn leads_to(answer: &Answer, place: &str) {
    assert_eq!(answer.status.as_u16(), 303, "{}", answer.text());
    assert_eq!(answer.header("location"), Some(place));
}

/// The value of a field on a page.
#[track_caller]
pub(crate) fn value_of(page: &str, field: &str) -> String {
    let from = page.find(&format!("id=\"{field}\"")).unwrap_or_else(|| panic!("no {field} on {page}"));
    let value = page[from..].split_once("value=\"").expect("it has a value").1;
    value.split('"').next().unwrap().to_owned()
}

/// The value of a hidden field on a page.
#[track_caller]
pub(crate) fn hidden(page: &str, field: &str) -> String {
    let name = format!("name=\"{field}\" value=\"");
    let value = page.split_once(&name).unwrap_or_else(|| panic!("no {field} on {page}")).1;
    value.split('"').next().unwrap().to_owned()
}

/// Asserts that every field of a page has a label: one that names it, or one around it.
#[track_caller]
pub(crate) fn labelled(page: &str) {
    for tag in ["<input ", "<select ", "<textarea "] {
        for field in page.split(tag).skip(1).map(|rest| rest.split('>').next().unwrap()) {
            if field.contains("type=\"hidden\"") || field.contains("type=\"checkbox\"") {
                continue;
            }
            let id = field.split("id=\"").nth(1).and_then(|rest| rest.split('"').next());
            let id = id.unwrap_or_else(|| panic!("a field without an id: {field}"));
            assert!(page.contains(&format!("<label for=\"{id}\">")), "{id} has no label: {page}");
        }
    }
}
