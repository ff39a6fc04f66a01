//! What is the same for every operation of a kind: what it tells, headers that it takes, headers that it gives, refusals.

use serde_json::{Map, Value, json};

use super::super::extract::LIST_QUERY;
use super::order::Orders;
use super::{answers, entries, entries_of, reference};

/// Completes one operation.
pub fn complete(path: &str, method: &str, operation: &mut Value, orders: &Orders) {
    // It is that of the whole document.
    if let Some(operation) = operation.as_object_mut() {
        operation.remove("security");
    }
    let mut parameters = Vec::new();
    for mut parameter in operation["parameters"].as_array().cloned().unwrap_or_default() {
        if parameter["schema"]["title"] == LIST_QUERY {
            parameters.extend(list_parameters(&mut parameter["schema"], orders));
        } else {
            describe(&mut parameter);
            parameters.push(parameter);
        }
    }
    if method != "get" {
        parameters.push(idempotency_key(method == "post"));
    }
    let tagged = method == "get" && gives(&operation["responses"]["200"], "ETag");
    if tagged {
        parameters.push(json!({
            "name": "If-None-Match", "in": "header", "required": false,
            "description": "An `ETag`, or several with commas: 304 if the record still has that version.",
            "schema": { "type": "string" },
        }));
    }
    let is_list = parameters.iter().any(|parameter| parameter["name"] == "cursor");
    let told = about(method, is_list, tagged, &operation["responses"]);
    operation["description"] = match operation["description"].as_str() {
        Some(own) => json!(format!("{own}\n\n{told}")),
        None => json!(told),
    };

    let refusals = refusals(path, method, operation.get("requestBody").is_some(), &parameters);
    operation["parameters"] = json!(parameters);
    let responses = &mut operation["responses"];
    for (_, response) in entries(responses) {
        let own: Map<String, Value> =
            entries_of(response, "headers").map(|(name, header)| answers::header(name, header)).collect();
        response["headers"] = Value::Object(own);
        answers::add_common_headers(response);
    }
    if tagged {
        responses["304"] =
            json!({ "description": "Not modified.", "headers": { "ETag": reference("headers", "ETag") } });
        answers::add_common_headers(&mut responses["304"]);
    }
    for (status, name) in refusals {
        responses[status] = reference("responses", name);
    }
}

/// Whether an answer has this header; poem-openapi shouts the names.
fn gives(response: &Value, header: &str) -> bool {
    response["headers"].as_object().is_some_and(|headers| headers.keys().any(|name| name.eq_ignore_ascii_case(header)))
}

/// What holds for every operation of this kind.
fn about(method: &str, is_list: bool, tagged: bool, responses: &Value) -> &'static str {
    match method {
        "get" if is_list => {
            "One page; `nextCursor` leads to the next one, and null ends the list. All filters must hold. A parameter \
             that is not known is refused, and the refusal names those that are."
        }
        "get" if tagged => "Answers with its version as `ETag`; sent again as `If-None-Match`, that spares the body.",
        "get" => "Answers as things are now.",
        "post" if gives(&responses["201"], "Location") => {
            "Answers with the record, and with its path in `Location`. The same `Idempotency-Key` again gives the same \
             answer and makes nothing twice."
        }
        "post" => "The same `Idempotency-Key` again gives the same answer and does nothing twice.",
        "patch" => {
            "What is absent stays as it is; null clears what may be empty. With `If-Match`, only if nobody has changed it \
             meanwhile."
        }
        "put" => "Doing it again changes nothing.",
        _ => "Answers without a body. After that it is not found.",
    }
}

/// Which refusals can happen, by status, with the names of their components.
fn refusals(path: &str, method: &str, has_body: bool, parameters: &[Value]) -> Vec<(&'static str, &'static str)> {
    let named = |name: &str| parameters.iter().any(|parameter| parameter["name"] == name);
    let reads_body = has_body || matches!(method, "post" | "put");
    let writes = method != "get";
    [
        ("400", "BadRequest", reads_body || named("cursor")),
        ("401", "Unauthenticated", true),
        ("402", "ForbiddenPlan", true),
        ("403", "ForbiddenScope", true),
        ("404", "NotFound", path.contains('{')),
        ("409", "Conflict", writes),
        ("412", "Stale", named("If-Match")),
        ("413", "TooLarge", reads_body),
        ("415", "NotJson", reads_body),
        ("422", "ValidationError", true),
        ("429", "RateLimited", true),
        ("500", "Internal", true),
    ]
    .into_iter()
    .filter_map(|(status, name, happens)| happens.then_some((status, name)))
    .collect()
}

/// What poem-openapi's derive cannot be told of a parameter.
fn describe(parameter: &mut Value) {
    if let Some(parameter) = parameter.as_object_mut() {
        parameter.remove("explode");
    }
    if parameter["name"] == "If-Match" {
        parameter["description"] =
            json!("An `ETag`, or several with commas: only if the record still has that version.");
    } else if parameter["in"] == "path" {
        let told = if parameter["name"] == "userId" { "The id of the person." } else { "The id of the record." };
        parameter["description"] = json!(told);
    }
}

fn idempotency_key(required: bool) -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header", "required": required,
        "description": "1 to 255 visible ASCII characters: new for each thing to be done, the same when it is retried. \
            Kept for 24 hours.",
        "schema": { "title": "IdempotencyKey", "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
    })
}

/// The single parameters that a list query's object stands for.
fn list_parameters(object: &mut Value, orders: &Orders) -> Vec<Value> {
    let required = object["required"].take();
    let is_required = |name: &str| required.as_array().is_some_and(|names| names.iter().any(|known| known == name));
    let properties = object["properties"].take();
    let mut names: Vec<&String> = properties.as_object().into_iter().flatten().map(|(name, _)| name).collect();
    orders.sort(&mut names);
    let parameter = |name: &String| {
        let mut schema = properties[name].clone();
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let example = without_examples(&mut schema);
        let list = schema["type"] == "array";
        let required = is_required(name);
        // What must be sent is one list with commas; a filter is repeated.
        let repeats = if list && !required { " Repeat the parameter to match any of several values." } else { "" };
        let description = format!("{}{repeats}", description.as_ref().and_then(Value::as_str).unwrap_or_default());
        let mut parameter = json!({ "name": name, "in": "query", "required": required, "description": description,
                "schema": schema, "explode": !(list && required), "style": "form" });
        if required && let Some(example) = example {
            parameter["example"] = example;
        }
        parameter
    };
    names.into_iter().map(parameter).collect()
}

/// Takes examples and defaults off the schema of a parameter: pages that fill in forms would send every optional parameter
/// that has one, and so list nothing. Gives the example.
fn without_examples(schema: &mut Value) -> Option<Value> {
    let schema = schema.as_object_mut()?;
    schema.remove("default");
    if let Some(items) = schema.get_mut("items") {
        without_examples(items);
    }
    schema.remove("example")
}
