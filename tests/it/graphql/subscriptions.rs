//! Subscriptions: committed changes are published to subscribers with permission, as long as they have it and read in time.

use std::time::Duration;

use poem::http::Method;
use serde_json::{Value, json};
use service::live::Closed;
use service::value::{Plan, Role};
use service::{RequestFacts, live, member, organization};
use tests::{Fixtures, Kind, Workspace, World, on_both};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::socket::{Socket, served};
use crate::running::{Running, json as run};

/// Every way to break the protocol has its close code; what is right is answered.
#[tokio::test]
async fn the_protocol_is_followed_exactly() {
    let (_database, server, token) = served(Kind::Sqlite).await;
    let at = &server.address;
    let init = json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } });
    assert_eq!(Socket::open(at, "").await.closed().await, 4406);
    for (messages, code) in [
        (vec![json!({ "type": "connection_init" })], 4403),
        (vec![json!({ "type": "connection_init", "payload": { "authorization": "Bearer hsk_live_x" } })], 4403),
        (vec![json!({ "id": "1", "type": "subscribe", "payload": { "query": "{ viewer { name } }" } })], 4401),
        (vec![json!({ "type": "nonsense" })], 4400),
        (vec![json!([])], 4400),
        (vec![init.clone(), init.clone()], 4429),
        (vec![init.clone(), json!({ "id": "", "type": "subscribe", "payload": { "query": "{ a }" } })], 4400),
        (vec![init.clone(), json!({ "id": "1", "type": "subscribe" })], 4400),
    ] {
        let mut socket = Socket::open(at, "graphql-transport-ws").await;
        for message in &messages {
            socket.say(message.clone()).await;
        }
        assert_eq!(socket.closed().await, code, "{messages:?}");
    }
    let mut silent = Socket::open(at, "graphql-transport-ws").await;
    let mut socket = Socket::ready(at, &token).await;
    socket.say(json!({ "type": "ping" })).await;
    assert_eq!(socket.next_message().await, json!({ "type": "pong" }));
    socket.subscribe("q", "{ viewer { name } }").await;
    let next = socket.next_message().await;
    assert_eq!(
        (&next["id"], &next["type"], &next["payload"]["data"]),
        (&json!("q"), &json!("next"), &json!({ "viewer": { "name": "O" } }))
    );
    assert!(next["payload"]["extensions"]["cost"]["remaining"].is_i64());
    assert_eq!(socket.next_message().await, json!({ "id": "q", "type": "complete" }));
    socket.subscribe("m", "mutation { createClient(input: { name: \"Over a socket\" }) { client { name } } }").await;
    assert_eq!(socket.next_message().await["payload"]["data"]["createClient"]["client"]["name"], "Over a socket");
    assert_eq!(socket.next_message().await["type"], "complete");
    for (query, code) in [
        ("{ nonsense }", "bad_request"),
        ("{", "bad_request"),
        ("subscription { a: timerChanged { timeEntry { id } } b: timerChanged { timeEntry { id } } }", "bad_request"),
        ("{ clients(first: 200) { nodes { projects(first: 200) { nodes { id } } } } }", "validation_error"),
    ] {
        socket.subscribe("e", query).await;
        let reported = socket.next_message().await;
        assert_eq!(
            (&reported["type"], &reported["payload"][0]["extensions"]["code"]),
            (&json!("error"), &json!(code)),
            "{query}: {reported}"
        );
    }
    socket.subscribe("s", "subscription { timerChanged { timeEntry { id } } }").await;
    socket.subscribe("s", "subscription { timerChanged { timeEntry { id } } }").await;
    assert_eq!(socket.closed().await, 4409);
    assert_eq!(silent.closed().await, 4408);
}

on_both! {
    /// A subscriber without permission is refused before anything is streamed; an unknown type is named.
    async fn events_need_permission(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let studio = Workspace::new(&world, "studio", Plan::Studio).await;
        let ask = async |token: &str, query: &str| {
            let call = world.call(Method::POST, "/graphql").token(token).header("accept", "text/event-stream");
            let answer = call.json(json!({ "query": query })).send().await;
            assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some("text/event-stream")));
            let text = answer.text();
            let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
            assert!(text.starts_with("event: next\n") && text.ends_with("event: complete\ndata: \n\n"), "{text}");
            serde_json::from_str::<Value>(data).unwrap()["errors"][0]["extensions"].clone()
        };
        let events = "subscription { events { id } }";
        for role in [Role::Manager, Role::Member] {
            assert_eq!(ask(fixtures.home.token(role), events).await["code"], "forbidden_scope");
        }
        let reported = ask(&studio.owner, events).await;
        assert_eq!((&reported["code"], &reported["requiredPlan"], &reported["feature"]), (&json!("forbidden_plan"), &json!("agency"), &json!("outboundWebhooks")));
        let reported = ask(&fixtures.home.owner, "subscription { events(types: [\"client.created\", \"client.*\"]) { id } }").await;
        assert!(reported["fields"]["types[1]"].as_str().unwrap().contains("client.created"), "{reported}");
        // Without a stream to answer in, the way is named; a query may come as a stream too.
        let plain = world.graphql(&fixtures.home.owner, events, json!({})).await;
        assert_eq!((plain.status.as_u16(), &plain.graphql_error()["code"]), (406, &json!("bad_request")));
        assert!(plain.text().contains("text/event-stream"));
        let query = world.call(Method::POST, "/graphql").token(&fixtures.home.owner).header("accept", "text/event-stream");
        let streamed = query.json(json!({ "query": "{ viewer { name } }" })).send().await.text();
        assert!(streamed.starts_with("event: next\ndata: {\"data\":{\"viewer\":{\"name\":\"owner of home\"}}"), "{streamed}");
        // Nothing else may be answered to who takes only a stream, even to a document that cannot be read.
        for query in ["{", "{ nope }"] {
            let call = world.call(Method::POST, "/graphql").token(&fixtures.home.owner).header("accept", "text/event-stream");
            let answer = call.json(json!({ "query": query })).send().await;
            assert_eq!(answer.header("content-type"), Some("text/event-stream"), "{query}");
            assert!(answer.text().starts_with("event: next\ndata: {\"errors\":"), "{}", answer.text());
        }
    }
}

/// A caller at the door of a world, with a place in its feed.
async fn watching(world: &World, token: &str) -> (service::Cx, live::Subscriber) {
    watching_as(world, token, RequestFacts { unlimited: true, ..RequestFacts::default() }).await
}

pub(super) async fn watching_as(world: &World, token: &str, facts: RequestFacts) -> (service::Cx, live::Subscriber) {
    let here = std::net::IpAddr::from([127, 0, 0, 1]);
    let admission = world.app.admit(Some(&format!("Bearer {token}")), here).await.unwrap();
    let pass = admission.pass.unwrap_or_else(|refused| panic!("{refused}"));
    let watch = world.app.register_subscriber(pass.caller());
    (pass.enter(facts), watch)
}

/// The jobs of a world, until it ends.
pub(super) fn jobs(world: &World) -> tokio::sync::watch::Sender<bool> {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let app = world.app.clone();
    tokio::spawn(async move { app.run_jobs(true, stopped).await });
    stop
}

on_both! {
    /// Only committed changes are published, once, to their own workspace, from the time of the subscription.
    async fn each_commit_is_published_once(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let _jobs = jobs(&world);
        fixtures.home.client(&world, "Before").await;
        let (cx, watch) = watching(&world, &fixtures.home.owner).await;
        let mut reported = live::events(&cx, &watch, None).await.unwrap();
        let project = fixtures.home.project(&world, "P").await;
        fixtures.other.client(&world, "Foreign").await;
        let bad = json!({ "timeEntries": [
            { "projectId": project, "durationSeconds": 1, "entryDate": "2026-06-11" },
            { "projectId": project, "durationSeconds": 1, "entryDate": "2026-06-11", "taskId": fixtures.home.id },
        ] });
        world.post(&fixtures.home.owner, "/api/v1/time-entries/batch", bad).await.fields();
        fixtures.home.entry(&world, &fixtures.home.owner, &project).await;
        let mut kinds = Vec::new();
        for _ in 0..3 {
            kinds.push(timeout(Duration::from_secs(20), reported.next()).await.unwrap().unwrap().kind);
        }
        assert_eq!(kinds, ["client.created", "project.created", "time_entry.created"]);
        fixtures.home.client(&world, "Last").await;
        let last = timeout(Duration::from_secs(20), reported.next()).await.unwrap().unwrap();
        assert_eq!(last.data.value()["client"]["name"], "Last", "nothing is reported twice");
        drop((reported, watch));
        assert_eq!(world.app.subscriber_count(), 0);
    }
}

on_both! {
    /// A reader that is 256 events behind is dropped, and what it did not read is not kept.
    async fn a_slow_consumer_is_disconnected(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let _jobs = jobs(&world);
        let project = fixtures.home.project(&world, "P").await;
        let (cx, slow) = watching(&world, &fixtures.home.owner).await;
        let (_, quick) = watching(&world, &fixtures.home.owner).await;
        let mut unread = live::events(&cx, &slow, None).await.unwrap();
        let mut read = live::events(&cx, &quick, None).await.unwrap();
        let reads = tokio::spawn(async move {
            let mut count = 0;
            while count < 300 {
                read.next().await.unwrap();
                count += 1;
            }
            (count, read)
        });
        let entry = json!({ "projectId": project, "durationSeconds": 1, "entryDate": "2026-06-11" });
        for _ in 0..3 {
            world.post(&fixtures.home.owner, "/api/v1/time-entries/batch", json!({ "timeEntries": vec![&entry; 100] })).await.data(201);
        }
        assert_eq!(timeout(Duration::from_secs(20), slow.closed()).await.unwrap(), Closed::SlowConsumer);
        assert_eq!(timeout(Duration::from_secs(20), reads).await.unwrap().unwrap().0, 300, "who reads hears all");
        let mut kept = 0;
        while unread.next().await.is_some() {
            kept += 1;
        }
        assert_eq!(kept, 256);
    }
}

on_both! {
    /// The caller's own timer: its start, its change, its end, and the end of the one that another replaces.
    async fn timer_changes_are_published(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let _jobs = jobs(&world);
        let (home, member) = (&fixtures.home, &fixtures.home.member);
        let (p, q) = (home.project_with_member(&world, "P").await, home.project_with_member(&world, "Q").await);
        let (cx, watch) = watching(&world, member).await;
        let mut reported = live::timer(&cx, &watch).await.unwrap();
        let mut next = async || timeout(Duration::from_secs(20), reported.next()).await.unwrap().unwrap();
        world.post(&home.owner, "/api/v1/time-entries/start", json!({ "projectId": p })).await.data(201);
        let first = world.post(member, "/api/v1/time-entries/start", json!({ "projectId": p })).await.id();
        let running = next().await;
        assert_eq!((running.id.to_string(), running.duration_seconds), (first.clone(), None), "one's own only");
        world.patch(member, &format!("/api/v1/time-entries/{first}"), json!({ "note": "x" })).await.data(200);
        assert_eq!(next().await.note.as_deref(), Some("x"));
        world.clock.advance(5000);
        let second = world.post(member, "/api/v1/time-entries/start", json!({ "projectId": q })).await.id();
        let stopped = next().await;
        assert_eq!((stopped.id.to_string(), stopped.duration_seconds), (first, Some(5)));
        assert_eq!(next().await.id.to_string(), second);
        assert_eq!(world.delete(member, &format!("/api/v1/time-entries/{second}")).await.status, 204);
        assert!(next().await.deleted_at.is_some());
    }
}

on_both! {
    /// A connection ends within 5 seconds when its token is revoked, its member removed, or role or plan changed.
    async fn losing_permission_ends_subscriptions(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let _jobs = jobs(&world);
        let operator = world.operator();
        let place = async |token: &str| watching(&world, token).await.1;
        let (owner, admin, manager, other) = (place(&fixtures.home.owner).await, place(&fixtures.home.admin).await, place(&fixtures.home.manager).await, place(&fixtures.other.owner).await);
        let prefix = fixtures.home.owner.split('_').nth(2).unwrap();
        let began = Instant::now();
        service::token::revoke_by_prefix(&operator, prefix).await.unwrap();
        member::set_role(&operator, fixtures.home.id, "manager@home.example", Role::Admin).await.unwrap();
        member::remove(&operator, fixtures.home.id, "admin@home.example").await.unwrap();
        organization::set_plan(&operator, fixtures.other.id, Plan::Studio).await.unwrap();
        for (watch, reason) in [(owner, Closed::Token), (admin, Closed::Token), (manager, Closed::Access), (other, Closed::Access)] {
            assert_eq!(timeout(Duration::from_secs(20), watch.closed()).await.unwrap(), reason);
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}

/// The same from outside, over both transports: WebSockets are closed, event streams end without `complete`.
#[tokio::test]
async fn a_revoked_token_ends_its_subscriptions() {
    let (database, server, token) = served(Kind::Sqlite).await;
    let mut socket = Socket::ready(&server.address, &token).await;
    socket.subscribe("1", "subscription { events { id } }").await;
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    let body = json!({ "query": "subscription { events { id } }" }).to_string();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\nAccept: text/event-stream\r\n\
         Accept-Encoding: br, gzip\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer[..read]).starts_with("HTTP/1.1 200 "));
    let prefix = token.split('_').nth(2).unwrap();
    run(&database.url, &["token", "revoke", "--prefix", prefix]);
    let began = Instant::now();
    assert_eq!(socket.closed().await, 4401);
    let mut rest = Vec::new();
    timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let rest = String::from_utf8_lossy(&rest).into_owned();
    assert!(!rest.contains("complete"), "it ends without it, so that a client comes back: {rest}");
}

/// Changes on one replica are published on every other: events, and timers that were started and stopped.
#[tokio::test]
async fn every_replica_publishes_the_commits_of_all() {
    let (database, here, token) = served(Kind::Postgres).await;
    let there = Running::start(&database.url, &["--rate-limit-scale", "1000"]);
    let mut socket = Socket::ready(&here.address, &token).await;
    socket.subscribe("events", "subscription { events(types: [\"client.created\"]) { data } }").await;
    socket.subscribe("timer", "subscription { timerChanged { timeEntry { id durationSeconds } } }").await;
    // A query on the same connection is answered after what was sent before it has begun.
    socket.subscribe("q", "{ viewer { name } }").await;
    while socket.next_message().await["id"] != "q" {}
    let mut other = Socket::ready(&there.address, &token).await;
    let mut ask = async |query: &str| {
        other.subscribe("a", query).await;
        let answer = other.next_message().await["payload"]["data"].clone();
        assert_eq!(other.next_message().await["type"], "complete");
        answer
    };
    let mut received = Vec::new();
    let mut reported = async |id: &str, wanted: &dyn Fn(&Value) -> bool| loop {
        if received.iter().any(|message: &Value| message["id"] == id && wanted(&message["payload"]["data"])) {
            break;
        }
        received.push(socket.next_message().await);
    };
    let mut client = String::new();
    for name in ["One", "Two"] {
        let made =
            ask(&format!("mutation {{ createClient(input: {{ name: \"{name}\" }}) {{ client {{ id }} }} }}")).await;
        client = made["createClient"]["client"]["id"].as_str().unwrap().to_owned();
        reported("events", &|data| data["events"]["data"]["client"]["name"] == name).await;
    }
    let project = ask(&format!(
        "mutation {{ createProject(input: {{ clientId: \"{client}\", name: \"P\" }}) {{ project {{ id }} }} }}"
    ))
    .await;
    let project = project["createProject"]["project"]["id"].as_str().unwrap().to_owned();
    let started =
        ask(&format!("mutation {{ startTimer(input: {{ projectId: \"{project}\" }}) {{ timeEntry {{ id }} }} }}"))
            .await;
    let id = started["startTimer"]["timeEntry"]["id"].clone();
    reported("timer", &|data| data["timerChanged"]["timeEntry"] == json!({ "id": id, "durationSeconds": null })).await;
    ask(&format!("mutation {{ stopTimer(id: {id}) {{ timeEntry {{ id }} }} }}")).await;
    reported("timer", &|data| data["timerChanged"]["timeEntry"]["durationSeconds"].is_i64()).await;
}

/// The memory of a process, in bytes.
pub(super) fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
}

/// A thousand who wait and hear nothing cost less than 50 MiB.
#[tokio::test]
async fn a_thousand_idle_subscribers_are_cheap() {
    let (database, server, token) = served(Kind::Sqlite).await;
    let mut sockets = Vec::new();
    // What a process needs for the first of anything is not the price of a subscriber.
    for _ in 0..20 {
        sockets.push(subscriber(&server.address, &token).await);
    }
    // A token has 100 subscriptions at most.
    let workspace = run(&database.url, &["workspace", "list"])[0]["id"].as_str().unwrap().to_owned();
    let tokens: Vec<String> = (0..10)
        .map(|_| {
            let person = ["--workspace", &workspace, "--member", "o@x.example"];
            let token = [&["token", "create", "--name", "t", "--scope", "write"], &person[..]].concat();
            run(&database.url, &token)["token"].as_str().unwrap().to_owned()
        })
        .collect();
    let before = resident(server.pid());
    for token in tokens.iter().cycle().take(50) {
        let twenty = (0..20).map(|_| subscriber(&server.address, token));
        sockets.extend(futures_util::future::join_all(twenty).await);
    }
    let grown = resident(server.pid()).saturating_sub(before);
    println!("1,000 idle subscribers: {:.1} MiB", grown as f64 / 1_048_576.0);
    assert!(grown < 50 * 1_048_576, "{grown}");
    let mut last = sockets.pop().unwrap();
    last.subscribe("m", "mutation { createClient(input: { name: \"Last\" }) { client { id } } }").await;
    let mut kinds = Vec::new();
    while !kinds.contains(&json!("s")) {
        kinds.push(last.next_message().await["id"].clone());
    }
}

async fn subscriber(address: &str, token: &str) -> Socket {
    let mut socket = Socket::ready(address, token).await;
    socket.subscribe("s", "subscription { events { id type } }").await;
    socket.subscribe("q", "{ viewer { name } }").await;
    while socket.next_message().await["type"] != "complete" {}
    socket
}
