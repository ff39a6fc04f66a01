//! What an operator sees of a running server: the log, traces, metrics.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::{Fixtures, Kind, Receiver, World, on_both};

use super::{Folder, keyless, workspace};
use crate::running::Running;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn lines(log: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(log).unwrap();
    text.lines().map(|line| serde_json::from_str(line).expect("one object per line")).collect()
}

fn serve_logged(url: &str, log: &Path, more: &[&str]) -> Running {
    let flags = ["serve", "--listen", "127.0.0.1:0", "--log-format", "json"];
    Running::spawn(keyless(url, &[&flags[..], more].concat()), std::fs::File::create(log).unwrap().into())
}

/// Each request has one line that answers who, from where, what and why; probes have none.
#[tokio::test]
async fn each_request_has_one_line_with_everything() {
    let folder = Folder::new();
    let (url, log) = (folder.url(), folder.path("log"));
    let token = workspace(&url);
    let server = serve_logged(&url, &log, &[]);
    let base = format!("http://{}", server.address);
    let client = reqwest::Client::new();
    let get = |path: &str| client.get(format!("{base}{path}")).bearer_auth(&token);
    get("/healthz").send().await.unwrap();
    get("/api/v1/clients?search=private-matter").header("traceparent", TRACE).send().await.unwrap();
    get("/api/v1/clients/01890a5d-ac96-774b-bcce-b302099a8057").send().await.unwrap();
    let stranger = "hsk_live_000000000000_SecretSecretSecretSecretSecretSe";
    client.get(format!("{base}/api/v1/me")).bearer_auth(stranger).send().await.unwrap();
    let post = |name: &str| {
        let body = json!({ "name": name }).to_string();
        let request = client.post(format!("{base}/api/v1/clients")).bearer_auth(&token).header("idempotency-key", "k");
        request.header("content-type", "application/json").body(body)
    };
    for name in ["Once", "Once", "Another"] {
        post(name).send().await.unwrap();
    }
    let query = json!({ "query": "query Remarkable { viewer { name } }" }).to_string();
    let graphql = client.post(format!("{base}/graphql")).bearer_auth(&token).header("content-type", "application/json");
    graphql.body(query).send().await.unwrap();
    drop(server);

    let all = lines(&log);
    let answered: Vec<&Value> = all.iter().filter(|line| line["message"] == "answered").collect();
    let prefix = token.split('_').nth(2).unwrap();
    for line in &answered {
        assert_eq!(line["client"], "127.0.0.1");
        assert!(line.get("spans").is_none() && line["span"]["path"].is_string(), "{line}");
        assert!(line["bytes"].is_u64() && line["database_ms"].is_u64() && line["ms"].is_u64(), "{line}");
    }
    let [list, missing, stranger, first, again, mismatch, graphql] = answered[..] else {
        panic!("seven lines, since a probe has none: {answered:#?}");
    };
    assert_eq!((&list["route"], &list["token"], &list["status"]), (&"/clients".into(), &prefix.into(), &200.into()));
    assert_eq!(list["trace"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert!(list["workspace"].is_string() && list["statements"].as_u64() >= Some(1), "{list}");
    assert_eq!(missing["code"], "not_found");
    assert!(
        missing["route"].as_str().unwrap().starts_with("/clients/")
            && !missing["route"].as_str().unwrap().contains("0189")
    );
    assert_eq!((&stranger["code"], &stranger["token"]), (&"unauthenticated".into(), &"000000000000".into()));
    assert!(stranger.get("workspace").is_none() && first.get("replayed").is_none(), "{stranger} {first}");
    assert_eq!((&again["replayed"], &again["status"]), (&true.into(), &201.into()));
    assert_eq!((&mismatch["code"], &mismatch["reason"]), (&"conflict".into(), &"idempotency_mismatch".into()));
    assert_eq!(graphql["operation"], "Remarkable");
    let text = std::fs::read_to_string(&log).unwrap();
    let secret = token.split('_').nth(3).unwrap();
    for never in [secret, "SecretSecret", "private-matter", "viewer", "Bearer"] {
        assert!(!text.contains(never), "{never} is in the log");
    }
}

/// A failed attempt has a line that names the host, and nothing else of the URL.
#[tokio::test]
async fn a_failed_webhook_has_a_line() {
    let folder = Folder::new();
    let (url, log) = (folder.url(), folder.path("log"));
    let token = workspace(&url);
    let server = serve_logged(&url, &log, &["--webhook-allow", "127.0.0.0/8"]);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = json!({ "url": format!("http://{nobody}/secret-path?q=1"), "events": ["client.created"] });
    server.send("POST", "/api/v1/webhook-endpoints", &token, &endpoint);
    server.send("POST", "/api/v1/clients", &token, &json!({ "name": "C" }));
    let started = Instant::now();
    let line = loop {
        assert!(started.elapsed() < Duration::from_secs(20), "no line");
        let text = std::fs::read_to_string(&log).unwrap();
        let found = text.lines().find(|line| line.contains("a webhook was not delivered"));
        if let Some(Ok(line)) = found.map(serde_json::from_str::<Value>) {
            break line;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((&line["level"], &line["host"], &line["attempts"]), (&"INFO".into(), &"127.0.0.1".into(), &1.into()));
    assert!(line["error"].is_string() && line["endpoint"].is_string(), "{line}");
    assert!(!line.to_string().contains("secret-path"), "{line}");
    drop(server);
}

on_both! {
    /// The trace of a request is passed on to the receivers of what it has caused.
    async fn a_trace_goes_on_to_receivers(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let receiver = Receiver::answering(200).await;
        let endpoint = json!({ "url": receiver.url, "events": ["client.created"] });
        world.post(owner, "/api/v1/webhook-endpoints", endpoint).await.data(201);
        let call = world.call(poem::http::Method::POST, "/api/v1/clients").token(owner).key("1").header("traceparent", TRACE);
        call.json(json!({ "name": "Traced" })).send().await.data(201);
        world.post(owner, "/api/v1/clients", json!({ "name": "Not traced" })).await.data(201);
        world.app.deliver_due().await.unwrap();
        let received = receiver.received();
        let mut traces: Vec<&str> = received.iter().map(|request| request.header("traceparent")).collect();
        traces.sort_unstable();
        assert_eq!(traces, ["", TRACE]);
    }
}

/// The names of metrics in a text: ours and those of the process.
fn metrics_in(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let metrics = words.filter(|word| word.starts_with("hoursmith_") || word.starts_with("process_"));
    metrics.map(str::to_owned).collect()
}

/// The dashboard and the alerts ask for what there is, and the page for operators lists all of it.
#[tokio::test]
async fn dashboards_alerts_and_docs_name_the_metrics_that_exist() {
    let world = World::on(Kind::Sqlite).await;
    let fixtures = Fixtures::new(&world).await;
    fixtures.home.client(&world, "C").await;
    let listening = tests::Listening::start(&world, api::Limits::default());
    let text = world.app.metrics().await.unwrap();
    listening.stop().await;
    let mut known = Vec::new();
    let mut names = Vec::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        names.push(name);
        known.push(name.to_owned());
        if kind == "histogram" {
            known.extend(["_bucket", "_sum", "_count"].map(|part| format!("{name}{part}")));
        }
    }
    assert!(names.len() > 20, "{text}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for file in ["packaging/grafana.json", "packaging/alerts.yaml"] {
        let asked = metrics_in(&std::fs::read_to_string(root.join(file)).unwrap());
        assert!(asked.len() > 8, "{file}");
        for name in asked {
            assert!(known.contains(&name), "{file} asks for {name}, which does not exist");
        }
    }
    let docs = metrics_in(&std::fs::read_to_string(root.join("docs/operating.md")).unwrap());
    for name in names {
        assert!(
            docs.iter().any(|own| own == name) || name.starts_with("process_"),
            "docs/operating.md does not name {name}"
        );
    }
    for name in &docs {
        assert!(known.contains(name), "docs/operating.md names {name}, which does not exist");
    }
}
