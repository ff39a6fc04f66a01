//! Every message of the page for operators, produced by the program: an operator who looks one up finds it as it was printed.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Database};
use tests::{Kind, PrivateDatabase};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::poolers::port_of;
use super::upgrades::{WITHOUT_A_STEP, later, run};
use super::{Folder, endpoint, keyless, printed, serve, url_of, workspace};
use crate::running::{Running, command};

/// Messages that no release can be made to print yet, each with the file of the test that produces it.
const OF_UNITS: [(&str, &str); 1] =
    [("a server uses this database, and of the pending steps … one is breaking", "migration/src/lib.rs")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The first cell of each row below "Troubleshooting by message".
fn messages() -> Vec<String> {
    let docs = std::fs::read_to_string(root().join("docs/operating.md")).unwrap();
    let rows = docs.split("## Troubleshooting by message").nth(1).unwrap().lines();
    let messages =
        rows.filter_map(|line| line.strip_prefix("| `")).map(|row| row.split('`').next().unwrap().to_owned());
    messages.collect()
}

/// Whether a text has the parts of a message, one after another.
fn has(text: &str, message: &str) -> bool {
    let mut rest = text;
    message.split('…').map(str::trim).filter(|part| !part.is_empty()).all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// What a command that fails reports.
pub(super) fn failed(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

/// Waits for a line in a log.
pub(super) fn wait_for(log: &Path, message: &str) -> String {
    let began = Instant::now();
    loop {
        let text = std::fs::read_to_string(log).unwrap();
        if has(&text, message) {
            return text;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{message}: {text}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(super) fn serve_command(url: &str) -> Command {
    keyless(url, &["serve", "--listen", "127.0.0.1:0"])
}

pub(super) fn serve_logged(mut command: Command, log: &Path) -> Running {
    command.env_remove("HOURSMITH_LOG");
    Running::spawn(command, std::fs::File::create(log).unwrap().into())
}

/// An embedded database that holds a sealed secret, with its server stopped.
fn sealed(folder: &Folder) -> String {
    let url = folder.url();
    let token = workspace(&url);
    let server = serve(&url);
    endpoint(&server, &token);
    server.terminate();
    url
}

async fn of_backups(message: &str) -> String {
    let folder = Folder::new();
    let (url, file) = (folder.url(), folder.path("b.tar"));
    let from = file.to_str().unwrap();
    workspace(&url);
    printed(&url, &["backup", "--to", from]);
    if message.starts_with("is no whole backup") {
        let whole = std::fs::read(&file).unwrap();
        std::fs::write(&file, &whole[..whole.len() / 3]).unwrap();
    }
    failed(keyless(&url, &["restore", "--from", from]))
}

async fn of_upgrades(message: &str) -> String {
    if message.starts_with("the database could not be copied") {
        // The name of the copy is longer than a name may be.
        let folder = Folder::new();
        let url = url_of(&folder.path(&"long".repeat(58)));
        workspace(&url);
        let db = Database::connect(&url).await.unwrap();
        db.execute_unprepared(WITHOUT_A_STEP).await.unwrap();
        db.close().await.unwrap();
        return failed(keyless(&url, &["migrate"]));
    }
    let database = PrivateDatabase::new(Kind::Postgres).await;
    if message.starts_with("the database is newer") {
        run(&database, &later(false)).await;
        return failed(command(&database.url, &["serve", "--listen", "127.0.0.1:0"]));
    }
    if message.starts_with("the database lacks") {
        run(&database, WITHOUT_A_STEP).await;
        return failed(command(&database.url, &["serve", "--no-migrate", "--listen", "127.0.0.1:0"]));
    }
    let server = Running::start(&database.url, &[]);
    run(&database, WITHOUT_A_STEP).await;
    let why = failed(command(&database.url, &["workspace", "list"]));
    server.terminate();
    why
}

async fn of_keys(message: &str) -> String {
    let folder = Folder::new();
    let url = sealed(&folder);
    let key = folder.path("hours.db.key");
    match message {
        "is missing, and the database holds" => std::fs::remove_file(key).unwrap(),
        "so that others can read it" => std::fs::set_permissions(key, PermissionsExt::from_mode(0o644)).unwrap(),
        "is damaged: it must hold the base64 of 32 bytes" => std::fs::write(key, "cut").unwrap(),
        _ => {
            let mut command = serve_command(&url);
            command.env("HOURSMITH_SECRET_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");
            if message.starts_with("opens none") {
                return failed(command);
            }
            // The operator insists: the server says at start whose deliveries wait.
            let log = folder.path("log");
            command.arg("--secret-key-lost");
            let _server = serve_logged(command, &log);
            return wait_for(&log, message);
        }
    }
    failed(serve_command(&url))
}

async fn of_databases(message: &str) -> String {
    if message.starts_with("connection refused") {
        return failed(command("postgres://hoursmith@127.0.0.1:1/hours", &["migrate"]));
    }
    if message.starts_with("another hoursmith") {
        let folder = Folder::new();
        let _server = serve(&folder.url());
        return failed(serve_command(&folder.url()));
    }
    if message.starts_with("the database's encoding") {
        let server = std::env::var("HOURSMITH_TEST_POSTGRES").unwrap();
        let name = format!("ascii_{}", std::process::id());
        let db = Database::connect(format!("{server}/postgres")).await.unwrap();
        let create = format!("CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
        db.execute_unprepared(&create).await.unwrap();
        return failed(command(&format!("{server}/{name}"), &["migrate"]));
    }
    // It becomes unreachable while it is used, and comes back.
    let (database, folder) = (PrivateDatabase::new(Kind::Postgres).await, Folder::new());
    let way = Way::open(0, port_of(&database));
    let name = database.url.rsplit('/').next().unwrap();
    let (url, log) = (format!("postgres://hoursmith@127.0.0.1:{}/{name}", way.port), folder.path("log"));
    let server = serve_logged(command(&url, &["serve", "--listen", "127.0.0.1:0"]), &log);
    let port = way.port;
    drop(way);
    let asked_until = async |message: &str| {
        let began = Instant::now();
        while !has(&std::fs::read_to_string(&log).unwrap(), message) {
            assert!(began.elapsed() < Duration::from_secs(30), "no line: {message}");
            server.get("/readyz", "none");
            tokio::task::yield_now().await;
        }
    };
    asked_until(message).await;
    let _way = Way::open(port, port_of(&database));
    asked_until("the database is back").await;
    wait_for(&log, message)
}

/// A way to a port that can be closed, with everything that is on it, and opened again.
struct Way {
    port: u16,
    running: tokio::task::JoinHandle<()>,
}

impl Drop for Way {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Way {
    fn open(port: u16, to: u16) -> Way {
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let listener = TcpListener::from_std(listener).unwrap();
        let running = tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((mut from, _)) = listener.accept().await {
                open.spawn(async move {
                    let mut to = TcpStream::connect(("127.0.0.1", to)).await?;
                    tokio::io::copy_bidirectional(&mut from, &mut to).await
                });
            }
        });
        Way { port, running }
    }
}

/// A statement that takes longer than a second has a line of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_statement_is_reported() {
    let (database, folder) = (PrivateDatabase::new(Kind::Postgres).await, Folder::new());
    let token = super::workspace_of(&database.url, crate::running::json);
    let log = folder.path("log");
    let server = serve_logged(command(&database.url, &["serve", "--listen", "127.0.0.1:0"]), &log);
    let obstacle = database.obstacle().await;
    let made = tokio::task::spawn_blocking(move || {
        server.send("POST", "/api/v1/clients", &token, &serde_json::json!({ "name": "C" }))
    });
    // As long as it takes to be slow.
    tokio::time::sleep(Duration::from_millis(3000)).await;
    obstacle.rollback().await.unwrap();
    assert!(made.await.unwrap()["data"]["id"].is_string());
    let text = wait_for(&log, "a slow statement");
    let line = text.lines().find(|line| line.contains("a slow statement")).unwrap();
    assert!(line.contains("client") && line.contains("ms=") && !line.contains("'C'"), "{line}");
}

async fn of_settings(message: &str) -> String {
    let folder = Folder::new();
    let url = folder.url();
    let mut command = serve_command(&url);
    match message {
        "must be ADDRESS:PORT" => command = keyless(&url, &["serve", "--listen", "9000"]),
        "there is no setting …" => _ = command.env("HOURSMITH_LISTN", "127.0.0.1:0"),
        "the OTLP collector takes nothing" => {
            let log = folder.path("log");
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1").env("OTEL_METRIC_EXPORT_INTERVAL", "20");
            let _server = serve_logged(command, &log);
            return wait_for(&log, message);
        }
        _ => {
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317");
            command.env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        }
    }
    failed(command)
}

/// What the program prints where it should print this message; nothing for a message that is not known here.
async fn produced(message: &str) -> Option<String> {
    Some(match message {
        "connection refused; is PostgreSQL running there?"
        | "another hoursmith serves this database"
        | "the database's encoding is …"
        | "the database is away" => of_databases(message).await,
        "is missing, and the database holds"
        | "so that others can read it"
        | "is damaged: it must hold the base64 of 32 bytes"
        | "opens none of the … secrets in the database"
        | "sealed with a key that HOURSMITH_SECRET_KEY lacks" => of_keys(message).await,
        "the database is newer than this hoursmith"
        | "a server uses this database, and this release would have to migrate it first"
        | "the database lacks migrations of this release"
        | "the database could not be copied before it is migrated" => of_upgrades(message).await,
        "is no whole backup of Hoursmith" | "is not empty: add --force" => of_backups(message).await,
        "must be ADDRESS:PORT"
        | "there is no setting …"
        | "the OTLP collector takes nothing"
        | "OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf" => of_settings(message).await,
        other => return super::hints::produced(other).await,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_in_the_docs_is_printed_by_the_program() {
    let all = messages();
    assert!(all.len() > 14, "{all:?}");
    for message in all {
        if let Some((_, file)) = OF_UNITS.iter().find(|(known, _)| *known == message) {
            let tests = std::fs::read_to_string(root().join(file)).unwrap();
            let tests = tests.split("mod tests").nth(1).unwrap().to_owned();
            assert!(has(&tests, &message), "no test of {file} produces: {message}");
            continue;
        }
        let printed = produced(&message).await;
        let printed =
            printed.unwrap_or_else(|| panic!("docs/operating.md has a message that nothing here produces: {message}"));
        assert!(has(&printed, &message), "{message}: {printed}");
    }
}

/// Lines of the log that the page names are written as they stand there.
#[test]
fn lines_of_the_log_are_named_as_they_are_written() {
    let docs = std::fs::read_to_string(root().join("docs/operating.md")).unwrap();
    let docs = docs.split_whitespace().collect::<Vec<_>>().join(" ");
    // Each is waited for by a test of this binary or of the faults.
    for (line, test) in [
        ("a webhook was not delivered", "tests/it/operations/observed.rs"),
        ("a slow statement", "tests/it/operations/troubleshooting.rs"),
        ("the database's disk is full", "tests/it/operations/hints.rs"),
        ("the database's disk has space again", "tests/it/operations/hints.rs"),
        ("hoursmith starts", "tests/it/operations/hints.rs"),
        ("the database is away", "tests/it/operations/troubleshooting.rs"),
        ("the database is back", "tests/it/operations/troubleshooting.rs"),
        ("Redis does not answer", "tests/faults/redis.rs"),
        ("Redis answers again", "tests/faults/redis.rs"),
        ("the OTLP collector takes nothing", "tests/it/operations/traces.rs"),
    ] {
        assert!(docs.contains(&format!("`{line}")), "the page does not name: {line}");
        assert!(std::fs::read_to_string(root().join(test)).unwrap().contains(line), "{test} does not wait for: {line}");
    }
}
