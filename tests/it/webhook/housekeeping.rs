//! Housekeeping, and the metrics for the operator.

use poem::endpoint::{Endpoint, EndpointExt};
use poem::http::Uri;
use tests::{Fixtures, Receiver, World, counted, on_both};

use super::{deliveries, execute, number, subscribe};

on_both! {
    /// Finished deliveries are kept for the retention and then deleted with their attempts; pending ones stay, with their event.
    async fn old_records_are_deleted(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::answering(200).await;
        subscribe(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        for i in 0..3 {
            fixtures.home.client(&world, &format!("c{i}")).await;
        }
        world.app.deliver_due().await.unwrap();
        // One is sent again late, another is somehow still on its way.
        world.clock.advance(29 * 86_400_000);
        let first = deliveries(&world, &fixtures.home).await[0].clone();
        let path = format!("/api/v1/webhook-deliveries/{}/replay", first["id"].as_str().unwrap());
        world.post(&fixtures.home.owner, &path, serde_json::json!({})).await.data(201);
        world.app.deliver_due().await.unwrap();
        let count = async |table: &str| number(&world, &format!("SELECT COUNT(*) AS n FROM {table}")).await;
        world.app.sweep_webhooks().await.unwrap();
        assert_eq!((count("webhook_delivery").await, count("webhook_attempt").await, count("event").await), (4, 4, 3));
        world.clock.advance(86_400_001);
        world.app.sweep_webhooks().await.unwrap();
        assert_eq!((count("webhook_delivery").await, count("webhook_attempt").await, count("event").await), (1, 1, 1));
        execute(&world, "UPDATE webhook_delivery SET status = 10, due_at = 99999999999999").await;
        world.clock.advance(60 * 86_400_000);
        world.app.sweep_webhooks().await.unwrap();
        assert_eq!((count("webhook_delivery").await, count("event").await), (1, 1));
        execute(&world, "UPDATE webhook_delivery SET status = 20, due_at = NULL").await;
        world.app.sweep_webhooks().await.unwrap();
        assert_eq!((count("webhook_delivery").await, count("event").await), (0, 0));
    }
}

on_both! {
    /// However much has expired, no transaction deletes more than a small batch.
    async fn old_records_are_deleted_in_small_batches(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::answering(200).await;
        subscribe(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        fixtures.home.client(&world, "Globex").await;
        let (series, id) = (counted(1199), world.database.kind.new_id());
        let columns = "organization_id, kind, body, created_at";
        execute(&world, &format!("{series} INSERT INTO event (id, {columns}) SELECT {id}, {columns} FROM event, n")).await;
        world.clock.advance(31 * 86_400_000);
        world.begin_counting();
        world.app.sweep_webhooks().await.unwrap();
        let deletes = world.statements().into_iter().filter(|sql| sql.starts_with("DELETE FROM event")).count();
        assert_eq!(deletes, 3);
        assert_eq!(number(&world, "SELECT COUNT(*) AS n FROM event").await, 1, "one is still to be sent");
    }
}

async fn metrics(world: &World) -> String {
    let page = api::admin(world.app.clone()).boxed();
    let request = poem::Request::builder().uri(Uri::from_static("/metrics")).finish();
    let response = page.call(request).await.unwrap();
    assert_eq!(response.content_type(), Some("text/plain; version=0.0.4; charset=utf-8"));
    response.into_body().into_string().await.unwrap()
}

/// The value of a sample.
fn sample(text: &str, name: &str) -> f64 {
    let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).rsplit(' ').next().unwrap().parse().unwrap()
}

on_both! {
    /// The metrics report the length of the queue and the outcome of attempts and requests, on the operator's address only.
    async fn metrics_report_the_queue_and_the_outcomes(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (good, bad) = (Receiver::answering(200).await, Receiver::answering(500).await);
        subscribe(&world, &fixtures.home, &good.url, &["client.created"]).await;
        subscribe(&world, &fixtures.home, &bad.url, &["client.created"]).await;
        for i in 0..3 {
            fixtures.home.client(&world, &format!("c{i}")).await;
        }
        world.clock.advance(7_000);
        let before = metrics(&world).await;
        for (name, value) in [("deliveries_pending", 6.0), ("deliveries_due", 6.0), ("oldest_due_seconds", 7.0)] {
            assert_eq!(sample(&before, &format!("hoursmith_webhook_{name}")), value, "{name}");
        }
        world.app.deliver_due().await.unwrap();
        let after = metrics(&world).await;
        for (name, value) in [
            ("attempts_total{outcome=\"succeeded\"}", 3.0),
            ("attempts_total{outcome=\"retried\"}", 3.0),
            ("attempts_total{outcome=\"failed\"}", 0.0),
            ("attempt_seconds_count", 6.0),
            ("deliveries_pending", 3.0),
            ("deliveries_due", 0.0),
            ("oldest_due_seconds", 0.0),
        ] {
            assert_eq!(sample(&after, &format!("hoursmith_webhook_{name}")), value, "{name}");
        }
        let made = sample(&after, "hoursmith_http_requests_total{method=\"POST\",status=\"201\",surface=\"rest\"}");
        assert_eq!(made, 5.0);
        assert!(sample(&after, "hoursmith_http_request_seconds_count{surface=\"rest\"}") >= 5.0);
        world.call(poem::http::Method::GET, "/metrics").send().await.error(404, "not_found");
    }
}
