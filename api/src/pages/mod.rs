//! The pages for people, and the documents: all from the binary, under a strict Content-Security-Policy, open to every
//! origin.

mod content;
mod docs;
mod home;
mod own_address;

use poem::http::{HeaderMap, HeaderValue, StatusCode, header};
use poem::{Body, Endpoint, IntoResponse, Request, Response, Result};

use crate::http::accept::Coding;
use crate::http::middleware::SharedBody;
use crate::http::rejection::{HttpRejection, reject_unless_read};
use crate::http::request::{request_id, tags};
use content::Content;

pub(crate) use docs::not_found;
pub use docs::{Docs, LLMS};
pub use home::Home;

/// Allows no other host, no inline script and no page that frames ours.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";

/// A file of the built pages, as it was compressed by their build.
struct File {
    brotli: &'static [u8],
}

macro_rules! dist {
    ($name:literal) => {
        File {
            brotli: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/pages/dist/", $name, ".br")),
        }
    };
    ($($name:literal $kind:literal,)*) => {
        /// Every file that the built pages load, with its media type.
        const FILES: &[(&str, &str, File)] = &[$(($name, $kind, dist!($name))),*];
    };
}

const HOME: File = dist!("index.html");
const HOME_EMPTY: File = dist!("index-empty.html");
const API_DOCS: File = dist!("api-docs.html");
const GRAPHIQL: File = dist!("graphiql.html");
const ICON: File = dist!("favicon.svg");

dist! {
    "theme.css" "text/css; charset=utf-8",
    "home.css" "text/css; charset=utf-8",
    "settings.css" "text/css; charset=utf-8",
    "settings.js" "text/javascript; charset=utf-8",
    "home.js" "text/javascript; charset=utf-8",
    "docs.css" "text/css; charset=utf-8",
    "docs.js" "text/javascript; charset=utf-8",
    "favicon.svg" "image/svg+xml",
    "api-docs.js" "text/javascript; charset=utf-8",
    "scalar.js" "text/javascript; charset=utf-8",
    "graphiql.js" "text/javascript; charset=utf-8",
    "graphiql.css" "text/css; charset=utf-8",
    "graphiql-editor.worker.js" "text/javascript; charset=utf-8",
    "graphiql-json.worker.js" "text/javascript; charset=utf-8",
    "graphiql-graphql.worker.js" "text/javascript; charset=utf-8",
    "graphiql-prettier.js" "text/javascript; charset=utf-8",
    "codicon.ttf" "font/ttf",
    "LICENSES.txt" "text/plain; charset=utf-8",
}

/// Serves one file or document to any client, in the coding that the client accepts, tagged by content and coding.
pub struct Static {
    kind: &'static str,
    content: Content,
    /// When the address of this server is written into it for each request.
    named: Named,
}

/// When a page names the server by the address that the request was sent to.
#[derive(Clone, Copy, PartialEq)]
enum Named {
    /// It names none, or the operator's.
    Never,
    /// For those who take no coding, as programs do that run no script either.
    WithoutCoding,
    /// Always: a text for programs.
    Always,
}

impl Static {
    /// A document that this process makes when it is asked for the first time.
    pub fn made(kind: &'static str, make: impl Fn() -> String + Send + Sync + 'static) -> Static {
        Static { kind, content: Content::made(make), named: Named::Never }
    }

    /// A page that was rendered, or a picture that was there, when the program was built. It names the server by its public
    /// URL, or else as each request does.
    fn rendered(kind: &'static str, bytes: &'static [u8], public_url: Option<&str>) -> Static {
        let text = if kind.starts_with("text/") { std::str::from_utf8(bytes).unwrap_or_default() } else { "" };
        let named = match own_address::is_named(text) {
            false => Named::Never,
            true if kind == HTML => Named::WithoutCoding,
            true => Named::Always,
        };
        match public_url.filter(|_| named != Named::Never).map(str::to_owned) {
            Some(url) => Static::made(kind, move || own_address::named(text, &url)),
            None => Static { kind, content: Content::of_static(bytes), named },
        }
    }

    /// A built page that names the server in the same way.
    fn naming(kind: &'static str, file: &'static File, public_url: Option<&str>) -> Static {
        let page = Static::embedded(kind, file);
        match public_url.map(str::to_owned) {
            Some(url) => Static::made(kind, move || own_address::named(&page.text(), &url)),
            None => Static { named: Named::WithoutCoding, ..page },
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.content.bytes(Coding::Identity)).into_owned()
    }

    /// The page with the address of a request, where it is to name it.
    fn for_request(&self, request: &Request, coding: Coding) -> Option<Static> {
        let is_named =
            self.named == Named::Always || (self.named == Named::WithoutCoding && coding == Coding::Identity);
        let address = own_address::of(request).filter(|_| is_named)?;
        let content = Content::of_text(own_address::named(&self.text(), &address));
        Some(Static { kind: self.kind, content, named: Named::Never })
    }

    /// The REST reference.
    pub fn api_docs() -> Static {
        Static::embedded(HTML, &API_DOCS)
    }

    /// The GraphQL explorer.
    pub fn graphiql() -> Static {
        Static::embedded(HTML, &GRAPHIQL)
    }

    /// The icon of the pages, where browsers look for it.
    pub fn icon() -> Static {
        Static::embedded("image/svg+xml", &ICON)
    }

    fn embedded(kind: &'static str, file: &File) -> Static {
        Static { kind, content: Content::embedded(file.brotli), named: Named::Never }
    }
}

impl Endpoint for Static {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if let Some(rejection) = reject_unless_read(&request) {
            return Ok(rejection);
        }
        let coding = Coding::accepted(&request, Some(Coding::Brotli));
        match self.for_request(&request, coding) {
            // What is made for one request is not worth a coding.
            Some(page) => Ok(page.respond(&request, Coding::Identity)),
            None => {
                let mut response = self.respond(&request, coding);
                response.extensions_mut().insert(SharedBody);
                Ok(response)
            }
        }
    }
}

impl Static {
    /// The page in a coding, or that the client has it.
    fn respond(&self, request: &Request, coding: Coding) -> Response {
        let tag = self.content.tag(coding);
        let known = request.headers().get(header::IF_NONE_MATCH).and_then(|sent| sent.to_str().ok());
        let mut response = if known.is_some_and(|sent| tags(sent).any(|sent| sent == tag || sent == "*")) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            Response::builder().content_type(self.kind).body(Body::from(self.content.bytes(coding)))
        };
        self.add_headers(response.headers_mut(), coding, &tag);
        response
    }

    fn add_headers(&self, headers: &mut HeaderMap, coding: Coding, tag: &str) {
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{tag}\"")) {
            headers.insert(header::ETAG, tag);
        }
        if let Some(name) = coding.name() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        add_page_headers(headers);
    }
}

/// What every page and document is sent with.
fn add_page_headers(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, "Accept-Encoding"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "ETag, X-Request-Id"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// The files that the pages load.
pub struct Assets(Vec<(&'static str, Static)>);

impl Default for Assets {
    fn default() -> Assets {
        Assets(FILES.iter().map(|(name, kind, file)| (*name, Static::embedded(kind, file))).collect())
    }
}

impl Endpoint for Assets {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let name = request.uri().path().trim_start_matches('/');
        match self.0.iter().find(|(own, _)| *own == name) {
            Some((_, file)) => file.call(request).await,
            None => Ok(HttpRejection::NoSuchPath.response(&request_id(&request))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_coding_of_every_file_holds_the_same_content() {
        use std::io::Read;

        for (name, _, file) in FILES {
            let content = Content::embedded(file.brotli);
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&content.bytes(Coding::Gzip)[..]).read_to_end(&mut plain).unwrap();
            assert!(!plain.is_empty() && content.bytes(Coding::Identity) == plain, "{name}");
        }
    }
}
