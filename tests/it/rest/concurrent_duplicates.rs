//! Concurrent requests with one key, and clients that disconnect: still one effect.

use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};
use poem::http::Method;
use sea_orm::ConnectionTrait;
use serde_json::json;
use tests::{Answer, Fixtures, Kind, World, on_both};
use tokio::task::JoinHandle;

use super::time_entries::events;

fn post(world: &World, token: &str, key: &str) -> JoinHandle<Answer> {
    let call = world.call(Method::POST, "/api/v1/clients").token(token).key(key).json(json!({ "name": "T" }));
    tokio::spawn(call.send())
}

fn one_was_created(answers: &[Answer]) {
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert!(statuses.iter().all(|status| *status == 201), "{statuses:?}");
    assert!(answers.iter().all(|answer| answer.bytes == answers[0].bytes));
    let fresh = answers.iter().filter(|answer| answer.header("idempotent-replayed").is_none()).count();
    assert_eq!(fresh, 1);
}

async fn all(calls: Vec<JoinHandle<Answer>>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    answers
}

on_both! {
    /// Sixty-four concurrent requests with one key, fifty rounds: one record is created, the others receive the same bytes.
    async fn concurrent_duplicates_create_one_record(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for round in 0..50 {
            let key = format!("duplicate-{round}");
            let answers = all((0..64).map(|_| post(&world, owner, &key)).collect()).await;
            one_was_created(&answers);
        }
        assert_eq!(events(&world, "client.created").await, 50);
        let rows = world.get(owner, "/api/v1/clients?limit=200").await.data(200);
        assert_eq!(rows.as_array().map(Vec::len), Some(50));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicates_in_three_processes_create_one_record() {
    let world = World::on(Kind::Postgres).await;
    let fixtures = Fixtures::new(&world).await;
    let (second, third) =
        (world.replica(world.clock.clone(), |_| {}).await, world.replica(world.clock.clone(), |_| {}).await);
    for round in 0..20 {
        let key = format!("duplicate-{round}");
        let calls = (0..21).map(|i| post([&world, &second, &third][i % 3], &fixtures.home.owner, &key)).collect();
        one_was_created(&all(calls).await);
    }
    assert_eq!(events(&world, "client.created").await, 20);
}

/// Until this many work on keys or wait for them, and one is known to wait for the database.
async fn until_waiting(world: &World, requests: usize) {
    while world.app.requests_with_keys() < requests {
        tokio::task::yield_now().await;
    }
    if world.database.kind == Kind::Sqlite {
        // Requests that wait for its one writer cannot be seen from outside.
        return;
    }
    let db = world.database.connect().await;
    let sql = "SELECT count(*) AS n FROM pg_locks WHERE NOT granted";
    let waiting = async || {
        let statement = sea_orm::Statement::from_string(db.get_database_backend(), sql);
        db.query_one_raw(statement).await.unwrap().unwrap().try_get::<i64>("", "n").unwrap()
    };
    while waiting().await == 0 {
        tokio::task::yield_now().await;
    }
}

/// A duplicate that waited nearly five seconds for a request that came to nothing has as long for its own work as any other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duplicate_that_waited_has_time_for_its_work() {
    let world = World::on(Kind::Postgres).await;
    let fixtures = Fixtures::new(&world).await;
    let owner = &fixtures.home.owner;
    let obstacle = world.database.obstacle().await;
    let began = tokio::time::Instant::now();
    let first = post(&world, owner, "k");
    until_waiting(&world, 1).await;
    let duplicate = post(&world, owner, "k");
    until_waiting(&world, 2).await;
    tokio::time::sleep_until(began + Duration::from_millis(4_200)).await;
    // Its client hangs up.
    first.abort();
    tokio::time::sleep_until(began + Duration::from_millis(6_500)).await;
    obstacle.rollback().await.unwrap();
    duplicate.await.unwrap().data(201);
    assert_eq!(events(&world, "client.created").await, 1);
}

on_both! {
    /// Sixty-four requests wait without a connection; one more is refused at once, and after five seconds all are. Then the
    /// key can be used again.
    async fn the_queue_is_bounded(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let obstacle = world.database.obstacle().await;
        let began = Instant::now();
        let calls: Vec<_> = (0..65).map(|_| post(&world, owner, "k")).collect();
        until_waiting(&world, 65).await;
        let refused = loop {
            // Until all sixty-five are queued.
            let more = tokio::time::timeout(Duration::from_millis(500), post(&world, owner, "k")).await;
            if let Ok(answer) = more {
                break answer.unwrap();
            }
        };
        assert!(began.elapsed() < Duration::from_secs(4), "at once, not after the wait");
        assert_eq!(refused.error(409, "conflict")["reason"], "idempotency_in_flight");
        assert!(refused.header("retry-after").is_some_and(|wait| wait.parse::<u32>().unwrap() >= 1));
        // None of them holds a connection that others need.
        for _ in 0..40 {
            world.get(owner, "/api/v1/clients").await.data(200);
        }
        // Over GraphQL it is the same key, and the same refusal.
        let duplicate = world.call(Method::POST, "/graphql").token(owner).key("k").json(json!({
            "query": "mutation { createClient(input: { name: \"T\" }) { client { id } } }"
        }));
        let duplicate = duplicate.send().await;
        assert_eq!((duplicate.status.as_u16(), duplicate.header("retry-after")), (409, Some("1")));
        assert_eq!(duplicate.graphql_error()["reason"], "idempotency_in_flight");
        let mut answers = Vec::new();
        let mut obstacle = Some(obstacle);
        let mut calls: FuturesUnordered<_> = calls.into_iter().collect();
        while let Some(answer) = calls.next().await {
            answers.push(answer.unwrap());
            if answers.len() == 60 {
                obstacle.take().unwrap().rollback().await.unwrap();
            }
        }
        let (made, waited): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
        assert!(waited.len() >= 59 && made.len() <= 6, "{} waited too long", waited.len());
        for answer in waited {
            assert_eq!(answer.error(409, "conflict")["reason"], "idempotency_in_flight");
        }
        assert!(began.elapsed() >= Duration::from_secs(5));
        post(&world, owner, "k").await.unwrap().data(201);
        assert_eq!(events(&world, "client.created").await, 1);
    }
}

on_both! {
    /// A client that disconnects while its request runs or waits releases the key to the next one.
    async fn a_cancelled_request_releases_its_key(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let obstacle = world.database.obstacle().await;
        let (first, second, third) = (post(&world, owner, "k"), post(&world, owner, "k"), post(&world, owner, "k"));
        until_waiting(&world, 3).await;
        for gone in [first, second] {
            gone.abort();
            assert!(gone.await.unwrap_err().is_cancelled());
        }
        obstacle.rollback().await.unwrap();
        let third = third.await.unwrap();
        third.data(201);
        let again = post(&world, owner, "k").await.unwrap();
        assert_eq!((&again.bytes, again.header("idempotent-replayed").is_some()), (&third.bytes, true));
        assert_eq!(events(&world, "client.created").await, 1);
    }
}

on_both! {
    /// Requests that are cancelled at any point and sent again create one record each.
    async fn a_cut_connection_creates_no_second_record(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for round in 0..60_u64 {
            let key = format!("k{round}");
            // A little later each time: before, during and after the write.
            for micros in [0, 150 * round] {
                let call = post(&world, owner, &key);
                tokio::time::sleep(Duration::from_micros(micros)).await;
                call.abort();
            }
            post(&world, owner, &key).await.unwrap().data(201);
        }
        assert_eq!(events(&world, "client.created").await, 60);
        let rows = world.get(owner, "/api/v1/clients?limit=200").await.data(200);
        assert_eq!(rows.as_array().map(Vec::len), Some(60));
    }
}

on_both! {
    /// After the machine's clock is set back, keys are still replayed, nobody is locked out, and `updatedAt` still grows.
    async fn a_clock_that_is_set_back(world: World) {
        let world = world.replica(world.clock.clone(), |config| config.rate_limit_scale = 10).await;
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let mut known = Vec::new();
        for round in 0..20 {
            let key = format!("k{round}");
            let made = post(&world, owner, &key).await.unwrap();
            let path = format!("/api/v1/clients/{}", made.id());
            let changed = world.patch(owner, &path, json!({ "name": "U" })).await.data(200);
            world.clock.advance([-3_600_000, 1_000, -1, -86_400_000][round % 4]);
            let later = world.patch(owner, &path, json!({ "name": "V" })).await.data(200);
            assert!(later["updatedAt"].as_str() > changed["updatedAt"].as_str(), "{later}");
            known.push((key, made));
            for (key, made) in &known {
                let again = post(&world, owner, key).await.unwrap();
                assert_eq!((&again.bytes, again.header("idempotent-replayed")), (&made.bytes, Some("true")));
            }
        }
        // A process with an empty cache reads the table.
        let other = world.replica(world.clock.clone(), |_| {}).await;
        for (key, made) in &known {
            let again = post(&other, owner, key).await.unwrap();
            assert_eq!((&again.bytes, again.header("idempotent-replayed")), (&made.bytes, Some("true")));
        }
        let ids: std::collections::BTreeSet<_> = known.iter().map(|(_, made)| made.id()).collect();
        assert_eq!((ids.len(), events(&world, "client.created").await), (20, 20));
        let rows = world.get(owner, "/api/v1/clients?limit=200").await.data(200);
        assert_eq!(rows.as_array().map(Vec::len), Some(20));
    }
}
