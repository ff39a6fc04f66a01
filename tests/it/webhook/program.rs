//! The program as a process: killed while it delivers, stopped, and the commands for developers of receivers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tests::{Kind, PrivateDatabase, Receiver, Reply};

use crate::running::{Running, command, json};

const SERVE: [&str; 6] = ["--webhook-allow", "127.0.0.0/8", "--webhook-rate", "10000", "--rate-limit-scale", "100000"];

/// A request to a running server; none if it is gone before it has answered.
fn ask(address: &str, token: &str, method: &str, path: &str, key: &str, body: &Value) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let head = format!(
        "{method} /api/v1{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n\
        Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let json = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).unwrap_or_default();
    Some((status, json))
}

/// A workspace on the plan agency, and its Owner's token.
fn workspace(url: &str) -> String {
    let made = json(
        url,
        &[
            "workspace",
            "create",
            "--name",
            "W",
            "--plan",
            "agency",
            "--owner-email",
            "o@w.example",
            "--owner-name",
            "O",
        ],
    );
    let id = made["id"].as_str().unwrap();
    let token = ["token", "create", "--workspace", id, "--member", "o@w.example", "--name", "t", "--scope", "write"];
    json(url, &token)["token"].as_str().unwrap().to_owned()
}

/// What a good answer holds.
fn made(address: &str, token: &str, path: &str, key: &str, body: Value) -> Value {
    let (status, answer) = ask(address, token, "POST", path, key, &body).expect("the server answers");
    assert_eq!(status, 201, "{answer}");
    answer["data"].clone()
}

/// Where the server is now; while it is killed and started, this waits.
fn address_of(server: &Mutex<Option<Running>>) -> String {
    server.lock().unwrap().as_ref().unwrap().address.clone()
}

/// A repeatable random source.
struct Rng(u64);

impl Rng {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Events while the process is killed at random instants: `HOURSMITH_TEST_EVENTS`, or a thousand.
fn events() -> usize {
    std::env::var("HOURSMITH_TEST_EVENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(1000)
}

/// Whenever the process is killed, a healthy receiver gets every committed event, with the same id and body
/// each time; for a failing and a hanging receiver nothing is lost.
#[expect(clippy::print_stdout, reason = "the whole run is reported in figures")]
async fn killed_at_random_instants(kind: Kind) {
    let (database, total) = (PrivateDatabase::empty(kind).await, events());
    let url = database.url.clone();
    let healthy = Receiver::answering(200).await;
    let mut chance = Rng(42);
    let flaky = Receiver::new(move |_| Reply::status(if chance.below(10) < 3 { 500 } else { 200 })).await;
    let hanging = Receiver::new(|_| Reply { after: Duration::from_secs(3600), ..Reply::status(200) }).await;
    let urls = [&healthy, &flaky, &hanging].map(|receiver| receiver.url.clone());

    let token = workspace(&url);
    let server = Arc::new(Mutex::new(Some(Running::start(&url, &SERVE))));
    let address = address_of(&server);
    for (i, to) in urls.iter().enumerate() {
        made(
            &address,
            &token,
            "/webhook-endpoints",
            &format!("e{i}"),
            json!({ "url": to, "events": ["time_entry.created"] }),
        );
    }
    let client = made(&address, &token, "/clients", "c", json!({ "name": "C" }));
    let project =
        made(&address, &token, "/projects", "p", json!({ "clientId": client["id"], "name": "P" }))["id"].clone();

    // One makes events, and asks again with the same key whenever the server was gone; another kills it until all are
    // made, and three times more while they are delivered.
    let (shared, token_of_maker) = (server.clone(), token.clone());
    let maker = std::thread::spawn(move || {
        let entry = json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11" });
        for batch in 0..total.div_ceil(20) {
            let body = json!({ "timeEntries": vec![entry.clone(); 20.min(total - batch * 20)] });
            let until = Instant::now() + Duration::from_secs(60);
            loop {
                let address = address_of(&shared);
                match ask(&address, &token_of_maker, "POST", "/time-entries/batch", &format!("b{batch}"), &body) {
                    Some((201, _)) => break,
                    Some((status, answer)) if status < 500 && status != 409 => panic!("{status}: {answer}"),
                    _ => std::thread::sleep(Duration::from_millis(20)),
                }
                assert!(Instant::now() < until, "the server does not come back");
            }
        }
    });
    let (shared, db_url) = (server.clone(), url.clone());
    let killer = std::thread::spawn(move || {
        let (mut chance, mut kills, mut more) = (Rng(7), 0, 3);
        while more > 0 {
            more -= i32::from(maker.is_finished());
            kills += 1;
            std::thread::sleep(Duration::from_millis(200 + chance.below(900)));
            let mut server = shared.lock().unwrap();
            // Dropped is killed: SIGKILL, and waited for.
            drop(server.take());
            *server = Some(Running::start(&db_url, &SERVE));
        }
        maker.join().unwrap();
        (kills, Instant::now())
    });
    let (kills, last_kill) = tokio::task::spawn_blocking(move || killer.join().unwrap()).await.unwrap();

    // What a killed process held is sent within 30 s.
    let until = Instant::now() + Duration::from_secs(45);
    let ids = |receiver: &Receiver| {
        receiver.received().iter().map(|r| r.header("webhook-id").to_owned()).collect::<BTreeSet<_>>()
    };
    while ids(&healthy).len() < total && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("{kind:?}: {total} events, {kills} kills, {} of them at the healthy receiver", ids(&healthy).len());
    let committed = database.number("SELECT COUNT(*) AS n FROM event WHERE kind = 'time_entry.created'").await;
    assert_eq!(committed, total as i64, "each key has made its entries once");
    assert_eq!(ids(&healthy).len(), total, "a healthy receiver gets every event");
    for receiver in [&healthy, &flaky, &hanging] {
        let mut bodies: BTreeMap<String, String> = BTreeMap::new();
        for received in receiver.received() {
            let id = received.header("webhook-id").to_owned();
            assert_eq!(received.json()["id"], id.as_str());
            let first = bodies.entry(id).or_insert_with(|| received.body.clone());
            assert_eq!(*first, received.body, "the same id is the same event");
        }
    }

    // By then the leases of the killed are over, and those that are left are of the last process.
    let over = last_kill + Duration::from_secs(21);
    tokio::time::sleep_until(over.into()).await;
    // Asked to stop, it finishes what runs, the hanging attempts too, and leaves nothing leased.
    let last = server.lock().unwrap().take().unwrap();
    let (code, reported) = tokio::task::spawn_blocking(move || last.terminate()).await.unwrap();
    assert_eq!(code, Some(0), "{reported}");
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let leased = format!("SELECT COUNT(*) AS n FROM webhook_delivery WHERE lease IS NOT NULL AND due_at > {now}");
    assert_eq!(database.number(&leased).await, 0, "leases are handed back");
    assert_eq!(database.number("SELECT COUNT(*) AS n FROM webhook_delivery").await, 3 * total as i64);
    let lost = "SELECT COUNT(*) AS n FROM webhook_delivery WHERE status = 40 OR (status = 10) <> (due_at IS NOT NULL)";
    assert_eq!(database.number(lost).await, 0, "whatever was not taken is due again");
    let unread_bytes = "SELECT COUNT(*) AS n FROM webhook_delivery d WHERE d.status = 20 AND NOT EXISTS (SELECT 1 FROM \
        webhook_attempt a WHERE a.organization_id = d.organization_id AND a.delivery_id = d.id AND a.response_status = 200)";
    assert_eq!(database.number(unread_bytes).await, 0, "what counts as taken was answered");
    let taken = ids(&flaky).len() as i64;
    assert!(
        database.number("SELECT COUNT(*) AS n FROM webhook_delivery WHERE status = 20").await <= total as i64 + taken
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_instants_on_sqlite() {
    killed_at_random_instants(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_instants_on_postgres() {
    killed_at_random_instants(Kind::Postgres).await;
}

/// With `HOURSMITH_WORKER=off` a process serves and sends nothing; what it has committed is sent by one that has a worker.
async fn without_a_worker(kind: Kind) {
    let (database, receiver) = (PrivateDatabase::empty(kind).await, Receiver::answering(200).await);
    let (url, token) = (database.url.clone(), workspace(&database.url));
    let server = Running::start(&url, &[&SERVE[..], &["--worker", "off"]].concat());
    let endpoint = json!({ "url": receiver.url, "events": ["client.created"] });
    made(&server.address, &token, "/webhook-endpoints", "e", endpoint);
    for i in 0..20 {
        made(&server.address, &token, "/clients", &format!("c{i}"), json!({ "name": "C" }));
    }
    let (code, reported) = tokio::task::spawn_blocking(move || server.terminate()).await.unwrap();
    assert_eq!(code, Some(0), "{reported}");
    // Each commit would have woken a worker, which ends what it has begun before the process ends.
    assert!(receiver.received().is_empty());
    let _server = Running::start(&url, &SERVE);
    receiver.wait_for(20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_without_a_worker_sends_nothing_on_sqlite() {
    without_a_worker(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_without_a_worker_sends_nothing_on_postgres() {
    without_a_worker(Kind::Postgres).await;
}

/// `webhook listen` brings what happens to a developer's machine, signed with the secret that it prints; `webhook trigger`
/// makes something happen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_developer_listens_and_triggers() {
    let database = PrivateDatabase::empty(Kind::Sqlite).await;
    let (url, receiver) = (database.url.clone(), Receiver::answering(200).await);
    let token = workspace(&url);
    let server = Running::start(&url, &SERVE);
    let base = format!("http://{}", server.address);
    let endpoint = json!({ "url": "https://nowhere.example/", "events": ["client.created"] });
    let endpoint =
        made(&server.address, &token, "/webhook-endpoints", "e", endpoint)["id"].as_str().unwrap().to_owned();
    made(&server.address, &token, "/clients", "before", json!({ "name": "before" }));

    let of_developer = |arguments: &[&str]| {
        let mut command = command(&url, arguments);
        command.env("HOURSMITH_URL", &base).env("HOURSMITH_API_TOKEN", &token);
        command
    };
    let listen =
        ["webhook", "listen", "--forward-to", &receiver.url, "--events", "client.created,task.created", "--json"];
    // A secret of the developer's own, so that the receiver need not be started again.
    let own = "wsk_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let mut listening = of_developer(&listen)
        .env("HOURSMITH_WEBHOOK_SECRET", own)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(listening.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let secret = next()["secret"].as_str().unwrap().to_owned();
    assert_eq!(secret, own);
    let secret = secret.replacen("wsk_", "whsec_", 1);
    made(&server.address, &token, "/clients", "after", json!({ "name": "after" }));
    let reported = next();
    assert_eq!(
        (&reported["type"], &reported["responseStatus"], &reported["error"]),
        (&json!("client.created"), &json!(200), &Value::Null)
    );

    let triggered =
        of_developer(&["webhook", "trigger", "task.created", "--endpoint", &endpoint, "--json"]).output().unwrap();
    assert!(triggered.status.success(), "{}", String::from_utf8_lossy(&triggered.stderr));
    let delivery: Value = serde_json::from_slice(&triggered.stdout).unwrap();
    assert_eq!(next()["id"], delivery["eventId"]);
    let received = receiver.received();
    let names: Vec<_> = received.iter().map(|r| r.json()["data"]["client"]["name"].clone()).collect();
    assert_eq!(names, [json!("after"), Value::Null], "what was before is not forwarded");
    for sent in &received {
        Webhook::new(&secret)
            .unwrap()
            .verify(sent.body.as_bytes(), &sent.headers)
            .expect("signed with the printed secret");
    }
    for (arguments, reported) in [
        (vec!["webhook", "trigger", "task.created", "--endpoint", "01890a5d-ac96-774b-bcce-b302099a8057"], "404"),
        (vec!["webhook", "trigger", "task.deleted", "--endpoint", &endpoint], "must be one of"),
        (vec!["webhook", "listen", "--forward-to", &receiver.url, "--token", "hsk_live_x"], "401"),
        (vec!["webhook", "listen", "--forward-to", &receiver.url, "--url", "http://127.0.0.1:1"], "could not connect"),
        (vec!["webhook", "listen", "--forward-to", &receiver.url, "--secret", "wsk_short"], "base64 of 32 bytes"),
    ] {
        let failed = of_developer(&arguments).output().unwrap();
        let line = String::from_utf8_lossy(&failed.stderr).into_owned();
        assert!(
            !failed.status.success() && line.contains(reported) && line.lines().count() == 1,
            "{arguments:?}: {line}"
        );
    }

    // It ends when its token is revoked, and does not ask for ever.
    let prefix: String = token.chars().skip("hsk_live_".len()).take(12).collect();
    assert!(command(&url, &["token", "revoke", "--prefix", &prefix]).status().unwrap().success());
    assert_eq!(listening.wait().unwrap().code(), Some(1));
}
