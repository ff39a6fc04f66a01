//! Third-party tools against the GraphQL endpoint: the audits of GraphQL over HTTP, and the common clients.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use tests::{Kind, PrivateDatabase};

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
