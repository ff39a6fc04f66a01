//! `mcp`: MCP over standard input and output, for assistants that start a program. Each message goes to a server's `/mcp`
//! and its answer comes back; nothing is decided here.

use std::sync::Arc;

use clap::Args;
use serde_json::Value;
use service::webhook::Forwarder;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::sync::{Mutex, Semaphore};

use super::webhook::Server;
use super::{Failure, internal};

/// The longest message that is forwarded, in bytes: what the server reads at most.
const MAX_MESSAGE: usize = 1024 * 1024;
/// Messages that are forwarded at once.
const MESSAGES_AT_ONCE: usize = 16;

/// Which server, as whom, and which list of tools.
#[derive(Args)]
pub(super) struct Mcp {
    #[command(flatten)]
    server: Server,
    /// The path of the list of tools: `/mcp`, `/mcp/x/all` or `/mcp/readonly`.
    #[arg(long, default_value = "/mcp")]
    path: String,
}

impl Mcp {
    /// Forwards until the input ends.
    pub(super) async fn run(self) -> Result<(), Failure> {
        let forwarder = Arc::new(Forwarder::new().map_err(internal)?);
        let server = Arc::new(self);
        let output = Arc::new(Mutex::new(tokio::io::stdout()));
        let permits = Arc::new(Semaphore::new(MESSAGES_AT_ONCE));
        let mut lines = BufReader::new(tokio::io::stdin()).split(b'\n');
        while let Some(line) = lines.next_segment().await? {
            if line.trim_ascii().is_empty() {
                continue;
            }
            let permit = permits.clone().acquire_owned().await?;
            let (forwarder, server, output) = (forwarder.clone(), server.clone(), output.clone());
            tokio::spawn(async move {
                if let Some(answer) = server.forward(&forwarder, &line).await {
                    let mut output = output.lock().await;
                    // A client that has closed its end is not waited for.
                    let _ = output.write_all(format!("{answer}\n").as_bytes()).await;
                    let _ = output.flush().await;
                }
                drop(permit);
            });
        }
        // Every message that is still forwarded holds a permit.
        let _ = permits.acquire_many(MESSAGES_AT_ONCE as u32).await?;
        Ok(())
    }

    /// The answer to one message; none to a notification.
    async fn forward(&self, forwarder: &Forwarder, line: &[u8]) -> Option<String> {
        let message = match serde_json::from_slice::<Value>(line) {
            Ok(message) if line.len() <= MAX_MESSAGE && message.is_object() => message,
            Ok(_) if line.len() <= MAX_MESSAGE => {
                return Some(refusal(&Value::Null, -32600, "a message is a JSON object; batches are not served"));
            }
            Ok(_) => return Some(refusal(&Value::Null, -32600, "the message is over 1 MiB")),
            Err(_) => return Some(refusal(&Value::Null, -32700, "the message is not JSON")),
        };
        let id = message.get("id").cloned();
        let url = format!("{}{}", self.server.url.trim_end_matches('/'), self.path);
        let reply = forwarder
            .post(&url, &self.server.token, &headers(&message), String::from_utf8_lossy(line).into_owned())
            .await;
        match (reply, id) {
            (Ok(reply), Some(id)) => match serde_json::from_str::<Value>(&reply.body) {
                // An answer of the protocol passes as it is; an envelope of ours becomes its error.
                Ok(answer) if answer.get("jsonrpc").is_some() => Some(answer.to_string()),
                Ok(answer) => {
                    let why = answer.pointer("/error/message").and_then(Value::as_str).unwrap_or("the server refused");
                    Some(refusal(&id, -32000, why))
                }
                Err(_) => Some(refusal(&id, -32000, &format!("the server answered {}", reply.status))),
            },
            (Err(why), Some(id)) => Some(refusal(&id, -32000, &why)),
            (_, None) => None,
        }
    }
}

/// The headers that the protocol mirrors from a message (2026-07-28); an older client has none of them in its messages.
fn headers(message: &Value) -> Vec<(&'static str, String)> {
    let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let mut headers = vec![("accept", "application/json, text/event-stream".to_owned())];
    if let Some(version) = text("/params/_meta/io.modelcontextprotocol~1protocolVersion") {
        headers.push(("mcp-protocol-version", version));
        headers.extend(text("/method").map(|method| ("mcp-method", method)));
        headers.extend(text("/params/name").or_else(|| text("/params/uri")).map(|name| ("mcp-name", name)));
    }
    headers
}

fn refusal(id: &Value, code: i32, message: &str) -> String {
    serde_json::json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } }).to_string()
}
