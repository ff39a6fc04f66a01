//! How fast webhooks are, by `make bench-webhooks`: from the commit to the first byte at a local receiver; how many events
//! a second one worker delivers, with signatures and bookkeeping; and what a hanging endpoint beside it costs the others.
//! It fails when one of them is beyond what is promised.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for the terminal, which stops when it cannot go on"
)]

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use poem::listener::TcpAcceptor;
use poem::{Endpoint, Request};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;
use service::value::Wire;
use service::{App, Clock, Config, RequestFacts, SecretKey, client};
use tests::{Fixtures, Kind, World};
use tokio::sync::watch;

/// Events of each run.
const EVENTS: usize = 10_000;
/// Events, one after the other, of which the time to the receiver is taken.
const SAMPLES: usize = 200;
/// Pairs of a run alone and one beside a hanging endpoint. The median counts: a single run is off by a tenth at times.
const ROUNDS: usize = 15;

/// Milliseconds from commit to first byte, at most.
const LATENCY: f64 = 20.0;
/// Percent that a hanging endpoint costs the others, at most.
const COST: f64 = 10.0;

/// A receiver that only counts.
#[derive(Clone, Default)]
struct Counter(Arc<Mutex<(HashSet<String>, Option<Instant>)>>);

impl Endpoint for Counter {
    type Output = ();

    async fn call(&self, mut request: Request) -> poem::Result<()> {
        let at = Instant::now();
        let id =
            request.headers().get("webhook-id").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        request.take_body().into_bytes().await?;
        let mut seen = self.0.lock().unwrap();
        seen.0.insert(id);
        seen.1 = Some(at);
        Ok(())
    }
}

impl Counter {
    async fn wait_for(&self, count: usize) -> Instant {
        loop {
            {
                let seen = self.0.lock().unwrap();
                if seen.0.len() >= count {
                    return seen.1.unwrap();
                }
            }
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    }
}

/// A receiver that never answers.
struct Silence;

impl Endpoint for Silence {
    type Output = ();

    async fn call(&self, _: Request) -> poem::Result<()> {
        std::future::pending().await
    }
}

/// Serves on this machine, in a runtime of its own; its URL.
fn serve(endpoint: impl Endpoint<Output: poem::IntoResponse> + 'static) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            poem::Server::new_with_acceptor(TcpAcceptor::from_std(listener).unwrap()).run(endpoint).await.unwrap();
        });
    });
    url
}

/// A process with one worker, on the database of a world.
async fn process(world: &World) -> App {
    let config = Config {
        secret_keys: SecretKey::from_base64(tests::SECRET_KEY).into_iter().collect(),
        webhook_allow: vec!["127.0.0.0/8".parse().unwrap()],
        webhook_rate: std::num::NonZeroU32::MAX,
        rate_limit_scale: 100_000,
        ..Config::new(&world.database.url)
    };
    App::connect(config, Clock::system()).await.unwrap()
}

fn run(app: &App) -> (watch::Sender<bool>, tokio::task::JoinHandle<()>) {
    let (stop, stopped) = watch::channel(false);
    let app = app.clone();
    (stop, tokio::spawn(async move { app.run_jobs(true, stopped).await }))
}

async fn subscribe(world: &World, fixtures: &Fixtures, url: &str, kind: &str) {
    let body = json!({ "url": url, "events": [kind] });
    world.post(&fixtures.home.owner, "/api/v1/webhook-endpoints", body).await.data(201);
}

/// Milliseconds from commit to first byte, sorted.
async fn latency(kind: Kind) -> Vec<f64> {
    let world = World::on(kind).await;
    let fixtures = Fixtures::new(&world).await;
    let counter = Counter::default();
    subscribe(&world, &fixtures, &serve(counter.clone()), "client.created").await;
    let app = process(&world).await;
    let (stop, worker) = run(&app);
    let authorization = format!("Bearer {}", fixtures.home.owner);
    let mut waits = Vec::new();
    for i in 0..SAMPLES {
        let admission = app.admit(Some(&authorization), IpAddr::V4(Ipv4Addr::LOCALHOST)).await.unwrap();
        let cx = admission.pass.unwrap().enter(RequestFacts { unlimited: true, ..RequestFacts::default() });
        let mut input = client::CreateClientInput::default();
        input.name = service::input::Field::Value(Wire::parse_text("Globex").unwrap());
        client::create(&cx, input).await.unwrap();
        let committed = Instant::now();
        let first_byte = counter.wait_for(i + 1).await;
        waits.push(first_byte.saturating_duration_since(committed).as_secs_f64() * 1000.0);
    }
    stop.send_replace(true);
    worker.await.unwrap();
    waits.sort_by(f64::total_cmp);
    waits
}

/// Events a second to a fast receiver, all written down; with a hanging one beside it, which is sent the same.
async fn throughput(kind: Kind, beside_a_hanging_one: bool) -> f64 {
    let world = World::on(kind).await;
    let fixtures = Fixtures::new(&world).await;
    let counter = Counter::default();
    subscribe(&world, &fixtures, &serve(counter.clone()), "time_entry.created").await;
    if beside_a_hanging_one {
        subscribe(&world, &fixtures, &serve(Silence), "time_entry.created").await;
    }
    let project = fixtures.home.project(&world, "P").await;
    let entry =
        json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11", "note": "An hour of work" });
    for _ in 0..EVENTS / 100 {
        let body = json!({ "timeEntries": vec![entry.clone(); 100] });
        world.post(&fixtures.home.owner, "/api/v1/time-entries/batch", body).await.data(201);
    }
    let db = world.database.connect().await;
    if kind == Kind::Postgres {
        // As autovacuum does before long on a database that is used: without figures the planner guesses, and the first
        // to read a row marks it.
        db.execute_unprepared("VACUUM ANALYZE").await.unwrap();
    }
    let app = process(&world).await;
    let begun = Instant::now();
    let (stop, worker) = run(&app);
    counter.wait_for(EVENTS).await;
    // The last results are written down as well before the time is taken.
    let sql = "SELECT COUNT(*) AS n FROM webhook_delivery WHERE status = 20";
    loop {
        let statement = Statement::from_string(db.get_database_backend(), sql);
        let written = db.query_one_raw(statement).await.unwrap().unwrap().try_get::<i64>("", "n").unwrap();
        if written >= EVENTS as i64 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let took = begun.elapsed().as_secs_f64();
    stop.send_replace(true);
    worker.abort();
    EVENTS as f64 / took
}

fn median(all: &[f64]) -> f64 {
    let mut all = all.to_vec();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

#[tokio::main]
async fn main() {
    let mut kept = true;
    let mut within = |holds: bool| {
        kept &= holds;
        if holds { "" } else { ": BEYOND THE BOUND" }
    };
    for (kind, least) in [(Kind::Postgres, 1000.0), (Kind::Sqlite, 500.0)] {
        let waits = latency(kind).await;
        let at = |share: usize| waits[(waits.len() - 1) * share / 100];
        let verdict = within(at(50) < LATENCY);
        println!(
            "{kind:?}: commit to first byte: median {:.1} ms, 99 % {:.1} ms, of {SAMPLES}{verdict}",
            at(50),
            at(99)
        );
        let (mut alone, mut costs) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            // In both orders, so that neither is always the first.
            let first = throughput(kind, round % 2 == 1).await;
            let second = throughput(kind, round % 2 == 0).await;
            let (without, with) = if round % 2 == 0 { (first, second) } else { (second, first) };
            alone.push(without);
            costs.push((1.0 - with / without) * 100.0);
        }
        let (rate, cost) = (median(&alone), median(&costs));
        let verdict = within(rate >= least);
        println!(
            "{kind:?}: {rate:.0} events a second, {EVENTS} delivered and written down, median of {ROUNDS}{verdict}"
        );
        let verdict = within(cost < COST);
        println!(
            "{kind:?}: {cost:.1} % less beside a hanging endpoint that is sent the same, median of these{verdict}"
        );
        costs.sort_by(f64::total_cmp);
        println!("    {}", costs.iter().map(|cost| format!("{cost:.0}")).collect::<Vec<_>>().join(", "));
    }
    assert!(kept, "beyond a bound");
}
