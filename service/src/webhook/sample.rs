//! The data of test events: an example record of each noun, with every field that a real one has.

use entity::value::{EventType, Id, OrganizationId, Timestamp};
use serde_json::{Value, json};

/// The data of a test event, with `test: true`.
pub(super) fn data(kind: EventType, org: OrganizationId, now: Timestamp, new_id: impl Fn() -> Id) -> Value {
    let mut data = match kind {
        EventType::ClientCreated => json!({ "client": client(now) }),
        EventType::ProjectCreated => json!({ "project": project(&new_id) }),
        EventType::TimeEntryCreated => json!({ "timeEntry": time_entry(now, &new_id) }),
        EventType::TaskCreated => json!({ "task": task(false, now, &new_id) }),
        EventType::TaskCompleted => json!({ "task": task(true, now, &new_id) }),
        EventType::InvoiceSent => json!({ "invoice": invoice("SENT", "unpaid", now, &new_id) }),
        EventType::InvoicePaid => json!({
            "invoice": invoice("PAID", "paid", now, &new_id),
            "payment": payment(None, now, &new_id),
        }),
        EventType::InvoicePaymentFailed => json!({
            "invoice": invoice("SENT", "unpaid", now, &new_id),
            "payment": payment(Some("the card was declined"), now, &new_id),
        }),
    };
    for (noun, record) in data.as_object_mut().into_iter().flatten() {
        if noun != "payment" {
            complete(record, org, now, &new_id);
        }
    }
    data["test"] = true.into();
    data
}

/// What every record has.
fn complete(record: &mut Value, org: OrganizationId, now: Timestamp, new_id: impl Fn() -> Id) {
    for (key, value) in [
        ("id", json!(new_id())),
        ("orgId", json!(org)),
        ("version", json!(1)),
        ("createdAt", json!(now)),
        ("updatedAt", json!(now)),
        ("deletedAt", Value::Null),
    ] {
        record[key] = value;
    }
}

fn client(_: Timestamp) -> Value {
    json!({
        "externalId": null, "name": "Example & Sons", "contactName": "Eve Example", "email": "eve@example.com",
        "phone": null, "website": "https://example.com", "currency": "USD", "notes": null, "billingAddress": null,
        "billingLine1": "1 Example Street", "billingLine2": null, "billingCity": "Exampleton", "billingRegion": null,
        "billingPostalCode": "12345", "billingCountry": "US", "billingEmail": null, "taxNumber": null,
        "defaultRate": "150.00", "defaultPaymentTerms": null, "defaultTaxRate": null, "requirePoNumber": false,
    })
}

fn project(new_id: impl Fn() -> Id) -> Value {
    json!({
        "externalId": null, "clientId": new_id(), "name": "Example project", "description": null, "color": "#2f6f4f",
        "status": "ACTIVE", "rateType": "HOURLY", "hourlyRate": "150.00", "fixedFeeAmount": null,
        "budgetHours": null, "budgetAmount": null, "startDate": null, "dueDate": null,
    })
}

fn time_entry(now: Timestamp, new_id: impl Fn() -> Id) -> Value {
    json!({
        "externalId": null, "userId": new_id(), "projectId": new_id(), "taskId": null, "invoiceId": null,
        "durationSeconds": 5400, "billable": true, "note": "An example", "entryDate": now.date(),
        "startedAt": null, "stoppedAt": null,
    })
}

fn task(done: bool, now: Timestamp, new_id: impl Fn() -> Id) -> Value {
    json!({
        "externalId": null, "projectId": new_id(), "name": "Example task", "description": null,
        "status": if done { "DONE" } else { "TODO" }, "priority": "MEDIUM", "billable": true, "estimatedHours": "2.00",
        "assigneeIds": [], "tags": ["example"], "startDate": null, "dueDate": null, "endDate": null,
        "completedAt": done.then_some(now),
    })
}

fn invoice(status: &str, payment_status: &str, now: Timestamp, new_id: impl Fn() -> Id) -> Value {
    let paid = payment_status == "paid";
    json!({
        "clientId": new_id(), "number": "INV-1", "status": status, "paymentStatus": payment_status,
        "subtotal": "150.00", "discountAmount": "0.00", "taxRate": null, "taxAmount": "0.00", "total": "150.00",
        "amountPaid": if paid { "150.00" } else { "0.00" }, "currency": "USD", "notes": null,
        "billToName": "Example & Sons", "issueDate": now.date(), "dueDate": now.plus_millis(30 * 86_400_000).date(),
        "sentAt": now, "paidAt": paid.then_some(now),
        "lines": [{
            "description": "Example work", "quantity": "1.00", "unitPrice": "150.00", "amount": "150.00",
            "projectId": null, "taskId": null,
        }],
    })
}

fn payment(failure: Option<&str>, now: Timestamp, new_id: impl Fn() -> Id) -> Value {
    json!({
        "id": new_id(), "amount": "150.00", "currency": "USD", "method": "card",
        "receivedAt": if failure.is_none() { json!(now) } else { Value::Null }, "failureReason": failure,
    })
}
