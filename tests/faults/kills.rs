//! The server is killed at random instants, again and again: every operation takes effect exactly once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tests::Kind;
use tokio::sync::watch;

use crate::ledger;
use crate::load::{Client, Load};
use crate::report::{self, Line};
use crate::rng::{Rng, seed};
use crate::server::{Environment, Fleet, Settings};

/// How a run is called in the table.
pub fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => "SQLite",
        Kind::Postgres => "PostgreSQL",
    }
}

/// What a failure does to concurrent requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Breaks {
    /// Connections, or answers of 500.
    Answers,
    /// None of their answers.
    Nothing,
}

/// Runs clients against a fleet while something fails `times` times, then counts. `fail` is given the number of the
/// failure and a random source.
pub async fn run(
    (fault, breaks): (&str, Breaks),
    environment: &Environment,
    client: Arc<Client>,
    (operations, times): (usize, usize),
    mut fail: impl FnMut(&Fleet, &mut Rng) + Send + 'static,
) {
    let (began, seed) = (Instant::now(), seed());
    let (done, mut progress) = watch::channel(0);
    let (failed, failures) = watch::channel(0);
    let load = Load { operations, clients: 12, seed, failures: times };
    let fleet = client.fleet().clone();
    let fails = tokio::spawn(async move {
        let mut rng = Rng::new(seed, 0);
        for i in 1..=times {
            // Spread over the run, each at an instant of its own.
            progress.wait_for(|done| *done >= load.due(i)).await.expect("clients wait for the last failure");
            tokio::time::sleep(Duration::from_micros(rng.below(20_000))).await;
            let mut one = Rng::new(seed, 1_000 + i as u64);
            tokio::task::block_in_place(|| fail(&fleet, &mut one));
            failed.send_replace(i);
        }
        // Kept until the end, since clients look at it.
        failed
    });
    let operations = load.run(&client, done, failures).await;
    fails.await.unwrap();
    let counted = ledger::count(environment, &client, &operations).await;
    let (database, servers) = (name(environment.kind), client.fleet().replicas());
    let (tally, seconds) = (client.tally(), began.elapsed().as_secs_f64());
    report::write_row(&Line { fault, database, servers, times, tally, counted: &counted, seconds, seed });
    counted.assert_exact(operations.len());
    assert_eq!(tally.differing.load(Ordering::Relaxed), 0, "seed {seed}");
    let met_it = tally.cut.load(Ordering::Relaxed) + tally.server_errors.load(Ordering::Relaxed) > 0;
    assert_eq!(met_it, breaks == Breaks::Answers, "seed {seed}");
}

async fn kills(kind: Kind, replicas: usize) {
    let _turn = crate::SERIAL.lock().await;
    let size = if crate::whole() { (2_000, 50) } else { (240, 10) };
    let environment = Environment::new(kind).await;
    let fleet = Arc::new(Fleet::start(&environment.database.url, replicas, Settings::default()));
    let client = Arc::new(Client::new(fleet, &environment).await);
    let fault = if replicas == 1 { "server, SIGKILL" } else { "one of three servers, SIGKILL" };
    run((fault, Breaks::Answers), &environment, client, size, |fleet, rng| {
        let victim = rng.below(fleet.replicas() as u64) as usize;
        fleet.crash(victim);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_killed_server_on_sqlite_does_all_things_once() {
    kills(Kind::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_killed_server_on_postgres_does_all_things_once() {
    kills(Kind::Postgres, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_killed_replica_on_postgres_does_all_things_once() {
    kills(Kind::Postgres, 3).await;
}
