//! The facts of a request: its id, headers as text, its body as JSON, and the fingerprint that distinguishes requests.

use std::sync::Arc;
use std::time::Duration;

use poem::Request;
use poem::http::{Method, header};
use service::value::Json;
use service::{Error, IdempotencyKey};
use sha2::{Digest, Sha256};

use super::rejection::{HttpRejection, Rejection};

/// The largest body that any operation takes, in bytes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// The header of the idempotency key.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The id of a request, among the request's extensions.
#[derive(Clone)]
pub(crate) struct RequestId(pub(crate) Arc<str>);

/// What makes a request malformed, among its extensions; the middleware rejects it.
#[derive(Clone, Copy)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// The id that the middleware has given to a request.
pub(crate) fn request_id(request: &Request) -> Arc<str> {
    request.extensions().get::<RequestId>().map_or_else(|| "".into(), |id| id.0.clone())
}

/// A header as text; `None` if it is absent or is not visible ASCII.
pub(crate) fn header_text<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

/// The idempotency key of a request. A key that is not even text is as malformed as any other, and so are two of them:
/// another program on the way may read the other one.
pub(crate) fn idempotency_key(request: &Request, required: bool) -> IdempotencyKey {
    let mut sent = request.headers().get_all(IDEMPOTENCY_KEY).iter();
    match (sent.next(), sent.next()) {
        (None, _) => IdempotencyKey::read(None, required),
        (Some(key), None) => IdempotencyKey::read(Some(key.to_str().unwrap_or_default()), true),
        (Some(_), Some(_)) => IdempotencyKey::read(Some(""), true),
    }
}

/// What makes two requests the same request: method, path and the value of the body.
pub(crate) fn fingerprint(method: &Method, path: &str, body: Option<&Json>) -> [u8; 32] {
    let hash = Sha256::new().chain_update(method.as_str()).chain_update("\n").chain_update(path).chain_update("\n");
    hash.chain_update(body.map(Json::canonical).unwrap_or_default()).finalize().into()
}

/// Reads the bytes of a body, within the bounds of every body.
pub(crate) async fn read_body(request: &mut Request) -> Result<Vec<u8>, Rejection> {
    read_bounded(request, MAX_BODY).await.map_err(|failure| match failure {
        ReadFailure::TooLarge => HttpRejection::TooLarge.into(),
        ReadFailure::Incomplete => Error::BadRequest("the body could not be read to its end".into()).into(),
    })
}

/// Why a body could not be read.
pub(crate) enum ReadFailure {
    /// It is longer than allowed.
    TooLarge,
    /// It broke off, or took too long.
    Incomplete,
}

/// Reads a body of at most so many bytes. One that says that it is longer is not read at all.
pub(crate) async fn read_bounded(request: &mut Request, max_bytes: usize) -> Result<Vec<u8>, ReadFailure> {
    let declared = header_text(request, header::CONTENT_LENGTH.as_str()).and_then(|length| length.parse::<u64>().ok());
    if declared.is_some_and(|length| length > max_bytes as u64) {
        return Err(ReadFailure::TooLarge);
    }
    match tokio::time::timeout(BODY_TIMEOUT, request.take_body().into_bytes_limit(max_bytes)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(poem::error::ReadBodyError::PayloadTooLarge)) => Err(ReadFailure::TooLarge),
        _ => Err(ReadFailure::Incomplete),
    }
}

/// Reads a body of JSON, within its bounds.
pub(crate) async fn read_json(request: &mut Request) -> Result<Json, Rejection> {
    let bytes = read_body(request).await?;
    parse_json(request, &bytes)
}

/// Reads a body of JSON that may be left out; one of no bytes is none, whatever the head says of its type or length.
pub(crate) async fn read_optional_json(request: &mut Request) -> Result<Option<Json>, Rejection> {
    let bytes = read_body(request).await?;
    if bytes.is_empty() { Ok(None) } else { parse_json(request, &bytes).map(Some) }
}

fn parse_json(request: &Request, bytes: &[u8]) -> Result<Json, Rejection> {
    if !is_json(request) || is_coded(request) {
        return Err(HttpRejection::NotJson.into());
    }
    // A byte order mark may be skipped (RFC 8259, section 8.1).
    Json::parse(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
        .map_err(|why| Error::BadRequest(why.to_string().into()).into())
}

/// The parameters of the query. One without a name is called `(no name)`, so that a rejection can point at it.
pub(crate) fn query_pairs(request: &Request) -> Vec<(String, String)> {
    let pairs = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned();
    pairs.map(|(name, value)| (if name.is_empty() { "(no name)".to_owned() } else { name }, value)).collect()
}

/// Whether a body is compressed; `identity` says that it is not.
fn is_coded(request: &Request) -> bool {
    let codings = request.headers().get_all(header::CONTENT_ENCODING).iter();
    codings.into_iter().any(|coding| !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

/// `application/json`, in UTF-8 if it names a charset.
fn is_json(request: &Request) -> bool {
    let Some(kind) = header_text(request, header::CONTENT_TYPE.as_str()) else { return false };
    let mut parts = kind.split(';').map(str::trim);
    let named = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let utf8 = parts.filter_map(|part| part.split_once('=')).all(|(name, value)| {
        let charset = value.trim().trim_matches('"');
        let is_utf8 = ["utf-8", "utf8"].iter().any(|name| charset.eq_ignore_ascii_case(name));
        !name.trim().eq_ignore_ascii_case("charset") || is_utf8
    });
    named && utf8
}

/// The entity tags of a header, without quotes and weak prefixes.
pub(crate) fn tags(header: &str) -> impl Iterator<Item = &str> {
    header.split(',').map(|tag| {
        let tag = tag.trim();
        tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"')
    })
}
