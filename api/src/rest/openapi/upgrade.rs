//! From the words of OpenAPI 3.0 to those of 3.1.

use serde_json::{Value, json};

/// The same document as 3.1.
pub fn to_3_1(mut document: Value) -> Value {
    document["openapi"] = json!("3.1.0");
    document["jsonSchemaDialect"] = json!("https://spec.openapis.org/oas/3.1/dialect/base");
    document["info"]["summary"] = json!("Time tracking and billing");
    if let Some(license) = document["info"]["license"].as_object_mut() {
        license.remove("url");
        license.insert("identifier".into(), json!("MIT OR Apache-2.0"));
    }
    if let Some(webhooks) = document.as_object_mut().and_then(|document| document.remove("x-webhooks")) {
        document["webhooks"] = webhooks;
    }
    upgrade(&mut document);
    document
}

fn upgrade(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(upgrade),
        Value::Object(map) => {
            // What examples hold is nobody's schema.
            map.iter_mut()
                .filter(|(key, _)| !matches!(key.as_str(), "example" | "examples"))
                .for_each(|(_, v)| upgrade(v));
            let nullable = map.remove("nullable") == Some(json!(true));
            if let Some(Value::Array(parts)) = map.remove("allOf") {
                // Which in 3.1 the parts say.
                map.remove("type");
                match &*parts {
                    [one] if nullable => drop(map.insert("anyOf".into(), json!([one, { "type": "null" }]))),
                    // Beside a reference everything is read in 3.1.
                    [one] => map.extend(one.as_object().into_iter().flatten().map(|(key, v)| (key.clone(), v.clone()))),
                    _ => drop(map.insert("allOf".into(), Value::Array(parts))),
                }
            } else if nullable && let Some(ty) = map.get("type").cloned() {
                map.insert("type".into(), json!([ty, "null"]));
                if let Some(Value::Array(items)) = map.get_mut("enum") {
                    items.push(Value::Null);
                }
            }
            let is_schema = ["type", "$ref", "anyOf", "oneOf"].iter().any(|key| map.contains_key(*key));
            if is_schema && let Some(example) = map.remove("example") {
                map.insert("examples".into(), json!([example]));
            }
        }
        _ => {}
    }
}
