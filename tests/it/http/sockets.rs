//! What a WebSocket may not do: it is closed with a reason before it costs anything worth speaking of.

use serde_json::json;
use tests::Kind;
use tokio_tungstenite::tungstenite::Message;

use crate::graphql::socket::{Socket, served};

const PROTOCOL: &str = "graphql-transport-ws";

/// Before its token is admitted a client sends little; what is too large is closed with 1009, before and after.
#[tokio::test]
async fn large_messages_are_refused() {
    let (_database, server, token) = served(Kind::Sqlite).await;
    let mut early = Socket::open(&server.address, PROTOCOL).await;
    early.say(json!({ "type": "ping", "payload": { "x": "y".repeat(100_000) } })).await;
    assert_eq!(early.closed().await, 1009);
    let mut late = Socket::ready(&server.address, &token).await;
    let document = format!("{{ viewer {{ name }} }} #{}", "y".repeat(60_000));
    late.subscribe("1", &document).await;
    assert_eq!(late.next_message().await["type"], "next");
    assert_eq!(late.next_message().await["type"], "complete");
    late.say(json!({ "id": "2", "type": "subscribe", "payload": { "query": "y".repeat(1_100_000) } })).await;
    assert_eq!(late.closed().await, 1009);
}

/// Pings are free, and so they are bounded, in both of their forms; a pong repeats no payload.
#[tokio::test]
async fn pings_are_bounded() {
    let (_database, server, token) = served(Kind::Sqlite).await;
    let mut socket = Socket::ready(&server.address, &token).await;
    socket.say(json!({ "type": "ping", "payload": { "x": "y" } })).await;
    assert_eq!(socket.next_message().await, json!({ "type": "pong" }));
    let mut early = Socket::open(&server.address, PROTOCOL).await;
    for ping in [Message::text(json!({ "type": "ping" }).to_string()), Message::Ping("x".into())] {
        for socket in [&mut socket, &mut early] {
            for _ in 0..15 {
                socket.push(ping.clone()).await;
            }
        }
    }
    assert_eq!((socket.closed().await, early.closed().await), (1008, 1008));
}

/// A client whose operations are rejected again and again is disconnected.
#[tokio::test]
async fn rejections_are_bounded() {
    let (_database, server, token) = served(Kind::Sqlite).await;
    let mut socket = Socket::ready(&server.address, &token).await;
    for i in 0..21 {
        socket.subscribe(&i.to_string(), "{ nothing }").await;
        if i < 20 {
            assert_eq!(socket.next_message().await["type"], "error", "{i}");
        }
    }
    assert_eq!(socket.closed().await, 1008);
}

/// The id of an operation is repeated with each of its messages, and is short.
#[tokio::test]
async fn ids_are_short() {
    let (_database, server, token) = served(Kind::Sqlite).await;
    let mut socket = Socket::ready(&server.address, &token).await;
    let longest = "i".repeat(128);
    socket.subscribe(&longest, "{ viewer { name } }").await;
    assert_eq!(socket.next_message().await["id"], longest);
    assert_eq!(socket.next_message().await["type"], "complete");
    socket.subscribe(&"i".repeat(129), "{ viewer { name } }").await;
    assert_eq!(socket.closed().await, 4400);
}

/// A connection has fifty subscriptions; the next one is rejected, and the others go on.
#[tokio::test]
async fn a_connection_has_fifty_subscriptions() {
    let (_database, server, token) = served(Kind::Sqlite).await;
    let mut socket = Socket::ready(&server.address, &token).await;
    for i in 0..51 {
        socket.subscribe(&i.to_string(), "subscription { timerChanged { timeEntry { id } } }").await;
    }
    let rejected = socket.next_message().await;
    assert_eq!((&rejected["type"], &rejected["id"]), (&json!("error"), &json!("50")), "{rejected}");
    socket.subscribe("q", "{ viewer { name } }").await;
    assert_eq!(socket.next_message().await["id"], "q");
}
