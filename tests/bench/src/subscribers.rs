//! Idle subscribers: WebSockets with a subscription each, which wait beside the load.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rows::{self, Size, TOKENS};

/// Opens so many subscriptions to events, with all tokens in turn; they last as long as what is given back.
///
/// # Errors
/// If one is not taken.
pub async fn open(port: u16, size: Size, count: u32) -> Result<Vec<TcpStream>, String> {
    let mut open = Vec::new();
    for i in 0..count {
        let number = i % TOKENS;
        let workspace = u16::try_from(number / size.members()).unwrap_or(0).min(size.workspaces - 1);
        let token = rows::token(workspace, 1 + number % size.members());
        let subscribed = tokio::time::timeout(Duration::from_secs(10), subscribe(port, &token)).await;
        open.push(
            subscribed.map_err(|_| format!("subscriber {i} waits"))?.map_err(|e| format!("subscriber {i}: {e}"))?,
        );
    }
    Ok(open)
}

async fn subscribe(port: u16, token: &str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let hello = "GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: graphql-transport-ws\r\n";
    stream.write_all(format!("{hello}Authorization: Bearer {token}\r\n\r\n").as_bytes()).await?;
    wait_for(&mut stream, "\r\n\r\n").await?;
    stream.write_all(&frame(r#"{"type":"connection_init"}"#)).await?;
    wait_for(&mut stream, "connection_ack").await?;
    let subscribe = r#"{"id":"1","type":"subscribe","payload":{"query":"subscription { events { id } }"}}"#;
    stream.write_all(&frame(subscribe)).await?;
    Ok(stream)
}

/// Reads until a text has come.
async fn wait_for(stream: &mut TcpStream, text: &str) -> std::io::Result<()> {
    let mut seen = Vec::new();
    while !seen.windows(text.len()).any(|part| part == text.as_bytes()) {
        if stream.read_buf(&mut seen).await? == 0 {
            let said = String::from_utf8_lossy(&seen).into_owned();
            return Err(std::io::Error::other(format!("it ended with {said}")));
        }
    }
    Ok(())
}

/// A text frame of a client (RFC 6455, section 5.2), masked with zeros.
fn frame(text: &str) -> Vec<u8> {
    let length = text.len();
    let mut frame = vec![0x81];
    match u8::try_from(length) {
        Ok(short @ ..126) => frame.push(0x80 | short),
        _ => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}
