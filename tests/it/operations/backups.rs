//! Backups are taken while a server works, and come back after it was killed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};
use tests::{Kind, PrivateDatabase};

use super::{Folder, endpoint, exists, keyless, printed, refused, serve, url_of, workspace};
use crate::running::command;

/// One POST, over a connection of its own.
fn post(address: &str, token: &str, path: &str, key: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The lengths of the entries of one batch, which are there together or not at all.
const BATCH: [u64; 3] = [60, 600, 6_000];

/// Creates clients and batches of time until it is stopped, and counts what was acknowledged.
fn load(address: &str, token: &str, project: &str, thread: u64, stop: &AtomicBool, acknowledged: &AtomicU64) {
    let entry = |seconds: &u64| json!({ "projectId": project, "durationSeconds": seconds, "entryDate": "2026-06-11" });
    let batch = json!({ "timeEntries": BATCH.iter().map(entry).collect::<Vec<_>>() }).to_string();
    for i in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let client = json!({ "name": format!("Client {thread}-{i}"), "notes": "n".repeat(500) }).to_string();
        for (path, body) in [("/api/v1/clients", &client), ("/api/v1/time-entries/batch", &batch)] {
            match post(address, token, path, &format!("{thread}-{i}-{}", path.len()), body) {
                Ok(answer) if answer.starts_with("HTTP/1.1 201") => {
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
                // The budget of the token, or the server was killed.
                Ok(_) | Err(_) => std::thread::yield_now(),
            }
        }
    }
}

/// What belongs together is there together: batches are whole, each write has its key, each effect its event.
async fn check_sums(url: &str) {
    let db = sea_orm::Database::connect(url).await.unwrap();
    let number = async |sql: &str| -> u64 {
        let row = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap().unwrap();
        u64::try_from(row.try_get::<i64>("", "n").unwrap()).unwrap()
    };
    let clients = number("SELECT count(*) AS n FROM client WHERE name LIKE 'Client %'").await;
    let entries = number("SELECT count(*) AS n FROM time_entry").await;
    let batches = entries / 3;
    assert_eq!(entries % 3, 0, "a batch is cut");
    assert_eq!(number("SELECT sum(duration_seconds) AS n FROM time_entry").await, batches * BATCH.iter().sum::<u64>());
    assert_eq!(number("SELECT count(*) AS n FROM event WHERE kind = 'time_entry.created'").await, entries);
    assert_eq!(number("SELECT count(*) AS n FROM event WHERE kind = 'client.created'").await, clients + 1);
    // Those of the home, its project and the endpoint are three more.
    assert_eq!(number("SELECT count(*) AS n FROM idempotency_key").await, clients + batches + 3);
    db.close().await.unwrap();
}

fn wait_for(what: &str, mut reached: impl FnMut() -> bool) {
    let started = Instant::now();
    while !reached() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::yield_now();
    }
}

async fn counts(url: &str) -> Value {
    let described = service::maintenance::inspect(url).await.unwrap();
    described.counts.into_iter().collect::<std::collections::BTreeMap<_, _>>().into_iter().collect()
}

/// Taken under load, the server killed, its log still there: the restored database is whole, and is what the backup says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_comes_back_after_a_crash() {
    // The long form has twenty rounds: `make test-operations`.
    for round in 0..if super::whole() { 20 } else { 2 } {
        let folder = Folder::new();
        let (url, file) = (folder.url(), folder.path("backup.tar"));
        let to = file.to_str().unwrap();
        let token = workspace(&url);
        let server = {
            let mut command = keyless(&url, &["serve", "--listen", "127.0.0.1:0", "--rate-limit-scale", "1000"]);
            command.env("HOURSMITH_LOG", "error");
            crate::running::Running::spawn(command, std::process::Stdio::null())
        };
        endpoint(&server, &token);
        let home = server.send("POST", "/api/v1/clients", &token, &json!({ "name": "Home" }));
        let project = json!({ "clientId": home["data"]["id"], "name": "P" });
        let project = server.send("POST", "/api/v1/projects", &token, &project);
        let project = project["data"]["id"].as_str().unwrap().to_owned();
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let (address, token, project) = (server.address.clone(), token.clone(), project.clone());
                let (stop, acknowledged) = (stop.clone(), acknowledged.clone());
                std::thread::spawn(move || load(&address, &token, &project, thread, &stop, &acknowledged))
            })
            .collect();
        wait_for("no load", || acknowledged.load(Ordering::SeqCst) > 20);
        let before = acknowledged.load(Ordering::SeqCst);
        let made = printed(&url, &["backup", "--to", to]);
        let after = acknowledged.load(Ordering::SeqCst);
        wait_for("no load after the backup", || acknowledged.load(Ordering::SeqCst) > after + 20);
        server.kill();
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| thread.join().unwrap());

        let count = |table: &str| made["counts"][table].as_u64().unwrap();
        let clients = count("client");
        let writes = clients - 1 + count("time_entry") / 3;
        assert!((before..=after + 4).contains(&writes), "round {round}: {before} {writes} {after}");
        assert!(exists(&folder.path("hours.db-wal")), "the log of the killed server is still there");
        let restore = ["restore", "--from", to];
        let why = refused(keyless(&url, &restore));
        assert!(why.contains("not empty") && why.contains("--force"), "{why}");
        let restored = printed(&url, &["restore", "--from", to, "--force"]);
        assert!(!exists(&folder.path("hours.db-wal")) && !exists(&folder.path("hours.db-shm")));
        assert_eq!(restored["counts"], made["counts"]);
        assert_eq!(counts(&url).await, made["counts"], "round {round}");
        check_sums(&url).await;
        let replaced = restored["replaced"].as_str().unwrap();
        assert!(
            counts(&format!("sqlite://{replaced}")).await["client"].as_u64() > Some(clients),
            "nothing was destroyed"
        );

        let checks = printed(&url, &["doctor"]);
        let failed: Vec<_> = checks.as_array().unwrap().iter().filter(|check| check["status"] == "fail").collect();
        assert!(failed.is_empty(), "{failed:?}");
        let server = serve(&url);
        let me = server.read("/api/v1/me", &token);
        assert_eq!(me["data"]["role"], "OWNER");
        let report = server.read("/api/v1/reports/time?groupBy=day", &token);
        assert_eq!(report["data"]["total"]["entries"], made["counts"]["time_entry"], "{report}");
        assert_eq!(report["data"]["total"]["seconds"], count("time_entry") / 3 * BATCH.iter().sum::<u64>());
        assert_eq!(server.terminate().0, Some(0));
    }
}

/// In an empty folder, with a log of another life beside: nothing else is needed, and the old token works.
#[tokio::test]
async fn a_backup_comes_back_in_another_place() {
    let (folder, other) = (Folder::new(), Folder::new());
    let (url, file) = (folder.url(), folder.path("b.tar"));
    let token = workspace(&url);
    let server = serve(&url);
    endpoint(&server, &token);
    let made = printed(&url, &["backup", "--to", file.to_str().unwrap()]);
    assert_eq!((&made["database"], &made["format"]), (&json!("sqlite"), &json!(1)));
    assert_eq!(made["keyIds"].as_array().unwrap().len(), 1);
    server.terminate();
    for ending in ["-wal", "-shm"] {
        std::fs::write(other.path(&format!("hours.db{ending}")), "of another life").unwrap();
    }
    let restored = printed(&other.url(), &["restore", "--from", file.to_str().unwrap()]);
    assert_eq!(restored["replaced"], Value::Null);
    let key = std::fs::read_to_string(folder.path("hours.db.key")).unwrap();
    assert_eq!(std::fs::read_to_string(other.path("hours.db.key")).unwrap(), key);
    let server = serve(&other.url());
    assert_eq!(server.read("/api/v1/me", &token)["data"]["role"], "OWNER");
    server.terminate();
    assert_eq!(
        std::fs::read_dir(&other.0)
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().contains("restoring"))
            .count(),
        0
    );
}

/// A command in another folder than the server's makes no database of its own, which would be empty.
#[tokio::test]
async fn commands_make_no_database() {
    let folder = Folder::new();
    let (url, file) = (folder.url(), folder.path("hours.db"));
    for arguments in [&["workspace", "list"][..], &["token", "revoke", "--prefix", "aaaaaaaaaaaa"], &["doctor"]] {
        let output = keyless(&url, arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("there is no database at") && !exists(&file), "{arguments:?}: {said}");
    }
    workspace(&url);
    assert!(exists(&file), "the first workspace may be made before the first start");
}

/// A file that is damaged is found by a check-up, which says what to do.
#[tokio::test]
async fn a_damaged_file_is_found_by_a_check_up() {
    let folder = Folder::new();
    let url = folder.url();
    workspace(&url);
    let file = folder.path("hours.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 8 * 4;
    bytes[middle..middle + 40_000].fill(0xa5);
    std::fs::write(&file, bytes).unwrap();
    let output = keyless(&url, &["doctor"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && said.contains("restore the last backup"), "{said}");
}

/// Whatever is wrong is found before anything is touched.
#[tokio::test]
async fn a_restore_refuses_what_it_should() {
    let folder = Folder::new();
    let (url, file) = (folder.url(), folder.path("b.tar"));
    let token = workspace(&url);
    let server = serve(&url);
    endpoint(&server, &token);
    let to = file.to_str().unwrap();
    printed(&url, &["backup", "--to", to]);
    let why = refused(keyless(&url, &["backup", "--to", to]));
    assert!(why.contains("never overwritten"), "{why}");
    let why = refused(keyless(&url, &["restore", "--from", to, "--force"]));
    assert!(why.contains("another hoursmith serves this database"), "{why}");
    server.terminate();

    let whole = std::fs::read(&file).unwrap();
    let damaged = folder.path("damaged.tar");
    let mut bytes = whole.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&damaged, &bytes).unwrap();
    let before = std::fs::read(folder.path("hours.db")).unwrap();
    let why = refused(keyless(&url, &["restore", "--from", damaged.to_str().unwrap(), "--force"]));
    assert!(why.contains("checksum") && why.contains("nothing was changed"), "{why}");
    std::fs::write(&damaged, &whole[..whole.len() / 3]).unwrap();
    assert!(
        refused(keyless(&url, &["restore", "--from", damaged.to_str().unwrap(), "--force"]))
            .contains("no whole backup")
    );
    assert_eq!(std::fs::read(folder.path("hours.db")).unwrap(), before);
    let missing = refused(keyless(&url, &["restore", "--from", "/nowhere/b.tar"]));
    assert!(missing.contains("/nowhere/b.tar"), "{missing}");
    let nothing =
        refused(keyless(&url_of(&folder.path("none.db")), &["backup", "--to", folder.path("n.tar").to_str().unwrap()]));
    assert!(nothing.contains("there is no database"), "{nothing}");
    assert!(!exists(&folder.path("n.tar")) && !exists(&folder.path("none.db")));
}

/// A backup without its key is refused where something in it was sealed, unless that is meant.
#[tokio::test]
async fn a_backup_without_its_key_is_refused() {
    let (folder, other) = (Folder::new(), Folder::new());
    let (url, file) = (folder.url(), folder.path("b.tar"));
    let token = workspace(&url);
    let server = serve(&url);
    endpoint(&server, &token);
    server.terminate();
    let key = std::fs::read_to_string(folder.path("hours.db.key")).unwrap();
    std::fs::remove_file(folder.path("hours.db.key")).unwrap();
    let to = file.to_str().unwrap();
    let output = keyless(&url, &["backup", "--to", to]).output().unwrap();
    assert!(output.status.success() && String::from_utf8_lossy(&output.stderr).contains("not in the backup"));
    let restore = ["restore", "--from", to];
    let why = refused(keyless(&other.url(), &restore));
    assert!(why.contains("HOURSMITH_SECRET_KEY") && why.contains("--without-key"), "{why}");
    assert!(!exists(&other.path("hours.db")), "nothing was made");
    let with_setting = keyless(&other.url(), &restore).env("HOURSMITH_SECRET_KEY", &key).output().unwrap();
    assert!(with_setting.status.success(), "{}", String::from_utf8_lossy(&with_setting.stderr));
    let third = Folder::new();
    printed(&third.url(), &["restore", "--from", to, "--without-key"]);
    let why = refused(keyless(&third.url(), &["serve", "--listen", "127.0.0.1:0"]));
    assert!(why.contains("hours.db.key is missing"), "{why}");
}

/// PostgreSQL is dumped by its own program; the printed lines work as they are.
#[tokio::test]
async fn postgres_is_dumped_by_its_own_program() {
    let (from, to, folder) =
        (PrivateDatabase::new(Kind::Postgres).await, PrivateDatabase::empty(Kind::Postgres).await, Folder::new());
    let create = [
        "workspace",
        "create",
        "--name",
        "Acme",
        "--plan",
        "agency",
        "--owner-email",
        "a@acme.example",
        "--owner-name",
        "A",
    ];
    crate::running::json(&from.url, &create);
    let file = folder.path("b.tar");
    let made = crate::running::json(&from.url, &["backup", "--to", file.to_str().unwrap()]);
    assert_eq!((&made["database"], made["keyIds"].as_array().unwrap().len()), (&json!("postgresql"), 1));
    let line = made["run"].as_str().unwrap();
    assert!(line.starts_with("(umask 077 && pg_dump --format=custom"), "{line}");
    let sh = |line: &str| std::process::Command::new("sh").args(["-c", line]).output().unwrap();
    let dumped = sh(line);
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    let output = command(&to.url, &["restore", "--from", file.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "it has restored nothing by itself");
    let load = String::from_utf8(output.stdout).unwrap();
    let loaded = sh(&load);
    assert!(loaded.status.success(), "{load}: {}", String::from_utf8_lossy(&loaded.stderr));
    assert_eq!(crate::running::json(&to.url, &["workspace", "list"])[0]["name"], "Acme");
}
