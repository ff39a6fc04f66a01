//! One attempt: a signed POST, bounded in time and in the bytes read of the response. Redirects are not followed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use entity::value::Timestamp;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response, Uri, header};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;

use super::address::EgressPolicy;
use super::connect::{Connector, NoConnection};
use super::head::{HeadBudget, TooMuchBeforeHead};
use super::sign::{Secret, sign};
use crate::contract::error::Error;

/// The most bytes of a response body that are read.
const MAX_BODY: usize = 64 * 1024;
/// The longest head of a response, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// The most header lines of a response.
const MAX_HEADERS: usize = 100;
/// The most bytes of a response body that are stored.
const EXCERPT_BYTES: usize = 2 * 1024;
/// A connection that is idle for longer is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
const MAX_IDLE_PER_HOST: usize = 64;
/// While this many connections are open, new requests close theirs: file descriptors are limited.
const MAX_OPEN: usize = 512;
const USER_AGENT: &str = concat!("Hoursmith/", env!("CARGO_PKG_VERSION"));

/// Sends requests to receivers, over pooled connections.
#[derive(Clone)]
pub(crate) struct Sender {
    client: Client<Connector, Full<Bytes>>,
    egress: EgressPolicy,
    timeout: Duration,
    /// The number of open connections.
    open: Arc<AtomicUsize>,
}

/// The request of one attempt, before it is signed.
pub(crate) struct SignedRequest {
    pub(crate) url: String,
    /// The id of the event, which every attempt repeats.
    pub(crate) id: String,
    pub(crate) body: String,
    /// The valid secrets, the newest first.
    pub(crate) secrets: Vec<Secret>,
    /// The trace of the request that has made the event.
    pub(crate) traceparent: Option<String>,
}

/// The result of one attempt.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AttemptResult {
    pub(crate) status: Option<u16>,
    /// Why the attempt failed, where the status code does not say it.
    pub(crate) error: Option<String>,
    pub(crate) excerpt: Option<String>,
    /// The wait that a 429 or 503 asks for in `Retry-After`.
    pub(crate) retry_after: Option<Duration>,
}

impl AttemptResult {
    pub(crate) fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    fn failed(error: impl Into<String>) -> AttemptResult {
        AttemptResult { error: Some(error.into()), ..AttemptResult::default() }
    }
}

impl Sender {
    pub(crate) fn new(
        egress: EgressPolicy,
        more_roots: &[CertificateDer<'static>],
        timeout: Duration,
    ) -> Result<Sender, Error> {
        let connector = Connector::new(egress.clone(), more_roots, timeout);
        let connector = connector.map_err(|e| Error::bug(format!("TLS cannot be set up: {e}")))?;
        let open = connector.open();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
            .http1_max_buf_size(MAX_HEAD)
            .http1_max_headers(MAX_HEADERS)
            .build(connector);
        Ok(Sender { client, egress, timeout, open })
    }

    /// Makes a request. The head of the answer is bounded; its body is the caller's to bound, and the time too.
    ///
    /// # Errors
    /// Why there is no answer; `failure_reason` says it for people.
    pub(crate) async fn request(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, ClientError> {
        let response = self.client.request(request).await?;
        if let Some(head) = response.extensions().get::<HeadBudget>() {
            head.head_received();
        }
        Ok(response)
    }

    /// Makes one attempt, signed for this instant.
    pub(crate) async fn send(&self, request: &SignedRequest, now: Timestamp) -> AttemptResult {
        let deadline = tokio::time::Instant::now() + self.timeout;
        // The connector checks this again; here the check also covers requests over a pooled connection.
        if let Err(reason) = self.egress.destination(&request.url) {
            return AttemptResult::failed(NoConnection::Refused(reason).to_string());
        }
        let mut request = match build(request, now) {
            Ok(request) => request,
            Err(why) => return AttemptResult::failed(why),
        };
        if self.open.load(Ordering::Relaxed) >= MAX_OPEN {
            request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        match tokio::time::timeout_at(deadline, self.request(request)).await {
            Err(_) => AttemptResult::failed(format!("no answer within {} s", self.timeout.as_secs_f32())),
            Ok(Err(error)) => AttemptResult::failed(failure_reason(&error)),
            Ok(Ok(response)) => self.read(response, deadline, now).await,
        }
    }

    async fn read(
        &self,
        response: Response<Incoming>,
        deadline: tokio::time::Instant,
        now: Timestamp,
    ) -> AttemptResult {
        let status = response.status().as_u16();
        let asked = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = asked.filter(|_| matches!(status, 429 | 503));
        let retry_after = retry_after.and_then(|header| asked_wait(header, now));
        let error = (300..400).contains(&status).then(|| "redirects are not followed".to_owned());
        let mut body = response.into_body();
        let mut read = Vec::new();
        // The status code has decided the result; the body is only stored for people, and may be cut.
        while read.len() < MAX_BODY
            && let Ok(Some(Ok(frame))) = tokio::time::timeout_at(deadline, body.frame()).await
        {
            if let Ok(data) = frame.into_data() {
                read.extend_from_slice(&data[..data.len().min(MAX_BODY - read.len())]);
            }
        }
        AttemptResult { status: Some(status), error, excerpt: excerpt(&read), retry_after }
    }
}

fn build(request: &SignedRequest, now: Timestamp) -> Result<Request<Full<Bytes>>, String> {
    let uri: Uri = url::Url::parse(&request.url)
        .ok()
        .and_then(|mut url| {
            url.set_fragment(None);
            url.as_str().parse().ok()
        })
        .ok_or("the URL cannot be sent to")?;
    let timestamp = now.seconds();
    let signed = sign(&request.secrets, &request.id, timestamp, &request.body);
    let mut built = Request::builder()
        .method(Method::POST)
        .uri(uri)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, USER_AGENT)
        .header("Hoursmith-Signature", signed.hoursmith)
        .header("webhook-id", &request.id)
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", signed.standard)
        .body(Full::from(request.body.clone()))
        .map_err(|_| "the request cannot be made")?;
    if let Some(trace) = request.traceparent.as_deref().and_then(|trace| HeaderValue::from_str(trace).ok()) {
        built.headers_mut().insert("traceparent", trace);
    }
    Ok(built)
}

/// The wait that `Retry-After` asks for: seconds, or a date (RFC 9110, section 10.2.3).
fn asked_wait(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number holds ask for the longest wait there is, which the schedule cuts.
        return Some(Duration::from_secs(header.parse().unwrap_or(u64::MAX)));
    }
    let at = chrono::DateTime::parse_from_rfc2822(header).ok()?.timestamp_millis();
    Some(Duration::from_millis(u64::try_from(at - now.millis()).unwrap_or(0)))
}

/// The beginning of a response body, as text that both databases can store.
fn excerpt(read: &[u8]) -> Option<String> {
    let mut text = String::from_utf8_lossy(&read[..read.len().min(EXCERPT_BYTES)]).replace('\0', "\u{fffd}");
    // Replacement characters may be longer than the bytes that they replace.
    text.truncate(text.floor_char_boundary(EXCERPT_BYTES));
    (!text.is_empty()).then_some(text)
}

/// Why there was no response, for the operator of the receiver. It reveals nothing about this server.
pub(crate) fn failure_reason(error: &ClientError) -> String {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(here) = cause {
        if let Some(known) = here.downcast_ref::<NoConnection>() {
            return known.to_string();
        }
        if here.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse_too_large) {
            return format!(
                "the response has too many headers: the limits are {MAX_HEADERS} lines and {} KiB",
                MAX_HEAD / 1024
            );
        }
        // An I/O error hides the error that it was made of from `source`.
        let inner = here.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(flood) = inner.and_then(|inner| inner.downcast_ref::<TooMuchBeforeHead>()) {
            return flood.to_string();
        }
        cause = here.source();
    }
    "the connection broke before an answer came".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_storable() {
        assert_eq!(excerpt(b""), None);
        assert_eq!(excerpt(b"ok\0"), Some("ok\u{fffd}".into()));
        let long = excerpt("é".repeat(5000).as_bytes()).unwrap();
        assert!(long.len() <= EXCERPT_BYTES && long.chars().all(|c| c == 'é' || c == '\u{fffd}'));
        assert!(excerpt(&[0xff; 5000]).unwrap().len() <= EXCERPT_BYTES);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::from_millis(1_781_164_800_000);
        assert_eq!(asked_wait("120", now), Some(Duration::from_secs(120)));
        assert_eq!(asked_wait("99999999999999999999", now), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(asked_wait("Thu, 11 Jun 2026 08:01:00 GMT", now), Some(Duration::from_secs(60)));
        assert_eq!(asked_wait("Thu, 11 Jun 2026 07:00:00 GMT", now), Some(Duration::ZERO));
        for nonsense in ["soon", "-5", "", "1.5"] {
            assert_eq!(asked_wait(nonsense, now), None, "{nonsense}");
        }
    }
}
