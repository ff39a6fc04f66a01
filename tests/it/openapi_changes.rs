//! No change of the OpenAPI document breaks clients that were generated from the published one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// Who sends the data that a schema describes; this decides which changes of it break a client.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sender {
    /// Parameters and bodies of requests: whatever was accepted must still be accepted.
    Client,
    /// Responses and webhooks: whatever was promised must still be sent.
    Server,
}

/// The comparison of two documents.
struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    /// Pairs of schemas that were compared, or are being compared, by their addresses: schemas may be recursive.
    visited: BTreeSet<(usize, usize, Sender)>,
    found: Vec<String>,
}

/// Every change between two documents that breaks a client, by name.
fn breaking(old: &Value, new: &Value) -> Vec<String> {
    let mut comparison = Comparison { old, new, visited: BTreeSet::new(), found: Vec::new() };
    comparison.paths();
    comparison.webhooks();
    comparison.components();
    comparison.found
}

fn object(value: &Value) -> &Map<String, Value> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&EMPTY)
}

fn strings(value: &Value) -> BTreeSet<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The target of a reference, or the value itself; and the name of the reference.
fn resolved<'a>(document: &'a Value, mut value: &'a Value) -> (&'a Value, Option<&'a str>) {
    let mut name = None;
    while let Some(reference) = value["$ref"].as_str() {
        name = Some(reference);
        value = document.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null);
    }
    (value, name)
}

/// The alternatives of a schema by their type: `anyOf`, `oneOf` and lists of types are taken apart.
fn alternatives<'a>(document: &'a Value, schema: &'a Value, into: &mut BTreeMap<String, &'a Value>) {
    let (schema, _) = resolved(document, schema);
    let several = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|key| schema[key].as_array()).flatten();
    let mut none = true;
    for one in several {
        alternatives(document, one, into);
        none = false;
    }
    match &schema["type"] {
        Value::String(kind) => {
            into.insert(kind.clone(), schema);
        }
        Value::Array(kinds) => into.extend(kinds.iter().filter_map(Value::as_str).map(|kind| (kind.into(), schema))),
        _ if none => {
            into.insert("any".into(), schema);
        }
        _ => {}
    }
}

impl<'a> Comparison<'a> {
    fn report(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.found.contains(&text) {
            self.found.push(text);
        }
    }

    fn paths(&mut self) {
        for (path, old) in object(&self.old["paths"]) {
            let new = &self.new["paths"][path];
            if new.is_null() {
                self.report(format!("the path {path} is removed"));
                continue;
            }
            let methods = ["get", "post", "put", "patch", "delete"];
            for (method, old) in object(old).iter().filter(|(key, _)| methods.contains(&key.as_str())) {
                let name = format!("{} {path}", method.to_uppercase());
                if new[method].is_null() {
                    self.report(format!("{name} is removed"));
                } else {
                    self.operation(&name, old, &new[method]);
                }
            }
        }
    }

    fn webhooks(&mut self) {
        for (event, old) in object(&self.old["webhooks"]) {
            let new = &self.new["webhooks"][event];
            let body = |item: &'a Value| &item["post"]["requestBody"]["content"]["application/json"]["schema"];
            if new.is_null() {
                self.report(format!("the webhook {event} is removed"));
            } else {
                self.schema(&format!("webhook {event}"), body(old), body(new), Sender::Server);
            }
        }
    }

    /// The names of schemas are types in generated clients.
    fn components(&mut self) {
        for name in object(&self.old["components"]["schemas"]).keys() {
            if self.new["components"]["schemas"][name].is_null() {
                self.report(format!("the schema {name} is removed"));
            }
        }
    }

    fn operation(&mut self, name: &str, old: &'a Value, new: &'a Value) {
        if old["operationId"] != new["operationId"] {
            self.report(format!("{name} has operationId {}, and had {}", new["operationId"], old["operationId"]));
        }
        self.parameters(name, old, new);
        let (old_body, new_body) =
            (resolved(self.old, &old["requestBody"]).0, resolved(self.new, &new["requestBody"]).0);
        if new_body["required"] == true && old_body["required"] != true {
            self.report(format!("{name}: the body is required"));
        }
        self.content(&format!("{name} body"), old_body, new_body, Sender::Client);
        for (status, old) in object(&old["responses"]) {
            let place = format!("{name} {status}");
            let (old, after) = (resolved(self.old, old).0, resolved(self.new, &new["responses"][status]).0);
            if after.is_null() {
                self.report(format!("{place} is removed"));
                continue;
            }
            self.content(&place, old, after, Sender::Server);
            for header in object(&old["headers"]).keys().filter(|header| after["headers"][*header].is_null()) {
                self.report(format!("{place}: the header {header} is removed"));
            }
        }
    }

    fn parameters(&mut self, name: &str, old: &'a Value, new: &'a Value) {
        let named = |document: &'a Value, operation: &'a Value| -> BTreeMap<(&'a str, &'a str), &'a Value> {
            let all = operation["parameters"].as_array().into_iter().flatten().map(|one| resolved(document, one).0);
            all.map(|one| ((one["in"].as_str().unwrap(), one["name"].as_str().unwrap()), one)).collect()
        };
        let (before, after) = (named(self.old, old), named(self.new, new));
        for (key, old) in &before {
            let place = format!("{name} ?{}", key.1);
            match after.get(key) {
                None => self.report(format!("{place} is removed")),
                Some(new) => {
                    if new["required"] == true && old["required"] != true {
                        self.report(format!("{place} is required"));
                    }
                    self.schema(&place, &old["schema"], &new["schema"], Sender::Client);
                }
            }
        }
        for (key, _) in after.iter().filter(|(key, new)| new["required"] == true && !before.contains_key(*key)) {
            self.report(format!("{name} ?{} is new and required", key.1));
        }
    }

    fn content(&mut self, place: &str, old: &'a Value, new: &'a Value, sender: Sender) {
        for (media, old) in object(&old["content"]) {
            let new = &new["content"][media];
            if new.is_null() {
                self.report(format!("{place}: {media} is removed"));
            } else {
                self.schema(place, &old["schema"], &new["schema"], sender);
            }
        }
    }

    fn schema(&mut self, place: &str, old: &'a Value, new: &'a Value, sender: Sender) {
        let ((old, old_name), (new, new_name)) = (resolved(self.old, old), resolved(self.new, new));
        let place = match (old_name, new_name) {
            (Some(name), Some(_)) => name.rsplit('/').next().unwrap_or_default().to_owned(),
            _ => place.to_owned(),
        };
        let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
        alternatives(self.old, old, &mut before);
        alternatives(self.new, new, &mut after);
        let (least, most) = match sender {
            Sender::Client => (&before, &after),
            Sender::Server => (&after, &before),
        };
        let covered = |kind: &str| {
            most.contains_key(kind) || most.contains_key("any") || (kind == "integer" && most.contains_key("number"))
        };
        for kind in least.keys().filter(|kind| !covered(kind)) {
            self.report(match sender {
                Sender::Client => format!("{place} does not accept {kind} any more"),
                Sender::Server => format!("{place} may be {kind}"),
            });
        }
        for (kind, old) in &before {
            if let Some(new) = after.get(kind) {
                self.same_kind(&place, old, new, sender);
            }
        }
    }

    /// Two schemas of the same type.
    fn same_kind(&mut self, place: &str, old: &'a Value, new: &'a Value, sender: Sender) {
        let address = |schema: &'a Value| std::ptr::from_ref(schema) as usize;
        if !self.visited.insert((address(old), address(new), sender)) {
            return;
        }
        if old["format"] != new["format"] {
            self.report(format!("{place} has format {}, and had {}", new["format"], old["format"]));
        }
        let values = |schema: &'a Value| schema["enum"].as_array().into_iter().flatten();
        if !new["enum"].is_null() {
            if old["enum"].is_null() && sender == Sender::Client {
                self.report(format!("{place} accepts only some values"));
            }
            for gone in values(old).filter(|value| !values(new).any(|known| known == *value)) {
                self.report(format!("{place}: the value {gone} is removed"));
            }
        }
        if sender == Sender::Client {
            self.bounds(place, old, new);
        }
        for (name, old) in object(&old["properties"]) {
            match &new["properties"][name] {
                Value::Null => self.report(format!("{place}.{name} is removed")),
                new => self.schema(&format!("{place}.{name}"), old, new, sender),
            }
        }
        let (before, after) = (strings(&old["required"]), strings(&new["required"]));
        match sender {
            Sender::Client => {
                for name in after.difference(&before) {
                    self.report(format!("{place}.{name} is required"));
                }
            }
            Sender::Server => {
                for name in before.difference(&after).filter(|name| !new["properties"][**name].is_null()) {
                    self.report(format!("{place}.{name} may be absent"));
                }
            }
        }
        for key in ["items", "additionalProperties"] {
            if old[key].is_object() && new[key].is_object() {
                self.schema(&format!("{place}[]"), &old[key], &new[key], sender);
            }
        }
    }

    /// A bound of an input may only be widened.
    fn bounds(&mut self, place: &str, old: &Value, new: &Value) {
        let number = |schema: &Value, key: &str| schema[key].as_f64();
        for key in ["maximum", "maxLength", "maxItems"] {
            if number(new, key).is_some_and(|new| number(old, key).is_none_or(|old| new < old)) {
                self.report(format!("{place}: {key} is {}, and was {}", new[key], old[key]));
            }
        }
        for key in ["minimum", "minLength", "minItems"] {
            if number(new, key).is_some_and(|new| number(old, key).is_none_or(|old| new > old)) {
                self.report(format!("{place}: {key} is {}, and was {}", new[key], old[key]));
            }
        }
        if !new["pattern"].is_null() && new["pattern"] != old["pattern"] {
            self.report(format!("{place}: the pattern has changed"));
        }
    }
}

/// The published document is that of the last release; `make publish` replaces it, as `RELEASING.md` says.
#[test]
fn the_document_does_not_break_published_clients() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../api/published/openapi.json");
    let published = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let current = serde_json::from_str(&api::rest::openapi::Documents::new(None).json).unwrap();
    let found = breaking(&published, &current);
    assert!(found.is_empty(), "this breaks clients of the published document:\n{}", found.join("\n"));
}

const DOCUMENT: &str = r##"{
    "paths": { "/a": { "get": {
        "operationId": "getA",
        "parameters": [
            { "in": "query", "name": "q", "schema": { "type": "string", "maxLength": 9 } },
            { "in": "query", "name": "n", "schema": { "type": ["integer", "null"], "minimum": 1 } }
        ],
        "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/In" } } } },
        "responses": { "200": {
            "headers": { "ETag": {} },
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Out" } } }
        }, "404": {} }
    } }, "/b": {} },
    "webhooks": { "made": { "post": { "requestBody": { "content": { "application/json": {
        "schema": { "$ref": "#/components/schemas/Out" } } } } } } },
    "components": { "schemas": {
        "In": { "type": "object", "required": ["x"], "properties": {
            "x": { "type": "string", "format": "uuid" }, "kind": { "type": "string", "enum": ["ONE", "TWO"] } } },
        "Out": { "type": "object", "required": ["id", "sub"], "properties": {
            "id": { "type": "string" },
            "note": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
            "parent": { "anyOf": [{ "$ref": "#/components/schemas/Out" }, { "type": "null" }] },
            "sub": { "type": "array", "items": { "$ref": "#/components/schemas/Out" } } } }
    } }
}"##;

#[test]
fn every_breaking_change_is_found() {
    let old: Value = serde_json::from_str(DOCUMENT).unwrap();
    for (from, to, reported) in [
        (r#", "/b": {}"#, "", "the path /b is removed"),
        (r#""get""#, r#""put""#, "GET /a is removed"),
        (r#""getA""#, r#""readA""#, r#"GET /a has operationId "readA", and had "getA""#),
        (r#""name": "q""#, r#""name": "p""#, "GET /a ?q is removed"),
        (r#""name": "q""#, r#""name": "q", "required": true"#, "GET /a ?q is required"),
        (
            r#""parameters": ["#,
            r#""parameters": [{ "in": "header", "name": "h", "required": true, "schema": {} },"#,
            "GET /a ?h is new and required",
        ),
        (r#""maxLength": 9"#, r#""maxLength": 8"#, "GET /a ?q: maxLength is 8, and was 9"),
        (r#""minimum": 1"#, r#""minimum": 2"#, "GET /a ?n: minimum is 2, and was 1"),
        (r#"["integer", "null"]"#, r#""integer""#, "GET /a ?n does not accept null any more"),
        (r#"["integer", "null"]"#, r#"["string", "null"]"#, "GET /a ?n does not accept integer any more"),
        (r#""maxLength": 9"#, r#""maxLength": 9, "pattern": "^a""#, "GET /a ?q: the pattern has changed"),
        (
            r#""requestBody": { "content""#,
            r#""requestBody": { "required": true, "content""#,
            "GET /a: the body is required",
        ),
        (r#", "404": {}"#, "", "GET /a 404 is removed"),
        (r#""ETag": {}"#, "", "GET /a 200: the header ETag is removed"),
        (r#""made""#, r#""done""#, "the webhook made is removed"),
        (r#""required": ["x"]"#, r#""required": ["x", "kind"]"#, "In.kind is required"),
        (r#""format": "uuid""#, r#""format": "date""#, r#"In.x has format "date", and had "uuid""#),
        (r#"["ONE", "TWO"]"#, r#"["ONE"]"#, r#"In.kind: the value "TWO" is removed"#),
        (r#""x": { "type": "string", "format": "uuid" }, "#, "", "In.x is removed"),
        (r#""id": { "type": "string" },"#, "", "Out.id is removed"),
        (r#""id": { "type": "string" }"#, r#""id": { "type": "integer" }"#, "Out.id may be integer"),
        (r#""id": { "type": "string" }"#, r#""id": { "type": ["string", "null"] }"#, "Out.id may be null"),
        (r#"["id", "sub"]"#, r#"["sub"]"#, "Out.id may be absent"),
        (
            r##""items": { "$ref": "#/components/schemas/Out" }"##,
            r#""items": { "type": "string" }"#,
            "Out.sub[] may be string",
        ),
        (r#""In": {"#, r#""Input": {"#, "the schema In is removed"),
    ] {
        assert!(DOCUMENT.contains(from), "{from}");
        let new = serde_json::from_str(&DOCUMENT.replacen(from, to, 1)).unwrap_or_else(|e| panic!("{to}: {e}"));
        let found = breaking(&old, &new);
        assert!(found.iter().any(|found| found == reported), "{from} to {to}: {found:?}");
    }
}

#[test]
fn additions_break_nothing() {
    let old: Value = serde_json::from_str(DOCUMENT).unwrap();
    for (from, to) in [
        (r#""/b": {}"#, r#""/b": {}, "/c": {}"#),
        (r#""parameters": ["#, r#""parameters": [{ "in": "query", "name": "o", "schema": {} },"#),
        (r#""maxLength": 9"#, r#""maxLength": 10"#),
        (r#"["integer", "null"]"#, r#"["number", "null"]"#),
        (r#"["ONE", "TWO"]"#, r#"["ONE", "TWO", "THREE"]"#),
        (r#""required": ["x"]"#, r#""required": []"#),
        (r#""id": { "type": "string" }"#, r#""more": {}, "id": { "type": "string" }"#),
        (r#"{ "anyOf": [{ "type": "string" }, { "type": "null" }] }"#, r#"{ "type": "string" }"#),
        (r#"["id", "sub"]"#, r#"["id", "sub", "note"]"#),
        (r#""In": {"#, r#""New": {}, "In": {"#),
    ] {
        assert!(DOCUMENT.contains(from), "{from}");
        let new = serde_json::from_str(&DOCUMENT.replacen(from, to, 1)).unwrap_or_else(|e| panic!("{to}: {e}"));
        assert_eq!(breaking(&old, &new), Vec::<String>::new(), "{from} to {to}");
    }
}
