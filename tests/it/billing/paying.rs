//! The states of an invoice: DRAFT, SENT, PAID; or CANCELLED, which releases what it billed. Each change emits its event.

use serde_json::{Value, json};
use service::invoice::{InvoiceWithLines, cancel, fail_payment, pay, refund, send};
use service::value::{InvoiceId, Money};
use service::{Error, Operator};
use tests::{Fixtures, on_both};

fn money(text: &str) -> Option<Money> {
    Some(text.parse().unwrap())
}

fn shown(outcome: Result<InvoiceWithLines, Error>) -> Value {
    serde_json::to_value(outcome.unwrap()).unwrap()
}

fn state(invoice: &Value) -> [&str; 3] {
    ["status", "paymentStatus", "amountPaid"].map(|field| invoice[field].as_str().unwrap())
}

/// The reason of each step that is refused now.
async fn refused(operator: &Operator, id: InvoiceId) -> Vec<(&'static str, &'static str)> {
    let mut refused = Vec::new();
    // A step that is allowed would change the invoice; amounts of nothing are not.
    for (step, outcome) in [
        ("send", send(operator, id).await.err()),
        ("refund", refund(operator, id).await.err()),
        ("pay", pay(operator, id, money("0")).await.err()),
        ("cancel", cancel(operator, id).await.err()),
    ] {
        refused.push((step, outcome.and_then(|error| error.reason()).unwrap_or("-")));
    }
    refused
}

on_both! {
    /// Sent, paid in part, paid in full; each step once, each event once, as GET gives the invoice then.
    async fn from_draft_to_paid(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let client = home.client(&world, "C").await;
        home.expense(&world, &client, "100").await;
        let id: InvoiceId = home.invoice(&world, &client).await.parse().unwrap();
        let operator = world.operator();
        let reported = async || -> Vec<Value> {
            let events = world.events().await.into_iter();
            events.filter(|event| event["type"].as_str().unwrap().starts_with("invoice.")).collect()
        };
        let path = format!("/api/v1/invoices/{id}");
        assert_eq!(pay(&operator, id, None).await.unwrap_err().reason(), Some("invoice_draft"));
        assert_eq!(fail_payment(&operator, id, None, None).await.unwrap_err().reason(), Some("invoice_draft"));

        world.clock.advance(1000);
        let sent = shown(send(&operator, id).await);
        assert_eq!((state(&sent), &sent["sentAt"]), (["SENT", "unpaid", "0.00"], &json!("2026-06-11T08:00:01.000Z")));
        assert_eq!(send(&operator, id).await.unwrap_err().reason(), Some("invoice_sent"));
        let events = reported().await;
        assert_eq!((events.len(), &events[0]["type"], &events[0]["data"]), (1, &json!("invoice.sent"), &json!({ "invoice": sent })));

        let failed = shown(fail_payment(&operator, id, None, Some("the card was declined".into())).await);
        assert_eq!(failed, sent, "the invoice stays as it is");
        let event = reported().await.pop().unwrap();
        assert_eq!((&event["type"], &event["data"]["invoice"]), (&json!("invoice.payment_failed"), &sent));
        let payment = &event["data"]["payment"];
        assert!(payment["id"].as_str().is_some_and(|id| id.len() == 36), "{payment}");
        for (field, value) in [("amount", json!("100.00")), ("currency", json!("EUR")), ("method", json!("manual")), ("receivedAt", json!(null)), ("failureReason", json!("the card was declined"))] {
            assert_eq!(payment[field], value, "{field}");
        }

        for wrong in ["0", "100.01", "1.001"] {
            assert!(pay(&operator, id, money(wrong)).await.unwrap_err().fields().unwrap().names("amount"), "{wrong}");
        }
        let part = shown(pay(&operator, id, money("40.50")).await);
        assert_eq!((state(&part), &part["paidAt"]), (["SENT", "partially_paid", "40.50"], &Value::Null));
        assert!(pay(&operator, id, money("59.51")).await.unwrap_err().fields().is_some());
        assert_eq!(reported().await.len(), 2, "a part is not reported");
        let paid = shown(pay(&operator, id, None).await);
        assert_eq!((state(&paid), &paid["paidAt"]), (["PAID", "paid", "100.00"], &json!("2026-06-11T08:00:01.000Z")));
        assert_eq!(world.get(&home.owner, &path).await.data(200), paid);
        let event = reported().await.pop().unwrap();
        assert_eq!((&event["type"], &event["data"]["invoice"]), (&json!("invoice.paid"), &paid));
        assert_eq!((&event["data"]["payment"]["amount"], &event["data"]["payment"]["receivedAt"]), (&json!("59.50"), &paid["paidAt"]));
        assert_eq!(event["data"]["payment"]["failureReason"], Value::Null);

        assert_eq!(pay(&operator, id, None).await.unwrap_err().reason(), Some("invoice_paid"));
        assert_eq!(cancel(&operator, id).await.unwrap_err().reason(), Some("invoice_paid"));
        let back = shown(refund(&operator, id).await);
        assert_eq!(state(&back), ["PAID", "refunded", "0.00"]);
        // Refunded in full, it can be cancelled: what it billed can be billed again.
        assert_eq!(refused(&operator, id).await, [("send", "invoice_paid"), ("refund", "nothing_to_refund"), ("pay", "invoice_paid"), ("cancel", "-")]);
        assert_eq!(state(&world.get(&home.owner, &path).await.data(200)), ["CANCELLED", "refunded", "0.00"]);
        let again = home.invoice(&world, &client).await;
        assert_eq!(world.get(&home.owner, &format!("/api/v1/invoices/{again}")).await.data(200)["total"], "100.00");
        assert_eq!(reported().await.len(), 3);
    }
}

on_both! {
    /// Cancelled from anywhere but PAID: what it billed can be billed again, the number stays taken.
    async fn cancelling_an_invoice_releases_what_it_billed(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, owner, operator) = (&fixtures.home, &fixtures.home.owner, world.operator());
        let client = home.client(&world, "C").await;
        let fixed = json!({ "clientId": client, "name": "F", "rateType": "FIXED", "fixedFeeAmount": "10" });
        let fixed = world.post(owner, "/api/v1/projects", fixed).await.data(201);
        let hourly = world.post(owner, "/api/v1/projects", json!({ "clientId": client, "name": "H" })).await.id();
        let entry = home.entry(&world, owner, &hourly).await["id"].as_str().unwrap().to_owned();
        home.expense(&world, &client, "5").await;
        let mut bills = Vec::new();
        for (number, further) in [("INV-1", false), ("INV-2", true)] {
            let id: InvoiceId = home.invoice(&world, &client).await.parse().unwrap();
            let path = format!("/api/v1/invoices/{id}");
            let made = world.get(owner, &path).await.data(200);
            assert_eq!((&made["number"], &made["total"], made["lines"].as_array().unwrap().len()), (&json!(number), &json!("165.00"), 3));
            bills.push(made["lines"].clone());
            if further {
                send(&operator, id).await.unwrap();
                pay(&operator, id, money("1")).await.unwrap();
            }
            let gone = shown(cancel(&operator, id).await);
            assert_eq!((&gone["status"], &gone["number"], &gone["lines"]), (&json!("CANCELLED"), &json!(number), &made["lines"]));
            assert_eq!(refused(&operator, id).await[0], ("send", "invoice_cancelled"));
            assert_eq!(refused(&operator, id).await[3], ("cancel", "invoice_cancelled"));
            let free = world.patch(owner, &format!("/api/v1/time-entries/{entry}"), json!({ "note": number })).await.data(200);
            assert_eq!(free["invoiceId"], Value::Null);
        }
        assert_eq!(bills[0], bills[1], "the same is billed again, the fee too");
        // Billing a fee is nobody's change of the project.
        let path = format!("/api/v1/projects/{}", fixed["id"].as_str().unwrap());
        assert_eq!(world.get(owner, &path).await.data(200), fixed);
        let unknown = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        assert_eq!(cancel(&operator, unknown).await.unwrap_err().code(), service::Code::NotFound);
    }
}

on_both! {
    /// Time that comes back to a project that is not billable any more is not billable either.
    async fn released_time_follows_its_project(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, owner) = (&fixtures.home, &fixtures.home.owner);
        let project = home.project(&world, "P").await;
        let entry = home.entry(&world, owner, &project).await["id"].as_str().unwrap().to_owned();
        let invoice: InvoiceId = home.invoice_of(&world, &project).await.parse().unwrap();
        let path = format!("/api/v1/projects/{project}");
        world.patch(owner, &path, json!({ "rateType": "NON_BILLABLE" })).await.data(200);
        let entry = format!("/api/v1/time-entries/{entry}");
        assert_eq!(world.get(owner, &entry).await.data(200)["billable"], true, "billed as it was");
        // Nor does a project with billed time go to another client.
        let other = json!({ "clientId": home.client(&world, "other").await });
        assert_eq!(world.patch(owner, &path, other.clone()).await.error(409, "conflict")["reason"], "invoiced");
        cancel(&world.operator(), invoice).await.unwrap();
        let free = world.get(owner, &entry).await.data(200);
        assert_eq!((&free["billable"], &free["invoiceId"], &free["version"]), (&json!(false), &Value::Null, &json!(3)));
        world.patch(owner, &path, other).await.data(200);
    }
}

on_both! {
    /// Of payments that come at once, none is lost and none goes past the total.
    async fn concurrent_payments_add_up(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let client = fixtures.home.client(&world, "C").await;
        fixtures.home.expense(&world, &client, "100").await;
        let id: InvoiceId = fixtures.home.invoice(&world, &client).await.parse().unwrap();
        send(&world.operator(), id).await.unwrap();
        let mut all = Vec::new();
        for _ in 0..15 {
            let operator = world.operator();
            all.push(tokio::spawn(async move { pay(&operator, id, money("10")).await }));
        }
        let mut taken = 0;
        for one in all {
            taken += usize::from(one.await.unwrap().is_ok());
        }
        assert_eq!(taken, 10);
        let paid = world.get(&fixtures.home.owner, &format!("/api/v1/invoices/{id}")).await.data(200);
        assert_eq!(state(&paid), ["PAID", "paid", "100.00"]);
        let reported = world.events().await.iter().filter(|event| event["type"] == "invoice.paid").count();
        assert_eq!(reported, 1);
    }
}
