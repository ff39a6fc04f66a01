//! Samples of every rejection, made by the code that rejects: for the OpenAPI document and for `docs/errors.md`.

use poem::http::{Method, StatusCode};
use service::value::{FieldErrors, Json};
use service::{Code, Environment, Error, Feature, Reason};

use crate::http::rejection::{HttpRejection, status, status_of};

/// A kind of rejection over REST.
pub struct Sample {
    /// Its name among the document's components.
    pub name: &'static str,
    /// Its status code.
    pub status: StatusCode,
    /// When it is given.
    pub when: &'static str,
    /// Rejections of this kind, each with its subject.
    pub errors: Vec<(&'static str, Error)>,
}

/// One of every kind that operations give, by status.
pub fn samples() -> Vec<Sample> {
    let of_code = |name, code: Code, errors| {
        let when = Code::ALL.iter().find(|(known, _)| *known == code).map_or("", |(_, when)| *when);
        Sample { name, status: status_of(code), when, errors }
    };
    let of_error = |name, when, subject, error: Error| Sample {
        name,
        status: status(&error),
        when,
        errors: vec![(subject, error)],
    };
    let of_http = |name, when, subject, rejection: HttpRejection| Sample {
        name,
        status: rejection.status(),
        when,
        errors: vec![(subject, rejection.error())],
    };
    let not_json = Json::parse(b"{\"name\": }").err().map(|why| why.to_string()).unwrap_or_default();
    let twice = Json::parse(b"{\"name\": 1, \"name\": 2}").err().map(|why| why.to_string()).unwrap_or_default();
    let mut problems = FieldErrors::none();
    problems.add("color", "unknown");
    problems.add("name", "required");
    problems.add("defaultRate", "must be a decimal with up to 12 digits and up to 4 decimals, such as \"150.00\"");
    let conflict = Error::conflict;
    let mut samples = vec![
        Sample {
            name: "BadRequest",
            status: status_of(Code::BadRequest),
            when: "The body is not JSON, or an object in it has a key twice.",
            errors: vec![
                ("not JSON", Error::BadRequest(not_json.into())),
                ("a key twice", Error::BadRequest(twice.into())),
            ],
        },
        of_error(
            "BadCursor",
            "The cursor does not decode, or it belongs to another list, sort or filter: begin again without one.",
            "cursor",
            service::bad_cursor(),
        ),
        of_code("Unauthenticated", Code::Unauthenticated, vec![("no token", service::no_token(Environment::Live))]),
        of_code("ForbiddenPlan", Code::ForbiddenPlan, vec![("plan", Error::PlanLacks(Feature::ApiAccess))]),
        of_code(
            "ForbiddenScope",
            Code::ForbiddenScope,
            vec![
                ("role", Error::Forbidden("your role MEMBER may not list clients".into())),
                (
                    "scope",
                    Error::Forbidden("to create client, use a token with scope write: this one has scope read".into()),
                ),
            ],
        ),
        of_code("NotFound", Code::NotFound, vec![("record", Error::NotFound("client"))]),
        Sample {
            name: "Conflict",
            status: status_of(Code::Conflict),
            when: "The state of a record blocks the request, or the `Idempotency-Key` was used for another request or is in \
                   flight; `reason` says which.",
            errors: vec![
                ("state", conflict(Reason::Invoiced, "the entry is on an invoice and cannot be changed or deleted")),
                (
                    "another request",
                    conflict(
                        Reason::IdempotencyMismatch,
                        "this Idempotency-Key was used for another request; use a new key for a new request",
                    ),
                ),
                ("in flight", Error::InFlight),
            ],
        },
        of_error(
            "Stale",
            "`If-Match` names another version than the record has; `ETag` has the current one.",
            "stale",
            Error::Stale { version: Some(4) },
        ),
        of_http("TooLarge", "The body is over 1 MiB.", "too large", HttpRejection::TooLarge),
        of_http("NotJson", "The body is not sent as `application/json`.", "type", HttpRejection::NotJson),
        of_code("ValidationError", Code::ValidationError, vec![("fields", Error::Invalid(problems))]),
        of_code("RateLimited", Code::RateLimited, vec![("budget", Error::RateLimited { retry_after: 3 })]),
        of_code("Internal", Code::Internal, vec![("fault", Error::bug("for the log only"))]),
        of_error(
            "Unavailable",
            "The server cannot do this at the moment, for example because its database is away. `Retry-After` says when to come back; send a write again with its `Idempotency-Key`.",
            "database away",
            Error::Unavailable,
        ),
    ];
    samples.sort_by_key(|sample| sample.status.as_u16());
    samples
}

/// The page of errors, `docs/errors.md`.
pub fn page() -> String {
    let mut page = String::from(HEAD);
    let mut line = |text: &str| page.push_str(&format!("{text}\n"));
    let samples = samples();
    for (code, when) in Code::ALL {
        let of_code =
            samples.iter().filter(|sample| sample.errors.first().is_some_and(|(_, error)| error.code() == code));
        let mut statuses: Vec<_> =
            of_code.map(|sample| format!("{}: {}", sample.status.as_u16(), sample.when)).collect();
        // A code that has one status is described by its own words alone.
        let status = match statuses.as_mut_slice() {
            [_] => format!("**{}** {when}", status_of(code).as_u16()),
            several => format!("- {}", several.join("\n- ")),
        };
        line(&format!("\n### `{}`\n\n{status}", code.as_str()));
        if code == Code::ValidationError {
            line(PROBLEMS);
        }
    }
    line(ELSEWHERE);
    let not_allowed = HttpRejection::MethodNotAllowed(vec![Method::GET, Method::HEAD, Method::OPTIONS]);
    for (rejection, when) in [
        (HttpRejection::NoSuchPath, "No such path."),
        (not_allowed, "The path does not take this method; `Allow` says which it takes."),
        (HttpRejection::NotAcceptable, "Nothing that `Accept` takes can be made (GraphQL)."),
    ] {
        line(&format!("| {} | `{}` | {when} |", rejection.status().as_u16(), rejection.error().code().as_str()));
    }
    line(REASONS);
    for reason in Reason::ALL {
        line(&format!("\n### `{reason}`\n\n{}", reason.when().trim()));
    }
    line(UNAVAILABLE);
    line("\n## Examples\n\nThe bodies of REST, as the server sends them.");
    for sample in &samples {
        let code = sample.errors.first().map_or("", |(_, error)| error.code().as_str());
        line(&format!("\n### {}, `{code}`\n\n{}", sample.status.as_u16(), sample.when));
        for (subject, error) in &sample.errors {
            let body = serde_json::json!({ "error": error.body("01890a5d-ac96-774b-bcce-b302099a8057") });
            let body = serde_json::to_string_pretty(&body).unwrap_or_default();
            line(&format!("\n{subject}:\n\n```json\n{body}\n```"));
        }
    }
    page
}

const HEAD: &str = "# Errors

Every error has one envelope:

```json
{\"error\": {\"code\": \"conflict\", \"message\": \"…\", \"reason\": \"invoiced\", \"docUrl\": \"/docs/errors#invoiced\", \"requestId\": \"…\"}}
```

- `code` is part of the contract and one of nine. `reason` specifies a code further; reasons may be added.
- `message` is for people and may change.
- `fields` of a 422 maps every invalid field to its problem, nested ones by path: `timeEntries[3].projectId`.
- `requiredPlan` and `feature` of a 402 name the plan that is needed and what it adds.
- `docUrl` leads to the reason, or else the code, on this page: a path on the server, or a whole URL where its operator has set
  `HOURSMITH_PUBLIC_URL`.
- `requestId` identifies the request in the server's log; it is also in the header `X-Request-Id`.

In GraphQL the same fields, without `message` and `docUrl`, are in `errors[].extensions`, with the message beside them. The
conventions of errors are in [api-design.md](api-design.md#errors), the recipe for retries in [retrying.md](retrying.md).

## Codes

";

const PROBLEMS: &str = "
All problems of a request are in `fields` at once. What to do about the most frequent ones:

| problem | what to do |
| --- | --- |
| `required` | Send the field; null counts as not sent. |
| `unknown`, `unknown parameter; allowed are …` | Remove the key or the parameter, or correct its spelling. |
| `read-only` | Remove the key: the server sets it. A record that was read cannot be sent back whole. |
| `not found` | No such record in your workspace, or none that you may see. Ids of another workspace or another kind are not found. |
| `must be …` | Send the form that the message shows, such as `150.00` for an amount or `2026-06-11` for a day. |
| of `Idempotency-Key` | Send the header with every POST: a new text for each thing to be done, the same one when you send it again. |
| of the `url` of a webhook endpoint | See [Develop](webhooks.md#develop) for receivers on your own machine. |";

const ELSEWHERE: &str = "
Requests that reach no operation get the same envelope:

| status | code | when |
| --- | --- | --- |";

const REASONS: &str = "
Malformed HTTP is answered in the same envelope and ends the connection: a head that cannot be parsed, or no `Host` header
or several (400); a target of more than 65,534 bytes, or more than 100 headers (431). An address that has too many
connections open gets 429 before it can send a request.

## Reasons of `conflict`";

const UNAVAILABLE: &str = "
## Reasons of `internal`

### `unavailable`

The server cannot do this at the moment: its database is away or has no space, or it was not done within 15 s. Send the same request
again after `Retry-After`, a write with the same `Idempotency-Key`. What is given up again should ask for less at once.";
