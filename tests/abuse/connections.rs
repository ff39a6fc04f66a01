//! Connections that do nothing, or next to nothing.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep};

use crate::program::Target;

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
