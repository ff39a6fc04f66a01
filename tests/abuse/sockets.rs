//! WebSockets that attack.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::attacks::{repeat, requests};
use crate::program::Target;

pub type Socket = WebSocketStream<TcpStream>;

/// A WebSocket over a connection.
pub async fn over(stream: TcpStream, address: &str) -> Option<Socket> {
    let mut request = format!("ws://{address}/graphql").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
    tokio_tungstenite::client_async(request, stream).await.ok().map(|(socket, _)| socket)
}

async fn open(target: &Target) -> Option<Socket> {
    over(TcpStream::connect(&target.address).await.ok()?, &target.address).await
}

/// Lets it in with a token.
pub async fn init(socket: &mut Socket, token: &str) -> bool {
    let init = json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } });
    if socket.send(Message::text(init.to_string())).await.is_err() {
        return false;
    }
    matches!(socket.next().await, Some(Ok(Message::Text(text))) if text.contains("connection_ack"))
}

/// Subscribes.
pub async fn subscribe(socket: &mut Socket, id: &str, query: &str) {
    let message: Value = json!({ "id": id, "type": "subscribe", "payload": { "query": query } });
    let _ = socket.send(Message::text(message.to_string())).await;
}

/// Sends the same until the socket is closed, in so many loops; with a token after it was let in.
async fn flood(
    target: &Target,
    loops: usize,
    until: Instant,
    is_let_in: bool,
    message: impl Fn() -> Message + Clone + Send + Sync + 'static,
) {
    let target = target.clone();
    repeat(loops, until, move |place| {
        let (target, message) = (target.clone(), message.clone());
        async move {
            let Some(mut socket) = open(&target).await else { return };
            let token = &target.tokens[place % target.tokens.len()];
            if is_let_in && !init(&mut socket, token).await {
                return tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let (mut sink, mut stream) = socket.split();
            let reading = tokio::spawn(async move { while let Some(Ok(_)) = stream.next().await {} });
            while !reading.is_finished() && sink.send(message()).await.is_ok() {}
            reading.abort();
        }
    })
    .await;
}

/// Large and deep messages from somebody without a token.
pub async fn before_init(target: &Target, until: Instant) {
    let deep = format!("{{\"type\":\"ping\",\"payload\":{}{}}}", "[".repeat(31), "]".repeat(31));
    let large = format!("{{\"type\":\"ping\",\"payload\":\"{}\"}}", "x".repeat(880_000));
    tokio::join!(
        flood(target, 4, until, false, move || Message::text(large.clone())),
        flood(target, 4, until, false, move || Message::text(deep.clone())),
    );
}

/// Pings and refused subscriptions of somebody with a token.
pub async fn after_init(target: &Target, until: Instant) {
    let refused = json!({ "id": "1", "type": "subscribe", "payload": { "query": "{ nothing }" } }).to_string();
    tokio::join!(
        flood(target, 4, until, true, || Message::text("{\"type\":\"ping\"}")),
        flood(target, 4, until, true, || Message::Ping(vec![7; 100].into())),
        flood(target, 4, until, true, move || Message::text(refused.clone())),
    );
}

/// Subscriptions, and so many requests that cause their events.
async fn subscribed(target: &Target, sockets: usize, until: Instant, query: &str, cause: impl Future<Output = ()>) {
    let mut reading = vec![];
    for place in 0..sockets {
        let Some(mut socket) = open(target).await else { continue };
        if !init(&mut socket, &target.tokens[place % target.tokens.len()]).await {
            continue;
        }
        subscribe(&mut socket, "1", query).await;
        reading.push(tokio::spawn(async move {
            while let Ok(Some(Ok(_))) = timeout_at(until, socket.next()).await {}
            let _ = timeout(Duration::from_millis(100), socket.close(None)).await;
        }));
    }
    cause.await;
    for one in reading {
        let _ = one.await;
    }
}

/// `timerChanged` with sixty lists below, while a timer is started and stopped.
pub async fn timers(target: &Target, until: Instant) {
    let lists: String = (0..60).map(|i| format!("a{i}: tasks(first: {}) {{ nodes {{ id }} }} ", 1 + i % 40)).collect();
    let query = format!("subscription {{ timerChanged {{ timeEntry {{ project {{ {lists} }} }} }} }}");
    let project = target.project.clone();
    let cause = requests(target, 2, until, move |http, at| {
        let start = http.post(format!("{at}/api/v1/time-entries/start")).header("content-type", "application/json");
        let note = format!("{:?}", Instant::now());
        let key: String = note.chars().filter(char::is_ascii_alphanumeric).collect();
        start.header("idempotency-key", key).body(json!({ "projectId": project, "note": note }).to_string())
    });
    subscribed(target, 8, until, &query, cause).await;
}

/// Fifty subscribers of events, while events are made.
pub async fn events(target: &Target, until: Instant) {
    let cause = requests(target, 4, until, |http, at| {
        let post = http.post(format!("{at}/api/v1/clients")).header("content-type", "application/json");
        let name: String = format!("{:?}", Instant::now()).chars().filter(char::is_ascii_alphanumeric).collect();
        post.header("idempotency-key", &name).body(json!({ "name": name }).to_string())
    });
    subscribed(target, 50, until, "subscription { events { id type data } }", cause).await;
}
