//! Connections that do nothing, or next to nothing.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use crate::program::Target;
use crate::whole;

/// A connection from this address of the machine, which on Linux has all of 127.0.0.0/8.
pub async fn from(source: u8, target: &Target) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(format!("127.0.0.{source}:0").parse().unwrap()).ok()?;
    socket.connect(target.address.parse().unwrap()).await.ok()
}

/// A thousand heads without an end, each of which goes on by a line now and then; half of them by one byte alone.
pub async fn half_heads(target: &Target, until: Instant) {
    let mut held = vec![];
    for place in 0..1_000_u32 {
        if Instant::now() >= until {
            return;
        }
        let Some(mut stream) = from(u8::try_from(2 + place % 4).unwrap(), target).await else { continue };
        let begun: &[u8] = if place % 2 == 0 { b"G" } else { b"GET /healthz HTTP/1.1\r\nHost: x\r\n" };
        let _ = stream.write_all(begun).await;
        held.push((stream, place % 2 == 1));
    }
    while Instant::now() < until {
        for (stream, drips) in &mut held {
            if *drips {
                let _ = stream.try_write(b"a: b\r\n");
            }
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Connections from four addresses, each of which sends the same, and is held; when the server closes one, another takes its
/// place after a while.
async fn crowd(target: &Target, until: Instant, sent: &[u8]) {
    let wanted = if whole() { 4_400 } else { 440 };
    let mut held = vec![];
    while Instant::now() < until {
        while held.len() < wanted && Instant::now() < until {
            let Some(mut stream) = from(u8::try_from(2 + held.len() % 4).unwrap(), target).await else { break };
            // A server that refuses it reads no more of it.
            let _ = timeout(Duration::from_secs(1), stream.write_all(sent)).await;
            held.push(stream);
        }
        sleep(Duration::from_millis(500)).await;
        held.retain(|stream| !is_closed(stream));
    }
}

/// Whether the server has closed a connection; what it has sent before is read.
fn is_closed(stream: &TcpStream) -> bool {
    let mut answer = [0; 4_096];
    loop {
        match stream.try_read(&mut answer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(cause) => return cause.kind() != ErrorKind::WouldBlock,
        }
    }
}

/// Heads of 60 KiB without an end, of somebody without a token.
pub async fn long_heads(target: &Target, until: Instant) {
    let lines: String = (0..10).map(|i| format!("a{i}: {}\r\n", "x".repeat(6_000))).collect();
    crowd(target, until, format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{lines}").as_bytes()).await;
}

/// Requests of somebody without a token whose bodies never come.
pub async fn missing_bodies(target: &Target, until: Instant) {
    let head = "POST /api/v1/clients HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n";
    crowd(target, until, head.as_bytes()).await;
}
