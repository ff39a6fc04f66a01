//! The attempts of a delivery: the whole schedule, and how responses are handled.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use service::Config;
use tests::{Fixtures, Receiver, Reply, World, on_both};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{deliveries, detail, execute, subscribe};

async fn endpoint(world: &World, fixtures: &Fixtures, id: &str) -> Value {
    world.get(&fixtures.home.owner, &format!("/api/v1/webhook-endpoints/{id}")).await.data(200)
}

on_both! {
    /// Eight sends in about 32.6 hours, then it is failed and the endpoint failing; the next success makes it active.
    async fn the_whole_schedule_runs_in_under_a_second(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::answering(500).await;
        let id = subscribe(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        fixtures.home.client(&world, "Globex").await;
        let started = Instant::now();
        let begun = world.clock.now();
        assert_eq!(world.app.deliver_due().await.unwrap(), 1);
        let mut gaps = Vec::new();
        for sends in 1..8 {
            let pending = &deliveries(&world, &fixtures.home).await[0];
            assert_eq!((pending["status"].as_str(), pending["attemptCount"].as_i64()), (Some("pending"), Some(sends)));
            let next: service::value::Timestamp = pending["nextAttemptAt"].as_str().unwrap().parse().unwrap();
            let gap = next.millis() - world.clock.now().millis();
            gaps.push(gap);
            world.clock.advance(gap - 1);
            assert_eq!(world.app.deliver_due().await.unwrap(), 0, "not before its time");
            world.clock.advance(1);
            assert_eq!(world.app.deliver_due().await.unwrap(), 1);
        }
        for (gap, seconds) in gaps.iter().zip([5, 60, 300, 1800, 7200, 21_600, 86_400]) {
            assert!((gap - seconds * 1000).abs() <= seconds * 100, "{gap} ms for {seconds} s");
        }
        let hours = (world.clock.now().millis() - begun.millis()) as f64 / 3_600_000.0;
        assert!((29.3..=35.9).contains(&hours), "{hours} h");
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());

        let failed = &deliveries(&world, &fixtures.home).await[0];
        let reported = ["status", "attemptCount", "nextAttemptAt", "lastResponseStatus"].map(|key| failed[key].clone());
        assert_eq!(reported, [json!("failed"), json!(8), Value::Null, json!(500)]);
        let attempts = detail(&world, &fixtures.home, failed).await["attempts"].clone();
        let numbers: Vec<_> = attempts.as_array().unwrap().iter().map(|attempt| attempt["number"].as_i64().unwrap()).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
        let failing = endpoint(&world, &fixtures, &id).await;
        assert_eq!((failing["status"].as_str(), failing["enabled"].as_bool(), failing["version"].as_i64()), (Some("failing"), Some(true), Some(2)));

        receiver.behave(|_| Reply::status(200));
        fixtures.home.client(&world, "Initech").await;
        assert_eq!(world.app.deliver_due().await.unwrap(), 1, "a failing endpoint keeps receiving");
        let active = endpoint(&world, &fixtures, &id).await;
        assert_eq!((active["status"].as_str(), active["version"].as_i64()), (Some("active"), Some(3)));
    }
}

on_both! {
    /// Any 2xx is success. Everything else is retried, and the attempt records the response.
    async fn only_2xx_is_success(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::answering(200).await;
        subscribe(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        for (status, succeeds) in [(200, true), (201, true), (204, true), (299, true), (301, false), (302, false), (304, false),
            (400, false), (401, false), (404, false), (429, false), (500, false), (503, false)] {
            let url = receiver.url.clone();
            receiver.behave(move |_| Reply { headers: vec![("location", url.clone())], body: format!("reported {status}"), ..Reply::status(status) });
            let before = receiver.received().len();
            fixtures.home.client(&world, "Globex").await;
            world.app.deliver_due().await.unwrap();
            assert_eq!(receiver.received().len(), before + 1, "redirects are not followed");
            let delivery = deliveries(&world, &fixtures.home).await.pop().unwrap();
            assert_eq!(delivery["status"], if succeeds { "succeeded" } else { "pending" }, "{status}");
            assert_eq!(delivery["lastResponseStatus"], status);
            let attempt = detail(&world, &fixtures.home, &delivery).await["attempts"][0].clone();
            assert_eq!(attempt["responseStatus"], status);
            if ![204, 304].contains(&status) {
                assert_eq!(attempt["responseExcerpt"], format!("reported {status}"));
            }
            assert_eq!(attempt["error"].is_null(), !(300..400).contains(&status), "{attempt}");
            // What failed would come again; it is done with.
            execute(&world, "UPDATE webhook_delivery SET status = 30, due_at = NULL, next_attempt_at = NULL WHERE status = 10").await;
        }
    }
}

on_both! {
    /// 410 disables the endpoint, and its other pending deliveries are skipped.
    async fn a_410_disables_the_endpoint(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::answering(503).await;
        let id = subscribe(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        fixtures.home.client(&world, "before").await;
        world.app.deliver_due().await.unwrap();
        receiver.behave(|_| Reply::status(410));
        fixtures.home.client(&world, "then").await;
        world.app.deliver_due().await.unwrap();
        let off = endpoint(&world, &fixtures, &id).await;
        assert_eq!((off["enabled"].as_bool(), off["version"].as_i64()), (Some(false), Some(2)));
        fixtures.home.client(&world, "after").await;
        world.clock.advance(60_000);
        world.app.deliver_due().await.unwrap();
        let reported: Vec<_> = deliveries(&world, &fixtures.home).await.iter().map(|d| (d["status"].clone(), d["reason"].clone())).collect();
        assert_eq!(reported, [(json!("skipped"), json!("disabled")), (json!("failed"), Value::Null)]);
        assert_eq!(receiver.received().len(), 2);
    }
}

on_both! {
    /// `Retry-After` of a 429 or 503 postpones, not beyond the next step, and never hastens.
    async fn retry_after_is_honoured(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::answering(200).await;
        subscribe(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        let later = (world.clock.now().millis() + 40_000) / 1000;
        let date = format!("Thu, 11 Jun 2026 08:00:{:02} GMT", later - world.clock.now().seconds());
        for (status, header, from, to) in [
            (429, "30", 30_000, 30_000),
            (503, "99999", 60_000, 60_000),
            (503, date.as_str(), 40_000, 40_000),
            (429, "0", 4_500, 5_500),
            (503, "nonsense", 4_500, 5_500),
            (500, "30", 4_500, 5_500),
        ] {
            let header = header.to_owned();
            receiver.behave(move |_| Reply { headers: vec![("retry-after", header.clone())], ..Reply::status(status) });
            fixtures.home.client(&world, "Globex").await;
            world.app.deliver_due().await.unwrap();
            let delivery = deliveries(&world, &fixtures.home).await.pop().unwrap();
            let next: service::value::Timestamp = delivery["nextAttemptAt"].as_str().unwrap().parse().unwrap();
            let wait = next.millis() - world.clock.now().millis();
            assert!((from..=to).contains(&wait), "{status}: {wait}");
            execute(&world, "UPDATE webhook_delivery SET status = 30, due_at = NULL, next_attempt_at = NULL WHERE status = 10").await;
        }
    }
}

#[tokio::test]
async fn a_response_has_a_timeout_and_a_size_limit() {
    let world = World::with(tests::Kind::Sqlite, |config| config.webhook_timeout = Duration::from_millis(300)).await;
    let fixtures = Fixtures::new(&world).await;
    let receiver = Receiver::new(|_| Reply { after: Duration::from_secs(60), ..Reply::status(200) }).await;
    subscribe(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
    fixtures.home.client(&world, "slow").await;
    world.app.deliver_due().await.unwrap();
    let slow = deliveries(&world, &fixtures.home).await.pop().unwrap();
    let attempt = detail(&world, &fixtures.home, &slow).await["attempts"][0].clone();
    assert_eq!(
        (attempt["error"].as_str(), attempt["responseStatus"].is_null()),
        (Some("no answer within 0.3 s"), true)
    );
    assert!(attempt["durationMs"].as_i64().unwrap() >= 300);

    receiver.behave(|_| Reply { body: "é\0".repeat(1_000_000), ..Reply::status(200) });
    fixtures.home.client(&world, "long").await;
    world.app.deliver_due().await.unwrap();
    let long = deliveries(&world, &fixtures.home).await.pop().unwrap();
    assert_eq!(long["status"], "succeeded");
    let excerpt =
        detail(&world, &fixtures.home, &long).await["attempts"][0]["responseExcerpt"].as_str().unwrap().to_owned();
    assert!((1..=2048).contains(&excerpt.len()), "{}", excerpt.len());

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    subscribe(&world, &fixtures.home, &format!("http://{nobody}/"), &["project.created"]).await;
    fixtures.home.project(&world, "refused").await;
    world.app.deliver_due().await.unwrap();
    let refused =
        deliveries(&world, &fixtures.home).await.into_iter().find(|d| d["eventType"] == "project.created").unwrap();
    assert_eq!(
        detail(&world, &fixtures.home, &refused).await["attempts"][0]["error"],
        "could not connect: connection refused"
    );
}

on_both! {
    /// Connections are reused: consecutive requests use one connection.
    async fn connections_are_reused(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::answering(200).await;
        subscribe(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        for i in 0..20 {
            fixtures.home.client(&world, &format!("c{i}")).await;
            assert_eq!(world.app.deliver_due().await.unwrap(), 1);
        }
        let peers: HashSet<_> = receiver.received().into_iter().map(|received| received.from).collect();
        assert_eq!(peers.len(), 1, "{peers:?}");
    }
}

/// A receiver that answers 200 and then sends one piece of body after the other, until the connection is closed. Returns
/// how much it could send.
async fn talker(piece: usize, every: Duration) -> (String, tokio::sync::oneshot::Receiver<usize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (reported, sent) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
        let chunk = format!("{piece:x}\r\n{}\r\n", "x".repeat(piece));
        let mut sent = 0;
        while stream.write_all(chunk.as_bytes()).await.is_ok() {
            sent += piece;
            tokio::time::sleep(every).await;
        }
        reported.send(sent)
    });
    (url, sent)
}

on_both! {
    /// The status decides. Of what is said after it 64 KiB are read, and no longer than an attempt may take.
    async fn an_endless_response_is_cut_off(world: World) {
        let timeout = |seconds| move |config: &mut Config| config.webhook_timeout = Duration::from_secs(seconds);
        let much = world.replica(world.clock.clone(), timeout(600)).await;
        let slowly = world.replica(world.clock.clone(), timeout(1)).await;
        let fixtures = Fixtures::new(&world).await;
        for (replica, piece, every) in [(much, 16 * 1024, Duration::ZERO), (slowly, 1, Duration::from_millis(50))] {
            let (url, sent) = talker(piece, every).await;
            let id = subscribe(&world, &fixtures.home, &url, &["client.created"]).await;
            fixtures.home.client(&world, "Globex").await;
            assert_eq!(replica.app.deliver_due().await.unwrap(), 1);
            // It is hung up on, and what the two machines hold for each other is all that it could send.
            assert!(sent.await.unwrap() < 16 * 1024 * 1024);
            let delivery = deliveries(&world, &fixtures.home).await.pop().unwrap();
            assert_eq!(delivery["status"], "succeeded");
            let attempt = detail(&world, &fixtures.home, &delivery).await["attempts"][0].clone();
            let excerpt = attempt["responseExcerpt"].as_str().unwrap();
            assert!((1..=2048).contains(&excerpt.len()), "{}", excerpt.len());
            // The first ends long before its ten minutes, the second by its second.
            assert!(attempt["durationMs"].as_i64().unwrap() < 30_000, "{attempt}");
            world.delete(&fixtures.home.owner, &format!("/api/v1/webhook-endpoints/{id}")).await;
        }
    }
}
