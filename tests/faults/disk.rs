//! The disk is full: acknowledged writes are stored, refused ones are not, reads go on, and writes resume once there is space.

use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use tests::Kind;

use crate::ledger;
use crate::load::Client;
use crate::report::{self, Line};
use crate::rng::{Rng, seed};
use crate::server::{Environment, Fleet, Settings};

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_full_disk_loses_nothing_and_service_resumes() {
    let _turn = crate::SERIAL.lock().await;
    let (began, seed) = (Instant::now(), seed());
    let environment = Environment::new(Kind::Sqlite).await;
    let file = environment.database.url.trim_start_matches("sqlite://").split('?').next().unwrap().to_owned();
    // Neither the database nor its log of changes may grow beyond this: the kernel then refuses to write.
    let limit = std::fs::metadata(&file).unwrap().len() + 1024 * 1024;
    let settings = Settings { largest_file: Some(limit), ..Settings::default() };
    let fleet = Arc::new(Fleet::start(&environment.database.url, 1, settings));
    let client = Arc::new(Client::new(fleet.clone(), &environment).await);

    let (mut refused, mut number) = (Vec::new(), 0);
    while refused.len() < 40 {
        if !client.try_once(number).await {
            refused.push(number);
            assert_eq!(client.get("/api/v1/clients").await, 200, "reads go on");
        }
        number += 1;
        assert!(number < 20_000, "the disk never was full");
    }
    assert!(number - refused.len() >= 20, "there was space for some: {number}");
    assert!(fleet.with(0, |server| server.runs()), "the server does not end over it");

    let said = |line: &str| fleet.with(0, |server| server.log()).matches(line).count();
    assert_eq!(
        (said("the database's disk is full"), said("a request failed")),
        (1, 0),
        "one line, and no fault of ours"
    );

    let id = fleet.with(0, |server| server.id()).to_string();
    let freed = Command::new("prlimit").args(["--fsize=unlimited", "--pid", &id]).status().unwrap();
    assert!(freed.success());
    let mut rng = Rng::new(seed, 1);
    let mut operations = Vec::new();
    // The same process; every key once more, those that were refused as well as those that were not.
    for number in 0..number {
        operations.push(client.persist(number, &mut rng).await);
    }
    // On a full disk some writes still fit, so that it takes a while without a failure until the log says that there is space.
    while said("the database's disk has space again") == 0 {
        assert!(operations.len() < 20_000, "the log never says that there is space again");
        operations.push(client.persist(operations.len(), &mut rng).await);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!((said("the database's disk is full"), said("the database's disk has space again")), (1, 1));
    let counted = ledger::count(&environment, &client, &operations).await;
    let (tally, seconds) = (client.tally(), began.elapsed().as_secs_f64());
    let fault = "disk full, then space again";
    report::write_row(&Line {
        fault,
        database: "SQLite",
        servers: 1,
        times: 1,
        tally,
        counted: &counted,
        seconds,
        seed,
    });
    counted.assert_exact(operations.len());
}
