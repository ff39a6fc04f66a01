//! What is sent to webhook endpoints: the events, described as 3.1 does under `webhooks`. 3.0 has no such place;
//! there they stand under `x-webhooks`.

use serde_json::{Map, Value, json};
use service::value::EventType;

use super::{described, reference};

/// The group of the document that they belong to.
const TAG: &str = "Webhook events";

/// Adds those events whose record the document knows.
pub fn add(document: &mut Value) {
    let known = |event: &&Event| document["components"]["schemas"].get(event.record().1).is_some();
    let events: Vec<Event> = EventType::ALL.iter().map(|kind| Event(*kind)).collect();
    let mut webhooks = Map::new();
    for event in events.iter().filter(known).collect::<Vec<_>>() {
        let name = event.schema_name();
        webhooks.insert(event.0.as_str().to_owned(), event.operation(&name));
        document["components"]["schemas"][name] = event.schema();
        document["components"]["schemas"][event.data_name()] = event.data();
        if event.has_payment() {
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
        tags.push(
            json!({ "name": TAG, "description": "What is sent to webhook endpoints: one signed POST per event." }),
        );
    }
}

/// An event in the document.
struct Event(EventType);

impl Event {
    /// The record that it is about: its key and its schema.
    fn record(&self) -> (&'static str, &'static str) {
        self.0.records().first().copied().unwrap_or_default()
    }

    fn has_payment(&self) -> bool {
        self.0.records().iter().any(|(key, _)| *key == "payment")
    }

    /// `InvoicePaymentFailedEvent`.
    fn schema_name(&self) -> String {
        let word = |word: &str| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_ascii_uppercase() + rest
        };
        self.0.as_str().split(['.', '_']).map(word).collect::<String>() + "Event"
    }

    /// `ClientEventData`: events of one record share it.
    fn data_name(&self) -> String {
        let noun = self.record().1.trim_end_matches("WithLines");
        format!("{noun}{}EventData", if self.has_payment() { "Payment" } else { "" })
    }

    fn data(&self) -> Value {
        let (key, record) = self.record();
        let mut data = json!({
            "type": "object",
            "description": "The record that the event is about, as an Owner sees it.",
            "required": [key],
            "properties": {
                key: described("schemas", record, "The record at the time of the event, as GET returns it to an Owner."),
                "test": { "type": "boolean", "description": "Present and true if the event is a test event." },
            },
        });
        if self.has_payment() {
            data["properties"]["payment"] =
                described("schemas", "Payment", "The payment, or the failed attempt at one.");
            data["required"] = json!([key, "payment"]);
        }
        data
    }

    fn schema(&self) -> Value {
        json!({
            "type": "object",
            "description": self.0.about(),
            "example": service::example_event(self.0),
            "required": ["created", "data", "id", "livemode", "orgId", "type"],
            "properties": {
                "id": { "type": "string", "format": "uuid", "description": "Identifier of the event (UUID v7), the same on every retry and replay." },
                "type": { "type": "string", "enum": [self.0.as_str()], "description": "Type of the event." },
                "created": { "type": "integer", "format": "int64", "minimum": 0, "description": "Time at which the event happened, in Unix seconds." },
                "orgId": { "type": "string", "format": "uuid", "description": "Identifier of the workspace in which the event happened." },
                "livemode": { "type": "boolean", "description": "Whether the event is real: false on a test server and for test events." },
                "data": described("schemas", &self.data_name(), "What the event is about."),
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
                "summary": self.0.about().trim_end_matches('.').replace('`', ""),
                "description": "Sent at least once and in no promised order, so skip the identifiers of events that you have handled. Verify \
                    one of the two signatures over the body as received before you trust it.",
                "tags": [TAG],
                "security": [],
                "parameters": [
                    header(
                        "Hoursmith-Signature",
                        "`t=<Unix seconds>,v1=<hex HMAC-SHA256 of \"<t>.<body>\" under the whole secret>`; two `v1=` while \
                         a secret is being rotated.",
                        "^t=\\d+(,v1=[0-9a-f]{64})+$",
                    ),
                    header("webhook-id", "Identifier of the event (Standard Webhooks).", "^[!-~]+$"),
                    header("webhook-timestamp", "Time of this attempt in Unix seconds (Standard Webhooks).", "^\\d+$"),
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
                    "2XX": { "description": "The event was received. Answer within 10 seconds." },
                    "410": { "description": "No more events are wanted: the endpoint is disabled." },
                },
            },
        })
    }
}

fn payment_schema() -> Value {
    json!({
        "type": "object",
        "description": "A payment of an invoice, or a failed attempt at one.",
        "required": ["amount", "currency", "failureReason", "id", "method", "receivedAt"],
        "properties": {
            "id": { "type": "string", "format": "uuid", "description": "Identifier of the payment (UUID v7)." },
            "amount": { "type": "string", "pattern": "^\\d{1,12}\\.\\d{2,4}$", "example": "150.00",
                "description": "Amount of the payment." },
            "currency": { "allOf": [reference("schemas", "Currency")], "description": "Currency of the payment, that of the invoice (ISO 4217 code)." },
            "method": { "type": "string", "example": "manual", "description": "Method of the payment; `manual` when the operator recorded it." },
            "receivedAt": { "type": "string", "format": "date-time", "nullable": true, "example": "2026-06-11T08:00:00.000Z",
                "description": "Time at which the payment was received (UTC); null if it failed." },
            "failureReason": { "type": "string", "nullable": true, "example": null, "description": "Why the payment failed; null if it was received." },
        },
    })
}
