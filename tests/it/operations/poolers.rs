//! Behind PgBouncer, of Debian and a later one that keeps statements, in both of its modes: everything works as without it,
//! subscriptions included with a direct URL.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use poem::EndpointExt;
use poem::endpoint::Endpoint;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tests::{Fixtures, Kind, PrivateDatabase, World};

use super::Folder;
use crate::database::{Gate, Way};
use crate::running::{Running, command, json as printed};

/// Creates by each of the clients.
const EACH: usize = 25;
const CLIENTS: usize = 8;

/// PgBouncer in front of the tests' server, until it is dropped.
pub(super) struct Pooler {
    process: Child,
    port: u16,
    _folder: Folder,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that is free: asked of the kernel, and taken at once.
pub(super) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Where the tests' PostgreSQL listens.
pub(super) fn port_of(database: &PrivateDatabase) -> u16 {
    let place = database.url.split('@').nth(1).unwrap().split('/').next().unwrap();
    place.rsplit(':').next().unwrap().parse().unwrap()
}

impl Pooler {
    fn start(program: &str, database: &PrivateDatabase, mode: &str, size: u32, more: &str) -> Pooler {
        Pooler::before(program, port_of(database), mode, size, more)
    }

    /// In front of what listens on this port of the machine.
    fn before(program: &str, server: u16, mode: &str, size: u32, more: &str) -> Pooler {
        let (port, folder) = (free_port(), Folder::new());
        let users = folder.path("users");
        std::fs::write(&users, "\"hoursmith\" \"\"\n").unwrap();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={server} user=hoursmith\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\nauth_file = {}\npool_mode = {mode}\ndefault_pool_size = {size}\n\
             max_client_conn = 200\n{more}\n",
            users.display()
        );
        Pooler::run(program, &settings, port, folder)
    }

    /// Runs with these settings, once it listens.
    pub(super) fn run(program: &str, settings: &str, port: u16, folder: Folder) -> Pooler {
        let file = folder.path("pgbouncer.ini");
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new(program);
        // It refuses to run as root.
        command.arg("-u").arg("nobody").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        let mut pooler = Pooler { process: command.spawn().expect("PgBouncer starts"), port, _folder: folder };
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert_eq!(pooler.process.try_wait().unwrap(), None, "PgBouncer has stopped");
            assert!(started.elapsed() < Duration::from_secs(10), "PgBouncer does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        pooler
    }

    fn url(&self, database: &PrivateDatabase) -> String {
        let name = database.url.rsplit('/').next().unwrap();
        format!("postgres://hoursmith@127.0.0.1:{}/{name}", self.port)
    }
}

pub(super) fn older() -> String {
    std::env::var("HOURSMITH_TEST_PGBOUNCER").expect("tests need PgBouncer: run `make test`")
}

fn newer() -> String {
    std::env::var("HOURSMITH_TEST_PGBOUNCER_NEWER").expect("tests need a newer PgBouncer: run `make test`")
}

/// What one client does: a keyed create, and a read by the other server, again and again, with time and GraphQL between them.
async fn use_both(client: &Client, servers: &[String; 2], token: &str, number: usize, project: &str) {
    let asked = async |request: RequestBuilder, status: u16| -> Value {
        let answer = request.bearer_auth(token).send().await.unwrap();
        let (got, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert_eq!(got, status, "{text}");
        serde_json::from_str(&text).unwrap()
    };
    let send = |server: usize, path: &str, key: &str, body: Value| {
        let request = client.request(Method::POST, format!("{}{path}", servers[server % 2]));
        request.header("content-type", "application/json").header("idempotency-key", key).body(body.to_string())
    };
    for i in 0..EACH {
        let (here, name) = (number + i, format!("C{number}-{i}"));
        let made = asked(send(here, "/api/v1/clients", &name, json!({ "name": name })), 201).await;
        let id = made["data"]["id"].as_str().unwrap();
        let read = client.get(format!("{}/api/v1/clients/{id}", servers[(here + 1) % 2]));
        assert_eq!(asked(read, 200).await["data"]["name"], json!(name));
        let again = asked(send(here + 1, "/api/v1/clients", &name, json!({ "name": name })), 201).await;
        assert_eq!(again, made, "the other server repeats the answer");
        let entry = json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11" });
        asked(send(here, "/api/v1/time-entries", &format!("{name}-time"), entry), 201).await;
        let query = "{ clients(first: 2) { nodes { projects(first: 2) { nodes { timeEntries(first: 2) { nodes { id } } } } } } }";
        let answer = asked(send(here, "/graphql", "", json!({ "query": query })), 200).await;
        assert!(answer.get("errors").is_none(), "{answer}");
    }
}

/// Reads a subscription over server-sent events until it has so many of them.
async fn subscribed(
    client: Client,
    server: String,
    token: String,
    expected: usize,
    ready: tokio::sync::oneshot::Sender<()>,
) {
    let query = json!({ "query": "subscription { events(types: [\"client.created\"]) { id } }" });
    let request = client.post(format!("{server}/graphql")).bearer_auth(token).header("accept", "text/event-stream");
    let mut answer = request.header("content-type", "application/json").body(query.to_string()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    ready.send(()).unwrap();
    let mut ids = std::collections::HashSet::new();
    let mut text = String::new();
    while ids.len() < expected {
        let read = tokio::time::timeout(Duration::from_secs(60), answer.chunk()).await;
        let chunk = read.unwrap_or_else(|_| panic!("{} of {expected} events came", ids.len())).unwrap();
        text += &String::from_utf8_lossy(&chunk.expect("the stream goes on"));
        while let Some((line, rest)) = text.split_once('\n') {
            if let Some(data) = line.strip_prefix("data:").and_then(|data| serde_json::from_str::<Value>(data).ok()) {
                assert!(data.get("errors").is_none(), "{data}");
                ids.insert(data["data"]["events"]["id"].as_str().unwrap().to_owned());
            }
            text = rest.to_owned();
        }
    }
}

/// Two hundred keyed creates and reads from eight clients of two servers, and a subscription beside them.
async fn everything_works(program: String, mode: &str, size: u32) {
    let database = PrivateDatabase::new(Kind::Postgres).await;
    let prepared = if program == older() { "" } else { "max_prepared_statements = 200" };
    let pooler = Pooler::start(&program, &database, mode, size, prepared);
    let url = pooler.url(&database);
    let token = super::workspace_of(&database.url, printed);
    // In session mode each connection of ours holds one of the pooler's as long as it is open; two more look for the pooler.
    let connections = if mode == "session" { (size / 2).saturating_sub(1).max(2) } else { 16 };
    let folder = Folder::new();
    let serve = |name: &str| {
        let log = std::fs::File::create(folder.path(name)).unwrap();
        let mut command = command(&url, &["serve", "--listen", "127.0.0.1:0", "--rate-limit-scale", "1000"]);
        command.env("HOURSMITH_DATABASE_DIRECT_URL", &database.url);
        command.env("HOURSMITH_DATABASE_CONNECTIONS", connections.to_string());
        Running::spawn(command, log.into())
    };
    let running = [serve("a"), serve("b")];
    let servers = [0, 1].map(|i: usize| format!("http://{}", running[i].address));
    let client = Client::new();
    let (ready, subscribing) = tokio::sync::oneshot::channel();
    let listening = subscribed(client.clone(), servers[1].clone(), token.clone(), EACH * CLIENTS, ready);
    let listening = tokio::spawn(listening);
    subscribing.await.unwrap();
    let home = running[0].send("POST", "/api/v1/clients", &token, &json!({ "name": "Home" }));
    let project = json!({ "clientId": home["data"]["id"], "name": "P" });
    let project =
        running[0].send("POST", "/api/v1/projects", &token, &project)["data"]["id"].as_str().unwrap().to_owned();
    join_all((0..CLIENTS).map(|number| use_both(&client, &servers, &token, number, &project))).await;
    listening.await.unwrap();

    let made = i64::try_from(EACH * CLIENTS).unwrap();
    assert_eq!(database.number("SELECT count(*) AS n FROM client WHERE name LIKE 'C_-%'").await, made);
    assert_eq!(database.number("SELECT count(DISTINCT name) AS n FROM client WHERE name LIKE 'C_-%'").await, made);
    assert_eq!(database.number("SELECT count(*) AS n FROM event WHERE kind = 'client.created'").await, made + 1);
    drop(running);
    for name in ["a", "b"] {
        let log = std::fs::read_to_string(folder.path(name)).unwrap();
        let bad: Vec<&str> = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
        assert!(bad.is_empty(), "{bad:#?}");
        let is_found = log.contains("a pooler is between this process and PostgreSQL");
        assert_eq!(is_found, mode == "transaction", "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_pooler_of_transactions() {
    everything_works(older(), "transaction", 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_pooler_of_transactions_that_keeps_statements() {
    everything_works(newer(), "transaction", 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_pooler_of_sessions() {
    everything_works(older(), "session", 20).await;
}

/// Commands need no way past a pooler: through it they migrate an empty database, make, check and copy, several at once and
/// beside a server. Each finds in the pooler's sessions what others have left there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_work_through_a_pooler_of_transactions() {
    for program in [older(), newer()] {
        let (database, copy) =
            (PrivateDatabase::empty(Kind::Postgres).await, PrivateDatabase::empty(Kind::Postgres).await);
        let embedded = PrivateDatabase::empty(Kind::Sqlite).await;
        let prepared = if program == older() { "" } else { "max_prepared_statements = 200" };
        let pooler = Pooler::start(&program, &database, "transaction", 3, prepared);
        let url = pooler.url(&database);
        let steps = printed(&url, &["migrate"]);
        assert!(steps.as_array().unwrap().iter().all(|step| step["applied"] == true), "{steps}");
        assert_eq!(printed(&url, &["migrate", "--status"]), steps);
        let token = super::workspace_of(&url, printed);
        let server = Running::start(&url, &[]);
        assert_eq!(server.read("/api/v1/me", &token)["data"]["role"], "OWNER");
        let commands: [&[&str]; 4] = [&["workspace", "list"], &["migrate"], &["doctor"], &["migrate", "--status"]];
        std::thread::scope(|scope| {
            for command in commands {
                scope.spawn(|| printed(&url, command));
            }
        });
        let checks = printed(&url, &["doctor"]);
        let found = checks.as_array().unwrap().iter().find(|check| check["check"] == "pooler");
        assert_eq!(found.expect("a check")["status"], "warn", "{checks}");
        assert_eq!(server.terminate().0, Some(0));
        printed(&url, &["copy", "--from", &url, "--to", &embedded.url]);
        printed(&url, &["copy", "--from", &embedded.url, "--to", &pooler.url(&copy)]);
        assert_eq!(printed(&pooler.url(&copy), &["workspace", "list"]), printed(&url, &["workspace", "list"]));
    }
}

/// PostgreSQL is gone, and the pooler in front of it still takes connections: that is noticed as if there was no pooler.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_behind_a_pooler_is_noticed() {
    let world = World::on(Kind::Postgres).await;
    let owner = Fixtures::new(&world).await.home.owner;
    let gate = Gate::before(&world.database).await;
    let pooler = Pooler::before(&older(), gate.port, "transaction", 5, "server_login_retry = 1");
    let url = pooler.url(&world.database);
    let decide = |config: &mut service::Config| {
        config.database_url = url;
        config.operation_timeout = Duration::from_secs(2);
    };
    let behind = world.replica(world.clock.clone(), decide).await;
    let metrics = api::admin(behind.app.clone()).map_to_response();
    let shows_away = async |away: &str| {
        let request = poem::Request::builder().uri("/metrics".parse().unwrap()).finish();
        let text = metrics.get_response(request).await.into_body().into_string().await.unwrap();
        text.contains(&format!("\nhoursmith_database_away {away}\n"))
    };
    assert!(behind.get(&owner, "/api/v1/me").await.status == 200 && shows_away("0").await);
    gate.set(Way::Closed);
    let gone = Instant::now();
    while !shows_away("1").await {
        assert!(gone.elapsed() < Duration::from_secs(60), "nobody notices");
        behind.call(Method::GET, "/readyz").send().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    behind.get(&owner, "/api/v1/me").await.error(503, "internal");
    gate.set(Way::Open);
    let back = Instant::now();
    while behind.get(&owner, "/api/v1/me").await.status != 200 || !shows_away("0").await {
        assert!(back.elapsed() < Duration::from_secs(60), "nobody notices that it is back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A way past the pooler that leads to another database is refused, before anything is done to either.
#[tokio::test]
async fn a_direct_way_to_another_database_is_refused() {
    let (database, other) = (PrivateDatabase::new(Kind::Postgres).await, PrivateDatabase::empty(Kind::Postgres).await);
    for arguments in [&["migrate"][..], &["workspace", "list"], &["serve", "--listen", "127.0.0.1:0"]] {
        let mut command = command(&database.url, arguments);
        command.env("HOURSMITH_DATABASE_DIRECT_URL", &other.url);
        let why = super::refused(command);
        assert!(why.contains("must lead to the same database"), "{why}");
    }
    let tables = "SELECT COUNT(*) AS n FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(other.number(tables).await, 0);
}

/// The rest of both programs, modes and sizes: the long form, `make test-operations`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_every_pooler() {
    if super::whole() {
        for (program, mode, size) in [
            (older(), "transaction", 20),
            (newer(), "transaction", 20),
            (newer(), "session", 20),
            (older(), "session", 5),
            (newer(), "session", 5),
        ] {
            everything_works(program, mode, size).await;
        }
    }
}
