//! The events of every type, emitted by real changes and by test calls.

use serde_json::{Value, json};
use service::invoice::{self, NewInvoice};
use service::value::{ClientId, EventType, Wire};
use tests::{Fixtures, Received, Receiver, World, on_both};

use super::subscribe;

/// Everything that fires an event, once.
async fn emit_all(world: &World, fixtures: &Fixtures) {
    let (home, owner) = (&fixtures.home, &fixtures.home.owner);
    let client = home.client(world, "Globex").await;
    let project = world.post(owner, "/api/v1/projects", json!({ "clientId": client, "name": "P" })).await.id();
    let task = world.post(owner, "/api/v1/tasks", json!({ "projectId": project, "name": "T" })).await.id();
    for status in ["DONE", "DONE"] {
        world.patch(owner, &format!("/api/v1/tasks/{task}"), json!({ "status": status })).await.data(200);
    }
    home.entry(world, owner, &project).await;
    let operator = world.operator();
    let day = |text: &str| Wire::parse_text(text).unwrap();
    let (from, to) = (day("2026-06-01"), day("2026-06-30"));
    let bill = NewInvoice { client: client.parse::<ClientId>().unwrap(), from, to, discount: None, tax_rate: None };
    let id = invoice::create(&operator, home.id, bill).await.unwrap().invoice.id;
    invoice::send(&operator, id).await.unwrap();
    invoice::fail_payment(&operator, id, None, Some("no cover".into())).await.unwrap();
    invoice::pay(&operator, id, None).await.unwrap();
}

fn every_type() -> Vec<&'static str> {
    EventType::ALL.iter().map(|kind| kind.as_str()).collect()
}

/// The names of the fields of a record, nested ones too.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), shape(value))).collect::<serde_json::Map<_, _>>().into()
        }
        Value::Array(items) if items.iter().any(Value::is_object) => json!([shape(&items[0])]),
        _ => Value::Null,
    }
}

on_both! {
    /// Each event is sent once per change, with the record as GET gives it to an Owner at that moment.
    async fn each_event_arrives_once(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::answering(200).await;
        subscribe(&world, &fixtures.home, &receiver.url, &every_type()).await;
        emit_all(&world, &fixtures).await;
        world.app.deliver_due().await.unwrap();
        let events: Vec<_> = receiver.received().iter().map(Received::json).collect();
        let mut kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
        let mut expected = every_type();
        kinds.sort_unstable();
        expected.sort_unstable();
        assert_eq!(kinds, expected);
        let of = |kind: &str| events.iter().find(|event| event["type"] == kind).unwrap()["data"].clone();
        assert_eq!((&of("task.created")["task"]["status"], &of("task.completed")["task"]["status"]), (&json!("TODO"), &json!("DONE")));
        assert_eq!(of("invoice.sent")["invoice"]["status"], "SENT");
        assert_eq!(of("invoice.payment_failed")["payment"]["failureReason"], "no cover");
        let paid = of("invoice.paid");
        assert_eq!((&paid["invoice"]["status"], &paid["payment"]["amount"]), (&json!("PAID"), &json!("150.00")));
        // What GET gives now is what was frozen, where nothing has changed since.
        for (data, noun, path) in [
            (of("client.created"), "client", "clients"),
            (of("task.completed"), "task", "tasks"),
            (paid, "invoice", "invoices"),
        ] {
            let record = &data[noun];
            let path = format!("/api/v1/{path}/{}", record["id"].as_str().unwrap());
            assert_eq!(*record, world.get(&fixtures.home.owner, &path).await.data(200));
        }
    }
}

on_both! {
    /// A test call holds a made-up record with every field of a real one, says so twice, and needs no subscription.
    async fn a_test_call_has_the_shape_of_a_real_event(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let receiver = Receiver::answering(200).await;
        let id = subscribe(&world, home, &receiver.url, &every_type()).await;
        emit_all(&world, &fixtures).await;
        world.app.deliver_due().await.unwrap();
        let real: Vec<_> = receiver.received().iter().map(Received::json).collect();
        let path = format!("/api/v1/webhook-endpoints/{id}/test");
        world.patch(&home.owner, &format!("/api/v1/webhook-endpoints/{id}"), json!({ "events": ["project.created"] })).await.data(200);
        for kind in EventType::ALL {
            let answer = world.post(&home.owner, &path, json!({ "type": kind.as_str() })).await;
            let delivery = answer.data(201);
            assert_eq!((delivery["status"].as_str(), delivery["eventType"].as_str()), (Some("pending"), Some(kind.as_str())));
            let location = format!("/api/v1/webhook-deliveries/{}", delivery["id"].as_str().unwrap());
            assert_eq!(answer.header("location"), Some(location.as_str()));
            world.app.deliver_due().await.unwrap();
            let mut test = receiver.received().last().unwrap().json();
            assert_eq!((&test["livemode"], &test["type"]), (&json!(false), &json!(kind.as_str())));
            let real = real.iter().find(|event| event["type"] == kind.as_str()).unwrap();
            assert_eq!(real["livemode"], true);
            assert_eq!(test["data"].as_object_mut().unwrap().remove("test"), Some(json!(true)));
            assert_eq!(shape(&test), shape(real), "{}", kind.as_str());
        }
        assert_eq!(world.post(&home.owner, &path, json!({})).await.data(201)["eventType"], "project.created", "the first subscribed");
        let query = "mutation($i: ID!) { testWebhookEndpoint(id: $i, type: \"client.deleted\") { webhookDelivery { id } } }";
        let refused = world.graphql(&home.owner, query, json!({ "i": id })).await.graphql_error();
        assert!(refused["fields"]["type"].is_string(), "{refused}");
    }
}

on_both! {
    /// As many endpoints as a workspace may have get every event of as large a batch as one call may make.
    async fn a_batch_is_sent_to_every_endpoint(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        for n in 0..50 {
            subscribe(&world, home, &format!("https://hooks.example/{n}"), &["time_entry.created"]).await;
        }
        let project = home.project(&world, "P").await;
        let entry = json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11" });
        world.post(&home.owner, "/api/v1/time-entries/batch", json!({ "timeEntries": vec![entry; 100] })).await.data(201);
        assert_eq!(world.database.number("SELECT count(*) AS n FROM webhook_delivery").await, 5_000);
    }
}
