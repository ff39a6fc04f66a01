//! HTTP/2, spoken by hand: a connection has a bounded number of streams, and ends when its client reads nothing.

use std::time::Duration;

use api::Limits;
use tests::{Kind, Listening, Raw, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;

/// A frame (RFC 9113, section 4.1).
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A GET of a path, as literals without indexing (RFC 7541).
pub(super) fn get(stream: u32, path: &str) -> Vec<u8> {
    let literal = |index: u8, text: &str| [&[index, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let block = [vec![0x82, 0x86], literal(4, path), literal(1, "localhost")].concat();
    frame(HEADERS, 0x5, stream, &block)
}

pub(super) async fn read_frame(raw: &mut Raw) -> Option<(u8, u32, Vec<u8>)> {
    let mut head = [0; 9];
    timeout(Duration::from_secs(10), raw.0.read_exact(&mut head)).await.expect("a frame or an end").ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    raw.0.read_exact(&mut payload).await.ok()?;
    Some((head[3], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload))
}

/// A client with a window of nothing, that asks for the largest document 1,500 times on one connection: a hundred streams
/// are open, the others are reset, nothing is copied, and the connection is closed when nothing is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_bounded_and_unread_ones_are_given_up() {
    let world = World::on(Kind::Sqlite).await;
    let limits = Limits { write_timeout: Duration::from_secs(2), ..Limits::default() };
    let listening = Listening::start(&world, limits);
    let mut raw = listening.connect().await;
    let no_window = [&INITIAL_WINDOW_SIZE.to_be_bytes()[..], &0_u32.to_be_bytes()].concat();
    raw.send([PREFACE, &frame(SETTINGS, 0, 0, &no_window)].concat()).await;
    let (_, _, settings) = read_frame(&mut raw).await.expect("the settings of the server");
    let streams = settings.chunks_exact(6).find(|pair| pair[..2] == MAX_CONCURRENT_STREAMS.to_be_bytes()).unwrap();
    assert_eq!(streams[2..], 100_u32.to_be_bytes());
    let requests: Vec<u8> = (0..1500).flat_map(|i| get(i * 2 + 1, "/api/openapi.json")).collect();
    // The server may end the connection before it has read all of them.
    let _ = raw.0.write_all(&requests).await;
    let began = Instant::now();
    let (mut answers, mut resets) = (0, 0);
    while let Some((kind, _, _)) = read_frame(&mut raw).await {
        match kind {
            HEADERS => answers += 1,
            RST_STREAM => resets += 1,
            _ => {}
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{answers} {resets}");
    }
    assert!(answers <= 100, "{answers} answers, {resets} resets");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
