//! Passes over schemas: what poem-openapi writes otherwise than it should be, what is always there, bounds, names.

use serde_json::{Map, Value, json};
use service::MAY_BE_ABSENT;
use service::value::{TokenScope, Wire};

use super::{entries, entries_of, reference, referred};

/// Removes what poem-openapi writes otherwise than it should be.
pub fn tidy(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(map) => {
            map.values_mut().for_each(tidy);
            if map.get("additionalProperties").is_some_and(|schema| schema["type"] == "never") {
                map.insert("additionalProperties".into(), json!(false));
            }
            if map.get("deprecated") == Some(&json!(false)) {
                map.remove("deprecated");
            }
            tidy_reference(map);
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = unwrapped(text);
            }
            let typed: Vec<String> = map.keys().filter(|key| key.ends_with("; charset=utf-8")).cloned().collect();
            for key in typed {
                if let (Some(content), Some((kind, _))) = (map.remove(&key), key.split_once(';')) {
                    map.insert(kind.to_owned(), content);
                }
            }
        }
        _ => {}
    }
}

/// Lines of a comment as one line per paragraph or item.
fn unwrapped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines().map(str::trim) {
        let joins = !(out.is_empty() || out.ends_with('\n') || line.is_empty() || line.starts_with("- "));
        match (joins, out.is_empty()) {
            (true, _) => out.push(' '),
            (false, false) => out.push('\n'),
            (false, true) => {}
        }
        out.push_str(line);
    }
    out
}

/// A reference that poem-openapi says more of: `allOf` of it and of what stands beside it again.
fn tidy_reference(map: &mut Map<String, Value>) {
    let Some(referred) = map.get("allOf").and_then(|parts| parts[0].get("$ref")).cloned() else { return };
    map.insert("allOf".into(), json!([{ "$ref": referred }]));
}

/// Completes the schemas of records and inputs.
pub fn complete(schemas: &mut Value) {
    for (name, schema) in entries(schemas) {
        if schema["title"] == **name
            && let Some(schema) = schema.as_object_mut()
        {
            schema.remove("title");
        }
        bound(schema);
        if schema["additionalProperties"] != json!(false) {
            require_what_is_always_there(schema);
        }
        for (_, property) in entries_of(schema, "properties").filter(|_| name.ends_with("Input")) {
            if let Some(about) = property["description"].as_str() {
                property["description"] = json!(said_of(name, about));
            }
        }
    }
}

/// What is said of a field that the inputs of a creation and of a change share: a creation has nothing to clear, and a
/// change no default.
fn said_of(input: &str, about: &str) -> String {
    match about.split_once("; `") {
        _ if input.starts_with("Create") => {
            about.replace("text clears it.", "text means none.").replace(" Null clears it.", " Null means none.")
        }
        Some((what, rest)) if input.starts_with("Update") && rest.contains("` by default.") => {
            let (_, rest) = rest.split_once("` by default.").unwrap_or_default();
            format!("{what}.{rest}")
        }
        _ => about.to_owned(),
    }
}

/// Answers carry every field, null where there is no value; only what a role may not see can be absent.
fn require_what_is_always_there(schema: &mut Value) {
    let mut required = Vec::new();
    for (name, property) in entries_of(schema, "properties") {
        if remove_mark(property) {
            let about = property["description"].as_str().unwrap_or_default();
            if !about.contains("absent") {
                property["description"] = json!(format!("{about} Absent for Members, who do not see it.").trim());
            }
        } else {
            required.push(name.clone());
        }
    }
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
}

/// Takes the mark off a field that may be absent; what was its title stays.
fn remove_mark(property: &mut Value) -> bool {
    let Some(own) = property["title"].as_str().and_then(|title| title.strip_prefix(MAY_BE_ABSENT)) else {
        return false;
    };
    let own = own.to_owned();
    if let Some(property) = property.as_object_mut() {
        property.remove("title");
        if !own.is_empty() {
            property.insert("title".into(), own.into());
        }
        // A record below a record: 3.0 reads `nullable` beside a type only.
        if property.contains_key("allOf") {
            property.insert("type".into(), json!("object"));
        }
    }
    true
}

/// Bounds that a plain type does not have.
fn bound(schema: &mut Value) {
    let is_answer = schema["additionalProperties"] != json!(false);
    for (name, property) in entries_of(schema, "properties") {
        match name.as_str() {
            // A person who is named twice is assigned once.
            "assigneeIds" if is_answer => property["uniqueItems"] = json!(true),
            "scopes" => {
                property["items"]["enum"] = TokenScope::ALL.iter().map(|scope| scope.as_str()).collect();
                property["items"]["title"] = json!(TokenScope::openapi().title);
                property["uniqueItems"] = json!(true);
                property["minItems"] = json!(1);
            }
            _ => {}
        }
        let (least, most) = match name.as_str() {
            "version" => (1, None),
            "durationSeconds" => (0, Some(86_400)),
            _ => continue,
        };
        property["minimum"] = json!(least);
        if let Some(most) = most {
            property["maximum"] = json!(most);
        }
    }
}

/// Makes components of the envelopes of answers, so that a generator has one type for each: `ClientAnswer`, `ClientPage`.
pub fn name_answers(document: &mut Value) {
    let mut named = Map::new();
    for (_, item) in entries_of(document, "paths") {
        for (_, operation) in entries(item) {
            let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
            for (_, response) in entries_of(operation, "responses") {
                let Some(schema) = response.pointer_mut("/content/application~1json/schema") else { continue };
                let Some(name) = name_of_answer(schema, &id) else { continue };
                let own = std::mem::replace(schema, reference("schemas", &name));
                named.insert(name, own);
            }
        }
    }
    for (name, mut schema) in named {
        if let Some(pagination) = schema["properties"].get_mut("pagination") {
            let own = std::mem::replace(pagination, reference("schemas", "Pagination"));
            document["components"]["schemas"]["Pagination"] = own;
        }
        document["components"]["schemas"][name] = schema;
    }
}

fn name_of_answer(schema: &Value, operation_id: &str) -> Option<String> {
    let data = &schema["properties"]["data"];
    // What may be null is a type of its own: `getRunningTimer` gives a `RunningTimerAnswer`.
    if data["nullable"] == json!(true) {
        return operation_id.strip_prefix("get").map(|name| format!("{name}Answer"));
    }
    if schema["properties"].get("pagination").is_some() {
        Some(format!("{}Page", referred(&data["items"])?))
    } else {
        match (referred(data), referred(&data["items"])) {
            (Some(one), _) => Some(format!("{one}Answer")),
            (_, Some(many)) => Some(format!("{many}BatchAnswer")),
            _ => None,
        }
    }
}

/// Says what envelopes hold; in 3.0 a description is read beside `allOf` only.
pub fn describe_envelopes(schemas: &mut Value) {
    let described = |schema: &mut Value, about: &str| {
        let own = std::mem::take(schema);
        *schema = match referred(&own) {
            Some(_) => json!({ "allOf": [own] }),
            None => own,
        };
        schema["description"] = json!(about);
    };
    for (name, schema) in entries(schemas) {
        let (about, data) = match name.as_str() {
            "ErrorAnswer" => {
                described(&mut schema["properties"]["error"], "What is wrong, for programs and for people.");
                continue;
            }
            "Pagination" => ("Where the page is in the list.", None),
            name if name.ends_with("Page") => ("One page of a list.", Some("The records of the page.")),
            name if name.ends_with("BatchAnswer") => {
                ("The records of a batch.", Some("The records, in the order sent."))
            }
            "RunningTimerAnswer" => {
                ("The running timer, if there is one.", Some("The running timer; null if none is running."))
            }
            name if name.ends_with("Answer") => ("An answer with one record.", Some("The record of the answer.")),
            _ => continue,
        };
        schema["description"] = json!(about);
        if let Some(data) = data {
            described(&mut schema["properties"]["data"], data);
        }
        if let Some(pagination) = schema["properties"].get_mut("pagination") {
            described(pagination, "Where the page is in the list.");
        }
    }
}

/// Makes components of those values that carry a name as their title: closed lists, and what stands for money in a body.
pub fn name_marked(document: &mut Value) {
    let mut named = Map::new();
    move_marked(&mut document["paths"], &mut named);
    move_marked(&mut document["components"], &mut named);
    for (name, schema) in named {
        document["components"]["schemas"][name] = schema;
    }
}

/// Names for values that no language takes as they are: `-createdAt` is `CREATED_AT_DESC` as in GraphQL, `invoice.sent` is
/// `INVOICE_SENT`.
fn name_values(schema: &mut Map<String, Value>) {
    let values: Vec<&str> =
        schema.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let is_order = values.iter().any(|value| value.starts_with('-'));
    if !is_order && !values.iter().any(|value| value.contains('.')) {
        return;
    }
    let name = |value: &&str| {
        let (field, direction) = value.strip_prefix('-').map_or((*value, "_ASC"), |field| (field, "_DESC"));
        let mut name = String::new();
        for c in field.chars() {
            if c.is_ascii_uppercase() {
                name.push('_');
            }
            name.push(if c == '.' { '_' } else { c.to_ascii_uppercase() });
        }
        name + if is_order { direction } else { "" }
    };
    let names: Vec<String> = values.iter().map(name).collect();
    schema.insert("x-enum-varnames".into(), json!(names));
}

fn move_marked(value: &mut Value, named: &mut Map<String, Value>) {
    if let Value::Object(map) = value {
        let marked = ["enum", "oneOf", "pattern", "additionalProperties"].iter().any(|key| map.contains_key(*key));
        if marked && let Some(Value::String(title)) = map.remove("title") {
            let (name, about) =
                title.split_once('\n').map_or((title.as_str(), None), |(name, about)| (name, Some(about)));
            let name = name.to_owned();
            map.values_mut().for_each(|value| move_marked(value, named));
            name_values(map);
            let nullable = map.remove("nullable").is_some();
            let description = map.remove("description");
            let default = map.remove("default");
            if let Some(about) = about {
                map.insert("description".into(), json!(about));
            }
            named.insert(name.clone(), Value::Object(std::mem::take(map)));
            let referred = reference("schemas", &name);
            let alone = !nullable && description.is_none() && default.is_none();
            // Beside a bare reference nothing is read in 3.0.
            *value = if alone { referred } else { json!({ "allOf": [referred] }) };
            if nullable {
                value["nullable"] = json!(true);
            }
            for (key, said) in [("description", description), ("default", default)] {
                if let Some(said) = said {
                    value[key] = said;
                }
            }
            return;
        }
        map.values_mut().for_each(|value| move_marked(value, named));
    } else if let Value::Array(items) = value {
        items.iter_mut().for_each(|item| move_marked(item, named));
    }
}
