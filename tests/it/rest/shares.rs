//! What one workspace may have of the database: it waits for itself, and nobody else does.

use std::time::Duration;

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, Statement, TransactionTrait};
use serde_json::json;
use service::value::Plan;
use tests::{Kind, Workspace, World};
use tokio::time::{Instant, sleep};

/// Waits until so many requests wait for a connection.
async fn wait_for_waiting(world: &World, wanted: usize) {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let page = world.app.metrics().await.unwrap();
        let line = page.lines().find_map(|line| line.strip_prefix("hoursmith_database_requests_waiting "));
        let waiting: usize = line.unwrap().parse().unwrap();
        if waiting == wanted {
            return;
        }
        assert!(Instant::now() < until, "{waiting} wait, not {wanted}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Of the reports of a workspace two run at once, and the others wait: another workspace has its report meanwhile, and small
/// reads of both go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_reports_of_a_workspace_run_at_once() {
    let world = World::on(Kind::Postgres).await;
    let one = Workspace::new(&world, "one", Plan::Agency).await;
    let other = Workspace::new(&world, "other", Plan::Agency).await;
    let path = "/api/v1/reports/time?groupBy=day";
    let db = world.database.connect().await;
    let obstacle = db.begin().await.unwrap();
    obstacle.execute_unprepared("LOCK TABLE time_entry IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let reports = join_all((0..6).map(|_| world.get(&one.owner, path)));
    let others = join_all((0..3).map(|_| world.get(&other.owner, path)));
    let look = async {
        // Four of the one and one of the other: each has two.
        wait_for_waiting(&world, 5).await;
        for token in [&one.owner, &other.owner] {
            world.get(token, "/api/v1/clients").await.data(200);
            world.post(token, "/api/v1/clients", json!({ "name": "C" })).await.data(201);
        }
        wait_for_waiting(&world, 5).await;
        obstacle.rollback().await.unwrap();
    };
    let (reports, others, ()) = tokio::join!(reports, others, look);
    assert!(reports.iter().chain(&others).all(|report| report.status == 200));
}

/// However many writes of a workspace wait for SQLite's one writer, the write of another one is made after the one that runs
/// and at most one more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_waits_for_few_of_another_workspace() {
    let world = World::on(Kind::Sqlite).await;
    let many = Workspace::new(&world, "many", Plan::Agency).await;
    let one = Workspace::new(&world, "one", Plan::Agency).await;
    let create = async |token: &str, name: &str| world.post(token, "/api/v1/clients", json!({ "name": name })).await;
    let obstacle = world.database.obstacle().await;
    let crowd = join_all((0..12).map(|_| create(&many.owner, "many")));
    let look = async {
        wait_for_waiting(&world, 11).await;
        let last = async {
            wait_for_waiting(&world, 12).await;
            obstacle.rollback().await.unwrap();
        };
        let (made, ()) = tokio::join!(create(&one.owner, "one"), last);
        made
    };
    let (crowd, made) = tokio::join!(crowd, look);
    assert!(crowd.iter().chain([&made]).all(|answer| answer.status == 201));
    let db = world.database.connect().await;
    let sql = "SELECT COUNT(*) AS n FROM client WHERE rowid < (SELECT rowid FROM client WHERE name = 'one')";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
    let before: i64 = row.try_get("", "n").unwrap();
    assert!(before <= 2, "{before} writes of the other workspace came first");
}
