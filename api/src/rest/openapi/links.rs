//! Where an answer leads to: from what made a record to what reads, changes and ends it.

use serde_json::{Map, Value, json};

use super::{entries, entries_of, referred};

/// Adds links to every answer that gives a new record, and to every page.
pub fn add(document: &mut Value) {
    let targets = targets(&document["paths"]);
    for (path, item) in entries_of(document, "paths") {
        for (method, operation) in entries(item) {
            let own = operation["operationId"].clone();
            let leads = |schema: &str, id: &str, all: bool| -> Map<String, Value> {
                targets
                    .iter()
                    .filter(|target| target.record == schema || (!all && target.list == *path))
                    .filter(|target| own != *target.operation && (all || target.reads))
                    .map(|target| (target.operation.clone(), target.link(id)))
                    .collect()
            };
            for (status, response) in entries_of(operation, "responses") {
                let Some(schema) = answered(response) else { continue };
                let links = if let Some(record) = schema.strip_suffix("Page") {
                    leads(record, "$response.body#/data/0/id", false)
                } else if let Some(record) = schema.strip_suffix("Answer")
                    && method == "post"
                    && (status == "201" || response["headers"].get("Location").is_some())
                {
                    leads(record, "$response.body#/data/id", true)
                } else {
                    continue;
                };
                if !links.is_empty() {
                    response["links"] = Value::Object(links);
                }
            }
        }
    }
}

struct Target {
    list: String,
    record: String,
    operation: String,
    parameter: String,
    about: String,
    reads: bool,
}

impl Target {
    fn link(&self, id: &str) -> Value {
        json!({ "operationId": self.operation, "parameters": { &self.parameter: id }, "description": self.about })
    }
}

/// The operations on one record and below it: those whose path goes on from its list by its id.
fn targets(paths: &Value) -> Vec<Target> {
    let mut targets = Vec::new();
    let paths = || paths.as_object().into_iter().flatten();
    for (list, item) in paths().filter_map(|(path, item)| Some((path.strip_suffix("/{id}")?, item))) {
        let Some(record) = answered(&item["get"]["responses"]["200"]).and_then(|name| name.strip_suffix("Answer"))
        else {
            continue;
        };
        for (path, item) in paths() {
            let Some((parameter, _)) =
                path.strip_prefix(list).and_then(|rest| rest.strip_prefix("/{")).and_then(|rest| rest.split_once('}'))
            else {
                continue;
            };
            for (method, operation) in item.as_object().into_iter().flatten() {
                targets.push(Target {
                    list: list.to_owned(),
                    // What is got whole may be made in short: a delivery has its attempts later.
                    record: record.trim_end_matches("Detail").to_owned(),
                    operation: operation["operationId"].as_str().unwrap_or_default().to_owned(),
                    parameter: parameter.to_owned(),
                    about: operation["summary"].as_str().unwrap_or_default().to_owned(),
                    reads: method == "get",
                });
            }
        }
    }
    targets
}

/// The schema of what a response answers with.
fn answered(response: &Value) -> Option<&str> {
    referred(response.pointer("/content/application~1json/schema")?)
}
