//! Replays of deliveries: one, and many by filter.

use serde_json::{Value, json};
use tests::{Fixtures, Receiver, Reply, World, on_both};

use super::{deliveries, execute, number, subscribe};

async fn replay(world: &World, fixtures: &Fixtures, delivery: &Value) -> tests::Answer {
    let path = format!("/api/v1/webhook-deliveries/{}/replay", delivery["id"].as_str().unwrap());
    world.post(&fixtures.home.owner, &path, json!({})).await
}

on_both! {
    /// A replay is a new delivery of the same event, with its id and body; onto a disabled or deleted endpoint, or of what
    /// is still on its way, it is 409.
    async fn a_delivery_is_sent_again(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::answering(200).await;
        let id = subscribe(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        fixtures.home.client(&world, "Globex").await;
        let first = deliveries(&world, &fixtures.home).await.pop().unwrap();
        assert_eq!(replay(&world, &fixtures, &first).await.error(409, "conflict")["reason"], "delivery_pending");
        world.app.deliver_due().await.unwrap();
        world.clock.advance(1000);
        let answer = replay(&world, &fixtures, &first).await;
        let again = answer.data(201);
        assert_eq!((&again["replayOf"], &again["eventId"], &again["status"]), (&first["id"], &first["eventId"], &json!("pending")));
        let place = format!("/api/v1/webhook-deliveries/{}", again["id"].as_str().unwrap());
        assert_eq!(answer.header("location"), Some(place.as_str()));
        assert_eq!(world.app.deliver_due().await.unwrap(), 1);
        let received = receiver.received();
        assert_eq!((received[0].body.clone(), received[0].header("webhook-id")), (received[1].body.clone(), received[1].header("webhook-id")));
        assert_ne!(received[0].header("webhook-timestamp"), received[1].header("webhook-timestamp"));

        let endpoint = format!("/api/v1/webhook-endpoints/{id}");
        world.patch(&fixtures.home.owner, &endpoint, json!({ "enabled": false })).await.data(200);
        assert_eq!(replay(&world, &fixtures, &first).await.error(409, "conflict")["reason"], "endpoint_disabled");
        let test = world.post(&fixtures.home.owner, &format!("{endpoint}/test"), json!({})).await;
        assert_eq!(test.error(409, "conflict")["reason"], "endpoint_disabled");
        world.delete(&fixtures.home.owner, &endpoint).await;
        assert_eq!(replay(&world, &fixtures, &first).await.error(409, "conflict")["reason"], "endpoint_deleted");
    }
}

on_both! {
    /// Many at once: counted first, then sent; by default the failed ones, each with its own record, at most a thousand.
    async fn many_are_sent_again_by_filter(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let receiver = Receiver::answering(200).await;
        let one = subscribe(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        let two = subscribe(&world, &fixtures.home, &receiver.url, &["client.created", "project.created"]).await;
        for i in 0..3 {
            fixtures.home.project(&world, &format!("p{i}")).await;
        }
        let path = "/api/v1/webhook-deliveries/replay";
        let count = async |body: Value| world.post(owner, path, body).await.data(200)["count"].as_i64().unwrap();
        assert_eq!(count(json!({ "dryRun": true })).await, 0, "what is on its way is not sent again");
        execute(&world, "UPDATE webhook_delivery SET status = 30, due_at = NULL, next_attempt_at = NULL").await;
        for (body, found) in [
            (json!({}), 9),
            (json!({ "filters": { "endpointId": [one] } }), 3),
            (json!({ "filters": { "endpointId": two, "eventType": "project.created" } }), 3),
            (json!({ "endpointId": two }), 6),
            (json!({ "filters": { "status": ["succeeded"] } }), 0),
            (json!({ "filters": { "createdAtTo": "2026-06-10" } }), 0),
            (json!({ "filters": { "createdAtFrom": "2026-06-11T08:00:00Z" } }), 9),
            (json!({ "filters": null }), 9),
        ] {
            let mut dry = body.clone();
            dry["dryRun"] = json!(true);
            assert_eq!(count(dry).await, found, "{body}");
        }
        assert_eq!(deliveries(&world, &fixtures.home).await.len(), 9, "a dry run sends nothing");
        let query = "mutation($f: WebhookDeliveryFilter) { replayWebhookDeliveries(input: { filters: $f, dryRun: true }) { count } }";
        let counted = world.graphql(owner, query, json!({ "f": { "endpointId": [one] } })).await.graphql();
        assert_eq!(counted["replayWebhookDeliveries"]["count"], 3);

        for (body, field) in [
            (json!({ "filters": { "status": "pending" } }), "filters.status"),
            (json!({ "filters": { "colour": "red" } }), "filters.colour"),
            (json!({ "colour": "red" }), "colour"),
            (json!({ "filters": {}, "endpointId": one }), "endpointId"),
            (json!({ "filters": 7 }), "filters"),
            (json!({ "dryRun": "maybe" }), "dryRun"),
            (json!([1]), "body"),
        ] {
            assert!(world.post(owner, path, body.clone()).await.fields()[field].is_string(), "{body}");
        }

        world.patch(owner, &format!("/api/v1/webhook-endpoints/{one}"), json!({ "enabled": false })).await.data(200);
        assert_eq!(count(json!({})).await, 6, "what goes nowhere is left out");
        let all = deliveries(&world, &fixtures.home).await;
        let again: Vec<_> = all.iter().filter(|delivery| delivery["replayOf"].is_string()).collect();
        assert_eq!(again.len(), 6);
        receiver.behave(|_| Reply::status(200));
        assert_eq!(world.app.deliver_due().await.unwrap(), 6);
        assert_eq!(receiver.received().len(), 6);
    }
}

on_both! {
    /// A thousand is the most, the oldest first.
    async fn a_replay_sends_a_thousand_at_most(world: World) {
        let fixtures = Fixtures::new(&world).await;
        subscribe(&world, &fixtures.home, "https://hooks.example.com/", &["time_entry.created"]).await;
        let project = fixtures.home.project(&world, "P").await;
        for _ in 0..11 {
            let entry = json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11" });
            let body = json!({ "timeEntries": vec![entry; 100] });
            world.post(&fixtures.home.owner, "/api/v1/time-entries/batch", body).await.data(201);
        }
        execute(&world, "UPDATE webhook_delivery SET status = 30, due_at = NULL, next_attempt_at = NULL").await;
        let answer = world.post(&fixtures.home.owner, "/api/v1/webhook-deliveries/replay", json!({})).await.data(200);
        assert_eq!(answer, json!({ "count": 1000 }));
        assert_eq!(number(&world, "SELECT COUNT(*) AS n FROM webhook_delivery WHERE replay_of IS NOT NULL").await, 1000);
    }
}
