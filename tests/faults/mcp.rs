//! The server is killed while assistants call tools and retry: each call makes one entry and one event, and the same key over
//! REST gives that entry.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use tests::Kind;
use tokio::time::sleep;

use crate::rng::{Rng, seed};
use crate::server::{Environment, Fleet, Settings};

/// Assistants that call at the same time.
const CALLERS: usize = 6;

/// A client of the protocol's current version, which knows the name of a project and no id.
struct Caller {
    http: reqwest::Client,
    fleet: Arc<Fleet>,
    token: String,
}

impl Caller {
    fn new(fleet: Arc<Fleet>, token: &str) -> Caller {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        Caller { http, fleet, token: token.to_owned() }
    }

    /// Sends a body to one of the servers that are up; none where the connection breaks.
    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value, choice: u64) -> Option<(u16, Value)> {
        let address = self.fleet.address(choice)?;
        let mut request = self.http.post(format!("{address}{path}")).bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.header("content-type", "application/json").body(body.to_string()).send().await.ok()?;
        let status = response.status().as_u16();
        serde_json::from_slice(&response.bytes().await.ok()?).ok().map(|answer| (status, answer))
    }

    /// Calls a tool once: what it answers, unless the call has to be made again.
    async fn call(&self, tool: &str, arguments: &Value, choice: u64) -> Option<Value> {
        const VERSION: &str = "2026-07-28";
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": VERSION,
            "io.modelcontextprotocol/clientInfo": { "name": "faults", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let headers = [
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", VERSION),
            ("mcp-method", "tools/call"),
            ("mcp-name", tool),
        ];
        let (status, answer) = self.post("/mcp", &headers, &body, choice).await?;
        let text = answer["result"]["content"][0]["text"].as_str().unwrap_or_default();
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        match value["code"].as_str() {
            None if status == 200 && value["id"].is_string() => Some(value),
            // The server is going down, or the first call has not ended yet.
            None if status >= 500 => None,
            None => panic!("{status} {answer}"),
            Some("internal") => None,
            Some("conflict") if value["reason"] == "idempotency_in_flight" => None,
            Some(_) => panic!("{tool} {arguments}: {value}"),
        }
    }

    /// Calls until it is answered, and once more at random, on any server; every answer names the same record.
    async fn persist(&self, tool: &str, arguments: &Value, rng: &mut Rng) -> String {
        let mut id: Option<String> = None;
        let mut wanted = 1 + usize::from(rng.one_in(2));
        if rng.one_in(5) {
            // It gives up while the call runs.
            let given = Duration::from_micros(rng.below(4_000));
            let _ = tokio::time::timeout(given, self.call(tool, arguments, rng.below(100))).await;
        }
        while wanted > 0 {
            match self.call(tool, arguments, rng.below(100)).await {
                Some(value) => {
                    let this = value["id"].as_str().unwrap().to_owned();
                    assert_eq!(*id.get_or_insert(this.clone()), this, "{arguments} made two");
                    wanted -= 1;
                }
                None => sleep(Duration::from_millis(5 + rng.below(25))).await,
            }
        }
        id.unwrap()
    }
}

/// How many rows there are of each text.
async fn tally(environment: &Environment, sql: &str, of: impl Fn(String) -> String) -> HashMap<String, usize> {
    let db = environment.database.connect().await;
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    let mut tally = HashMap::new();
    for row in rows {
        *tally.entry(of(row.try_get("", "text").unwrap())).or_default() += 1;
    }
    db.close().await.unwrap();
    tally
}

fn arguments(project: &str, key: &str) -> Value {
    json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11", "note": key })
}

fn key(number: usize) -> String {
    format!("mcp-{number}")
}

async fn killed(kind: Kind, replicas: usize) {
    let _turn = crate::SERIAL.lock().await;
    let (calls, kills) = if crate::whole() { (1_000, 20) } else { (150, 6) };
    let (environment, seed) = (Environment::new(kind).await, seed());
    let fleet = Arc::new(Fleet::start(&environment.database.url, replicas, Settings::default()));
    let caller = Arc::new(Caller::new(fleet.clone(), &environment.token));
    let mut rng = Rng::new(seed, 0);
    caller.persist("create_client", &json!({ "name": "Globex", "idempotencyKey": "client" }), &mut rng).await;
    let project = json!({ "clientId": "Globex", "name": "Website", "idempotencyKey": "project" });
    let project = caller.persist("create_project", &project, &mut rng).await;

    let (next, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let callers = (0..CALLERS).map(|i| {
        let (caller, next, done) = (caller.clone(), next.clone(), done.clone());
        let mut rng = Rng::new(seed, i as u64 + 1);
        tokio::spawn(async move {
            let mut made = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= calls {
                    return made;
                }
                let mut arguments = arguments("Website", &key(number));
                arguments["idempotencyKey"] = key(number).into();
                made.push((key(number), caller.persist("create_time_entry", &arguments, &mut rng).await));
                done.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let callers: Vec<_> = callers.collect();
    for kill in 1..=kills {
        while done.load(Ordering::Relaxed) < calls * kill / (kills + 1) {
            sleep(Duration::from_millis(1)).await;
        }
        let (fleet, victim) = (fleet.clone(), rng.below(replicas as u64) as usize);
        tokio::task::spawn_blocking(move || fleet.crash(victim)).await.unwrap();
    }
    let made: Vec<_> = join_all(callers).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(made.len(), calls, "seed {seed}");

    let entries = tally(&environment, "SELECT note AS text FROM time_entry WHERE note LIKE 'mcp-%'", |note| note).await;
    let events = tally(&environment, "SELECT body AS text FROM event", |body| {
        let event: Value = serde_json::from_str(&body).unwrap();
        event["data"]["timeEntry"]["note"].as_str().unwrap_or_default().to_owned()
    })
    .await;
    for (key, id) in &made {
        let there = [&entries, &events].map(|tally| tally.get(key).copied().unwrap_or_default());
        assert_eq!(there, [1, 1], "{key}, seed {seed}: entries and events");
        let headers = [("idempotency-key", key.as_str())];
        let again = caller.post("/api/v1/time-entries", &headers, &arguments(&project, key), 0).await;
        assert_eq!(
            again.map(|(status, answer)| (status, answer["data"]["id"].clone())),
            Some((201, json!(id))),
            "{key}"
        );
    }
    assert_eq!(entries.len(), calls, "seed {seed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_killed_server_on_sqlite_does_each_call_once() {
    killed(Kind::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_killed_replica_on_postgres_does_each_call_once() {
    killed(Kind::Postgres, 3).await;
}
