//! The guides at `/docs`: rendered from `docs/` when the program is built, and served like the other pages.

use poem::http::StatusCode;
use poem::{Endpoint, Request, Response, Result};

use super::Static;
use crate::http::rejection::HttpRejection;
use crate::http::request::request_id;

/// Path below `/docs`, media type and content of every page and picture.
const PAGES: &[(&str, &str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/docs.rs"));

/// The page that says that there is none.
const NOT_FOUND: &str = include_str!(concat!(env!("OUT_DIR"), "/docs-not-found"));

/// The list of the guides for programs that read them as text (llmstxt.org).
pub const LLMS: &str = include_str!(concat!(env!("OUT_DIR"), "/docs-llms.txt"));

/// The answer to a person who asks for a path that does not exist.
pub(crate) fn not_found() -> Response {
    let mut response = Response::builder().status(StatusCode::NOT_FOUND).content_type(super::HTML).body(NOT_FOUND);
    super::add_page_headers(response.headers_mut());
    response
}

/// The pages of the guides, with or without a slash at the end of their paths.
pub struct Docs(Vec<(&'static str, Static)>);

impl Docs {
    /// The guides of a server, which they call by its public URL, or else as each request does.
    pub fn new(public_url: Option<&str>) -> Docs {
        let page = |(path, kind, content): &(&'static str, &'static str, &'static [u8])| {
            (path.trim_matches('/'), Static::rendered(kind, content, public_url))
        };
        Docs(PAGES.iter().map(page).collect())
    }
}

impl Endpoint for Docs {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let path = request.uri().path().trim_matches('/');
        match self.0.iter().find(|(own, _)| *own == path) {
            Some((_, page)) => page.call(request).await,
            None => Ok(HttpRejection::NoSuchPath.response(&request_id(&request))),
        }
    }
}
