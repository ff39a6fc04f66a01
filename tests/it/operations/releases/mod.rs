//! The release before this one beside this one, on one PostgreSQL, under load over a migration, while each is stopped and
//! started again: no request fails. `make test-upgrade` builds the older one from its tag or commit; in `make test` both are
//! this release, which shows that restarts alone fail no request.

mod fleet;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tests::{Kind, PrivateDatabase, Receiver};

use self::fleet::{Fleet, Release};

/// Clients that send requests at the same time.
const CLIENTS: usize = 4;
/// Rounds of requests by all clients in each step of the upgrade.
const ROUNDS: u64 = 40;

/// One client's requests, in rounds until it is stopped: each is answered as it should be, whichever release it meets.
struct Load {
    fleet: Arc<Fleet>,
    client: Client,
    token: String,
    project: String,
    stop: AtomicBool,
    rounds: AtomicU64,
}

impl Load {
    async fn ask(&self, method: Method, path: &str, key: Option<&str>, body: Option<Value>, status: u16) -> Value {
        // A replica that stops is not given requests any more, as a proxy would do it; those that it has are finished.
        let (place, release) = self.fleet.pick().await;
        let mut request = self.client.request(method.clone(), format!("{}{path}", &*place)).bearer_auth(&self.token);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap_or_else(|why| panic!("{method} {path} by {release:?}: {why:?}"));
        let (got, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert_eq!(got, status, "{method} {path} by {release:?}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    async fn run(self: Arc<Load>, number: usize) -> HashSet<String> {
        let mut made = HashSet::new();
        let mut i = 0;
        while !self.stop.load(Ordering::SeqCst) {
            i += 1;
            let name = format!("C{number}-{i}");
            let create = json!({ "name": name });
            let client = self.ask(Method::POST, "/api/v1/clients", Some(&name), Some(create.clone()), 201).await;
            let id = client["data"]["id"].as_str().unwrap().to_owned();
            let again = self.ask(Method::POST, "/api/v1/clients", Some(&name), Some(create), 201).await;
            assert_eq!(again, client, "a retry is answered the same by either release");
            let place = format!("/api/v1/clients/{id}");
            let notes = json!({ "notes": format!("of {name}") });
            let changed = self.ask(Method::PATCH, &place, None, Some(notes), 200).await;
            assert_eq!(self.ask(Method::GET, &place, None, None, 200).await, changed);
            let entry = json!({ "projectId": self.project, "durationSeconds": 60, "entryDate": "2026-06-11" });
            self.ask(Method::POST, "/api/v1/time-entries", Some(&format!("{name}-t")), Some(entry), 201).await;
            self.ask(Method::GET, "/api/v1/time-entries?limit=5", None, None, 200).await;
            let query = "query ($id: ID!) { client(id: $id) { name } clients(first: 3) { nodes { id projects { nodes { id } } } } }";
            let asked = json!({ "query": query, "variables": { "id": id } });
            let answer = self.ask(Method::POST, "/graphql", None, Some(asked), 200).await;
            assert_eq!(answer["data"]["client"]["name"], name.as_str(), "{answer}");
            made.insert(id);
            self.rounds.fetch_add(1, Ordering::SeqCst);
        }
        made
    }

    /// Waits until all clients together have done so much more.
    async fn goes_on(&self) {
        let until = self.rounds.load(Ordering::SeqCst) + ROUNDS;
        let reached = async {
            while self.rounds.load(Ordering::SeqCst) < until {
                tokio::task::yield_now().await;
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(120), reached).await.expect("the load goes on");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_releases_change() {
    let database = PrivateDatabase::empty(Kind::Postgres).await;
    let fleet = Arc::new(Fleet::new(&database.url));
    let (old, new) = (Release::Previous, Release::Own);
    let before = fleet.command(old, &["migrate"]).as_array().unwrap().len();
    let create = ["workspace", "create", "--name", "Acme", "--plan", "agency", "--owner-email", "a@acme.example"];
    let made = fleet.command(old, &[&create[..], &["--owner-name", "A"]].concat());
    let workspace = made["id"].as_str().unwrap();
    let mint = ["token", "create", "--workspace", workspace, "--member", "a@acme.example", "--name", "t"];
    let token = fleet.command(old, &[&mint[..], &["--scope", "write"]].concat());
    let token = token["token"].as_str().unwrap().to_owned();
    for replica in [0, 1] {
        fleet.start(replica, old).await;
    }

    // A secret that the older release has sealed, and a receiver of what happens.
    let receiver = Receiver::answering(200).await;
    let home = Load {
        fleet: fleet.clone(),
        client: Client::new(),
        token,
        project: String::new(),
        stop: AtomicBool::new(false),
        rounds: AtomicU64::new(0),
    };
    let endpoint = json!({ "url": receiver.url, "events": ["client.created"] });
    home.ask(Method::POST, "/api/v1/webhook-endpoints", Some("e"), Some(endpoint), 201).await;
    let client = home.ask(Method::POST, "/api/v1/clients", Some("h"), Some(json!({ "name": "Home" })), 201).await;
    let project = json!({ "clientId": client["data"]["id"], "name": "P" });
    let project = home.ask(Method::POST, "/api/v1/projects", Some("p"), Some(project), 201).await;
    let project = project["data"]["id"].as_str().unwrap().to_owned();
    let load = Arc::new(Load { project, ..home });
    let clients: Vec<_> = (0..CLIENTS).map(|number| tokio::spawn(load.clone().run(number))).collect();
    load.goes_on().await;

    // The first of the newer release migrates, while the other of the older serves.
    fleet.restart(0, new).await;
    load.goes_on().await;
    let steps = fleet.command(new, &["migrate", "--status"]);
    let steps = steps.as_array().unwrap();
    assert_eq!(steps.len() > before, Fleet::has_previous(), "migrations of this release: {steps:?}");
    assert!(steps.iter().all(|step| step["applied"] == true), "{steps:?}");
    // The older restarts on what it does not know, and its commands work too.
    fleet.restart(1, old).await;
    load.goes_on().await;
    assert_eq!(fleet.command(old, &["workspace", "list"]), fleet.command(new, &["workspace", "list"]));
    // Back to the older, and there again: an upgrade that was thought over.
    fleet.restart(0, old).await;
    load.goes_on().await;
    fleet.restart(0, new).await;
    fleet.restart(1, new).await;
    load.goes_on().await;

    load.stop.store(true, Ordering::SeqCst);
    let mut made = HashSet::new();
    for client in clients {
        made.extend(client.await.unwrap());
    }
    let count = i64::try_from(made.len()).unwrap();
    assert_eq!(database.number("SELECT count(*) AS n FROM client WHERE name LIKE 'C_-%'").await, count);
    assert_eq!(database.number("SELECT count(DISTINCT name) AS n FROM client WHERE name LIKE 'C_-%'").await, count);
    assert_eq!(database.number("SELECT count(*) AS n FROM time_entry").await, count);
    // Each event was sent, by whichever release.
    let sent = async {
        loop {
            let bodies: Vec<String> = receiver.received().into_iter().map(|request| request.body).collect();
            if made.iter().all(|id| bodies.iter().any(|body| body.contains(id.as_str()))) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), sent).await.expect("every event is delivered");
    let checks = fleet.command(new, &["doctor"]);
    assert!(checks.as_array().unwrap().iter().all(|check| check["status"] != "fail"), "{checks}");
    fleet.stop().await;
    let releases = if Fleet::has_previous() { "two releases" } else { "one release" };
    println!("{count} rounds of 8 requests by {CLIENTS} clients over five restarts of {releases}: none failed");
}
