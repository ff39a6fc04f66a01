//! Answers that are streams of server-sent events.

use std::time::Duration;

use poem::{Body, Response};

/// The media type of a stream of events.
pub(crate) const EVENTS: &str = "text/event-stream";
/// After this long without an event a comment is sent, so that proxies do not close a quiet connection.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);
/// The comment.
pub(crate) const COMMENT: &[u8] = b":\n\n";

/// An answer of events. nginx is asked to hand them on at once, where it would gather them by default.
pub(crate) fn events(body: Body) -> Response {
    Response::builder().content_type(EVENTS).header("x-accel-buffering", "no").body(body)
}
