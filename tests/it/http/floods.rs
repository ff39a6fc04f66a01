//! A connection whose client only makes work is ended: by frames of HTTP/2 that ask for nothing, or by a body in crumbs.

use std::time::Duration;

use api::Limits;
use tests::{Kind, Listening, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::http2::{HEADERS, PREFACE, RST_STREAM, SETTINGS, frame, get};

const DATA: u8 = 0;
const PRIORITY: u8 = 2;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

/// Frames that a client may send at most: it is ended long before.
const MOST: usize = 50_000;

/// A name, what the client opens with, and what it sends then, by turn.
type Flood = (&'static str, Vec<u8>, Box<dyn FnMut(usize) -> Vec<u8>>);

/// Sends the same again and again, reads all that comes, and returns how often it was sent before the server ended the
/// connection, and what came last.
async fn flood(listening: &Listening, opening: Vec<u8>, mut each: impl FnMut(usize) -> Vec<u8>) -> (usize, Vec<u8>) {
    let raw = listening.connect().await;
    let (mut reader, mut writer) = raw.0.into_split();
    let reading = tokio::spawn(async move {
        let mut last = Vec::new();
        let mut part = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = reader.read(&mut part).await {
            last.extend_from_slice(&part[..read]);
            last.drain(..last.len().saturating_sub(2_048));
        }
        last
    });
    let mut sent = 0;
    if writer.write_all(&opening).await.is_ok() {
        while sent < MOST && !reading.is_finished() {
            let batch: Vec<u8> = (sent..sent + 50).flat_map(&mut each).collect();
            if writer.write_all(&batch).await.is_err() {
                break;
            }
            sent += 50;
            tokio::task::yield_now().await;
        }
    }
    let last = timeout(Duration::from_secs(10), reading).await.expect("it is ended").unwrap();
    (sent, last)
}

/// PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty and tiny frames of data, requests that are reset at once, heads without an
/// end: each connection is ended within its credit, and others are served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_frames_ends_its_connection() {
    let world = World::on(Kind::Sqlite).await;
    let listening = Listening::start(&world, Limits::default());
    let opening = || [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    let post = [opening(), {
        let mut head = get(1, "/graphql");
        // The method is POST, and the stream stays open.
        (head[4], head[9]) = (0x4, 0x83);
        head
    }]
    .concat();
    let begun = [opening(), {
        let mut head = get(1, "/healthz");
        head[4] = 0;
        head
    }]
    .concat();
    let odd = |i: usize| u32::try_from(2 * i + 1).unwrap();
    let floods: Vec<Flood> = vec![
        ("ping", opening(), Box::new(|_| frame(PING, 0, 0, &[0; 8]))),
        ("settings", opening(), Box::new(|_| frame(SETTINGS, 0, 0, &[]))),
        ("priority", opening(), Box::new(|_| frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 7]))),
        ("window", opening(), Box::new(|_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]))),
        ("unknown", opening(), Box::new(|_| frame(0xee, 0, 0, &[]))),
        ("empty data", post.clone(), Box::new(|_| frame(DATA, 0, 1, &[]))),
        ("crumbs", post, Box::new(|_| frame(DATA, 0, 1, b" "))),
        (
            "reset",
            opening(),
            Box::new(move |i| [get(odd(i), "/graphiql"), frame(RST_STREAM, 0, odd(i), &[0; 4])].concat()),
        ),
        ("trailers", opening(), Box::new(|_| frame(HEADERS, 0x5, 1, &[]))),
        ("continuation", begun, Box::new(|_| frame(CONTINUATION, 0, 1, &[]))),
    ];
    for (name, opening, each) in floods {
        let (sent, _last) = flood(&listening, opening, each).await;
        assert!(sent <= MOST, "{name}: {sent} frames");
        let mut other = listening.connect().await;
        other.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(other.answer().await.0.starts_with("http/1.1 200"), "{name}");
    }
    let page = world.app.metrics().await.unwrap();
    let cut =
        page.lines().find_map(|line| line.strip_prefix("hoursmith_http_connections_closed_total{reason=\"flood\"} "));
    let cut: usize = cut.unwrap().parse().unwrap();
    assert!(cut >= 5, "{cut}: others are ended by the library itself");
}

/// The client is sent GOAWAY with ENHANCE_YOUR_CALM, so that a well-meant one knows what it did.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_answered_with_its_reason() {
    let world = World::on(Kind::Sqlite).await;
    let listening = Listening::start(&world, Limits::default());
    let opening = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    // Nothing is sent after the one that is too much, so that no reset takes the answer away.
    let whole = [opening, frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]).repeat(1_020)].concat();
    let mut raw = listening.connect().await;
    raw.send(whole).await;
    let mut bytes = Vec::new();
    timeout(Duration::from_secs(10), raw.0.read_to_end(&mut bytes)).await.expect("it is ended").unwrap();
    assert!(bytes.ends_with(&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0xb]), "{bytes:?}");
}

/// A client of one connection that asks and reads for as long as it likes is not a flood, whatever it sends along.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_client_is_no_flood() {
    let world = World::on(Kind::Sqlite).await;
    let listening = Listening::start(&world, Limits::default());
    let mut raw = listening.connect().await;
    raw.send([PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await;
    for i in 0..600 {
        let ping = frame(PING, 0, 0, &[0; 8]);
        let update = frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0x40, 0]);
        raw.send([get(2 * i + 1, "/healthz"), ping, update.clone(), update].concat()).await;
        // Up to its answer.
        let mut answered = false;
        while !answered {
            let (kind, _, _) = super::http2::read_frame(&mut raw).await.unwrap_or_else(|| panic!("ended after {i}"));
            answered = kind == DATA;
        }
    }
}

/// A body of one byte in each chunk is given up, also of a client without a token; its refusal arrives all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_in_crumbs_is_not_read_to_its_end() {
    let world = World::on(Kind::Sqlite).await;
    let listening = Listening::start(&world, Limits::default());
    let mut raw = listening.connect().await;
    raw.send("POST /api/v1/clients HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    raw.send("1\r\na\r\n".repeat(20_000)).await;
    let (head, _) = raw.answer().await;
    assert!(head.starts_with("http/1.1 401") && head.contains("connection: close"), "{head}");
    // The same bytes in larger parts are read, so that the connection can go on.
    let mut raw = listening.connect().await;
    raw.send("POST /api/v1/clients HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    raw.send(format!("64\r\n{}\r\n", "a".repeat(100)).repeat(2_000) + "0\r\n\r\n").await;
    let (head, _) = raw.answer().await;
    assert!(head.starts_with("http/1.1 401") && !head.contains("connection: close"), "{head}");
}
