//! Examples: records as a server gave them and bodies that it takes. They are kept in `examples.json`; a test sends every
//! body to a server and compares what comes back with the record.

use serde_json::Value;

use super::{entries, entries_of};

/// An id, where any will do.
pub const ID: &str = "019eb5d4-1c00-7b3e-9c54-2f0f6f1a7c01";

const EXAMPLES: &str = include_str!("examples.json");

fn all() -> Value {
    serde_json::from_str(EXAMPLES).unwrap_or_default()
}

/// Adds records to their schemas.
pub fn add_records(document: &mut Value) {
    let records = all()["records"].take();
    for (name, schema) in entries_of(&mut document["components"], "schemas") {
        if let Some(record) = records.get(name) {
            schema["example"] = record.clone();
        }
    }
}

/// Adds bodies to the operations that take them.
pub fn add_requests(document: &mut Value) {
    let requests = all()["requests"].take();
    for (_, item) in entries_of(document, "paths") {
        for (_, operation) in entries(item) {
            let Some(content) = operation.pointer_mut("/requestBody/content/application~1json") else { continue };
            let sent = super::referred(&content["schema"]).and_then(|name| requests.get(name)).cloned();
            if let Some(sent) = sent {
                content["examples"] = sent;
            }
        }
    }
}
