//! The machine's clock is set back and forth under load: every operation takes effect once, and no client notices.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use tests::Kind;

use crate::kills::{Breaks, run};
use crate::load::Client;
use crate::server::{Environment, Fleet, ProcessClock, Settings};

/// How far the clock is set back, in seconds, one after the other. Less than half the lifetime of a key: a clock that is
/// further off would consider the key expired.
const BEHIND: [i64; 10] = [1, 60, 3_600, 0, 7_200, 39_600, 39_599, 1_800, 1_801, 10];

async fn set_back(kind: Kind) {
    let _turn = crate::SERIAL.lock().await;
    let size = if crate::whole() { (2_000, 50) } else { (240, 10) };
    let environment = Environment::new(kind).await;
    let clock = ProcessClock::new();
    let settings = Settings { clock: Some(clock.clone()), ..Settings::default() };
    let fleet = Arc::new(Fleet::start(&environment.database.url, 1, settings));
    let client = Arc::new(Client::new(fleet.clone(), &environment).await);
    let (began, mut steps) = (UNIX_EPOCH.elapsed().unwrap(), BEHIND.iter().cycle());
    run(("clock, set back and forth", Breaks::Nothing), &environment, client.clone(), size, move |_, _| {
        clock.set(-steps.next().unwrap());
    })
    .await;
    assert!(fleet.with(0, |server| server.runs()));

    // That the clock did move is seen in the records.
    let earliest = environment.database.number("SELECT MIN(created_at) AS n FROM client").await;
    assert!(began.as_millis() as i64 - earliest > 39_000_000, "the clock stood still");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_clock_set_back_on_sqlite_doubles_nothing() {
    set_back(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_clock_set_back_on_postgres_doubles_nothing() {
    set_back(Kind::Postgres).await;
}
