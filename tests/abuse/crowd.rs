//! Very many connections that ask for little: what they cost, and what others feel of them.

use std::time::Duration;

use futures_util::StreamExt;
use tests::Kind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::Message;

use crate::bystander::Bystander;
use crate::connections::{from, half_heads};
use crate::program::{Attacked, Target};
use crate::sockets::{Socket, init, over, subscribe};
use crate::{SERIAL, whole};

/// What 10,000 idle connections and 2,000 subscribers may cost, in MiB.
const CROWD: u64 = 200;
/// What `/healthz` may take on a new connection beside a thousand half heads, at the median.
const ALIVE: Duration = Duration::from_millis(50);

/// How long a new connection and `/healthz` on it take.
async fn alive(target: &Target) -> Duration {
    let began = Instant::now();
    let mut stream = from(1, target).await.expect("a connection");
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    began.elapsed()
}

/// A subscriber of events, by a WebSocket of its own.
async fn subscriber(target: &Target, place: usize) -> Socket {
    let source = u8::try_from(10 + place % 8).unwrap();
    let stream = from(source, target).await.expect("a connection");
    let mut socket = over(stream, &target.address).await.expect("a WebSocket");
    // As many per token as it may have in a burst of its limits.
    assert!(init(&mut socket, &target.tokens[place % target.tokens.len()]).await, "subscriber {place}");
    subscribe(&mut socket, "1", "subscription { events { id } }").await;
    socket
}

/// Idle connections and subscribers cost little memory each, hear what they wait for, and are gone without a trace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_costs_little() {
    let _turn = SERIAL.lock().await;
    let (idle, subscribers, tokens) = if whole() { (10_000, 2_000, 40) } else { (1_000, 200, 8) };
    let flags = ["--max-connections", "16000", "--rate-limit-scale", "10"];
    let attacked = Attacked::with(Kind::Sqlite, &flags, tokens).await;
    let target = attacked.target.clone();
    let (files, tasks) = (attacked.open_files(), attacked.tasks().await);
    let before = attacked.present_memory();
    let mut crowd = Vec::with_capacity(idle);
    for place in 0..idle {
        let source = u8::try_from(20 + place % 8).unwrap();
        let mut stream = from(source, &target).await.expect("a connection");
        // Each has been of use once.
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).await.unwrap();
        crowd.push(stream);
    }
    let with_idle = attacked.present_memory();
    let mut hearing = vec![];
    for place in 0..subscribers {
        hearing.push(subscriber(&target, place).await);
    }
    // A subscription has begun when an event comes.
    let began = Instant::now();
    sleep(Duration::from_millis(500)).await;
    target.create("/api/v1/clients", serde_json::json!({ "name": "For all" })).await;
    for socket in &mut hearing {
        loop {
            match tokio::time::timeout(Duration::from_secs(20), socket.next())
                .await
                .expect("an event")
                .unwrap()
                .unwrap()
            {
                Message::Text(text) if text.contains("\"next\"") => break,
                Message::Text(text) => panic!("{text}"),
                _ => {}
            }
        }
    }
    let received = began.elapsed();
    let all = attacked.present_memory();
    println!(
        "{idle} idle: {} MiB more; {subscribers} subscribers: {} MiB more; in all {all} MiB; all received within {received:?}",
        with_idle.saturating_sub(before),
        all.saturating_sub(with_idle)
    );
    assert!(all < CROWD, "{all} MiB");
    assert!(alive(&target).await < Duration::from_secs(1));
    drop((crowd, hearing));
    assert_eq!(attacked.left(files, tasks).await, (0, 0), "descriptors and tasks");
    attacked.stop().await;
}

/// A thousand heads that are dripped leave everybody else alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_heads_are_not_felt() {
    let _turn = SERIAL.lock().await;
    let attacked = Attacked::new(Kind::Sqlite).await;
    let bystander = Bystander::new(&attacked).await;
    let until = Instant::now() + Duration::from_secs(if whole() { 30 } else { 3 });
    let target = attacked.target.clone();
    let look = async {
        sleep(Duration::from_secs(1)).await;
        let mut waits = vec![];
        for _ in 0..40 {
            waits.push(alive(&target).await);
        }
        waits.sort();
        waits
    };
    let (waits, felt, ()) = tokio::join!(look, bystander.work(until), half_heads(&target, until));
    println!("/healthz beside a thousand half heads: {:?} at the median, {:?} at most", waits[20], waits[39]);
    assert!(waits[20] < ALIVE, "{waits:?}");
    assert!(felt.failures.is_empty(), "{:?}", felt.failures);
    attacked.stop().await;
}
