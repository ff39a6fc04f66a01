//! Third-party tools against the GraphQL endpoint: the audits of GraphQL over HTTP, and the common clients.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tests::{Kind, PrivateDatabase};

use crate::guides::blocks;
use crate::running::{Running, json};

/// A script of `tests/conformance`, with the tools that it needs.
fn script(name: &str, arguments: &[&str]) -> Command {
    let tools = std::env::var("HOURSMITH_TEST_NODE").expect("tests need their tools: run `make test`");
    let mut command = Command::new("node");
    command.arg(Path::new(&tools).join(name)).args(arguments);
    command
}

/// A workspace on the plan agency, and its Owner's token.
pub(crate) fn owner_of(url: &str) -> String {
    let owner = ["--owner-email", "o@x.example", "--owner-name", "O"];
    let workspace = json(url, &[&["workspace", "create", "--name", "W", "--plan", "agency"], &owner[..]].concat());
    let id = workspace["id"].as_str().unwrap();
    let token = json(
        url,
        &["token", "create", "--workspace", id, "--member", "o@x.example", "--name", "t", "--scope", "write"],
    );
    token["token"].as_str().unwrap().to_owned()
}

/// All 61 audits pass, those of a "should" and of a "may" too.
#[tokio::test]
async fn the_endpoint_passes_every_audit_of_graphql_over_http() {
    let database = PrivateDatabase::empty(Kind::Sqlite).await;
    let server = Running::start(&database.url, &["--rate-limit-scale", "1000"]);
    let url = format!("http://{}/graphql", server.address);
    let output = script("audits.mjs", &[&url, &owner_of(&database.url)]).output().unwrap();
    let reported = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && reported.contains("61 of 61 audits"), "{reported}");
}

/// graphql-ws and graphql-sse subscribe, hear what is caused over REST, and come back after a restart.
async fn third_party_clients_subscribe_and_reconnect(kind: Kind) {
    let database = PrivateDatabase::empty(kind).await;
    let arguments = ["--rate-limit-scale", "1000"];
    let server = Running::start(&database.url, &arguments);
    let address = server.address.clone();
    let token = owner_of(&database.url);
    let base = format!("http://{address}");
    let mut client = script("subscriptions.mjs", &[&base, &token]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(client.stdout.take().unwrap());
    let (mut reported, mut server) = (String::new(), Some(server));
    while out.read_line(&mut reported).unwrap() > 0 {
        if reported.ends_with("restart\n") {
            let (code, _) = server.take().unwrap().terminate();
            assert_eq!(code, Some(0), "it stops although clients wait");
            server = Some(Running::start_at(&database.url, &address, &arguments));
        }
    }
    let status = client.wait().unwrap();
    assert!(status.success() && reported.matches("ok  ").count() == 6, "{reported}");
}

#[tokio::test]
async fn third_party_clients_subscribe_and_reconnect_on_sqlite() {
    third_party_clients_subscribe_and_reconnect(Kind::Sqlite).await;
}

#[tokio::test]
async fn third_party_clients_subscribe_and_reconnect_on_postgres() {
    third_party_clients_subscribe_and_reconnect(Kind::Postgres).await;
}

/// A module that runs beside the packages of the tools.
fn module(code: &str, server: &Running, token: &str) -> Command {
    let tools = std::env::var("HOURSMITH_TEST_NODE").expect("tests need their tools: run `make test`");
    let mut command = Command::new("node");
    command.args(["--input-type=module", "-e", code]).current_dir(tools);
    command.env("HOURSMITH_URL", format!("http://{}", server.address)).env("HOURSMITH_API_TOKEN", token);
    command
}

/// Ends a program with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// The clients of docs/graphql.md, made as the page shows it, read a list and receive a timer.
#[tokio::test]
async fn the_clients_of_the_guide_read_and_subscribe_as_they_are_shown() {
    let database = PrivateDatabase::empty(Kind::Sqlite).await;
    let server = Running::start(&database.url, &["--rate-limit-scale", "1000"]);
    let token = owner_of(&database.url);
    let samples = blocks("graphql", "js");
    let sample = |mark: &str| samples.iter().find(|code| code.contains(mark)).unwrap().clone();
    let post = |path: &str, body: &str| {
        let code = "const answer = await fetch(process.env.HOURSMITH_URL + process.argv[1], { method: 'POST', \
            body: process.argv[2], headers: { authorization: 'Bearer ' + process.env.HOURSMITH_API_TOKEN, \
            'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() } }); \
            console.log(await answer.text()); process.exit(answer.ok ? 0 : 1)";
        let output = module(code, &server, &token).args([path, body]).output().unwrap();
        assert!(output.status.success(), "{path}: {output:?}");
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["data"].clone()
    };
    let client = post("/api/v1/clients", r#"{"name": "Globex"}"#);
    let project = post("/api/v1/projects", &format!(r#"{{"clientId": {}, "name": "Website"}}"#, client["id"]));

    let names = "{ clients(first: 1) { edges { cursor node { id name } } pageInfo { hasNextPage endCursor } } }";
    for (mark, read) in [
        (
            "from '@apollo/client'",
            format!("(await client.query({{ query: (await import('@apollo/client')).gql`{names}` }})).data"),
        ),
        ("from 'urql'", format!("(await client.query(`{names}`, {{}}).toPromise()).data")),
        ("from 'relay-runtime'", format!("(await fetchFn({{ text: `{names}` }}, {{}})).data")),
    ] {
        let code = format!("{}\nconsole.log(JSON.stringify({read})); process.exit(0)", sample(mark));
        let output = module(&code, &server, &token).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && printed.contains("Globex"), "{mark}: {output:?}");
    }

    let (sender, received) = mpsc::channel();
    let mut waiting = vec!["graphql-ws", "graphql-sse"];
    let mut subscribed = Vec::new();
    for name in waiting.clone() {
        let code = samples.iter().rfind(|code| code.contains(&format!("from '{name}'"))).unwrap();
        let mut child = module(code, &server, &token).stdout(Stdio::piped()).spawn().unwrap();
        let (out, sender) = (BufReader::new(child.stdout.take().unwrap()), sender.clone());
        subscribed.push(Ended(child));
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok).filter(|line| line.contains("durationSeconds")) {
                _ = sender.send((name, line));
            }
        });
    }
    // Nothing says when they have subscribed, so timers are started until both have received one.
    let begun = Instant::now();
    while !waiting.is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{waiting:?} received nothing");
        post("/api/v1/time-entries/start", &format!(r#"{{"projectId": {}}}"#, project["id"]));
        post("/api/v1/time-entries/running/stop", "");
        while let Ok((name, _)) = received.recv_timeout(Duration::from_millis(200)) {
            waiting.retain(|waiting| *waiting != name);
        }
    }
}
