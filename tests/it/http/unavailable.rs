//! One state of the database has one status on every surface: what could not be done is 503 `unavailable`, with a wait.

use std::time::Duration;

use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::{Value, json};
use tests::{Answer, Fixtures, Kind, World};

use crate::mcp;
use crate::settings::{Browser, page};

/// The answers of the three programs' surfaces to a read and to a write of clients.
async fn asked(world: &World, token: &str, name: &str) -> [(&'static str, Answer); 5] {
    let create = json!({ "name": name });
    let document = format!("mutation {{ createClient(input: {{ name: \"{name}\" }}) {{ client {{ id }} }} }}");
    let tool = json!({ "name": "create_client", "arguments": { "name": name, "idempotencyKey": world.new_key() } });
    let (listed, created, read, mutated, called) = tokio::join!(
        world.get(token, "/api/v1/clients"),
        world.post(token, "/api/v1/clients", create),
        world.graphql(token, "{ clients { nodes { id } } }", json!({})),
        world.graphql(token, &document, json!({})),
        mcp::send(world, token, "/mcp/x/all", "tools/call", tool),
    );
    [("REST list", listed), ("REST create", created), ("query", read), ("mutation", mutated), ("tool", called)]
}

/// Asserts that an answer says that it cannot be done at the moment.
fn assert_unavailable((surface, answer): &(&'static str, Answer)) {
    let error = match *surface {
        "REST list" | "REST create" => answer.json()["error"].clone(),
        "query" | "mutation" => answer.graphql_error(),
        _ => {
            // A tool reports it to the model, in the answer of its call.
            let result = &answer.json()["result"];
            assert_eq!(result["isError"], true, "{surface}: {}", answer.text());
            mcp::parsed(result)
        }
    };
    assert_eq!((&error["code"], &error["reason"]), (&json!("internal"), &json!("unavailable")), "{surface}: {error}");
    if *surface != "tool" {
        assert_eq!(answer.status.as_u16(), 503, "{surface}: {}", answer.text());
        assert!(answer.header("retry-after").is_some(), "{surface}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_locked_is_unavailable_everywhere() {
    let world = World::with(Kind::Postgres, |config| config.operation_timeout = Duration::from_secs(2)).await;
    let fixtures = Fixtures::new(&world).await;
    let browser = Browser::signed_in(&world, fixtures.home.id, "owner@home.example").await;
    let db = world.database.connect().await;
    let lock = db.begin().await.unwrap();
    lock.execute_unprepared("LOCK TABLE client IN ACCESS EXCLUSIVE MODE").await.unwrap();
    for answer in &asked(&world, &fixtures.home.owner, "Globex").await {
        assert_unavailable(answer);
    }
    page(&browser.get("/settings/invoices/new").await, 503);
    lock.rollback().await.unwrap();
    assert_eq!(world.get(&fixtures.home.owner, "/api/v1/clients").await.data(200), json!([]), "nothing was done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_unavailable_everywhere() {
    let world = World::on(Kind::Postgres).await;
    let fixtures = Fixtures::new(&world).await;
    let owner = &fixtures.home.owner;
    let db = world.database.connect().await;
    db.execute_unprepared(crate::operations::hints::FULL).await.unwrap();
    let [listed, created, read, mutated, called] = asked(&world, owner, "Globex").await;
    for refused in [&created, &mutated, &called] {
        assert_unavailable(refused);
    }
    assert_eq!((listed.1.status.as_u16(), read.1.status.as_u16()), (200, 200), "reads go on");
    let full = async || {
        let all = world.app.metrics().await.unwrap();
        all.lines().find(|line| line.starts_with("hoursmith_database_disk_full ")).unwrap().to_owned()
    };
    assert_eq!(full().await, "hoursmith_database_disk_full 1");
    db.execute_unprepared("DROP TRIGGER full_disk ON client").await.unwrap();
    // On a full disk some writes still fit, so that it takes a while without a failure.
    let began = std::time::Instant::now();
    while full().await != "hoursmith_database_disk_full 0" {
        assert!(began.elapsed() < Duration::from_secs(60), "there is space again");
        let made: Value = world.post(owner, "/api/v1/clients", json!({ "name": "Globex" })).await.data(201);
        assert_eq!(made["name"], "Globex");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
