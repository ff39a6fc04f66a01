//! The promises of MCP: few tokens, one answer, one effect per key, and nothing that REST would not give.

mod day;
mod hostile;
mod lists;
mod names;
mod protocol;
mod retries;
mod rights;
mod writes;

use poem::http::Method;
use serde_json::{Value, json};
use tests::{Answer, World};

/// The current version of the protocol.
pub const VERSION: &str = "2026-07-28";

/// A client of the current version that can ask its person.
pub fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": { "elicitation": { "form": {} } },
    })
}

/// One request of the current version to a path below `/mcp`.
pub async fn send(world: &World, token: &str, path: &str, method: &str, mut params: Value) -> Answer {
    params["_meta"] = meta();
    let name = params.get("name").or(params.get("uri")).and_then(Value::as_str).map(str::to_owned);
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let call = world.call(Method::POST, path).token(token).header("accept", "application/json, text/event-stream");
    let call = call.header("host", "localhost").header("mcp-protocol-version", VERSION).header("mcp-method", method);
    let call = match name {
        Some(name) => call.header("mcp-name", &name),
        None => call,
    };
    call.json(body).send().await
}

/// The result of a request that succeeds.
pub async fn result(world: &World, token: &str, path: &str, method: &str, params: Value) -> Value {
    let answer = send(world, token, path, method, params).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text());
    let json = answer.json();
    assert!(json["error"].is_null(), "{json}");
    json["result"].clone()
}

/// Calls a tool of the whole set and gives the raw result.
pub async fn call(world: &World, token: &str, tool: &str, arguments: Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments });
    result(world, token, "/mcp/x/all", "tools/call", params).await
}

/// The JSON that a tool answers, which must not be an error.
pub async fn value(world: &World, token: &str, tool: &str, arguments: Value) -> Value {
    let result = call(world, token, tool, arguments).await;
    assert_ne!(result["isError"], true, "{result}");
    parsed(&result)
}

/// The JSON that a tool refuses with.
pub async fn refused(world: &World, token: &str, tool: &str, arguments: Value) -> Value {
    let result = call(world, token, tool, arguments).await;
    assert_eq!(result["isError"], true, "{result}");
    parsed(&result)
}

/// The text of a result, read as JSON.
pub fn parsed(result: &Value) -> Value {
    let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {result}"));
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}
