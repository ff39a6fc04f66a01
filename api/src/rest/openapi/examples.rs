//! Examples: records as a server gave them, bodies that it takes, and what a change makes of a record, from those that
//! `service` keeps.

use serde_json::{Value, json};
use service::examples;
use sha2::{Digest, Sha256};

use super::{entries, entries_of, referred};

/// Adds examples to schemas: the record of an answer, the fullest body of an input.
pub fn add_to_schemas(document: &mut Value) {
    let all = examples();
    for (name, schema) in entries_of(&mut document["components"], "schemas") {
        let bodies = all["requests"][name].as_object().into_iter().flatten().map(|(_, body)| &body["value"]);
        let fullest = bodies.max_by_key(|body| body.as_object().map_or(0, |fields| fields.len()));
        if let Some(example) = all["records"].get(name).or(fullest) {
            schema["example"] = example.clone();
        }
    }
}

/// Adds examples to operations: ids in paths, a key of its own for each, named bodies, and what is answered.
pub fn add_to_operations(document: &mut Value) {
    let all = examples();
    let schemas = document["components"]["schemas"].clone();
    let paths = document["paths"].clone();
    for (path, item) in entries_of(document, "paths") {
        for (_, operation) in entries(item) {
            let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
            let own = &all["answers"][&id];
            for parameter in operation["parameters"].as_array_mut().into_iter().flatten() {
                match parameter["in"].as_str() {
                    Some("path") if parameter["name"] == "userId" => {
                        parameter["example"] = all["records"]["Member"]["userId"].clone();
                    }
                    Some("path") => {
                        let list = path.split("/{").next().unwrap_or_default();
                        let listed = answered_record(&schemas, &paths[list]["get"]["responses"]["200"]);
                        let record = &all["records"][listed.unwrap_or_default()]["id"];
                        parameter["example"] = own.get("path").unwrap_or(record).clone();
                    }
                    Some("header") if parameter["name"] == "Idempotency-Key" => {
                        parameter["example"] = json!(key_of(&id));
                    }
                    _ => {}
                }
            }
            for (status, response) in entries_of(operation, "responses") {
                if !status.starts_with('2') {
                    continue;
                }
                let Some(record) = answered_record(&schemas, response) else { continue };
                let record = &all["records"][record];
                let Some(content) = response.pointer_mut("/content/application~1json") else { continue };
                let answer = referred(&content["schema"]).unwrap_or_default().to_owned();
                content["example"] = if answer.ends_with("Page") {
                    json!({ "data": [changed(record, own, &own["with"])],
                            "pagination": { "nextCursor": null, "limit": 50 } })
                } else if let Some(each) = own["with"].as_array() {
                    json!({ "data": each.iter().map(|with| changed(record, own, with)).collect::<Vec<_>>() })
                } else {
                    json!({ "data": changed(record, own, &own["with"]) })
                };
            }
        }
    }
}

/// Adds named bodies to the operations that take them. A strict reader of 3.0 stumbles over them.
pub fn add_bodies(document: &mut Value) {
    let requests = &examples()["requests"];
    for (_, item) in entries_of(document, "paths") {
        for (_, operation) in entries(item) {
            let Some(content) = operation.pointer_mut("/requestBody/content/application~1json") else { continue };
            let sent = referred(&content["schema"]).and_then(|name| requests.get(name)).cloned();
            if let Some(sent) = sent {
                content["examples"] = sent;
            }
        }
    }
}

/// A record after a change: some fields with other values, some absent.
fn changed(record: &Value, answer: &Value, with: &Value) -> Value {
    let mut record = record.clone();
    for (name, value) in with.as_object().into_iter().flatten() {
        record[name] = value.clone();
    }
    if let Some(record) = record.as_object_mut() {
        let absent = answer["without"].as_array().into_iter().flatten().filter_map(Value::as_str);
        absent.for_each(|name| drop(record.remove(name)));
    }
    record
}

/// The name of the record in an answer: alone, or in a list.
fn answered_record<'a>(schemas: &'a Value, response: &Value) -> Option<&'a str> {
    let answer = referred(response.pointer("/content/application~1json/schema")?)?;
    let data = &schemas[answer]["properties"]["data"];
    [data, &data["items"], &data["allOf"][0]].into_iter().find_map(referred)
}

/// An idempotency key, a UUID that is another one for each operation, so that samples do not collide when they are run one
/// after the other.
fn key_of(operation_id: &str) -> String {
    let digest = Sha256::digest(operation_id.as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    // The digits that mark a random UUID (RFC 9562, version 4).
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}
