//! The rate headers of an answer: `X-RateLimit-*`, and the pair of draft-ietf-httpapi-ratelimit-headers.

use poem::http::{HeaderMap, HeaderName, HeaderValue};
use service::{Budget, Cx};

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const CURRENT: HeaderName = HeaderName::from_static("ratelimit");

/// How far a request has come, and with it what it has spent.
#[derive(Default)]
pub enum Spent {
    /// No good token was seen: nothing is told.
    #[default]
    Nothing,
    /// It was charged at the door and did not get in.
    AtDoor(Budget),
    /// It got in, and may have spent more there.
    Inside(Cx),
}

impl Spent {
    /// Tells a good token what it has left.
    pub fn add_headers(&self, headers: &mut HeaderMap) {
        match self {
            Spent::Nothing => {}
            Spent::AtDoor(budget) => add_headers(budget, headers),
            Spent::Inside(cx) => add_headers(&cx.budget(), headers),
        }
    }
}

/// Tells what is left.
pub fn add_headers(budget: &Budget, headers: &mut HeaderMap) {
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
