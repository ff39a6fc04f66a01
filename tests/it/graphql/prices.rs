//! Prices: each piece of work costs what it does, equal work is done once, and a response has a size.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use schema::{Gateway, Sent};
use serde_json::{Value, json};
use service::RequestFacts;
use service::value::Plan;
use tests::{Answer, Fixtures, Kind, PrivateDatabase, Workspace, World, on_both};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::subscriptions::{jobs, watching_as};
use super::third_party_clients::owner_of;
use crate::running::Running;

fn requested(answer: &Answer) -> Value {
    answer.json()["extensions"]["cost"]["requested"].clone()
}

on_both! {
    /// A report costs ten points, a search two, a count one; each alias of them again.
    async fn reports_searches_and_counts_cost_more_than_their_rows(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for (query, points) in [
            ("{ timeReport(groupBy: [PROJECT]) { total { seconds } } }", 10),
            ("{ a: timeReport(groupBy: [PROJECT]) { total { seconds } } b: timeReport(groupBy: [PROJECT]) { total { seconds } } }", 20),
            ("{ clients(search: \"x\") { nodes { id } } }", 3),
            ("{ a: clients(search: \"x\") { nodes { id } } b: projects(search: \"y\") { nodes { id } } }", 6),
            ("{ clients { totalCount } }", 2),
        ] {
            let answer = world.graphql(owner, query, json!({})).await;
            answer.graphql();
            assert_eq!(requested(&answer), points, "{query}");
        }
        let reports = (0..31).map(|i| format!("a{i}: timeReport(groupBy: [DAY]) {{ total {{ seconds }} }} ")).collect::<String>();
        let refused = world.graphql(owner, &format!("{{ {reports} }}"), json!({})).await;
        assert_eq!(refused.status.as_u16(), 422);
        assert!(refused.text().contains("310 points; at most 300"), "{}", refused.text());
    }
}

on_both! {
    /// The same field with the same arguments is executed once, however often a document asks for it.
    async fn equal_fields_of_a_document_run_once(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = fixtures.home.client(&world, "C").await;
        for field in [
            "timeReport(groupBy: [PROJECT]) { total { seconds } }".to_owned(),
            "clients(first: 3) { nodes { id } }".to_owned(),
            format!("client(id: \"{client}\") {{ name }}"),
            format!("node(id: \"{client}\") {{ id }}"),
        ] {
            world.begin_counting();
            world.graphql(owner, &format!("{{ {field} }}"), json!({})).await.graphql();
            let once = world.statements().len();
            world.begin_counting();
            let often = (0..20).map(|i| format!("a{i}: {field} ")).collect::<String>();
            let found = world.graphql(owner, &format!("{{ {often} }}"), json!({})).await.graphql();
            assert_eq!(world.statements().len(), once, "{field}: {:#?}", world.statements());
            assert!((1..20).all(|i| found[format!("a{i}")] == found["a0"]), "{found}");
        }
        // Other arguments are other work.
        world.begin_counting();
        world.graphql(owner, "{ a: clients(first: 3) { nodes { id } } }", json!({})).await.graphql();
        let one = world.statements().len();
        world.begin_counting();
        world.graphql(owner, "{ a: clients(first: 3) { nodes { id } } b: clients(first: 4) { nodes { id } } }", json!({})).await.graphql();
        assert_eq!(world.statements().len(), one + 1);
    }
}

/// As many aliases of a long text as a document may have.
fn long_texts(first: u32) -> String {
    let aliases = (0..99).map(|i| format!("a{i}:notes ")).collect::<String>();
    format!("{{ projects(first: {first}) {{ nodes {{ client {{ {aliases} }} }} }} }}")
}

on_both! {
    /// A response of more than 8 MiB is refused and says where it became too large; what is smaller is sent.
    async fn a_response_has_at_most_eight_mebibytes(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let body = json!({ "name": "C", "notes": "\u{1F600}".repeat(10_000) });
        let client = world.post(owner, "/api/v1/clients", body).await.id();
        for i in 0..8 {
            world.post(owner, "/api/v1/projects", json!({ "clientId": client, "name": format!("P{i}") })).await.data(201);
        }
        let sent = world.graphql(owner, &long_texts(2), json!({})).await;
        assert!(sent.text().len() > 7_900_000);
        let refused = world.graphql(owner, &long_texts(200), json!({})).await;
        assert_eq!(refused.status.as_u16(), 200, "it was executed as far as it goes");
        let error = refused.graphql_error();
        assert_eq!(error["code"], "validation_error");
        assert!(error["fields"]["query"].as_str().unwrap().contains("8 MiB"), "{error}");
        let json = refused.json();
        assert!(json["errors"][0]["message"].as_str().unwrap().contains("`projects.nodes.client`"), "{json}");
        assert_eq!(json["data"], json!({ "projects": null }));
        assert_eq!(json["errors"].as_array().unwrap().len(), 1);
    }
}

/// Sends a document to a server and returns what it answers.
async fn send(server: &Running, token: &str, query: &str) -> Value {
    let body = json!({ "query": query }).to_string();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// The most memory that a process has had at once, in bytes.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
}

async fn a_huge_response_takes_little_memory(kind: Kind) {
    let database = PrivateDatabase::empty(kind).await;
    let server = Running::start(&database.url, &["--rate-limit-scale", "1000", "--log", "warn"]);
    let token = owner_of(&database.url);
    let notes = "\u{1F600}".repeat(10_000);
    let create =
        format!("mutation {{ createClient(input: {{ name: \"C\", notes: \"{notes}\" }}) {{ client {{ id }} }} }}");
    let made = send(&server, &token, &create).await;
    let client = made["data"]["createClient"]["client"]["id"].as_str().unwrap_or_else(|| panic!("{made}"));
    for _ in 0..2 {
        let projects = (0..100)
            .map(|i| {
                format!("p{i}: createProject(input: {{ clientId: \"{client}\", name: \"P\" }}) {{ project {{ id }} }} ")
            })
            .collect::<String>();
        let made = send(&server, &token, &format!("mutation {{ {projects} }}")).await;
        assert_eq!(made["data"].as_object().unwrap().len(), 100, "{made}");
    }
    let before = peak(server.pid());
    for _ in 0..3 {
        let refused = send(&server, &token, &long_texts(200)).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "validation_error", "{refused}");
    }
    let grown = peak(server.pid()).saturating_sub(before);
    assert!(grown < 64 * 1_048_576, "{grown}");
}

#[tokio::test]
async fn a_huge_response_takes_little_memory_on_sqlite() {
    a_huge_response_takes_little_memory(Kind::Sqlite).await;
}

#[tokio::test]
async fn a_huge_response_takes_little_memory_on_postgres() {
    a_huge_response_takes_little_memory(Kind::Postgres).await;
}

async fn each_event_costs_what_its_document_costs(kind: Kind) {
    let world = World::with(kind, |config| config.rate_limit_scale = 1).await;
    let workspace = Workspace::new(&world, "agency", Plan::Agency).await;
    let _jobs = jobs(&world);
    let project = workspace.project(&world, "P").await;
    let owner = &workspace.owner;
    let facts = RequestFacts::default();
    let (cx, subscriber) = watching_as(&world, owner, facts).await;
    let gateway = Arc::new(Gateway::default());
    let query = "subscription { timerChanged { timeEntry { id member { projects(first: 72) { nodes { \
        timeEntries(first: 200) { nodes { id } } } } } } } }";
    let sent = Sent { query: query.into(), ..Sent::default() };
    let Ok(prepared) = gateway.clone().prepare(sent) else { panic!("the document is refused") };
    assert_eq!(prepared.points(), 290);
    let mut answers = gateway.subscribe(prepared, cx.clone(), subscriber.clone());
    tokio::select! {
        answer = answers.next() => panic!("{answer:?}"),
        () = subscriber.subscribed() => {}
    }
    let mut left = None;
    let mut events = 0;
    let refused = loop {
        let body = json!({ "projectId": project });
        let id = match events % 2 {
            0 => world.post(owner, "/api/v1/time-entries/start", body).await.id(),
            _ => {
                let running = world.get(owner, "/api/v1/time-entries/running").await.data(200);
                let path = format!("/api/v1/time-entries/{}/stop", running["id"].as_str().unwrap());
                world.post(owner, &path, json!({})).await.id()
            }
        };
        let answer = timeout(Duration::from_secs(20), answers.next()).await.unwrap().unwrap();
        if !answer.errors.is_empty() {
            break answer;
        }
        events += 1;
        let written = schema::write(&answer, true).unwrap();
        let data = serde_json::from_slice::<Value>(&written).unwrap()["data"].clone();
        assert_eq!(data["timerChanged"]["timeEntry"]["id"], json!(id));
        let now = cx.budget().sustained;
        if let Some(before) = left.replace(now) {
            // The request that changed the timer, and where it stops one, the request that found it.
            let requests = if events % 2 == 0 { 2 } else { 1 };
            assert_eq!(before - now, 290 + requests);
        }
    };
    assert_eq!(events, 4, "four times 290 of 1200 points");
    let refused = serde_json::to_value(&refused).unwrap();
    assert_eq!(refused["errors"][0]["extensions"]["code"], "rate_limited", "{refused}");
    assert!(timeout(Duration::from_secs(20), answers.next()).await.unwrap().is_none(), "the subscription has ended");
}

#[tokio::test]
async fn each_event_costs_what_its_document_costs_on_sqlite() {
    each_event_costs_what_its_document_costs(Kind::Sqlite).await;
}

#[tokio::test]
async fn each_event_costs_what_its_document_costs_on_postgres() {
    each_event_costs_what_its_document_costs(Kind::Postgres).await;
}
