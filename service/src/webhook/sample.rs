//! The data of test events: the example records of the reference, as if they had been made now.

use entity::value::{EventType, Id, OrganizationId, Timestamp};
use serde_json::{Value, json};

use crate::contract::examples::example;

/// The data of a test event, with `test: true`.
pub(super) fn data(kind: EventType, org: OrganizationId, now: Timestamp, new_id: impl Fn() -> Id) -> Value {
    let mut data = json!({});
    for (key, record) in kind.records() {
        let mut record = example(record);
        let own =
            [("id", json!(new_id())), ("orgId", json!(org)), ("createdAt", json!(now)), ("updatedAt", json!(now))];
        for (field, value) in own {
            // A payment is of no workspace by itself.
            if let Some(place) = record.get_mut(field) {
                *place = value;
            }
        }
        data[*key] = record;
    }
    for (path, value) in differences(kind, now) {
        if let Some(place) = data.pointer_mut(path) {
            *place = value;
        }
    }
    data["test"] = true.into();
    data
}

/// What differs from the example, for events about what has happened to a record.
fn differences(kind: EventType, now: Timestamp) -> Vec<(&'static str, Value)> {
    match kind {
        EventType::TaskCompleted => vec![("/task/status", "DONE".into()), ("/task/completedAt", json!(now))],
        EventType::InvoicePaid => vec![
            ("/invoice/status", "PAID".into()),
            ("/invoice/paymentStatus", "paid".into()),
            ("/invoice/amountPaid", example("InvoiceWithLines")["total"].take()),
            ("/invoice/paidAt", json!(now)),
        ],
        EventType::InvoicePaymentFailed => {
            vec![("/payment/receivedAt", Value::Null), ("/payment/failureReason", "the card was declined".into())]
        }
        _ => vec![],
    }
}
