//! What is the same for every operation of a kind: descriptions, headers of request and answer, refusals.

use serde_json::{Map, Value, json};
use service::Action;

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
            "description": "`ETag` of the version that the caller has, or several with commas: an unchanged record is answered with 304.",
            "schema": { "type": "string" },
        }));
    }
    let is_list = parameters.iter().any(|parameter| parameter["name"] == "cursor");
    let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
    let own = operation["description"].as_str().map(str::to_owned);
    let general = about(method, is_list, tagged, &parameters, &operation["responses"]);
    let action = Action::ALL.iter().find(|action| action.operation_id() == id);
    let audience = action.map(|action| service::audience(*action));
    let conflicts = action.filter(|_| method != "get").map(|action| conflicts(*action));
    let parts: Vec<String> = [own, Some(general.to_owned()), conflicts, audience].into_iter().flatten().collect();
    operation["description"] = json!(parts.join("\n\n"));

    let refusals = refusals(path, method, operation.get("requestBody").is_some(), &parameters);
    operation["parameters"] = json!(parameters);
    let responses = &mut operation["responses"];
    for (status, response) in entries(responses) {
        response["description"] = json!(answer(&id, path, status));
        let own: Map<String, Value> =
            entries_of(response, "headers").map(|(name, header)| answers::header(name, header)).collect();
        response["headers"] = Value::Object(own);
        answers::add_common_headers(response);
    }
    if tagged {
        responses["304"] = json!({ "description": "The record still has this version; no body.", "headers": { "ETag": reference("headers", "ETag") } });
        answers::add_common_headers(&mut responses["304"]);
    }
    for (status, name) in refusals {
        responses[status] = reference("responses", name);
    }
}

/// The reasons with which an action is refused by 409.
fn conflicts(action: Action) -> String {
    let reasons: Vec<String> = action.conflicts().iter().map(|reason| format!("`{reason}`")).collect();
    match reasons.as_slice() {
        [] => "Nothing but its `Idempotency-Key` can cause a conflict (409).".to_owned(),
        [only] => format!("A conflict (409) that its `Idempotency-Key` does not cause has the reason {only}."),
        [others @ .., last] => format!(
            "A conflict (409) that its `Idempotency-Key` does not cause has one of the reasons {} and {last}.",
            others.join(", ")
        ),
    }
}

/// Whether an answer has this header; poem-openapi shouts the names.
fn gives(response: &Value, header: &str) -> bool {
    response["headers"].as_object().is_some_and(|headers| headers.keys().any(|name| name.eq_ignore_ascii_case(header)))
}

/// What holds for every operation of this kind.
fn about(method: &str, is_list: bool, tagged: bool, parameters: &[Value], responses: &Value) -> &'static str {
    let conditional = parameters.iter().any(|parameter| parameter["name"] == "If-Match");
    match method {
        "get" if is_list => {
            "Returns one page: up to `limit` records, and in `pagination.nextCursor` the cursor of the next page, null on \
             the last one. A record must match all filters. An unknown parameter is refused (422) with the names of those \
             that are known."
        }
        "get" if tagged => {
            "The header `ETag` holds the version of the record. Sent back as `If-None-Match`, it spares the body of an \
             unchanged record (304)."
        }
        "get" => "Reflects all changes committed before the request.",
        "post" if gives(&responses["201"], "Location") => {
            "The header `Location` holds the path of the new record. A retry with the same `Idempotency-Key` returns the \
             first answer and creates nothing twice."
        }
        "post" => "A retry with the same `Idempotency-Key` returns the first answer and does nothing more.",
        "patch" => "With `If-Match`, the change is made only if the record still has that version (else 412 `stale`).",
        "put" => "Repeating the request changes nothing.",
        _ if conditional => {
            "The answer has no body. Afterwards the record is not found (404), and listed only with `includeDeleted=true`."
        }
        _ => "The answer has no body.",
    }
}

/// What an operation answers with.
fn answer(operation_id: &str, path: &str, status: &str) -> String {
    let words = |camel: &str| {
        let mut words = String::new();
        for c in camel.chars() {
            if c.is_ascii_uppercase() && !words.is_empty() {
                words.push(' ');
            }
            words.push(c.to_ascii_lowercase());
        }
        words
    };
    let verb_ends = operation_id.find(|c: char| c.is_ascii_uppercase()).unwrap_or(operation_id.len());
    let (verb, noun) = operation_id.split_at(verb_ends);
    let noun = words(noun);
    match (operation_id, status) {
        ("startTimer", "200") => "The timer that was already running on this project and task.".to_owned(),
        ("startTimer", _) => "The started timer.".to_owned(),
        ("stopTimer" | "stopRunningTimer", _) => "The stopped time entry.".to_owned(),
        ("createTimeEntries", _) => "The created time entries, in the order sent.".to_owned(),
        ("getRunningTimer", _) => "The running timer, or null.".to_owned(),
        ("getMe", _) => "The caller and what the token may do.".to_owned(),
        ("getOrganization", _) => "The workspace of the token.".to_owned(),
        ("getInvoice", _) => "The invoice with its lines.".to_owned(),
        ("getWebhookDelivery", _) => "The delivery with its attempts.".to_owned(),
        ("addProjectMember", _) => "The member, who is on the project now.".to_owned(),
        ("removeProjectMember", _) => "The member is no longer on the project; no body.".to_owned(),
        ("revokeToken", _) => "The token is revoked; no body.".to_owned(),
        ("rotateWebhookSecret", _) => "The webhook endpoint with its new secret.".to_owned(),
        ("testWebhookEndpoint", _) => "The delivery of the test event.".to_owned(),
        ("replayWebhookDelivery", _) => "The new delivery of the same event.".to_owned(),
        ("replayWebhookDeliveries", _) => "The number of deliveries.".to_owned(),
        _ => match verb {
            "list" => format!("A page of {}.", path.rsplit('/').next().unwrap_or_default().replace('-', " ")),
            "create" => format!("The created {noun}."),
            "update" => format!("The changed {noun}."),
            "archive" | "restore" => format!("The {verb}d {noun}."),
            "delete" => format!("The {noun} is deleted; no body."),
            _ => format!("The requested {noun}."),
        },
    }
}

/// Which refusals can happen, by status, with the names of their components.
fn refusals(path: &str, method: &str, has_body: bool, parameters: &[Value]) -> Vec<(&'static str, &'static str)> {
    let named = |name: &str| parameters.iter().any(|parameter| parameter["name"] == name);
    let reads_body = has_body || matches!(method, "post" | "put");
    let writes = method != "get";
    [
        ("400", "BadRequest", reads_body),
        ("400", "BadCursor", named("cursor")),
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
        ("503", "Unavailable", true),
    ]
    .into_iter()
    .filter_map(|(status, name, happens)| happens.then_some((status, name)))
    .collect()
}

/// Completes what poem-openapi's derive cannot describe of a parameter.
fn describe(parameter: &mut Value) {
    if let Some(parameter) = parameter.as_object_mut() {
        parameter.remove("explode");
    }
    if parameter["name"] == "If-Match" {
        parameter["description"] = json!(
            "`ETag` of the version that the change is meant for, or several with commas: any other version is refused (412 `stale`). Without it the change is made whatever the version."
        );
    } else if parameter["in"] == "path" {
        let about = match parameter["name"].as_str() {
            Some("userId") => "User identifier of the member.",
            Some("projectId") => "Identifier of the project.",
            _ => "Identifier of the record.",
        };
        parameter["description"] = json!(about);
    }
}

fn idempotency_key(required: bool) -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header", "required": required,
        "description": "Identifies this request for retries. Use a new key for every new request and the same key for its \
            retries; it is kept for 24 hours.",
        "schema": { "title": "IdempotencyKey\nA text of 1 to 255 visible ASCII characters, such as a UUID.", "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
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
        let required = is_required(name);
        // Groups, each of which counts once, are one list with commas; a filter is repeated.
        let commas = schema["uniqueItems"] == true;
        let repeats = if schema["type"] == "array" && schema["items"]["type"] != "boolean" && !commas {
            " Repeat the parameter to match any of several values."
        } else {
            ""
        };
        let description = format!("{}{repeats}", description.as_ref().and_then(Value::as_str).unwrap_or_default());
        let mut parameter = json!({ "name": name, "in": "query", "required": required, "description": description,
                "schema": schema, "explode": !commas, "style": "form" });
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
