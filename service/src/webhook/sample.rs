//! Events as they look: of the reference, and of test calls, which are the same as if it had all happened now.

use entity::value::{EventType, Id, OrganizationId, Timestamp};
use serde_json::{Map, Value, json};

use crate::contract::examples::example;

/// The event of this type that the reference shows.
pub fn example_event(kind: EventType) -> Value {
    let mut event = example("Event");
    event["type"] = kind.as_str().into();
    event["data"] = records(kind);
    differ(&mut event["data"], kind, &"2026-06-11T08:00:00.000Z".into());
    event
}

/// The data of a test event, with `test: true`.
pub(super) fn data(kind: EventType, org: OrganizationId, now: Timestamp, new_id: impl Fn() -> Id) -> Value {
    let mut data = records(kind);
    for (key, _) in kind.records() {
        let own =
            [("id", json!(new_id())), ("orgId", json!(org)), ("createdAt", json!(now)), ("updatedAt", json!(now))];
        for (field, value) in own {
            // A payment is of no workspace by itself.
            if let Some(place) = data[*key].get_mut(field) {
                *place = value;
            }
        }
    }
    differ(&mut data, kind, &json!(now));
    data["test"] = true.into();
    data
}

/// The example records of an event, by their keys.
fn records(kind: EventType) -> Value {
    kind.records().iter().map(|(key, record)| ((*key).to_owned(), example(record))).collect::<Map<_, _>>().into()
}

/// Makes of the example records those of an event about what has happened to them.
fn differ(data: &mut Value, kind: EventType, now: &Value) {
    for (path, value) in differences(kind, now) {
        if let Some(place) = data.pointer_mut(path) {
            *place = value;
        }
    }
}

/// What differs from the example, for events about what has happened to a record.
fn differences(kind: EventType, now: &Value) -> Vec<(&'static str, Value)> {
    match kind {
        EventType::TaskCompleted => vec![("/task/status", "DONE".into()), ("/task/completedAt", now.clone())],
        EventType::InvoicePaid => vec![
            ("/invoice/status", "PAID".into()),
            ("/invoice/paymentStatus", "paid".into()),
            ("/invoice/amountPaid", example("InvoiceWithLines")["total"].take()),
            ("/invoice/paidAt", now.clone()),
        ],
        EventType::InvoicePaymentFailed => {
            vec![("/payment/receivedAt", Value::Null), ("/payment/failureReason", "the card was declined".into())]
        }
        _ => vec![],
    }
}
