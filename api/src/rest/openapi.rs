//! The document of the REST surface: poem-openapi's, completed with what is the same for every operation, and turned
//! into a clean 3.1; a clean 3.0 beside it for generators that read only that.

use serde_json::{Map, Value, json};
use service::{Code, MAY_BE_ABSENT};

use super::error::status_of;
use super::extract::LIST_QUERY;

/// The documents, as they are served.
pub struct Documents {
    /// OpenAPI 3.1.
    pub json: String,
    /// The same in YAML.
    pub yaml: String,
    /// OpenAPI 3.0.
    pub json_3_0: String,
}

impl Documents {
    /// Makes them; `public_url` is what they call this server.
    pub fn new(public_url: Option<&str>) -> Documents {
        let old = complete(public_url.unwrap_or_default());
        let mut new = old.clone();
        new["openapi"] = json!("3.1.0");
        new["jsonSchemaDialect"] = json!("https://spec.openapis.org/oas/3.1/dialect/base");
        upgrade(&mut new);
        Documents { json: pretty(&new), yaml: serde_yaml::to_string(&new).unwrap_or_default(), json_3_0: pretty(&old) }
    }
}

fn pretty(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}

/// Our document in the words of 3.0.
fn complete(public_url: &str) -> Value {
    let mut document: Value = serde_json::from_str(&super::document()).unwrap_or_default();
    document["openapi"] = json!("3.0.3");
    document["info"] = json!({
        "title": "Hoursmith",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "Time tracking and billing",
        "description": "Clients, projects and time over REST. The same records are at `/graphql`.\n\nEvery request \
            needs a token: `Authorization: Bearer hsk_…`. Every POST needs an `Idempotency-Key`: repeat it when you \
            retry, and nothing is done twice.",
        "license": { "name": "MIT OR Apache-2.0", "url": "https://spdx.org/licenses/MIT.html" },
    });
    if let Some(info) = document["info"].as_object_mut() {
        info.remove("summary");
    }
    document["servers"] = json!([{ "url": format!("{}/api/v1", public_url.trim_end_matches('/')) }]);
    // In the order in which somebody gets to know them.
    if let Some(tags) = document["tags"].as_array_mut() {
        const ORDER: [&str; 9] =
            ["Workspace", "Members", "Tokens", "Clients", "Projects", "Tasks", "Time entries", "Expenses", "Invoices"];
        tags.sort_by_key(|tag| ORDER.iter().position(|name| tag["name"] == *name));
    }
    for (path, item) in entries(&mut document["paths"]) {
        for (method, operation) in entries(item) {
            complete_operation(path, method, operation);
        }
    }
    tidy(&mut document);
    for (_, schema) in entries(&mut document["components"]["schemas"]) {
        require_what_is_always_there(schema);
    }
    document["components"]["schemas"]["Error"] = error_schema();
    document["components"]["responses"] = refusals();
    document
}

fn entries(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flatten()
}

/// What is the same for every operation of a method: headers that it takes, headers that it gives, refusals.
fn complete_operation(path: &str, method: &str, operation: &mut Value) {
    let one = path.contains('{');
    let has_body = operation.get("requestBody").is_some();
    let mut parameters = Vec::new();
    for mut parameter in operation["parameters"].as_array().cloned().unwrap_or_default() {
        if parameter["schema"]["title"] == LIST_QUERY {
            parameters.extend(list_parameters(&mut parameter["schema"]));
        } else {
            if parameter["name"] == "If-Match" {
                parameter["description"] = json!("Only if the record still has this version.");
            }
            parameters.push(parameter);
        }
    }
    let header = |name: &str, required: bool, description: &str, schema: Value| json!({ "name": name, "in": "header", "required": required, "description": description, "schema": schema });
    if matches!(method, "post" | "put" | "patch" | "delete") {
        let key = json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" });
        let text = "New for each thing to be done, the same when it is retried; kept 24 hours.";
        parameters.push(header("Idempotency-Key", method == "post", text, key));
    }
    let tagged = operation["responses"]["200"]["headers"].get("ETAG").is_some();
    if method == "get" && tagged {
        let text = "304 if the record still has this version.";
        parameters.push(header("If-None-Match", false, text, json!({ "type": "string" })));
    }
    operation["parameters"] = json!(&parameters);

    let responses = &mut operation["responses"];
    for (_, response) in entries(responses) {
        let own: Map<String, Value> =
            entries(&mut response["headers"]).map(|(name, header)| (header_case(name), header.take())).collect();
        response["headers"] = Value::Object(own);
        add_common_headers(response);
    }
    if method == "get" && tagged {
        responses["304"] = json!({ "description": "Not modified." });
    }
    let mut refusals = vec!["401", "402", "403", "422", "429", "500"];
    if has_body {
        refusals.extend(["400", "413", "415"]);
    } else if parameters.iter().any(|parameter| parameter["name"] == "cursor") {
        refusals.push("400");
    }
    if one {
        refusals.push("404");
    }
    if method != "get" {
        refusals.push("409");
    }
    if parameters.iter().any(|parameter| parameter["name"] == "If-Match") {
        refusals.push("412");
    }
    for status in refusals {
        responses[status] = json!({ "$ref": format!("#/components/responses/{status}") });
    }
}

/// The single parameters that a list query's object stands for.
fn list_parameters(object: &mut Value) -> Vec<Value> {
    entries(&mut object["properties"])
        .map(|(name, schema)| {
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            let repeats = if schema["type"] == "array" { " Repeated, any of them." } else { "" };
            let description = format!("{}{repeats}", description.as_ref().and_then(Value::as_str).unwrap_or_default());
            json!({ "name": name, "in": "query", "required": false, "description": description,
                "schema": schema, "explode": true, "style": "form" })
        })
        .collect()
}

/// poem-openapi shouts the names of headers.
fn header_case(name: &str) -> String {
    if name.eq_ignore_ascii_case("etag") {
        return "ETag".into();
    }
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

/// Told with every answer to a good token.
fn add_common_headers(response: &mut Value) {
    let integer = json!({ "type": "integer" });
    for (name, description, schema) in [
        ("X-Request-Id", "Leads from this answer to the log.", json!({ "type": "string" })),
        ("X-RateLimit-Limit", "Points in a minute.", integer.clone()),
        ("X-RateLimit-Remaining", "What is left, of the tighter bucket.", integer.clone()),
        ("X-RateLimit-Reset", "When both buckets are full, in Unix seconds.", integer),
        ("RateLimit-Policy", "The buckets.", json!({ "type": "string" })),
        ("RateLimit", "What is left in each.", json!({ "type": "string" })),
    ] {
        response["headers"][name] = json!({ "description": description, "schema": schema });
    }
}

/// Every refusal, by status.
fn refusals() -> Value {
    let mut responses = Map::new();
    let mut add = |status: String, description: &str| {
        let content = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } });
        let mut response = json!({ "description": description, "content": content, "headers": {} });
        add_common_headers(&mut response);
        let own = match status.as_str() {
            "401" => Some(("WWW-Authenticate", "`Bearer`.")),
            "409" | "429" => Some(("Retry-After", "Whole seconds to wait.")),
            "412" => Some(("ETag", "The version that the record has.")),
            _ => None,
        };
        if let Some((name, description)) = own {
            response["headers"][name] = json!({ "description": description, "schema": { "type": "string" } });
        }
        responses.insert(status, response);
    };
    for (code, when) in Code::ALL {
        add(status_of(code).as_str().to_owned(), when);
    }
    add("412".into(), "`If-Match` names another version than the record has; `ETag` tells which.");
    add("413".into(), "The body is over 1 MiB.");
    add("415".into(), "The body is not sent as `application/json`.");
    Value::Object(responses)
}

fn error_schema() -> Value {
    let codes: Vec<_> = Code::ALL.iter().map(|(code, _)| code.as_str()).collect();
    json!({
        "type": "object",
        "description": "Why a request was refused.",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message", "requestId"],
                "properties": {
                    "code": { "type": "string", "enum": codes, "description": "The kind of refusal; part of the contract." },
                    "message": { "type": "string", "description": "What is wrong and what to do, for people; may change." },
                    "reason": { "type": "string", "description": "Splits the code further." },
                    "fields": {
                        "type": "object",
                        "description": "Every bad field, by path, with what is wrong with it.",
                        "additionalProperties": { "type": "string" },
                    },
                    "requiredPlan": { "type": "string", "enum": ["studio", "agency"], "description": "The plan that has the feature." },
                    "feature": { "type": "string", "enum": ["apiAccess", "outboundWebhooks"], "description": "What the plan lacks." },
                    "requestId": { "type": "string", "description": "Leads from this answer to the log." },
                },
            },
        },
    })
}

/// Removes what poem-openapi writes otherwise than it should be.
fn tidy(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(map) => {
            map.values_mut().for_each(tidy);
            if map.get("additionalProperties").is_some_and(|schema| schema["type"] == "never") {
                map.insert("additionalProperties".into(), json!(false));
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

/// Answers carry every field, null where there is no value; only what a role may not see can be absent.
fn require_what_is_always_there(schema: &mut Value) {
    if schema["additionalProperties"] == json!(false) {
        return;
    }
    let mut required = Vec::new();
    for (name, property) in entries(&mut schema["properties"]) {
        if remove_mark(property) {
            let told = property["description"].as_str().unwrap_or_default();
            property["description"] = json!(format!("{told} Absent for those whose role does not see it.").trim());
        } else {
            required.push(name.clone());
        }
    }
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
}

fn remove_mark(property: &mut Value) -> bool {
    let marked = property["title"] == MAY_BE_ABSENT;
    if marked && let Some(property) = property.as_object_mut() {
        property.remove("title");
    }
    marked
}

/// From the words of 3.0 to those of 3.1.
fn upgrade(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(upgrade),
        Value::Object(map) => {
            map.values_mut().for_each(upgrade);
            let nullable = map.remove("nullable") == Some(json!(true));
            if nullable && let Some(Value::Array(items)) = map.get_mut("enum") {
                items.push(Value::Null);
            }
            match (map.get("type").cloned(), map.remove("allOf")) {
                (Some(Value::String(ty)), _) if nullable => {
                    map.insert("type".into(), json!([ty, "null"]));
                }
                (_, Some(Value::Array(parts))) if parts.len() == 1 => match (nullable, &parts[0]["$ref"]) {
                    (true, reference) => {
                        map.insert("anyOf".into(), json!([{ "$ref": reference }, { "type": "null" }]));
                    }
                    (false, reference) => {
                        map.insert("$ref".into(), reference.clone());
                    }
                },
                (_, Some(parts)) => {
                    map.insert("allOf".into(), parts);
                }
                _ => {}
            }
            let is_schema = map.contains_key("type") || map.contains_key("$ref");
            if is_schema && let Some(example) = map.remove("example") {
                map.insert("examples".into(), json!([example]));
            }
        }
        _ => {}
    }
}
