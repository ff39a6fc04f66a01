//! The pages for people, and the documents: all from the binary, under a strict Content-Security-Policy.

use std::sync::{Arc, OnceLock};

use poem::http::{HeaderValue, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response, Result};
use sha2::{Digest, Sha256};

use crate::http::rejection::{HttpRejection, reject_unless_read};
use crate::http::request::{request_id, tags};

/// Allows no other host, no inline script and no page that frames ours.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";

macro_rules! dist {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/pages/dist/", $name))
    };
    ($($name:literal $kind:literal,)*) => {
        /// Every file that the built pages load, with its media type.
        const FILES: &[(&str, &str, &[u8])] = &[$(($name, $kind, dist!($name))),*];
    };
}

const HOME: &[u8] = dist!("index.html");
const API_DOCS: &[u8] = dist!("api-docs.html");
const GRAPHIQL: &[u8] = dist!("graphiql.html");

dist! {
    "home.css" "text/css; charset=utf-8",
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

/// Serves one file or document to anyone, tagged by its content.
pub struct Static {
    kind: &'static str,
    content: Content,
    /// Computed at the first request, so that it does not delay the start.
    tag: OnceLock<String>,
}

enum Content {
    Embedded(&'static [u8]),
    Generated(Arc<str>),
}

impl Static {
    /// A document that this process has generated.
    pub fn generated(kind: &'static str, text: String) -> Static {
        Static::new(kind, Content::Generated(text.into()))
    }

    /// The page that links to the others.
    pub fn home() -> Static {
        Static::new(HTML, Content::Embedded(HOME))
    }

    /// The REST reference.
    pub fn api_docs() -> Static {
        Static::new(HTML, Content::Embedded(API_DOCS))
    }

    /// The GraphQL explorer.
    pub fn graphiql() -> Static {
        Static::new(HTML, Content::Embedded(GRAPHIQL))
    }

    fn new(kind: &'static str, content: Content) -> Static {
        Static { kind, content, tag: OnceLock::new() }
    }

    fn tag(&self) -> &str {
        self.tag.get_or_init(|| {
            let digest = Sha256::digest(self.content.bytes());
            digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
        })
    }
}

impl Content {
    fn bytes(&self) -> &[u8] {
        match self {
            Content::Embedded(bytes) => bytes,
            Content::Generated(text) => text.as_bytes(),
        }
    }

    fn body(&self) -> poem::Body {
        match self {
            Content::Embedded(bytes) => poem::Body::from(*bytes),
            Content::Generated(text) => poem::Body::from(text.to_string()),
        }
    }
}

impl Endpoint for Static {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if let Some(refused) = reject_unless_read(&request) {
            return Ok(refused);
        }
        let sent = request.headers().get(header::IF_NONE_MATCH);
        let known =
            sent.and_then(|sent| sent.to_str().ok()).is_some_and(|sent| tags(sent).any(|tag| tag == self.tag()));
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            Response::builder().content_type(self.kind).body(self.content.body())
        };
        let headers = response.headers_mut();
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", self.tag())) {
            headers.insert(header::ETAG, tag);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        Ok(response)
    }
}

/// The files that the pages load.
pub struct Assets(Vec<(&'static str, Static)>);

impl Default for Assets {
    fn default() -> Assets {
        let file = |(name, kind, bytes): &(&'static str, &'static str, &'static [u8])| {
            (*name, Static::new(kind, Content::Embedded(bytes)))
        };
        Assets(FILES.iter().map(file).collect())
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
