//! What the document must say about every operation, so that a new one cannot say less.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{answered_record, document, operations};

/// The schema that an answer or a body refers to.
fn referred(content: &Value) -> Option<&str> {
    let schema = &content["content"]["application/json"]["schema"];
    schema["$ref"].as_str()?.strip_prefix("#/components/schemas/")
}

fn successes(operation: &Value) -> Vec<(&str, &Value)> {
    let responses = operation["responses"].as_object().unwrap();
    responses.iter().map(|(status, response)| (status.as_str(), response)).filter(|(s, _)| s.starts_with('2')).collect()
}

fn parameter<'a>(operation: &'a Value, name: &str) -> Option<&'a Value> {
    operation["parameters"].as_array().unwrap().iter().find(|parameter| parameter["name"] == name)
}

/// Exactly the refusals that can happen, each in the envelope.
#[test]
fn every_operation_documents_its_security_and_errors() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["security"], json!([{ "bearerAuth": [] }]));
    for (path, method, operation) in operations(&document) {
        let place = format!("{method} {path}");
        assert!(operation.get("security").is_none(), "{place}: it is that of the document");
        let mut expected = BTreeSet::from(["401", "402", "403", "422", "429", "500", "503"]);
        let writes = method != "get";
        let listed = parameter(&operation, "cursor").is_some();
        expected.extend(path.contains('{').then_some("404"));
        expected.extend(writes.then_some("409"));
        expected.extend(parameter(&operation, "If-Match").is_some().then_some("412"));
        expected.extend(parameter(&operation, "If-None-Match").is_some().then_some("304"));
        if operation.get("requestBody").is_some() || matches!(&*method, "post" | "put") {
            expected.extend(["400", "413", "415"]);
        }
        expected.extend(listed.then_some("400"));
        let named: BTreeSet<&str> = operation["responses"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .filter(|s| !s.starts_with('2'))
            .collect();
        assert_eq!(named, expected, "{place}");
        for status in expected.into_iter().filter(|status| *status != "304") {
            let reference = operation["responses"][status]["$ref"].as_str().unwrap().trim_start_matches('#');
            assert_eq!(referred(document.pointer(reference).unwrap()), Some("ErrorAnswer"), "{place} {status}");
        }
    }
}

/// Every operation has a description, one documented tag, and the headers that it accepts.
#[test]
fn every_operation_describes_its_effect_and_input() {
    let document = document();
    let tags: Vec<&Value> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    for (path, method, operation) in operations(&document) {
        let place = format!("{method} {path}");
        for text in ["summary", "description"] {
            assert!(operation[text].as_str().is_some_and(|s| s.len() > 5), "{place} has no {text}");
        }
        assert!(operation["tags"].as_array().is_some_and(|own| own.len() == 1 && tags.contains(&&own[0])), "{place}");
        let key = parameter(&operation, "Idempotency-Key");
        assert_eq!(key.map(|key| &key["required"]), (method != "get").then_some(&json!(method == "post")), "{place}");
        for parameter in operation["parameters"].as_array().unwrap() {
            assert!(parameter["description"].as_str().is_some_and(|s| !s.is_empty()), "{place}: {}", parameter["name"]);
        }
        let versioned = successes(&operation).iter().any(|(_, response)| response["headers"].get("ETag").is_some());
        let wanted = match &*method {
            "get" => Some("If-None-Match"),
            "patch" => Some("If-Match"),
            _ => None,
        };
        if let Some(wanted) = wanted {
            assert_eq!(parameter(&operation, wanted).is_some(), versioned, "{place}: {wanted}");
        }
    }
}

/// Every authenticated response carries the request id and the budget; a 201 carries the location.
#[test]
fn every_response_documents_its_headers() {
    let document = document();
    let common = [
        "X-Request-Id",
        "X-RateLimit-Limit",
        "X-RateLimit-Remaining",
        "X-RateLimit-Reset",
        "RateLimit-Policy",
        "RateLimit",
    ];
    let required = |header: &Value| {
        let header = header["$ref"].as_str().map_or(header, |at| document.pointer(at.trim_start_matches('#')).unwrap());
        header["required"] == true
    };
    for (path, method, operation) in operations(&document) {
        for (status, response) in successes(&operation) {
            let place = format!("{method} {path} {status}");
            assert!(common.iter().all(|name| required(&response["headers"][*name])), "{place}");
            let replayed = response["headers"].get("Idempotent-Replayed").is_some();
            assert_eq!(replayed, method != "get", "{place}");
            assert!(response["headers"].get("Location").is_none_or(required), "{place}");
        }
    }
    let responses = &document["components"]["responses"];
    assert!(required(&responses["RateLimited"]["headers"]["Retry-After"]));
    assert!(required(&responses["Stale"]["headers"]["ETag"]));
    assert!(required(&responses["Unauthenticated"]["headers"]["WWW-Authenticate"]));
    for (name, response) in responses.as_object().unwrap() {
        assert!(required(&response["headers"]["X-Request-Id"]), "{name}");
    }
}

/// Whatever makes a record leads to what reads, changes and ends it.
#[test]
fn created_records_link_to_operations_that_read_them() {
    let document = document();
    let all = operations(&document);
    let of = |id: &Value| all.iter().find(|(_, _, operation)| operation["operationId"] == *id);
    let mut followed = 0;
    for (path, _, operation) in &all {
        for (_, response) in
            successes(operation).iter().filter(|(_, response)| response["headers"].get("Location").is_some())
        {
            let links = response["links"].as_object().unwrap_or_else(|| panic!("{path} leads nowhere"));
            let mut methods = BTreeSet::new();
            for link in links.values() {
                let (path, method, target) = of(&link["operationId"]).expect("a link leads to an operation");
                for (name, from) in link["parameters"].as_object().unwrap() {
                    assert_eq!(from, "$response.body#/data/id");
                    assert!(
                        path.contains(&format!("{{{name}}}")) && parameter(target, name).is_some(),
                        "{path}: {name}"
                    );
                }
                methods.insert(method.as_str());
            }
            assert!(methods.contains("get"), "{path} does not lead to what it made");
            followed += 1;
        }
    }
    assert!(followed >= 4, "{followed}");
}

/// Every record and every body is shown by an example: a new noun has none until it is written.
#[test]
fn every_record_and_every_body_has_an_example() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    for (path, method, operation) in operations(&document) {
        let place = format!("{method} {path}");
        if operation.get("requestBody").is_some() {
            let examples = &operation["requestBody"]["content"]["application/json"]["examples"];
            assert!(
                examples.as_object().is_some_and(|all| !all.is_empty()),
                "{place}: write one in service/src/contract/examples.json"
            );
        }
        if let Some(record) = answered_record(&document, &operation) {
            let record = record.as_str();
            let example = schemas[record]["examples"][0].as_object();
            let example =
                example.unwrap_or_else(|| panic!("{record}: write one in service/src/contract/examples.json"));
            let properties = schemas[record]["properties"].as_object().unwrap();
            assert!(example.keys().eq(properties.keys()), "the example of {record} has other fields than a record");
        }
    }
}

/// Bodies name all that they take, answers all that they carry; each with a word, and in the words of 3.1.
#[test]
fn schemas_are_exact() {
    let document = document();
    let mut bodies = BTreeSet::new();
    for (_, _, operation) in operations(&document) {
        bodies.extend(referred(&operation["requestBody"]).map(str::to_owned));
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema.get("title").is_none(), "{name} has a title that says its name again");
        let is_sent = bodies.contains(name) || name.ends_with("Filter");
        assert_eq!(schema["additionalProperties"] == json!(false), is_sent, "{name}");
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let plain = property["type"].is_string() || property["type"].is_array();
            let enveloped = ["data", "pagination", "error"].contains(&field.as_str());
            assert!(enveloped || !plain || property["description"].is_string(), "{name}.{field} is not described");
        }
    }
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["Client"]["properties"]["defaultRate"]["type"], json!(["string", "null"]));
    assert_eq!(schemas["Client"]["properties"]["createdAt"]["format"], "date-time");
    assert_eq!(schemas["CreateProjectInput"]["required"], json!(["clientId", "name"]));
    assert_eq!(schemas["CreateProjectInput"]["properties"]["name"]["minLength"], 1);
    assert_eq!(schemas["MoneyInput"]["oneOf"][0]["pattern"], r"^\d{1,12}(\.\d{1,4})?$");
    for name in ["MoneyInput", "DecimalInput"] {
        // The greatest number that is taken, to the digit.
        assert_eq!(schemas[name]["oneOf"][1]["maximum"].to_string(), "999999999999.999", "{name}");
    }
    assert!(schemas["Project"]["required"].as_array().unwrap().contains(&json!("dueDate")));
    assert!(
        !schemas["Project"]["required"].as_array().unwrap().contains(&json!("hourlyRate")),
        "Members do not see it"
    );
}

/// Generators invent a name for a type that has none, another one each (`GetRunningTimer200Response`, `Data7`), so every
/// object and every closed list is a component. One value alone is a constant.
#[test]
fn every_type_has_a_name() {
    fn walk(value: &Value, path: &str, named: bool) {
        match value {
            Value::Object(map) => {
                let is_list = map.get("enum").and_then(Value::as_array).is_some_and(|values| values.len() > 1);
                let is_object = map.get("properties").is_some_and(Value::is_object);
                assert!(named || !(is_list || is_object), "{path} has no name");
                for (key, inner) in map.iter().filter(|(key, _)| !matches!(key.as_str(), "example" | "examples")) {
                    walk(inner, &format!("{path}/{key}"), path.ends_with("/schemas"));
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, path, false)),
            _ => {}
        }
    }
    let document = document();
    walk(&document, "", false);
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let values = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let needed = name != "Currency" && values.clone().any(|value| value.contains(['-', '.']));
        let names = schema["x-enum-varnames"].as_array();
        assert_eq!(names.map(Vec::len), needed.then(|| values.count()), "{name}: names of its values");
    }
    let sort = &document["components"]["schemas"]["ClientSort"];
    assert_eq!(sort["x-enum-varnames"][0], "CREATED_AT_DESC", "as in GraphQL, the default first");
}

/// openapi-generator makes one class per tag: the operations of a tag that the webhooks shared were overwritten.
#[test]
fn webhooks_have_a_tag_of_their_own() {
    let document = document();
    let of_paths: BTreeSet<_> =
        operations(&document).iter().map(|(_, _, operation)| operation["tags"].to_string()).collect();
    for (kind, item) in document["webhooks"].as_object().unwrap() {
        assert!(!of_paths.contains(&item["post"]["tags"].to_string()), "{kind}");
    }
}

/// A list without a text to search does not offer to.
#[test]
fn lists_document_their_parameters() {
    let mut unsearched = BTreeSet::new();
    for (_, _, operation) in operations(&document()) {
        if parameter(&operation, "cursor").is_some() && parameter(&operation, "search").is_none() {
            unsearched.extend(operation["operationId"].as_str().map(str::to_owned));
        }
    }
    assert!(unsearched.iter().eq(["listEvents", "listTokens", "listWebhookDeliveries", "listWebhookEndpoints"]));
}

/// Every event is documented with its envelope and both signatures; 3.0 has no place of its own for them.
#[test]
fn webhooks_are_documented() {
    let document = document();
    for (kind, operation) in document["webhooks"].as_object().unwrap() {
        let post = &operation["post"];
        let name = referred(&post["requestBody"]).unwrap();
        let schema = &document["components"]["schemas"][name];
        assert_eq!(schema["required"], json!(["created", "data", "id", "livemode", "orgId", "type"]), "{kind}");
        assert_eq!(schema["properties"]["type"]["enum"], json!([kind]));
        let headers: Vec<&Value> =
            post["parameters"].as_array().unwrap().iter().map(|header| &header["name"]).collect();
        assert_eq!(headers, ["Hoursmith-Signature", "webhook-id", "webhook-timestamp", "webhook-signature"]);
    }
    for kind in ["client.created", "project.created", "time_entry.created"] {
        assert!(document["webhooks"].get(kind).is_some(), "{kind}");
    }
    let old: Value = serde_json::from_str(&api::rest::openapi::Documents::new(None).json_3_0).unwrap();
    assert!(old.get("webhooks").is_none());
}

#[test]
fn the_3_1_document_uses_no_3_0_keywords() {
    fn walk(value: &Value, path: &str) {
        match value {
            Value::Object(map) => {
                assert!(!map.contains_key("nullable"), "nullable at {path}");
                assert!(map.keys().all(|key| !key.contains("charset")), "a charset at {path}");
                map.iter().for_each(|(key, value)| walk(value, &format!("{path}/{key}")));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, path)),
            _ => {}
        }
    }
    walk(&document(), "");
    let old: Value = serde_json::from_str(&api::rest::openapi::Documents::new(None).json_3_0).unwrap();
    assert_eq!(old["openapi"], "3.0.3");
}
