//! The database crashes under load and restarts: the server stays up, and every operation takes effect once.

use std::process::Command;
use std::sync::Arc;

use tests::Kind;

use crate::kills::{Breaks, run};
use crate::load::Client;
use crate::server::{Environment, Fleet, Settings};

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_crashed_database_loses_and_doubles_nothing() {
    let _turn = crate::SERIAL.lock().await;
    let size = if crate::whole() { (1_000, 10) } else { (200, 2) };
    let environment = Environment::new(Kind::Postgres).await;
    let fleet = Arc::new(Fleet::start(&environment.database.url, 2, Settings::default()));
    let client = Arc::new(Client::new(fleet.clone(), &environment).await);
    let crash = std::env::var("HOURSMITH_TEST_POSTGRES_CRASH").expect("run `make test` or `make test-faults`");
    let fault = ("database, stopped without a checkpoint and restarted", Breaks::Answers);
    run(fault, &environment, client.clone(), size, move |_, _| {
        assert!(Command::new(&crash).status().unwrap().success());
    })
    .await;
    for i in 0..2 {
        assert!(fleet.with(i, |server| server.runs()), "a server went down with the database");
    }
    assert_eq!(client.get("/readyz").await, 200);
}
