//! A client of graphql-transport-ws, by hand, and the server that it talks to.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tests::{Kind, PrivateDatabase};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::third_party_clients::owner_of;
use crate::running::Running;

/// A client of the protocol, by hand.
pub(crate) struct Socket(pub(super) WebSocketStream<TcpStream>);

impl Socket {
    pub(crate) async fn open(address: &str, protocol: &str) -> Socket {
        Socket::over(TcpStream::connect(address).await.unwrap(), address, protocol).await
    }

    async fn over(stream: TcpStream, address: &str, protocol: &str) -> Socket {
        let mut request = format!("ws://{address}/graphql").into_client_request().unwrap();
        if !protocol.is_empty() {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        let (socket, answer) = match tokio_tungstenite::client_async(request, stream).await {
            Ok(made) => made,
            Err(refused) => panic!("the handshake failed: {refused}"),
        };
        assert_eq!(answer.status(), 101);
        Socket(socket)
    }

    /// Let in with a token.
    pub(crate) async fn ready(address: &str, token: &str) -> Socket {
        Socket::ready_over(TcpStream::connect(address).await.unwrap(), address, token).await
    }

    /// The same over a connection that is there.
    pub(super) async fn ready_over(stream: TcpStream, address: &str, token: &str) -> Socket {
        let mut socket = Socket::over(stream, address, "graphql-transport-ws").await;
        socket
            .say(json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } }))
            .await;
        assert_eq!(socket.next_message().await, json!({ "type": "connection_ack" }));
        socket
    }

    pub(crate) async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// Sends a frame as it is; the server may have closed the connection meanwhile.
    pub(crate) async fn push(&mut self, message: Message) {
        let _ = self.0.send(message).await;
    }

    pub(crate) async fn subscribe(&mut self, id: &str, query: &str) {
        self.say(json!({ "id": id, "type": "subscribe", "payload": { "query": query } })).await;
    }

    pub(crate) async fn next_message(&mut self) -> Value {
        loop {
            match timeout(Duration::from_secs(20), self.0.next()).await.expect("an answer").unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The code that the connection is closed with.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            match timeout(Duration::from_secs(20), self.0.next()).await.expect("a close").unwrap().unwrap() {
                Message::Close(Some(frame)) => return frame.code.into(),
                Message::Close(None) => return 1005,
                _ => {}
            }
        }
    }
}

/// A server with a database of its own, and an Owner's token.
pub(crate) async fn served(kind: Kind) -> (PrivateDatabase, Running, String) {
    let database = PrivateDatabase::empty(kind).await;
    // Nobody reads its log, so it must not write a line for each of a thousand requests.
    let server = Running::start(&database.url, &["--rate-limit-scale", "1000", "--log", "warn"]);
    let token = owner_of(&database.url);
    (database, server, token)
}
