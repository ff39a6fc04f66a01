//! Workers: several on one database, with dead receivers, stopped and killed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use service::invoice::{self, NewInvoice};
use service::value::Wire;
use service::{App, Config, SecretKey};
use tests::{Fixtures, Receiver, Reply, World, counted, on_both};
use tokio::sync::watch;

use super::{deliveries, execute, number, subscribe};

/// Another replica on the same database and clock.
async fn replica(world: &World) -> App {
    let config = Config {
        secret_keys: SecretKey::from_base64(tests::SECRET_KEY).into_iter().collect(),
        webhook_allow: vec!["127.0.0.0/8".parse().unwrap()],
        webhook_rate: std::num::NonZeroU32::MAX,
        ..Config::new(&world.database.url)
    };
    App::connect(config, world.clock.clone()).await.unwrap()
}

/// Many events at once: time entries of one project.
async fn entries(world: &World, fixtures: &Fixtures, count: usize) {
    let project = fixtures.home.project(world, "P").await;
    let entry = serde_json::json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11" });
    for some in vec![entry; count].chunks(100) {
        let body = serde_json::json!({ "timeEntries": some });
        world.post(&fixtures.home.owner, "/api/v1/time-entries/batch", body).await.data(201);
    }
}

/// A running worker, stopped by the sender.
fn run(app: &App) -> (watch::Sender<bool>, tokio::task::JoinHandle<()>) {
    let (stop, stopped) = watch::channel(false);
    let app = app.clone();
    (stop, tokio::spawn(async move { app.run_jobs(true, stopped).await }))
}

/// A median wait that proves the wake-up: without it, the wait would be half of the polling interval.
const WOKEN: Duration = Duration::from_millis(250);

/// From the answer to the receiver, the median of twenty events that come one after the other.
async fn median_wait(world: &World, fixtures: &Fixtures, receiver: &Receiver) -> Duration {
    let mut waits = Vec::new();
    for i in 0..20 {
        fixtures.home.client(world, &format!("c{i}")).await;
        let committed = Instant::now();
        receiver.wait_for(i + 1).await;
        waits.push(committed.elapsed());
    }
    waits.sort();
    waits[10]
}

on_both! {
    /// Several workers on one database send each attempt once, and all of them.
    async fn workers_share_due_deliveries(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::answering(200).await;
        subscribe(&world, &fixtures.home, &receiver.url, &["time_entry.created"]).await;
        entries(&world, &fixtures, 400).await;
        let mut workers = Vec::new();
        for _ in 0..4 {
            let app = replica(&world).await;
            workers.push(tokio::spawn(async move { app.deliver_due().await.unwrap() }));
        }
        let mut sent = Vec::new();
        for worker in workers {
            sent.push(worker.await.unwrap());
        }
        let mut counts: HashMap<String, usize> = HashMap::new();
        for received in receiver.received() {
            *counts.entry(received.header("webhook-id").to_owned()).or_default() += 1;
        }
        assert_eq!((counts.len(), counts.values().max()), (400, Some(&1)), "{sent:?}");
        assert_eq!(sent.iter().sum::<usize>(), 400);
        assert_eq!(number(&world, "SELECT COUNT(*) AS n FROM webhook_delivery WHERE status = 20 AND attempt_count = 1").await, 400);
    }
}

on_both! {
    /// The deliveries of a dead worker stay leased for 20 s and are then sent by another; a late result of the dead one
    /// is ignored.
    async fn an_expired_lease_is_taken_over(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::new(|_| Reply { after: Duration::from_secs(3600), ..Reply::status(200) }).await;
        subscribe(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        fixtures.home.client(&world, "Globex").await;
        let dead = replica(&world).await;
        let dying = tokio::spawn(async move { dead.deliver_due().await });
        receiver.wait_for(1).await;
        dying.abort();
        receiver.behave(|_| Reply::status(200));
        assert_eq!(world.app.deliver_due().await.unwrap(), 0, "still leased");
        world.clock.advance(19_999);
        assert_eq!(world.app.deliver_due().await.unwrap(), 0, "still leased");
        world.clock.advance(1);
        assert_eq!(world.app.deliver_due().await.unwrap(), 1);
        let received = receiver.received();
        assert_eq!((received.len(), received[0].header("webhook-id")), (2, received[1].header("webhook-id")));
        assert_eq!(deliveries(&world, &fixtures.home).await[0]["attemptCount"], 1, "what nobody wrote down was no attempt");
    }
}

on_both! {
    /// A worker that lost its lease cannot write a result: the other worker's outcome stays.
    async fn a_late_outcome_does_not_count(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::new(|_| Reply { after: Duration::from_millis(400), ..Reply::status(500) }).await;
        subscribe(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        fixtures.home.client(&world, "Globex").await;
        let slow = replica(&world).await;
        let slow = tokio::spawn(async move { slow.deliver_due().await.unwrap() });
        receiver.wait_for(1).await;
        receiver.behave(|_| Reply::status(200));
        world.clock.advance(20_000);
        assert_eq!(world.app.deliver_due().await.unwrap(), 1);
        slow.await.unwrap();
        let delivery = deliveries(&world, &fixtures.home).await.pop().unwrap();
        assert_eq!((delivery["status"].as_str(), delivery["attemptCount"].as_i64()), (Some("succeeded"), Some(1)));
        assert_eq!(number(&world, "SELECT COUNT(*) AS n FROM webhook_attempt").await, 1);
    }
}

on_both! {
    /// A commit wakes the worker of its own process at once, without waiting for the poll.
    async fn a_commit_wakes_the_worker(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::answering(200).await;
        subscribe(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        let (stop, worker) = run(&world.app);
        let wait = median_wait(&world, &fixtures, &receiver).await;
        stop.send_replace(true);
        worker.await.unwrap();
        assert!(wait < WOKEN, "{wait:?}");
    }
}

on_both! {
    /// A write of another process that wakes no worker, such as a command, is found within a second.
    async fn writes_of_commands_are_found(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::answering(200).await;
        subscribe(&world, &fixtures.home, &receiver.url, &["invoice.payment_failed"]).await;
        let project = fixtures.home.project(&world, "P").await;
        fixtures.home.entry(&world, &fixtures.home.owner, &project).await;
        let client = world.get(&fixtures.home.owner, "/api/v1/clients").await.data(200)[0]["id"].as_str().unwrap().parse().unwrap();
        let (stop, worker) = run(&world.app);
        let operator = service::Operator::of(&replica(&world).await);
        let day = |text: &str| Wire::parse_text(text).unwrap();
        let bill = NewInvoice { client, from: day("2026-06-01"), to: day("2026-06-30"), discount: None, tax_rate: None };
        let invoice = invoice::create(&operator, fixtures.home.id, bill).await.unwrap().invoice.id;
        invoice::send(&operator, invoice).await.unwrap();
        let mut waits = Vec::new();
        for sent in 1..=5 {
            invoice::fail_payment(&operator, invoice, None, None).await.unwrap();
            let written = Instant::now();
            receiver.wait_for(sent).await;
            waits.push(written.elapsed());
        }
        waits.sort();
        assert!(waits[2] < Duration::from_secs(1), "{waits:?}");
        stop.send_replace(true);
        worker.await.unwrap();
    }
}

/// On PostgreSQL another replica is woken by NOTIFY; what the command line writes is found within a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_replicas_are_woken() {
    let world = World::on(tests::Kind::Postgres).await;
    let fixtures = Fixtures::new(&world).await;
    let receiver = Receiver::answering(200).await;
    subscribe(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
    let other = replica(&world).await;
    // This process serves only; the other delivers.
    let (stop_serving, stopped) = watch::channel(false);
    let app = world.app.clone();
    let serving = tokio::spawn(async move { app.run_jobs(false, stopped).await });
    let (stop, worker) = run(&other);
    let wait = median_wait(&world, &fixtures, &receiver).await;
    stop.send_replace(true);
    stop_serving.send_replace(true);
    worker.await.unwrap();
    serving.await.unwrap();
    assert!(wait < WOKEN, "{wait:?}");
}

on_both! {
    /// One endpoint that hangs, with much waiting for it, delays no other.
    async fn a_hanging_endpoint_delays_no_other(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let hanging = Receiver::new(|_| Reply { after: Duration::from_secs(3600), ..Reply::status(200) }).await;
        subscribe(&world, &fixtures.home, &hanging.url, &["time_entry.created"]).await;
        entries(&world, &fixtures, 1000).await;
        let healthy = Receiver::answering(200).await;
        subscribe(&world, &fixtures.home, &healthy.url, &["client.created"]).await;
        let (stop, worker) = run(&world.app);
        hanging.wait_for(1).await;
        for i in 0..20 {
            fixtures.home.client(&world, &format!("c{i}")).await;
        }
        let begun = Instant::now();
        healthy.wait_for(20).await;
        // An attempt at the hanging one takes ten.
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert!(hanging.received().len() <= 8, "{} at once", hanging.received().len());
        world.app.stop_delivering();
        drop(hanging);
        stop.send_replace(true);
        worker.await.unwrap();
        let left = number(&world, "SELECT COUNT(*) AS n FROM webhook_delivery WHERE status = 10 AND lease IS NOT NULL").await;
        assert_eq!(left, 0, "leases are handed back");
    }
}

on_both! {
    /// A worker that stops waits for its running attempts up to a deadline: hanging ones are released, due at once.
    async fn hanging_attempts_are_released_when_a_worker_stops(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::new(|_| Reply { after: Duration::from_secs(3600), ..Reply::status(200) }).await;
        subscribe(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        fixtures.home.client(&world, "Globex").await;
        let patient = world.replica(world.clock.clone(), |config| config.webhook_timeout = Duration::from_secs(600)).await;
        let (stop, worker) = run(&patient.app);
        receiver.wait_for(1).await;
        stop.send_replace(true);
        worker.await.unwrap();
        receiver.behave(|_| Reply::status(200));
        assert_eq!(world.app.deliver_due().await.unwrap(), 1, "no lease is left");
        let delivery = deliveries(&world, &fixtures.home).await.pop().unwrap();
        assert_eq!((delivery["status"].as_str(), delivery["attemptCount"].as_i64()), (Some("succeeded"), Some(1)));
    }
}

on_both! {
    /// The response of an old URL does not count against the new one.
    async fn an_old_url_does_not_disable_the_new_one(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (old, new) = (Receiver::new(|_| Reply { after: Duration::from_millis(500), ..Reply::status(410) }).await, Receiver::answering(200).await);
        let id = subscribe(&world, &fixtures.home, &old.url, &["client.created"]).await;
        fixtures.home.client(&world, "Globex").await;
        let app = world.app.clone();
        let sending = tokio::spawn(async move { app.deliver_due().await.unwrap() });
        old.wait_for(1).await;
        let path = format!("/api/v1/webhook-endpoints/{id}");
        world.patch(&fixtures.home.owner, &path, serde_json::json!({ "url": new.url })).await.data(200);
        assert_eq!(sending.await.unwrap(), 1);
        assert_eq!(world.get(&fixtures.home.owner, &path).await.data(200)["enabled"], true);
        fixtures.home.client(&world, "Initech").await;
        assert_eq!(world.app.deliver_due().await.unwrap(), 1);
        assert_eq!(new.received().len(), 1);
    }
}

on_both! {
    /// With a hundred thousand deliveries waiting for one endpoint no more are taken than are sent.
    async fn a_claim_takes_a_bounded_batch(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::answering(200).await;
        subscribe(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        fixtures.home.client(&world, "Globex").await;
        let (series, id) = (counted(100_000), world.database.kind.new_id());
        execute(&world, &format!(
            "{series} INSERT INTO webhook_delivery (id, organization_id, endpoint_id, event_id, event_type, status, attempt_count, next_attempt_at, due_at, created_at)
             SELECT {id}, d.organization_id, d.endpoint_id, d.event_id, d.event_type, 10, 0, d.due_at, d.due_at, d.created_at
             FROM n CROSS JOIN webhook_delivery d"
        )).await;
        if world.database.kind == tests::Kind::Postgres {
            execute(&world, "ANALYZE webhook_delivery").await;
        }
        let (stop, worker) = run(&world.app);
        for some in [50, 100, 150, 200] {
            receiver.wait_for(some).await;
            let taken = number(&world, "SELECT COUNT(*) AS n FROM webhook_delivery WHERE lease IS NOT NULL").await;
            assert!(taken <= 128, "{taken} at once");
        }
        world.app.stop_delivering();
        stop.send_replace(true);
        worker.await.unwrap();
        let sent = receiver.received().len() as i64;
        let done = number(&world, "SELECT COUNT(*) AS n FROM webhook_delivery WHERE status = 20").await;
        assert_eq!(sent, done);
        assert_eq!(number(&world, "SELECT COUNT(*) AS n FROM webhook_delivery WHERE lease IS NOT NULL").await, 0);
    }
}
