//! Receivers that answer with too much, and endpoints that are sent much at once.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::{Fixtures, Receiver, Reply, World, on_both};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{deliveries, detail, subscribe};

/// A receiver by hand: what it does with each connection after it has read the beginning of a request.
async fn raw<F, R>(behave: F) -> String
where
    F: Fn(TcpStream) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 16 * 1024];
            if stream.read(&mut head).await.is_ok() {
                behave(stream).await;
            }
        }
    });
    url
}

/// The first attempt of one event that was sent there.
async fn first_attempt(world: &World, fixtures: &Fixtures, url: &str) -> Value {
    subscribe(world, &fixtures.home, url, &["client.created"]).await;
    fixtures.home.client(world, "Globex").await;
    assert_eq!(world.app.deliver_due().await.unwrap(), 1);
    let delivery = deliveries(world, &fixtures.home).await.pop().unwrap();
    detail(world, &fixtures.home, &delivery).await["attempts"][0].clone()
}

on_both! {
    /// Interim responses do not end an attempt, but there is an end to how many are read.
    async fn a_flood_of_interim_responses_is_cut(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let sent = Arc::new(AtomicUsize::new(0));
        let counted = sent.clone();
        let url = raw(move |mut stream| {
            let counted = counted.clone();
            async move {
                let some = "HTTP/1.1 100 Continue\r\n\r\n".repeat(400);
                while stream.write_all(some.as_bytes()).await.is_ok() {
                    counted.fetch_add(some.len(), Ordering::Relaxed);
                }
            }
        })
        .await;
        let began = Instant::now();
        let attempt = first_attempt(&world, &fixtures, &url).await;
        assert_eq!(attempt["error"], "the receiver sent more than 256 KiB before a response");
        assert_eq!(attempt["responseStatus"], Value::Null);
        // What the kernel buffers on both sides comes on top of what was read.
        assert!(sent.load(Ordering::Relaxed) < 16 * 1024 * 1024, "{sent:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}

on_both! {
    /// A response with too many header lines is named, whatever its status.
    async fn too_many_headers_are_named(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let url = raw(|mut stream| async move {
            let lines: String = (0..150).map(|n| format!("X-Line-{n}: x\r\n")).collect();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{lines}\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        })
        .await;
        let attempt = first_attempt(&world, &fixtures, &url).await;
        assert!(attempt["error"].as_str().unwrap().contains("too many headers"), "{attempt}");
        assert_eq!(attempt["responseStatus"], Value::Null);
    }
}

on_both! {
    /// A connection that is used again has the whole bound for each response.
    async fn the_bound_counts_for_each_response(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::new(|_| Reply { body: "x".repeat(60_000), ..Reply::status(200) }).await;
        subscribe(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        for n in 0..12 {
            fixtures.home.client(&world, &format!("Client {n}")).await;
            assert_eq!(world.app.deliver_due().await.unwrap(), 1);
        }
        assert!(deliveries(&world, &fixtures.home).await.iter().all(|delivery| delivery["status"] == "succeeded"));
        let connections: std::collections::HashSet<_> = receiver.received().into_iter().map(|request| request.from).collect();
        assert_eq!(connections.len(), 1, "one connection carried them all");
    }
}

on_both! {
    /// A `Retry-After` with more digits than a number holds postpones to the next step, as any large one does.
    async fn a_retry_after_too_large_for_a_number_is_cut(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let wait = "99999999999999999999".to_owned();
        let receiver = Receiver::new(move |_| Reply { headers: vec![("retry-after", wait.clone())], ..Reply::status(429) }).await;
        first_attempt(&world, &fixtures, &receiver.url).await;
        let delivery = deliveries(&world, &fixtures.home).await.pop().unwrap();
        let next: service::value::Timestamp = delivery["nextAttemptAt"].as_str().unwrap().parse().unwrap();
        assert_eq!(next.millis() - world.clock.now().millis(), 60_000, "{delivery}");
    }
}

on_both! {
    /// An endpoint gets so many attempts per second and no more; another is not delayed by it.
    async fn an_endpoint_has_a_rate_that_delays_no_other(world: World) {
        let world = world.replica(world.clock.clone(), |config| config.webhook_rate = NonZeroU32::new(20).unwrap()).await;
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let (busy, quiet) = (Receiver::answering(200).await, Receiver::answering(200).await);
        subscribe(&world, home, &busy.url, &["time_entry.created"]).await;
        subscribe(&world, home, &quiet.url, &["client.created"]).await;
        let project = home.project(&world, "P").await;
        world.app.deliver_due().await.unwrap();
        let entry = json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11" });
        world.post(&home.owner, "/api/v1/time-entries/batch", json!({ "timeEntries": vec![entry; 60] })).await.data(201);
        for n in 0..10 {
            home.client(&world, &format!("Client {n}")).await;
        }
        let before = quiet.received().len();
        assert_eq!(world.app.deliver_due().await.unwrap(), 70);
        let (busy, quiet) = (busy.received(), quiet.received());
        assert_eq!((busy.len(), quiet.len()), (60, before + 10));
        for (n, request) in busy.iter().enumerate().skip(20) {
            let least = Duration::from_millis((n as u64 - 19) * 50);
            // An attempt begins a little before it is received.
            let passed = request.at.duration_since(busy[0].at) + Duration::from_millis(100);
            assert!(passed >= least, "attempt {n} after {passed:?}");
        }
        assert!(quiet[before + 9].at < busy[40].at, "the other endpoint did not wait");
    }
}
