//! The parts of messages of MCP that the fixture of the conformance suite answers with.

use rmcp::ErrorData;
use rmcp::model::{CallToolResponse, CallToolResult, InputRequiredResult, InputResponses};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A picture of one point, and a sound of no length.
pub(super) const IMAGE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
pub(super) const SOUND: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAgD4AAAB9AAACABAAZGF0YQAAAAA=";

/// A result of the protocol from its JSON; the library leaves the type of the result out for older clients.
pub(super) fn made<T: DeserializeOwned>(mut value: Value) -> Result<T, ErrorData> {
    if value.get("resultType").is_none() {
        value["resultType"] = "complete".into();
    }
    part(value)
}

/// Any type of the protocol from its JSON.
pub(super) fn part<T: DeserializeOwned>(value: Value) -> Result<T, ErrorData> {
    serde_json::from_value(value).map_err(|e| ErrorData::internal_error(format!("the fixture is wrong: {e}"), None))
}

pub(super) fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

pub(super) fn says(what: &str) -> Result<CallToolResponse, ErrorData> {
    answers(&json!([text(what)]))
}

pub(super) fn answers(content: &Value) -> Result<CallToolResponse, ErrorData> {
    Ok(made::<CallToolResult>(json!({ "content": content }))?.into())
}

pub(super) fn asks(requests: &Value, state: Option<String>) -> Result<InputRequiredResult, ErrorData> {
    let mut result = json!({ "resultType": "input_required", "inputRequests": requests });
    if let Some(state) = state {
        result["requestState"] = state.into();
    }
    made(result)
}

pub(super) fn form(message: &str, field: &str, kind: &str) -> Value {
    let schema = json!({ "type": "object", "properties": { field: { "type": kind } }, "required": [field] });
    json!({ "method": "elicitation/create", "params": { "mode": "form", "message": message, "requestedSchema": schema } })
}

pub(super) fn sample(question: &str) -> Value {
    let messages = json!([{ "role": "user", "content": text(question) }]);
    json!({ "method": "sampling/createMessage", "params": { "messages": messages, "maxTokens": 100 } })
}

pub(super) fn roots() -> Value {
    json!({ "method": "roots/list", "params": {} })
}

/// The accepted content of a form.
pub(super) fn filled<'a>(responses: &'a InputResponses, key: &str, field: &str) -> Option<&'a str> {
    let answer = responses.get(key)?;
    let accepted = answer.get("action").and_then(Value::as_str) == Some("accept");
    accepted.then(|| answer.pointer(&format!("/content/{field}")))?.and_then(Value::as_str)
}
