//! Requests to servers that the operator or the developer has chosen, so that they may be at any address. The developer's
//! forwarder reads events from a server and posts them to a URL, signed as the worker signs.

use std::sync::Arc;
use std::time::Duration;

use entity::value::Timestamp;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, Response, header};
use rustls::pki_types::CertificateDer;

use super::egress::{EgressPolicy, Secret, Sender, SignedRequest, SystemResolver, failure_reason};
use crate::contract::error::Error;

/// The longest response of a server that is read, in bytes: a page of the largest events.
const MAX_RESPONSE: usize = 16 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(10);

/// Posts events to a receiver, and calls a server.
pub struct Forwarder(Sender);

/// The response of a receiver to an event.
#[derive(Clone, Debug)]
pub struct Forwarded {
    /// The status code, if the receiver responded.
    pub status: Option<u16>,
    /// Why the receiver did not respond.
    pub error: Option<String>,
}

/// The response of a server.
#[derive(Clone, Debug)]
pub struct HttpReply {
    /// The status code.
    pub status: u16,
    /// The `Date` header, in milliseconds since 1970.
    pub date: Option<i64>,
    /// The `Retry-After` header.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: String,
}

impl Forwarder {
    /// A forwarder that may reach any address.
    ///
    /// # Errors
    /// `Internal` if TLS cannot be set up.
    pub fn new() -> Result<Forwarder, Error> {
        Forwarder::trusting(&[])
    }

    /// A client that trusts these authorities besides the public ones.
    ///
    /// # Errors
    /// `Internal` if TLS cannot be set up.
    pub(crate) fn trusting(roots: &[CertificateDer<'static>]) -> Result<Forwarder, Error> {
        let everything = ["0.0.0.0/0", "::/0"].iter().filter_map(|net| net.parse().ok()).collect();
        let egress =
            EgressPolicy { allow: everything, deny: Arc::default(), resolver: Arc::new(SystemResolver::new(1)) };
        Ok(Forwarder(Sender::new(egress, roots, TIMEOUT)?))
    }

    /// Posts an event, signed for this instant.
    pub async fn forward(&self, url: &str, id: &str, body: &str, secret: &Secret, now: Timestamp) -> Forwarded {
        let request = SignedRequest {
            traceparent: None,
            url: url.to_owned(),
            id: id.to_owned(),
            body: body.to_owned(),
            secrets: vec![secret.clone()],
        };
        let answer = self.0.send(&request, now).await;
        Forwarded { status: answer.status, error: answer.error }
    }

    /// Gets a public page of a Hoursmith server.
    ///
    /// # Errors
    /// Why there is no response, as text for a person.
    pub async fn get(&self, url: &str) -> Result<HttpReply, String> {
        let request = Request::get(url).body(Full::default());
        self.exchange(request.map_err(|_| format!("{url} is no URL that can be called"))?).await
    }

    /// Calls a Hoursmith server: GET, or POST with an idempotency key and a body.
    ///
    /// # Errors
    /// Why there is no response, as text for a person.
    pub async fn ask(&self, url: &str, token: &str, post: Option<(&str, String)>) -> Result<HttpReply, String> {
        let request = Request::builder().uri(url).header(header::AUTHORIZATION, format!("Bearer {token}"));
        let request = match post {
            None => request.body(Full::default()),
            Some((key, body)) => request
                .method("POST")
                .header("Idempotency-Key", key)
                .header(header::CONTENT_TYPE, "application/json")
                .body(Full::from(body)),
        };
        self.exchange(request.map_err(|_| format!("{url} is no URL that can be asked"))?).await
    }

    /// Posts JSON to a server of ours, with headers of the caller's own.
    ///
    /// # Errors
    /// Why there is no answer, for people.
    pub async fn post(
        &self,
        url: &str,
        token: &str,
        headers: &[(&'static str, String)],
        body: String,
    ) -> Result<HttpReply, String> {
        let request = Request::post(url)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        self.exchange(request.body(Full::from(body)).map_err(|_| format!("{url} is no URL that can be asked"))?).await
    }

    /// Makes a request, and reads at most `longest` bytes of the body of the answer. Redirects are not followed.
    ///
    /// # Errors
    /// Why there is no answer, as text for a person.
    pub(crate) async fn call(&self, request: Request<Vec<u8>>, longest: usize) -> Result<Response<Vec<u8>>, String> {
        let asking = async {
            let request = request.map(|body| Full::from(Bytes::from(body)));
            let response = self.0.request(request).await.map_err(|error| failure_reason(&error))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, longest).collect().await;
            let body = body.map_err(|_| format!("the answer is longer than {longest} bytes, or broke off"))?.to_bytes();
            Ok(Response::from_parts(parts, body.to_vec()))
        };
        in_time(asking).await
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<HttpReply, String> {
        let asking = async {
            let response = self.0.request(request).await.map_err(|error| failure_reason(&error))?;
            let status = response.status().as_u16();
            let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
            let retry_after = header(header::RETRY_AFTER).and_then(|text| text.parse().ok()).map(Duration::from_secs);
            let date = header(header::DATE).and_then(|text| chrono::DateTime::parse_from_rfc2822(text).ok());
            let date = date.map(|date| date.timestamp_millis());
            let body = Limited::new(response.into_body(), MAX_RESPONSE).collect().await;
            let body = body.map_err(|_| "the answer could not be read to its end".to_owned())?.to_bytes();
            Ok(HttpReply { status, date, retry_after, body: String::from_utf8_lossy(&body).into_owned() })
        };
        in_time(asking).await
    }
}

/// What comes of a request, or that it took too long.
async fn in_time<T>(asking: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::time::timeout(TIMEOUT, asking)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", TIMEOUT.as_secs())))
}
