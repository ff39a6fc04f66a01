//! One request and its answer.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use poem::Request;
use poem::endpoint::{BoxEndpoint, Endpoint};
use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

/// A request to be made.
pub struct Call {
    endpoint: Arc<BoxEndpoint<'static>>,
    request: Request,
}

impl Call {
    pub(crate) fn new(endpoint: Arc<BoxEndpoint<'static>>, method: Method, path: &str) -> Call {
        let request = Request::builder().method(method).uri(path.parse().expect("a path")).finish();
        Call { endpoint, request }
    }

    /// With a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Call {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header's value");
        self.request.headers_mut().append(HeaderName::from_static(name), value);
        self
    }

    /// With a token.
    pub fn token(self, token: &str) -> Call {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With an idempotency key.
    pub fn key(self, key: &str) -> Call {
        self.header("idempotency-key", key)
    }

    /// With a body of JSON.
    pub fn json(self, body: Value) -> Call {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// With a body as it is.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Call {
        let bytes = body.into();
        let mut call = self.header("content-length", &bytes.len().to_string());
        call.request.set_body(bytes);
        call
    }

    /// With a JSON body whose length no header contains, as over HTTP/2.
    pub fn streamed(self, body: Value) -> Call {
        let mut call = self.header("content-type", "application/json");
        let text = futures_util::stream::once(async move { std::io::Result::Ok(body.to_string()) });
        call.request.set_body(poem::Body::from_bytes_stream(text));
        call
    }

    /// Makes the request.
    pub async fn send(self) -> Answer {
        let response = self.endpoint.get_response(self.request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.into_vec().await.expect("a body can be read");
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    /// Makes the request, and leaves the body to be read.
    pub async fn open(self) -> Opened {
        let response = self.endpoint.get_response(self.request).await;
        let (parts, body) = response.into_parts();
        let head = Answer { status: parts.status, headers: parts.headers, bytes: vec![] };
        let body = body.into_bytes_stream().map(|part| part.map(|bytes| bytes.to_vec()));
        Opened { head, body: Box::pin(body) }
    }
}

/// An answer whose body is read part by part, as a stream of events is.
pub struct Opened {
    /// The status and the headers, without the body.
    pub head: Answer,
    body: Pin<Box<dyn Stream<Item = std::io::Result<Vec<u8>>> + Send>>,
}

impl Opened {
    /// The next part of the body as text; none after its end.
    pub async fn next(&mut self) -> Option<String> {
        let part = timeout(Duration::from_secs(60), self.body.next()).await.expect("a part, or the end")?;
        Some(String::from_utf8_lossy(&part.expect("a body can be read")).into_owned())
    }
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|e| panic!("not JSON ({e}): {} {}", self.status, self.text()))
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("headers are text"))
    }

    /// The record or records in the envelope, of an answer with this status.
    #[track_caller]
    pub fn data(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self.json()["data"].clone()
    }

    /// The id of the record in the envelope.
    #[track_caller]
    pub fn id(&self) -> String {
        assert!(self.status.is_success(), "{}", self.text());
        self.json()["data"]["id"].as_str().expect("a record has an id").to_owned()
    }

    /// The error in the envelope, of an answer with this status and code.
    #[track_caller]
    pub fn error(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        let error = self.json()["error"].clone();
        assert_eq!(error["code"], code, "{error}");
        assert_eq!(error["requestId"].as_str(), self.header("x-request-id"), "{error}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
        error
    }

    /// The bad fields of a 422.
    #[track_caller]
    pub fn fields(&self) -> Value {
        self.error(422, "validation_error")["fields"].clone()
    }

    /// What a GraphQL document gave, which must be without errors.
    #[track_caller]
    pub fn graphql(&self) -> Value {
        assert_eq!(self.status.as_u16(), 200, "{}", self.text());
        let json = self.json();
        assert!(json["errors"].is_null(), "{json}");
        json["data"].clone()
    }

    /// The extensions of the first error that a GraphQL document gave.
    #[track_caller]
    pub fn graphql_error(&self) -> Value {
        let json = self.json();
        let extensions = json["errors"][0]["extensions"].clone();
        assert!(extensions["code"].is_string(), "{json}");
        extensions
    }
}
