//! Invoices: previewed, made, sent, paid, refunded and cancelled by a Manager who has signed in.

use serde_json::{Value, json};
use service::invoice::{InvoiceWithLines, settings};
use service::value::InvoiceId;
use service::{Error, Precondition, Written};
use tests::{Fixtures, World, on_both};

use super::{Person, amount, june, sent};

fn record(written: Result<Written<InvoiceWithLines>, Error>) -> Value {
    serde_json::to_value(written.unwrap().into_record().unwrap()).unwrap()
}

async fn reported(world: &World) -> Vec<String> {
    let types = world.events().await.into_iter().map(|event| event["type"].as_str().unwrap().to_owned());
    types.filter(|name| name.starts_with("invoice.")).collect()
}

const ANY: &Precondition = &Precondition::Any;

on_both! {
    /// A preview is what is then made, stores nothing and uses no number.
    async fn a_preview_is_what_is_made(world: World) {
        let home = Fixtures::new(&world).await.home;
        let client = home.client(&world, "C").await;
        let project = world.post(&home.owner, "/api/v1/projects", json!({ "clientId": client, "name": "P" })).await.id();
        home.entry(&world, &home.owner, &project).await;
        home.expense(&world, &client, "20.5").await;
        let manager = Person::sign_in(&world, home.id, "manager@home.example").await;
        let input = || settings::CreateInvoiceInput { discount: sent("10"), tax_rate: sent("20"), ..june(&client) };
        for _ in 0..2 {
            let preview = settings::preview(&manager.cx().await, input()).await.unwrap();
            assert_eq!((preview.lines.len(), preview.subtotal.to_string(), preview.total.to_string()), (2, "170.50".into(), "192.60".into()));
        }
        assert_eq!(world.get(&home.owner, "/api/v1/invoices?count=true").await.json()["pagination"]["total"], 0);
        let preview = settings::preview(&manager.cx().await, input()).await.unwrap();

        let made = record(settings::create(&manager.cx_with("make").await, input()).await);
        assert_eq!((&made["number"], &made["status"], &made["total"]), (&json!("INV-1"), &json!("DRAFT"), &json!("192.60")));
        assert_eq!(made["lines"], serde_json::to_value(&preview.lines).unwrap());
        assert_eq!(record(settings::create(&manager.cx_with("make").await, input()).await), made, "a double click makes one");
        let path = format!("/api/v1/invoices/{}", made["id"].as_str().unwrap());
        assert_eq!(world.get(&home.owner, &path).await.data(200), made);
        let nothing = settings::preview(&manager.cx().await, input()).await.unwrap_err();
        assert_eq!(nothing.reason(), Some("nothing_to_bill"));
    }
}

on_both! {
    /// Every bad field at once; a client of another workspace is not found.
    async fn an_invoice_is_refused_by_field(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let client = home.client(&world, "C").await;
        home.expense(&world, &client, "20").await;
        let manager = Person::sign_in(&world, home.id, "manager@home.example").await;
        let fields = async |input: settings::CreateInvoiceInput, named: &[&str]| {
            for refused in [
                settings::preview(&manager.cx().await, input.clone()).await.err(),
                settings::create(&manager.cx().await, input).await.err(),
            ] {
                let refused = refused.expect("it is refused");
                assert!(named.iter().all(|field| refused.fields().is_some_and(|fields| fields.names(field))), "{refused}");
            }
        };
        fields(Default::default(), &["clientId", "from", "to"]).await;
        let foreign = fixtures.other.client(&world, "theirs").await;
        fields(settings::CreateInvoiceInput { to: sent("2026-05-01"), discount: sent("x"), ..june(&foreign) }, &["to", "discount", "clientId"]).await;
        fields(june(&foreign), &["clientId"]).await;
        fields(settings::CreateInvoiceInput { discount: sent("20.01"), ..june(&client) }, &["discount"]).await;
    }
}

on_both! {
    /// Sent, paid in part, paid, refunded, cancelled: each step once, by the version that was seen, with its event.
    async fn from_draft_to_cancelled(world: World) {
        let home = Fixtures::new(&world).await.home;
        let client = home.client(&world, "C").await;
        home.expense(&world, &client, "100").await;
        let manager = Person::sign_in(&world, home.id, "manager@home.example").await;
        let made = record(settings::create(&manager.cx().await, june(&client)).await);
        let id: InvoiceId = made["id"].as_str().unwrap().parse().unwrap();

        let seen = Precondition::OneOf(vec![1]);
        let stale = Precondition::OneOf(vec![9]);
        assert!(matches!(settings::send(&manager.cx().await, id, &stale).await, Err(Error::Stale { version: Some(1) })));
        let draft = settings::record_payment(&manager.cx().await, id, ANY, amount("1")).await.unwrap_err();
        assert_eq!(draft.reason(), Some("invoice_draft"));
        for _ in 0..2 {
            assert_eq!(record(settings::send(&manager.cx_with("send").await, id, &seen).await)["status"], "SENT");
        }
        assert_eq!(reported(&world).await, ["invoice.sent"], "a double click sends once");

        let failed = settings::RecordFailedPaymentInput { reason: sent("the card was declined"), ..Default::default() };
        assert_eq!(record(settings::record_failed_payment(&manager.cx().await, id, ANY, failed).await)["version"], 2);
        let more = settings::record_payment(&manager.cx().await, id, ANY, amount("100.01")).await.unwrap_err();
        assert!(more.fields().unwrap().names("amount"), "{more}");
        for _ in 0..2 {
            let part = record(settings::record_payment(&manager.cx_with("pay").await, id, ANY, amount("40.50")).await);
            assert_eq!((&part["paymentStatus"], &part["amountPaid"]), (&json!("partially_paid"), &json!("40.50")));
        }
        assert_eq!(reported(&world).await, ["invoice.sent", "invoice.payment_failed"]);
        let paid = record(settings::record_payment(&manager.cx().await, id, ANY, Default::default()).await);
        assert_eq!((&paid["status"], &paid["amountPaid"]), (&json!("PAID"), &json!("100.00")));
        assert_eq!(settings::cancel(&manager.cx().await, id, ANY).await.unwrap_err().reason(), Some("invoice_paid"));
        let back = record(settings::refund(&manager.cx().await, id, ANY).await);
        assert_eq!((&back["status"], &back["paymentStatus"]), (&json!("PAID"), &json!("refunded")));
        assert_eq!(settings::refund(&manager.cx().await, id, ANY).await.unwrap_err().reason(), Some("nothing_to_refund"));
        assert_eq!(record(settings::cancel(&manager.cx().await, id, ANY).await)["status"], "CANCELLED");
        assert_eq!(reported(&world).await, ["invoice.sent", "invoice.payment_failed", "invoice.paid"]);

        // What it billed can be billed again, under the next number.
        let again = record(settings::create(&manager.cx().await, june(&client)).await);
        assert_eq!((&again["number"], &again["total"]), (&json!("INV-2"), &json!("100.00")));
    }
}
