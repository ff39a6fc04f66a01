//! Replays of deliveries: one, and many by filter.

use poem::http::Method;
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
        execute(&world, ALL_FAILED).await;
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
        execute(&world, ALL_FAILED).await;
        let answer = world.post(&fixtures.home.owner, "/api/v1/webhook-deliveries/replay", json!({})).await.data(200);
        assert_eq!(answer, json!({ "count": 1000 }));
        assert_eq!(number(&world, "SELECT COUNT(*) AS n FROM webhook_delivery WHERE replay_of IS NOT NULL").await, 1000);
    }
}

/// Past the door: every delivery is `failed` and nothing is due.
const ALL_FAILED: &str = "UPDATE webhook_delivery SET status = 30, due_at = NULL, next_attempt_at = NULL";

/// Events of so many time entries, each with a delivery.
async fn entries(world: &World, at: &tests::Workspace, count: usize) {
    let project = at.project(world, "P").await;
    let entry = json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11" });
    for start in (0..count).step_by(100) {
        let body = json!({ "timeEntries": vec![&entry; 100.min(count - start)] });
        world.post(&at.owner, "/api/v1/time-entries/batch", body).await.data(201);
    }
}

on_both! {
    /// A replay costs a point for each 20 deliveries, over REST and GraphQL alike; a dry run, and a retry with the same
    /// key, cost one. What the token cannot pay for is not replayed. Replays are not replayed again.
    async fn replays_are_priced_by_count_and_not_multiplied(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        subscribe(&world, &fixtures.home, "https://hooks.example.com/", &["time_entry.created"]).await;
        entries(&world, &fixtures.home, 45).await;
        execute(&world, ALL_FAILED).await;
        let strict = world.replica(world.clock.clone(), |config| config.rate_limit_scale = 1).await;
        let send = async |path: &str, key: &str, body: Value| {
            strict.call(Method::POST, path).token(owner).key(key).json(body).send().await
        };
        let post = async |path: &str, body: Value| send(path, &world.new_key(), body).await;
        let left = |answer: &tests::Answer| crate::rest::limits::rate_limit(answer).sustained.0;
        let path = "/api/v1/webhook-deliveries/replay";
        let dry = post(path, json!({ "dryRun": true })).await;
        assert_eq!((dry.data(200)["count"].as_i64(), left(&dry)), (Some(45), 1199));
        let key = world.new_key();
        let first = send(path, &key, json!({})).await;
        assert_eq!((first.data(200)["count"].as_i64(), left(&first)), (Some(45), 1196), "three points");
        let again = send(path, &key, json!({})).await;
        assert_eq!((again.data(200)["count"].as_i64(), left(&again)), (Some(45), 1195), "a retry costs one");

        execute(&world, ALL_FAILED).await;
        let other = post(path, json!({})).await;
        assert_eq!((other.data(200)["count"].as_i64(), left(&other)), (Some(45), 1192), "45 of 90");
        assert_eq!(number(&world, "SELECT COUNT(*) AS n FROM webhook_delivery").await, 135);
        execute(&world, ALL_FAILED).await;
        let query = "mutation { replayWebhookDeliveries(input: {}) { count } }";
        let graphql = strict.graphql(owner, query, json!({})).await;
        assert_eq!(graphql.graphql()["replayWebhookDeliveries"]["count"], 45);
        assert_eq!(left(&strict.get(owner, "/api/v1/me").await), 1188, "three points, and one for this request");
        let none = post(path, json!({ "filters": { "status": "succeeded" } })).await;
        assert_eq!((none.data(200)["count"].as_i64(), left(&none)), (Some(0), 1187));

        execute(&world, ALL_FAILED).await;
        let project = fixtures.home.project(&world, "Q").await;
        let entry = json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11" });
        while post("/api/v1/time-entries/batch", json!({ "timeEntries": vec![&entry; 100] })).await.status == 201 {
            world.clock.advance(1000);
        }
        while post("/api/v1/time-entries/batch", json!({ "timeEntries": vec![&entry; 20] })).await.status == 201 {}
        execute(&world, ALL_FAILED).await;
        let queued = number(&world, "SELECT COUNT(*) AS n FROM webhook_delivery").await;
        let refused = post(path, json!({})).await;
        refused.error(429, "rate_limited");
        assert_eq!(number(&world, "SELECT COUNT(*) AS n FROM webhook_delivery").await, queued);
    }
}

on_both! {
    /// Replays and test events end where 10,000 deliveries of the workspace are pending; the events of changes do not.
    async fn pending_deliveries_have_a_cap(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let id = subscribe(&world, &fixtures.home, "https://hooks.example.com/", &["time_entry.created"]).await;
        entries(&world, &fixtures.home, 1000).await;
        execute(&world, ALL_FAILED).await;
        let path = "/api/v1/webhook-deliveries/replay";
        for _ in 0..10 {
            assert_eq!(world.post(owner, path, json!({})).await.data(200)["count"], 1000);
        }
        let one = deliveries(&world, &fixtures.home).await.remove(0);
        let refused = [
            world.post(owner, path, json!({})).await,
            replay(&world, &fixtures, &one).await,
            world.post(owner, &format!("/api/v1/webhook-endpoints/{id}/test"), json!({})).await,
        ];
        for refused in refused {
            let error = refused.error(409, "conflict");
            assert_eq!(error["reason"], "pending_cap");
            assert!(error["message"].as_str().unwrap().contains("10000 pending"), "{error}");
        }
        assert_eq!(world.post(owner, path, json!({ "dryRun": true })).await.data(200)["count"], 1000);
        entries(&world, &fixtures.home, 1).await;
        assert_eq!(number(&world, "SELECT COUNT(*) AS n FROM webhook_delivery WHERE due_at IS NOT NULL").await, 10_001);
        execute(&world, "UPDATE webhook_delivery SET status = 20, due_at = NULL WHERE replay_of IS NOT NULL").await;
        replay(&world, &fixtures, &one).await.data(201);
    }
}
