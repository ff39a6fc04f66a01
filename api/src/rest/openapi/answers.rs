//! Headers and refusals that many operations share, and the envelope of errors.

use serde_json::{Map, Value, json};
use service::{Code, Reason};

use super::super::errors_page::samples;
use super::{described, reference};

/// Sent with every answer to a token that was admitted.
const RATE_HEADERS: [&str; 5] =
    ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit-Policy", "RateLimit"];

/// Adds headers, refusals and the schemas of errors to the components.
pub fn add_components(components: &mut Value) {
    let headers = headers().into_iter().map(|(name, header)| (name.to_owned(), header)).collect();
    components["headers"] = Value::Object(headers);
    components["responses"] = refusals();
    for (name, schema) in error_schemas() {
        components["schemas"][name] = schema;
    }
}

/// The request id and the rate headers.
pub fn add_common_headers(response: &mut Value) {
    for name in ["X-Request-Id"].iter().chain(&RATE_HEADERS) {
        response["headers"][*name] = reference("headers", name);
    }
}

/// A header of one answer, under the spelling of its name that is used.
pub fn header(name: &str, header: &mut Value) -> (String, Value) {
    match headers().into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        Some((known, _)) => (known.to_owned(), reference("headers", known)),
        None => (name.to_owned(), header.take()),
    }
}

/// Every header that we answer with.
fn headers() -> Vec<(&'static str, Value)> {
    let header = |description: &str, required: bool, example: Value, schema: Value| json!({ "description": description, "required": required, "example": example, "schema": schema });
    let count = || json!({ "type": "integer", "format": "int64", "minimum": 0 });
    let text = || json!({ "type": "string" });
    let matching = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    vec![
        (
            "X-Request-Id",
            header(
                "Identifier of the request, which the log of the server names too; the one that the request sent, if it sent one.",
                true,
                json!("01890a5d-ac96-774b-bcce-b302099a8057"),
                json!({ "type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[A-Za-z0-9._-]+$" }),
            ),
        ),
        (
            "X-RateLimit-Limit",
            header("Size of the sustained bucket: rate-limit points per 60 seconds.", true, json!(1200), count()),
        ),
        (
            "X-RateLimit-Remaining",
            header("What is left in the bucket that is closer to empty.", true, json!(59), count()),
        ),
        (
            "X-RateLimit-Reset",
            header("Time at which both buckets are full again, in Unix seconds.", true, json!(1_781_164_801), count()),
        ),
        (
            "RateLimit-Policy",
            header(
                "Both buckets: quota `q` per window of `w` seconds.",
                true,
                json!("\"burst\";q=60;w=10, \"sustained\";q=1200;w=60"),
                text(),
            ),
        ),
        (
            "RateLimit",
            header(
                "Both buckets: what is left (`r`) and the seconds until full (`t`).",
                true,
                json!("\"burst\";r=59;t=1, \"sustained\";r=1199;t=1"),
                text(),
            ),
        ),
        ("ETag", header("Version of the record, in quotes.", true, json!("\"3\""), matching("^\"\\d+\"$"))),
        (
            "Location",
            header(
                "Path of the new record.",
                true,
                json!("/api/v1/clients/01890a5d-ac96-774b-bcce-b302099a8057"),
                json!({ "type": "string", "format": "uri-reference" }),
            ),
        ),
        (
            "Link",
            header(
                "The next page, as `<…>; rel=\"next\"` (RFC 8288); absent on the last page.",
                false,
                json!("</api/v1/clients?limit=50&cursor=eyJ2IjoxfQ>; rel=\"next\""),
                text(),
            ),
        ),
        (
            "Idempotent-Replayed",
            header(
                "Present and `true` if this is the stored answer of an earlier request with the same `Idempotency-Key`.",
                false,
                json!("true"),
                json!({ "type": "string", "enum": ["true"] }),
            ),
        ),
        ("WWW-Authenticate", header("How to authenticate: `Bearer`.", true, json!("Bearer"), text())),
        ("Retry-After", header("Seconds to wait before a retry.", true, json!(3), count())),
    ]
}

/// Every refusal, under the name of its code.
fn refusals() -> Value {
    let mut responses = Map::new();
    for sample in samples() {
        let mut response = json!({
            "description": sample.when,
            "headers": { "X-Request-Id": reference("headers", "X-Request-Id") },
            "content": { "application/json": { "schema": reference("schemas", "ErrorAnswer"), "examples": {} } },
        });
        // Where a refusal may come before the token is known, or without the operation, they may be missing.
        let optional = |name: &str| {
            let known = headers().into_iter().find(|(known, _)| *known == name);
            let mut header = known.map(|(_, header)| header).unwrap_or_default();
            header["required"] = json!(false);
            header
        };
        for name in RATE_HEADERS {
            match sample.name {
                "Unauthenticated" => {}
                "RateLimited" | "Internal" | "Unavailable" => response["headers"][name] = optional(name),
                _ => response["headers"][name] = reference("headers", name),
            }
        }
        match sample.name {
            "Unauthenticated" => {
                response["headers"]["WWW-Authenticate"] = reference("headers", "WWW-Authenticate");
            }
            "RateLimited" | "Unavailable" => response["headers"]["Retry-After"] = reference("headers", "Retry-After"),
            "Conflict" => response["headers"]["Retry-After"] = optional("Retry-After"),
            "Stale" => response["headers"]["ETag"] = reference("headers", "ETag"),
            _ => {}
        }
        for (summary, error) in &sample.errors {
            let name: String = summary.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
            response["content"]["application/json"]["examples"][name] =
                json!({ "summary": summary, "value": { "error": error.body("01890a5d-ac96-774b-bcce-b302099a8057") } });
        }
        responses.insert(sample.name.to_owned(), response);
    }
    Value::Object(responses)
}

fn error_schemas() -> [(&'static str, Value); 3] {
    let codes: Vec<_> = Code::ALL.iter().map(|(code, _)| code.as_str()).collect();
    let reasons: Vec<_> = Reason::ALL.iter().map(|reason| format!("`{reason}`")).collect();
    let error = json!({
        "type": "object",
        "description": "The answer to a request that was refused or failed.",
        "required": ["error"],
        "properties": { "error": reference("schemas", "ErrorDetails") },
    });
    let code = json!({ "type": "string", "enum": codes, "description": "Code of the error, one of nine; part of the contract." });
    let details = json!({
        "type": "object",
        "description": "What is wrong: `code`, `reason` and `fields` for programs, `message` for people.",
        "required": ["code", "message", "requestId"],
        "properties": {
            "code": described("schemas", "ErrorCode", "Code of the error, one of nine."),
            "message": { "type": "string", "description": "What is wrong and what to do about it, for people. The wording may change." },
            "reason": {
                "type": "string",
                "example": "invoiced",
                "description": format!("Reason that splits a code further, mostly `conflict`; more may be added. Known: {}.", reasons.join(", ")),
            },
            "fields": {
                "type": "object",
                "description": "Every invalid field by its path, such as `tags[2]`, with what is wrong with it. Present with `validation_error`.",
                "additionalProperties": { "type": "string" },
                "example": { "name": "required" },
            },
            "requiredPlan": described("schemas", "Plan", "The least plan that has the feature. Present with `forbidden_plan`."),
            "feature": {
                "title": "Feature\nFeature of the product that depends on the plan.", "type": "string", "enum": ["apiAccess", "outboundWebhooks"],
                "description": "The feature that the plan lacks. Present with `forbidden_plan`.",
            },
            "docUrl": {
                "type": "string",
                "example": "/docs/errors#invoiced",
                "description": "Address of the explanation: the reason, or else the code, on the page of errors; a path where the server knows no URL of its own.",
            },
            "requestId": { "type": "string", "description": "Identifier of the request, as in the header `X-Request-Id`." },
        },
    });
    [("ErrorAnswer", error), ("ErrorCode", code), ("ErrorDetails", details)]
}
