//! One request at a time, for what is compared or counted instead of timed.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::load::{KEY, Request};

/// Status and body of an answer.
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body as text.
    pub body: String,
}

/// A connection that is kept.
pub struct Client {
    stream: TcpStream,
    keys: u64,
}

impl Client {
    /// To a port of this machine.
    ///
    /// # Errors
    /// If nobody listens there.
    pub async fn connect(port: u16) -> std::io::Result<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Client { stream, keys: 0 })
    }

    /// Sends a request and reads its answer, which says its length.
    ///
    /// # Errors
    /// If the connection ends or what comes is no HTTP.
    pub async fn send(&mut self, request: &Request) -> std::io::Result<Answer> {
        self.keys += 1;
        let key = format!("one-{}-{}", self.stream.local_addr()?.port(), self.keys);
        self.stream.write_all(request.bytes().replace(KEY, &key).as_bytes()).await?;
        let mut bytes = Vec::new();
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if self.stream.read_buf(&mut bytes).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        };
        let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
        while bytes.len() < head + length {
            if self.stream.read_buf(&mut bytes).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        let body = String::from_utf8_lossy(&bytes[head..head + length]).into_owned();
        Ok(Answer { status, body })
    }
}

/// The same text without what differs from server to server: cursors, and what a GraphQL answer says of its cost.
pub fn comparable(body: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<serde_json::Value>(body) else { return body.to_owned() };
    fn walk(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(map) => {
                if let Some(cursor) = map.get_mut("nextCursor").filter(|cursor| cursor.is_string()) {
                    *cursor = "a cursor".into();
                }
                map.values_mut().for_each(walk);
            }
            serde_json::Value::Array(all) => all.iter_mut().for_each(walk),
            _ => {}
        }
    }
    walk(&mut value);
    if let Some(answer) = value.as_object_mut() {
        answer.remove("extensions");
    }
    value.to_string()
}
