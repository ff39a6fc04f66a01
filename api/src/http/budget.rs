//! The rate headers of an answer: `X-RateLimit-*`, and the pair of draft-ietf-httpapi-ratelimit-headers; and the header
//! that marks a replay.

use poem::http::{HeaderMap, HeaderName, HeaderValue};
use service::{Budget, Cx};

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const CURRENT: HeaderName = HeaderName::from_static("ratelimit");

/// Set to `true` on the stored answer to an earlier request with the same idempotency key.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What is known of the rate limits of a request's token.
#[derive(Default)]
pub(crate) enum RateState {
    /// No good token was seen: the answer has no rate headers.
    #[default]
    Unknown,
    /// The token was charged, and the request was rejected before its operation.
    AtDoor(Budget),
    /// The operation ran, and may have charged more.
    Inside(Cx),
}

impl RateState {
    /// Adds the rate headers, if they are known.
    pub(crate) fn add_headers(&self, headers: &mut HeaderMap) {
        match self {
            RateState::Unknown => {}
            RateState::AtDoor(budget) => add_headers(budget, headers),
            RateState::Inside(cx) => add_headers(&cx.budget(), headers),
        }
    }
}

/// Adds what is left of a budget.
pub(crate) fn add_headers(budget: &Budget, headers: &mut HeaderMap) {
    if budget.sizes.sustained == 0 {
        return;
    }
    let Budget { sizes, burst, sustained, burst_reset, sustained_reset, full_at } = budget;
    headers.insert(LIMIT, HeaderValue::from(sizes.sustained));
    headers.insert(REMAINING, HeaderValue::from(*burst.min(sustained)));
    headers.insert(RESET, HeaderValue::from(*full_at));
    let policy = format!("\"burst\";q={};w=10, \"sustained\";q={};w=60", sizes.burst, sizes.sustained);
    let current = format!("\"burst\";r={burst};t={burst_reset}, \"sustained\";r={sustained};t={sustained_reset}");
    for (name, text) in [(POLICY, policy), (CURRENT, current)] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    }
}
