//! The messages of graphql-transport-ws.

use std::collections::HashMap;

use async_graphql::Response as GraphqlResponse;
use serde_json::value::RawValue;
use service::value::Json;
use tokio_tungstenite::tungstenite::Message;

/// Bytes of the id that a client gives to an operation; every message of the operation repeats it.
const MAX_ID: usize = 128;

/// A part of the answer to an operation.
pub(super) enum ServerMessage {
    Next(Vec<u8>),
    /// The errors of a document that was not executed.
    Error(Vec<u8>),
}

/// A message of a client.
pub(super) enum ClientMessage {
    Init(Option<Json>),
    Ping,
    Pong,
    Subscribe(String, Json),
    Complete(String),
}

impl ClientMessage {
    /// Reads a message; `None` if it is none of the protocol.
    pub(super) fn read(text: &str) -> Option<ClientMessage> {
        let Json::Object(pairs) = Json::parse(text.as_bytes()).ok()? else { return None };
        let mut fields: HashMap<String, Json> = pairs.into_iter().collect();
        let Some(Json::Text(kind)) = fields.remove("type") else { return None };
        let payload = fields.remove("payload");
        let mut id = || match fields.remove("id") {
            Some(Json::Text(id)) if !id.is_empty() && id.len() <= MAX_ID => Some(id),
            _ => None,
        };
        match kind.as_str() {
            "connection_init" => match payload {
                None | Some(Json::Null | Json::Object(_)) => Some(ClientMessage::Init(payload)),
                _ => None,
            },
            "ping" => Some(ClientMessage::Ping),
            "pong" => Some(ClientMessage::Pong),
            "subscribe" => {
                Some(ClientMessage::Subscribe(id()?, payload.filter(|payload| matches!(payload, Json::Object(_)))?))
            }
            "complete" => Some(ClientMessage::Complete(id()?)),
            _ => None,
        }
    }
}

/// A message to the client; its payload is JSON that is written already.
pub(super) fn message(kind: &str, id: Option<&str>, payload: Option<&[u8]>) -> Message {
    #[derive(serde::Serialize)]
    struct Written<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        r#type: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<&'a RawValue>,
    }
    let payload = payload.and_then(|bytes| serde_json::from_slice::<&RawValue>(bytes).ok());
    Message::text(serde_json::to_string(&Written { id, r#type: kind, payload }).unwrap_or_default())
}

/// The errors of an answer, as JSON.
pub(super) fn errors(answer: &GraphqlResponse) -> Vec<u8> {
    serde_json::to_vec(&answer.errors).unwrap_or_default()
}
