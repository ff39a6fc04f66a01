//! The clean 3.0 for generators that read only that: what their readers of 3.0 do not understand is said more plainly.

use serde_json::{Value, json};

/// Our document for readers of 3.0.
pub fn to_3_0(mut document: Value) -> Value {
    let types = document["components"]["schemas"].clone();
    plain_money(&mut document["components"]["schemas"]);
    type_beside_nullable(&mut document, &types);
    document
}

/// Money and other decimals in a body as a plain string. The server takes numbers too, but of a choice between a string
/// and a number some generators make an empty class.
fn plain_money(schemas: &mut Value) {
    for name in ["MoneyInput", "RateInput", "DecimalInput", "PercentInput"] {
        if let Some(text) = schemas[name].pointer_mut("/oneOf/0").map(Value::take) {
            let description = schemas[name]["description"].take();
            schemas[name] = text;
            if description.is_string() {
                schemas[name]["description"] = description;
            }
        }
    }
}

/// 3.0 reads `nullable` only beside a `type`, so a reference that may be null names the type that it leads to.
fn type_beside_nullable(value: &mut Value, schemas: &Value) {
    match value {
        Value::Object(map) => {
            let nullable = map.get("nullable") == Some(&json!(true)) && !map.contains_key("type");
            let referred = map.get("allOf").and_then(|parts| super::referred(&parts[0])).map(str::to_owned);
            if nullable && let Some(name) = referred {
                let schema = &schemas[&name];
                let kind = schema.get("type").or(schema.pointer("/oneOf/0/type")).cloned();
                map.insert("type".into(), kind.unwrap_or_else(|| json!("object")));
            }
            map.iter_mut()
                .filter(|(key, _)| !matches!(key.as_str(), "example" | "examples"))
                .for_each(|(_, value)| type_beside_nullable(value, schemas));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| type_beside_nullable(item, schemas)),
        _ => {}
    }
}
