//! What is sent to webhook endpoints: the eight events, described as 3.1 does under `webhooks`. 3.0 has no such place;
//! there they stand under `x-webhooks`.

use serde_json::{Map, Value, json};

use super::reference;

/// The group of the document that they belong to.
const TAG: &str = "Webhook events";

/// An event: its type, the key of its data with the schema of what stands there, and when it is sent.
struct Event {
    kind: &'static str,
    key: &'static str,
    record: &'static str,
    payment: bool,
    when: &'static str,
}

const fn event(kind: &'static str, key: &'static str, record: &'static str, when: &'static str) -> Event {
    Event { kind, key, record, payment: false, when }
}

const fn payment(kind: &'static str, when: &'static str) -> Event {
    Event { kind, key: "invoice", record: "InvoiceWithLines", payment: true, when }
}

const EVENTS: [Event; 8] = [
    event("client.created", "client", "Client", "A client was made."),
    event("project.created", "project", "Project", "A project was made."),
    event("task.created", "task", "Task", "A task was made."),
    event("task.completed", "task", "Task", "A task went to DONE."),
    event(
        "time_entry.created",
        "timeEntry",
        "TimeEntry",
        "A time entry has a duration: it was logged, or its timer stopped.",
    ),
    event("invoice.sent", "invoice", "InvoiceWithLines", "An invoice was sent."),
    payment("invoice.paid", "An invoice is paid in full."),
    payment("invoice.payment_failed", "A payment of an invoice failed."),
];

/// Adds those events whose record the document knows.
pub fn add(document: &mut Value) {
    let known = |event: &&Event| document["components"]["schemas"].get(event.record).is_some();
    let events: Vec<&Event> = EVENTS.iter().filter(known).collect();
    let mut webhooks = Map::new();
    for event in events {
        let name = event.schema_name();
        webhooks.insert(event.kind.to_owned(), event.operation(&name));
        document["components"]["schemas"][name] = event.schema();
        document["components"]["schemas"][event.data_name()] = event.data();
        if event.payment {
            document["components"]["schemas"]["Payment"] = payment_schema();
        }
    }
    if webhooks.is_empty() {
        return;
    }
    document["x-webhooks"] = Value::Object(webhooks);
    if let Some(tags) = document["tags"].as_array_mut()
        && !tags.iter().any(|tag| tag["name"] == TAG)
    {
        tags.push(json!({ "name": TAG, "description": "What is sent to webhook endpoints." }));
    }
}

impl Event {
    /// `InvoicePaymentFailedEvent`.
    fn schema_name(&self) -> String {
        let word = |word: &str| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_ascii_uppercase() + rest
        };
        self.kind.split(['.', '_']).map(word).collect::<String>() + "Event"
    }

    /// `ClientEventData`: events of one record share it.
    fn data_name(&self) -> String {
        let noun = self.record.trim_end_matches("WithLines");
        format!("{noun}{}EventData", if self.payment { "Payment" } else { "" })
    }

    fn data(&self) -> Value {
        let mut data = json!({
            "type": "object",
            "description": "What it happened to, as an Owner sees it.",
            "required": [self.key],
            "properties": {
                self.key: reference("schemas", self.record),
                "test": { "type": "boolean", "description": "There and true if it was only a test." },
            },
        });
        if self.payment {
            data["properties"]["payment"] = reference("schemas", "Payment");
            data["required"] = json!([self.key, "payment"]);
        }
        data
    }

    fn schema(&self) -> Value {
        json!({
            "type": "object",
            "description": self.when,
            "required": ["created", "data", "id", "livemode", "orgId", "type"],
            "properties": {
                "id": { "type": "string", "format": "uuid", "description": "The id of the event, the same on every retry and replay." },
                "type": { "type": "string", "enum": [self.kind], "description": "What happened." },
                "created": { "type": "integer", "format": "int64", "minimum": 0, "description": "When, in Unix seconds." },
                "orgId": { "type": "string", "format": "uuid", "description": "The workspace." },
                "livemode": { "type": "boolean", "description": "Whether a live server sent it, and not as a test." },
                "data": reference("schemas", &self.data_name()),
            },
        })
    }

    fn operation(&self, schema: &str) -> Value {
        let name = schema.trim_end_matches("Event");
        let (first, rest) = name.split_at(1);
        let header = |name: &str, description: &str, pattern: &str| {
            json!({ "name": name, "in": "header", "required": true, "description": description,
                "schema": { "type": "string", "pattern": pattern } })
        };
        json!({
            "post": {
                "operationId": format!("on{}{rest}", first.to_ascii_uppercase()),
                "summary": self.when.trim_end_matches('.'),
                "description": "At least once, in no promised order: drop ids that you know. Check one of the two signatures \
                    over the bytes as they came before you believe it.",
                "tags": [TAG],
                "security": [],
                "parameters": [
                    header(
                        "Hoursmith-Signature",
                        "`t=<Unix seconds>,v1=<hex HMAC-SHA256 of \"<t>.<body>\" under the whole secret>`; two `v1=` while \
                         a secret is being rotated.",
                        "^t=\\d+(,v1=[0-9a-f]{64})+$",
                    ),
                    header("webhook-id", "The id of the event (Standard Webhooks).", "^[!-~]+$"),
                    header("webhook-timestamp", "Unix seconds of this attempt (Standard Webhooks).", "^\\d+$"),
                    header(
                        "webhook-signature",
                        "`v1,<base64 HMAC-SHA256 of \"<id>.<timestamp>.<body>\">`, several with spaces (Standard Webhooks).",
                        "^v1,[A-Za-z0-9+/=]+( v1,[A-Za-z0-9+/=]+)*$",
                    ),
                ],
                "requestBody": {
                    "required": true,
                    "content": { "application/json": { "schema": reference("schemas", schema) } },
                },
                "responses": {
                    "2XX": { "description": "Taken; within 10 seconds." },
                    "410": { "description": "Never again: the endpoint is disabled." },
                },
            },
        })
    }
}

fn payment_schema() -> Value {
    json!({
        "type": "object",
        "description": "What was paid, or failed to be.",
        "required": ["amount", "currency", "failureReason", "id", "method", "receivedAt"],
        "properties": {
            "id": { "type": "string", "format": "uuid", "description": "The id of the payment." },
            "amount": { "type": "string", "pattern": "^\\d{1,12}\\.\\d{2,4}$", "example": "150.00",
                "description": "How much." },
            "currency": { "allOf": [reference("schemas", "Currency")], "description": "Of what." },
            "method": { "type": "string", "example": "manual", "description": "How; `manual` when the operator says so." },
            "receivedAt": { "type": "string", "format": "date-time", "nullable": true, "example": "2026-06-11T08:00:00.000Z",
                "description": "When it came; null if it did not." },
            "failureReason": { "type": "string", "nullable": true, "description": "Why it did not come; null if it did." },
        },
    })
}
