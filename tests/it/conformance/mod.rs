//! Third-party tools against the documents and the server: linters, a fuzzer, generated clients.

mod clients;
mod contract;
pub(crate) mod descriptions;
mod edges;
mod examples;
mod fuzzer;
mod generated;
mod generators;
mod linters;
mod mcp;
#[expect(deprecated, reason = "the older revision asks for what the current one gives up")]
mod protocol_fixture;
mod protocol_parts;
mod samples;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tests::{Kind, PrivateDatabase};

use crate::running::{Running, json};

/// The OpenAPI 3.1 document.
fn document() -> Value {
    serde_json::from_str(&api::rest::openapi::Documents::new(None).json).unwrap()
}

/// Every operation of a document: path, method, operation.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let methods = item.as_object().unwrap();
        methods.iter().map(|(m, o)| (path.clone(), m.clone(), o.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

/// The record that an operation answers with: alone, or in a list.
fn answered_record(document: &Value, operation: &Value) -> Option<String> {
    let schema =
        |status: &&str| operation["responses"][*status]["content"]["application/json"]["schema"]["$ref"].as_str();
    let answer = document.pointer(["201", "200"].iter().find_map(schema)?.strip_prefix('#')?)?;
    let data = &answer["properties"]["data"];
    let record = [data, &data["items"], &data["anyOf"][0]].into_iter().find_map(|schema| schema["$ref"].as_str());
    Some(record?.rsplit('/').next()?.to_owned())
}

/// A folder or program of the pinned tools.
fn tool(variable: &str) -> PathBuf {
    std::env::var(variable).expect("tests need their tools: run `make test`").into()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Runs a tool that must succeed, and returns its output.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let reported = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {reported}");
    reported
}

/// A server of its own, as a process, and a Manager's token; budgets are out of the way.
struct Live {
    server: Running,
    token: String,
    workspace: String,
    database: PrivateDatabase,
}

impl Live {
    async fn start(kind: Kind) -> Live {
        let database = PrivateDatabase::empty(kind).await;
        let url = &database.url;
        let owner = ["--owner-email", "o@w.example", "--owner-name", "O"];
        let made = json(url, &[&["workspace", "create", "--name", "W", "--plan", "agency"], &owner[..]].concat());
        let id = made["id"].as_str().unwrap();
        for (email, role) in [("m@w.example", "MANAGER"), ("n@w.example", "MEMBER")] {
            json(url, &["member", "add", "--workspace", id, "--email", email, "--name", "N", "--role", role]);
        }
        let mint = ["token", "create", "--workspace", id, "--member", "m@w.example", "--name", "t", "--scope", "write"];
        let token = json(url, &mint)["token"].as_str().unwrap().to_owned();
        // Quiet: nobody reads its log of thousands of requests, and a full pipe would stop it.
        let server = Running::start(url, &["--rate-limit-scale", "1000000", "--log", "error"]);
        let workspace = id.to_owned();
        Live { server, token, workspace, database }
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// A day's work is there before, and an invoice of it.
    fn seed(&self) {
        let page = std::fs::read_to_string(root().join("docs/workflow.md")).unwrap();
        let mut day = Command::new("bash");
        day.arg("-c").arg(crate::workflow::block(&page, "bash"));
        run(day.env("HOURSMITH_URL", self.url()).env("HOURSMITH_API_TOKEN", &self.token));
        let list = format!("{}/api/v1/clients", self.url());
        let clients =
            run(Command::new("curl").args(["-sf", "-H", &format!("Authorization: Bearer {}", self.token), &list]));
        let clients: Value = serde_json::from_str(&clients).unwrap();
        let client = clients["data"][0]["id"].as_str().unwrap();
        let range = ["--client", client, "--from", "2026-01-01", "--to", "2026-12-31"];
        json(&self.database.url, &[&["invoice", "create", "--workspace", &self.workspace], &range[..]].concat());
    }
}
