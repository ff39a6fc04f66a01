//! The database becomes unreachable, returns, does not answer, or is busy: the responses to requests meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use poem::http::Method;
use serde_json::json;
use tests::{Answer, Fixtures, Kind, PrivateDatabase, World, on_both};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to connections that lead through a gate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Open,
    /// Nothing is passed on, and nothing is closed.
    Frozen,
    /// All connections are cut, and new ones too.
    Closed,
}

/// A way to PostgreSQL that a test can close.
pub(crate) struct Gate {
    way: watch::Sender<Way>,
    pub(crate) port: u16,
}

impl Gate {
    pub(crate) async fn before(database: &PrivateDatabase) -> Gate {
        let server = database.url.split('@').nth(1).unwrap().split('/').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gate = Gate { way: watch::Sender::new(Way::Open), port: listener.local_addr().unwrap().port() };
        let way = gate.way.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(pass_on(client, server.clone(), way.subscribe()));
            }
        });
        gate
    }

    fn url(&self, database: &PrivateDatabase) -> String {
        let name = database.url.rsplit('/').next().unwrap();
        format!("postgres://hoursmith@127.0.0.1:{}/{name}", self.port)
    }

    pub(crate) fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn pass_on(mut client: TcpStream, server: String, mut way: watch::Receiver<Way>) {
    if way.wait_for(|way| *way != Way::Frozen).await.is_err() || *way.borrow() == Way::Closed {
        return;
    }
    let mut server = TcpStream::connect(&server).await.unwrap();
    loop {
        let changed = tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
            changed = way.changed() => changed,
        };
        if changed.is_err() || *way.borrow() == Way::Closed {
            return;
        }
        // What was on its way inside the copy is not lost, since a frozen gate is asked only between statements.
        if way.wait_for(|way| *way != Way::Frozen).await.is_err() || *way.borrow() == Way::Closed {
            return;
        }
    }
}

/// A world whose way to PostgreSQL can be closed, and its fixtures.
async fn behind_a_gate(timeout: Duration) -> (World, Gate, Fixtures) {
    let world = World::on(Kind::Postgres).await;
    let fixtures = Fixtures::new(&world).await;
    let gate = Gate::before(&world.database).await;
    let url = gate.url(&world.database);
    let decide = |config: &mut service::Config| {
        config.database_url = url;
        config.operation_timeout = timeout;
    };
    let gated = world.replica(world.clock.clone(), decide).await;
    (gated, gate, fixtures)
}

async fn create(world: &World, token: &str, name: &str) -> Answer {
    world.post(token, "/api/v1/clients", json!({ "name": name })).await
}

fn is_unavailable(answer: &Answer) {
    assert_eq!(answer.error(503, "internal")["reason"], "unavailable");
    assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u64>().unwrap() >= 1));
}

/// Asks until the database is noticed to be back.
async fn until_it_is_back(world: &World, token: &str) {
    let asked = Instant::now();
    while world.get(token, "/api/v1/me").await.status.as_u16() != 200 {
        assert!(asked.elapsed() < Duration::from_secs(15), "the database is back, and nobody notices");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Every connection was ended by the server: each kind of request is answered by a fresh one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_of_the_database_no_request_fails() {
    let world = World::on(Kind::Postgres).await;
    let fixtures = Fixtures::new(&world).await;
    let owner = &fixtures.home.owner;
    for round in 0..3 {
        let warm = (0..12).map(|_| world.get(owner, "/api/v1/clients?limit=1"));
        assert!(join_all(warm).await.iter().all(|answer| answer.status == 200));
        let ended = "SELECT count(pg_terminate_backend(pid)) AS n FROM pg_stat_activity \
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        assert!(world.database.number(ended).await > 0);
        assert_eq!(world.call(Method::GET, "/readyz").send().await.status.as_u16(), 200);
        assert_eq!(create(&world, owner, &format!("C{round}")).await.status.as_u16(), 201);
        for _ in 0..4 {
            assert_eq!(world.get(owner, "/api/v1/clients?limit=1").await.status.as_u16(), 200);
            world.graphql(owner, "{ viewer { name } }", json!({})).await.graphql();
            assert_eq!(create(&world, owner, "again").await.status.as_u16(), 201);
        }
    }
}

/// The database is gone: 503 with `Retry-After`, at once when it is known, and right again when it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_away_requests_are_refused_at_once() {
    let (world, gate, fixtures) = behind_a_gate(Duration::from_secs(15)).await;
    let owner = &fixtures.home.owner;
    assert_eq!(create(&world, owner, "before").await.status.as_u16(), 201);
    gate.set(Way::Closed);
    is_unavailable(&world.get(owner, "/api/v1/me").await);
    let known = Instant::now();
    is_unavailable(&create(&world, owner, "meanwhile").await);
    is_unavailable(&world.get(owner, "/api/v1/clients").await);
    assert_eq!(world.graphql(owner, "{ viewer { name } }", json!({})).await.status.as_u16(), 503);
    assert_eq!(world.call(Method::GET, "/readyz").send().await.status.as_u16(), 503);
    assert_eq!(world.call(Method::GET, "/healthz").send().await.status.as_u16(), 200);
    assert!(known.elapsed() < Duration::from_secs(1), "{:?}", known.elapsed());
    gate.set(Way::Open);
    until_it_is_back(&world, owner).await;
    assert_eq!(create(&world, owner, "after").await.status.as_u16(), 201);
    let names = "SELECT count(*) AS n FROM client WHERE name IN ('before', 'after')";
    assert_eq!(world.database.number(names).await, 2);
    assert_eq!(world.database.number("SELECT count(*) AS n FROM client WHERE name = 'meanwhile'").await, 0);
}

/// The database takes what it is sent and says nothing: every request has its answer in time, the token's look-up included.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_does_not_answer_is_given_up_in_time() {
    let (world, gate, fixtures) = behind_a_gate(Duration::from_secs(1)).await;
    let owner = &fixtures.home.owner;
    assert_eq!(create(&world, owner, "before").await.status.as_u16(), 201);
    gate.set(Way::Frozen);
    let asked = Instant::now();
    let (read, written) = tokio::join!(world.get(owner, "/api/v1/me"), create(&world, owner, "frozen"));
    is_unavailable(&read);
    is_unavailable(&written);
    assert_eq!(world.graphql(owner, "{ viewer { name } }", json!({})).await.status.as_u16(), 503);
    let ready = Instant::now();
    assert_eq!(world.call(Method::GET, "/readyz").send().await.status.as_u16(), 503);
    assert!(ready.elapsed() < Duration::from_millis(1500), "{:?}", ready.elapsed());
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    gate.set(Way::Open);
    until_it_is_back(&world, owner).await;
    assert_eq!(create(&world, owner, "after").await.status.as_u16(), 201);
}

/// Nobody waits for a write any more: its statement is ended, and its connection is free for others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_nobody_waits_for_is_ended() {
    let world = World::on(Kind::Postgres).await;
    let fixtures = Fixtures::new(&world).await;
    let obstacle = world.database.obstacle().await;
    let write = create(&world, &fixtures.home.owner, "blocked");
    assert!(tokio::time::timeout(Duration::from_millis(500), write).await.is_err(), "it waits for the lock");
    let waits = "SELECT count(*) AS n FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let gone = Instant::now();
    while world.database.number(waits).await > 0 {
        assert!(gone.elapsed() < Duration::from_secs(5), "it still waits for the lock");
    }
    obstacle.rollback().await.unwrap();
    assert_eq!(create(&world, &fixtures.home.owner, "next").await.status.as_u16(), 201);
}

/// However many writes wait for a lock, authentication and small reads have connections of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_wait_do_not_keep_others_from_reading() {
    let world = World::with(Kind::Postgres, |config| config.database_connections = 4).await;
    let fixtures = Fixtures::new(&world).await;
    let (world, owner) = (Arc::new(world), fixtures.home.owner.clone());
    let obstacle = world.database.obstacle().await;
    let writes: Vec<_> = (0..12)
        .map(|i| {
            let (world, owner) = (world.clone(), owner.clone());
            tokio::spawn(async move { create(&world, &owner, &format!("C{i}")).await.status.as_u16() })
        })
        .collect();
    let waits = "SELECT count(*) AS n FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    // Of four connections one workspace has two at most.
    while world.database.number(waits).await < 2 {}
    let asked = Instant::now();
    for _ in 0..10 {
        assert_eq!(world.get(&fixtures.other.owner, "/api/v1/clients").await.status.as_u16(), 200);
    }
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    obstacle.rollback().await.unwrap();
    for write in writes {
        assert_eq!(write.await.unwrap(), 201);
    }
}

on_both! {
    /// A write that takes longer than an operation may leaves nothing behind, and the same key can be sent again.
    async fn a_write_that_takes_too_long_leaves_nothing_behind(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let quick = |config: &mut service::Config| config.operation_timeout = Duration::from_secs(1);
        let replica = world.replica(world.clock.clone(), quick).await;
        let obstacle = world.database.obstacle().await;
        let send = || {
            let call = replica.call(Method::POST, "/api/v1/clients").token(&fixtures.home.owner).key("k");
            call.json(json!({ "name": "late" })).send()
        };
        let asked = Instant::now();
        let refused = send().await;
        assert!(refused.status.is_server_error(), "{}", refused.text());
        assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
        obstacle.rollback().await.unwrap();
        assert_eq!(world.database.number("SELECT count(*) AS n FROM client WHERE name = 'late'").await, 0);
        assert_eq!(send().await.status.as_u16(), 201);
        assert_eq!(send().await.header("idempotent-replayed"), Some("true"));
    }
}
