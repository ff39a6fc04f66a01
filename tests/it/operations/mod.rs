//! Whole databases: backups and restores, transfers, check-ups, upgrades, and the files on the disk.

mod backups;
mod copies;
mod doctor;
pub(crate) mod hints;
mod keys;
mod least_rights;
mod messages;
mod observed;
mod packaging;
mod poolers;
mod private_files;
mod releases;
mod samples;
mod traces;
mod troubleshooting;
mod upgrades;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::running::{Running, command};

/// A folder for one embedded database with everything beside it, removed at the end.
struct Folder(PathBuf);

static NEXT: AtomicUsize = AtomicUsize::new(0);

impl Folder {
    fn new() -> Folder {
        let name = format!("operations-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = tests::database::folder().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn url(&self) -> String {
        url_of(&self.path("hours.db"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn url_of(file: &Path) -> String {
    format!("sqlite://{}?mode=rwc", file.display())
}

/// A command with the key that lies beside the database, as most who run one process have it.
fn keyless(url: &str, arguments: &[&str]) -> Command {
    let mut command = command(url, arguments);
    command.env_remove("HOURSMITH_SECRET_KEY");
    command
}

fn succeeded(output: Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

/// What a command prints with `--json`, with the key beside the database.
fn printed(url: &str, arguments: &[&str]) -> Value {
    succeeded(keyless(url, &[arguments, &["--json"]].concat()).output().unwrap())
}

/// The one line of a command that fails.
fn refused(mut command: Command) -> String {
    let output = command.output().unwrap();
    crate::running::failure(&output)
}

fn serve(url: &str) -> Running {
    Running::spawn(keyless(url, &["serve", "--listen", "127.0.0.1:0"]), Stdio::piped())
}

/// A workspace whose plan has everything, and a token of its Owner that writes.
fn workspace(url: &str) -> String {
    workspace_of(url, printed)
}

/// The same by commands that are run in another way.
fn workspace_of(url: &str, run: impl Fn(&str, &[&str]) -> Value) -> String {
    let create = ["workspace", "create", "--name", "Acme", "--plan", "agency", "--owner-email", "ann@acme.example"];
    let made = run(url, &[&create[..], &["--owner-name", "Ann"]].concat());
    let id = made["id"].as_str().unwrap();
    let mint =
        ["token", "create", "--workspace", id, "--member", "ann@acme.example", "--name", "t", "--scope", "write"];
    run(url, &mint)["token"].as_str().unwrap().to_owned()
}

/// Whether the long form was asked for, `make test-operations`; `make test` runs a short one.
fn whole() -> bool {
    std::env::var("HOURSMITH_TEST_OPERATIONS").is_ok_and(|form| form == "whole")
}

/// An endpoint, whose secret is sealed.
fn endpoint(server: &Running, token: &str) {
    let body = json!({ "url": "https://hooks.example.com/in", "events": ["client.created"] });
    let made = server.send("POST", "/api/v1/webhook-endpoints", token, &body);
    assert!(made["data"]["secret"].is_string(), "{made}");
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
