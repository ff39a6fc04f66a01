//! The last 24 hours of an endpoint: a chart, and the same in words and in a table.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::json;
use tests::{Fixtures, Receiver, Reply, on_both};

use super::{Browser, page};

const HOUR: i64 = 60 * 60 * 1000;

on_both! {
    /// Each hour shows what was delivered, what has failed so far and what waits; a day later it is gone. It costs one
    /// statement, and no other workspace sees it.
    async fn an_endpoint_shows_its_last_day(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let status = Arc::new(AtomicU16::new(200));
        let answers = status.clone();
        let receiver = Receiver::new(move |_| Reply::status(answers.load(Ordering::Relaxed))).await;
        let body = json!({ "url": receiver.url, "events": ["client.created"] });
        let endpoint = world.post(&home.owner, "/api/v1/webhook-endpoints", body).await.id();
        let at = format!("/settings/webhooks/{endpoint}");
        // An Owner's session lasts 12 hours from its last use.
        let shown = async || page(&Browser::signed_in(&world, home.id, "owner@home.example").await.get(&at).await, 200);
        let empty = shown().await;
        assert!(empty.contains("Nothing was sent to it in the last 24 hours") && !empty.contains("<svg"), "{empty}");

        for name in ["A", "B"] {
            home.client(&world, name).await;
        }
        world.app.deliver_due().await.unwrap();
        world.clock.advance(3 * HOUR);
        status.store(500, Ordering::Relaxed);
        home.client(&world, "C").await;
        world.app.deliver_due().await.unwrap();
        world.clock.advance(HOUR);
        home.client(&world, "D").await;

        let all = shown().await;
        for part in [
            "role=\"img\" aria-labelledby=\"chart-title chart-text\"",
            "In the last 24 hours 2 were delivered, 1 failed so far and 1 wait. The busiest hour had 2.",
            "2 delivered", "1 failed so far", "1 waiting for the first attempt",
            "2026-06-11T08:00:00.000Z", "2026-06-11T11:00:00.000Z", "2026-06-11T12:00:00.000Z",
        ] {
            assert!(all.contains(part), "{part}: {all}");
        }
        let bars = |class: &str| all.matches(&format!("<rect class=\"{class}\"")).count();
        assert_eq!((bars("good"), bars("bad"), bars("waits")), (1, 1, 1), "{all}");
        assert!(!all.contains("style="), "the policy of the page allows none: {all}");

        let other = Browser::signed_in(&world, fixtures.other.id, "owner@other.example").await;
        page(&other.get(&at).await, 404);
        let browser = Browser::signed_in(&world, home.id, "owner@home.example").await;
        world.begin_counting();
        page(&browser.get(&at).await, 200);
        let counted = world.statements().iter().filter(|sql| sql.contains("webhook_delivery")).count();
        assert_eq!(counted, 1);

        world.clock.advance(20 * HOUR);
        assert!(shown().await.contains("1 failed so far"), "the first hour has passed");
        world.clock.advance(4 * HOUR);
        assert!(shown().await.contains("Nothing was sent to it"), "a day has passed");
    }
}
