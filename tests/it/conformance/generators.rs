//! What code generators and tools that import the document choke on, each seen once and never again.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use super::{document, operations, run, tool};

fn documents() -> [Value; 2] {
    let made = api::rest::openapi::Documents::new(None);
    [&made.json, &made.json_3_0].map(|text| serde_json::from_str(text).unwrap())
}

/// Every object of a document that is no example, with where it stands.
fn walk(value: &Value, path: &str, look: &mut impl FnMut(&serde_json::Map<String, Value>, &str)) {
    match value {
        Value::Object(map) => {
            look(map, path);
            for (key, inner) in map.iter().filter(|(key, _)| !matches!(key.as_str(), "example" | "examples")) {
                walk(inner, &format!("{path}/{key}"), look);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, path, look)),
        _ => {}
    }
}

/// `format: decimal` makes floats in six languages; clients match a pattern beside a date against the date that they have
/// parsed; Go makes a 32-bit float of a number without a format.
#[test]
fn formats_are_those_that_generators_read_alike() {
    for document in documents() {
        walk(&document, "", &mut |schema, path| {
            let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
            assert_ne!(format, "decimal", "{path}");
            assert!(!(format.starts_with("date") && schema.contains_key("pattern")), "{path}");
            assert!(schema.get("type") != Some(&json!("number")) || format == "double", "{path}");
        });
    }
}

/// 3.0 knows no choice of types, and reads `nullable` beside a type only.
#[test]
fn money_is_a_plain_string_in_3_0() {
    let [new, old] = documents();
    assert!(new["components"]["schemas"]["MoneyInput"]["oneOf"].is_array());
    assert_eq!(old["components"]["schemas"]["MoneyInput"]["type"], "string");
    walk(&old, "", &mut |schema, path| {
        assert!(!schema.contains_key("oneOf") && !schema.contains_key("anyOf"), "{path}");
        assert!(!schema.contains_key("nullable") || schema.contains_key("type"), "{path}");
    });
}

/// Pages that render a form fill in every parameter that has an example or a default: a list would be filtered by days,
/// and a change would be refused as stale.
#[test]
fn optional_parameters_have_no_example() {
    for document in documents() {
        let mut keys = BTreeSet::new();
        for (path, method, operation) in operations(&document) {
            for parameter in operation["parameters"].as_array().unwrap() {
                let place = format!("{method} {path} {}", parameter["name"]);
                let schema = match parameter["schema"]["$ref"].as_str() {
                    Some(at) => document.pointer(at.trim_start_matches('#')).unwrap(),
                    None => &parameter["schema"],
                };
                let filled = [parameter, schema, &schema["items"]];
                let filled =
                    ["example", "examples", "default"].iter().any(|key| filled.iter().any(|at| at.get(key).is_some()));
                let wanted = parameter["required"] == true || parameter["name"] == "Idempotency-Key";
                assert_eq!(filled, wanted, "{place}");
                if parameter["name"] == "Idempotency-Key" {
                    let key = parameter["example"].as_str().unwrap();
                    assert!(
                        key.len() == 36 && keys.insert(key.to_owned()),
                        "{place}: {key} is another operation's too"
                    );
                }
            }
        }
    }
}

/// A typed client offers the groups of a report, and knows that some are needed.
#[test]
fn the_groups_of_a_report_are_a_list_of_names() {
    for document in documents() {
        let parameters = document["paths"]["/reports/time"]["get"]["parameters"].as_array().unwrap().clone();
        let group_by = &parameters[0];
        assert_eq!(group_by["name"], "groupBy");
        assert_eq!((&group_by["required"], &group_by["explode"]), (&json!(true), &json!(false)));
        assert_eq!(group_by["schema"]["items"]["$ref"], "#/components/schemas/ReportGroup");
    }
}

/// Every input and every record is shown in both versions.
#[test]
fn schemas_have_examples_in_both_versions() {
    let [new, old] = documents();
    let all = new["components"]["schemas"].as_object().unwrap();
    for (name, schema) in all.iter().filter(|(_, schema)| schema["type"] == "object") {
        let shown = schema["examples"][0].clone();
        assert_eq!(old["components"]["schemas"][name].get("example").cloned().unwrap_or_default(), shown, "{name}");
        assert!(!name.ends_with("Input") || shown.is_object(), "{name} has no example");
    }
}

/// Readers of YAML 1.1 make dates of plain days, numbers of `1:30` and truths of `on`.
#[test]
fn yaml_says_the_same_to_an_old_reader() {
    let folder = tests::database::folder();
    let made = api::rest::openapi::Documents::new(None);
    for (file, text) in [("1.yaml", &made.yaml), ("1.json", &made.json)] {
        std::fs::write(folder.join(file), text).unwrap();
    }
    let script = "import json, yaml; assert yaml.safe_load(open('1.yaml')) == json.load(open('1.json'))";
    run(Command::new(tool("HOURSMITH_TEST_PYTHON").join("python")).args(["-c", script]).current_dir(folder));
}

/// The reference is read by noun: the list, then what makes, gets, changes and deletes one, then everything else.
#[test]
fn paths_are_in_the_order_of_reading() {
    let text = api::rest::openapi::Documents::new(None).json;
    let place = |path: &str| text.find(&format!("\n    \"{path}\": {{")).unwrap_or_else(|| panic!("no {path}"));
    let order = ["/me", "/clients", "/clients/{id}", "/projects", "/projects/{id}", "/projects/{id}/archive", "/tasks"];
    assert!(order.iter().map(|path| place(path)).is_sorted());
    let record = &text[place("/clients/{id}")..];
    assert!(["getClient", "updateClient", "deleteClient"].iter().map(|id| record.find(*id).unwrap()).is_sorted());
    assert!(document()["openapi"] == "3.1.0" && text.starts_with("{\n  \"openapi\""));
}
