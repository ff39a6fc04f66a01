//! Hints in the log: what an operator has set up wrongly, or what the machine lacks, is named once, with what to do.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use sea_orm::ConnectionTrait;
use serde_json::json;
use tests::{Kind, PrivateDatabase, program};

use super::troubleshooting::{failed, serve_command, serve_logged, wait_for};
use super::{Folder, keyless, workspace};
use crate::running::{Running, command};

/// What PostgreSQL says when its disk is full, said of every new client.
pub(crate) const FULL: &str = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
    RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$; \
    CREATE TRIGGER full_disk BEFORE INSERT ON client FOR EACH ROW EXECUTE FUNCTION full_disk()";

/// Sends bytes on a connection of their own, and reads what comes.
fn exchange(server: &Running, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.write_all(sent).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn count(log: &Path, message: &str) -> usize {
    std::fs::read_to_string(log).unwrap().matches(message).count()
}

/// A full disk is one line in the log, and the end of it another, however many writes were refused.
async fn of_a_full_disk(message: &str) -> String {
    let (database, folder) = (PrivateDatabase::new(Kind::Postgres).await, Folder::new());
    let token = super::workspace_of(&database.url, crate::running::json);
    let (log, db) = (folder.path("log"), database.connect().await);
    let server = serve_logged(command(&database.url, &["serve", "--listen", "127.0.0.1:0"]), &log);
    db.execute_unprepared(FULL).await.unwrap();
    for name in ["A", "B", "C"] {
        let refused = server.send("POST", "/api/v1/clients", &token, &json!({ "name": name }));
        assert_eq!(refused["error"]["reason"], "unavailable", "{refused}");
    }
    assert!(server.read("/api/v1/clients", &token)["data"].is_array(), "reads go on");
    db.execute_unprepared("DROP TRIGGER full_disk ON client").await.unwrap();
    let made = server.send("POST", "/api/v1/clients", &token, &json!({ "name": "A" }));
    assert!(made["data"]["id"].is_string(), "the same key is free again: {made}");
    // On a full disk some writes still fit, so that it takes a while without a failure.
    let began = std::time::Instant::now();
    for number in 0.. {
        if count(&log, "the database's disk has space again") > 0 {
            break;
        }
        assert!(began.elapsed().as_secs() < 60, "nothing says that there is space again");
        server.send("POST", "/api/v1/clients", &token, &json!({ "name": format!("After {number}") }));
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    }
    let text = wait_for(&log, message);
    assert_eq!((count(&log, message), text.matches(" ERROR ").count()), (1, 1), "{text}");
    text
}

/// A backup onto a disk without space, as a limit of the size of files makes one.
fn of_a_full_folder() -> String {
    let folder = Folder::new();
    workspace(&folder.url());
    let mut limited = Command::new("/bin/sh");
    limited.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh", "/usr/bin/prlimit", "--fsize=65536"]);
    limited.arg(program("debug")).args(["backup", "--to"]).arg(folder.path("b.tar"));
    limited.env_clear().env("HOURSMITH_DATABASE_URL", folder.url());
    failed(limited)
}

/// A clock that is two hours behind that of PostgreSQL.
async fn of_clocks(message: &str) -> String {
    let folder = Folder::new();
    let log = folder.path("log");
    if message.starts_with("after what is now") {
        let url = folder.url();
        workspace(&url);
        let db = sea_orm::Database::connect(&url).await.unwrap();
        db.execute_unprepared("UPDATE organization SET updated_at = updated_at + 86400000 * 400").await.unwrap();
        db.close().await.unwrap();
        let doctor = String::from_utf8(keyless(&url, &["doctor"]).output().unwrap().stdout).unwrap();
        assert!(doctor.contains("FAIL  clock") && doctor.contains("399 days"), "{doctor}");
        let _server = serve_logged(serve_command(&url), &log);
        return wait_for(&log, message);
    }
    let database = PrivateDatabase::new(Kind::Postgres).await;
    let mut command = command(&database.url, &["serve", "--listen", "127.0.0.1:0"]);
    let library = std::env::var("HOURSMITH_TEST_FAKETIME").expect("run `make test`");
    command.env("LD_PRELOAD", library).env("FAKETIME", "-2h").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let _server = serve_logged(command, &log);
    let text = wait_for(&log, message);
    assert!(text.contains("h behind the database's"), "{text}");
    text
}

/// What a proxy in front does wrongly, or the address that browsers are to use.
fn of_proxies(message: &str) -> String {
    let folder = Folder::new();
    let (url, log) = (folder.url(), folder.path("log"));
    let mut command = serve_command(&url);
    if message.starts_with("HOURSMITH_PUBLIC_URL is another") {
        command.args(["--public-url", "https://other.example"]);
    } else if message.starts_with("HOURSMITH_PUBLIC_URL is") {
        command.args(["--public-url", "http://hours.example"]);
    }
    let server = serve_logged(command, &log);
    match message.split(' ').next().unwrap() {
        "a" => {
            let answer = exchange(&server, &[22, 3, 1, 0, 5, 1, 0, 0, 1, 3]);
            assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("without TLS"), "{answer}");
            assert!(wait_for(&log, message).contains("client=127.0.0.1"));
        }
        "X-Forwarded-For" => {
            for _ in 0..3 {
                exchange(
                    &server,
                    b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 9.9.9.9\r\nConnection: close\r\n\r\n",
                );
            }
            wait_for(&log, message);
            assert_eq!(count(&log, "X-Forwarded-For"), 1);
        }
        _ if message.ends_with("another address") => {
            let head = "POST /settings/sign-in/link HTTP/1.1\r\nHost: hours.example\r\nOrigin: https://hours.example\r\n\
                        Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n\
                        Connection: close\r\n\r\n";
            assert!(exchange(&server, head.as_bytes()).starts_with("HTTP/1.1 403"));
            let line = wait_for(&log, message);
            assert!(line.contains("https://other.example") && line.contains("https://hours.example"), "{line}");
        }
        _ => {}
    }
    wait_for(&log, message)
}

/// What the program prints where it should print one of these messages; nothing for another one.
pub(super) async fn produced(message: &str) -> Option<String> {
    Some(match message {
        "the database's disk is full" => of_a_full_disk(message).await,
        "there is no space for a copy of the database in …" => of_a_full_folder(),
        "the clock of this machine is … the database's" | "after what is now by this machine's clock" => {
            of_clocks(message).await
        }
        "a client spoke TLS to a port without TLS"
        | "X-Forwarded-For came from …, which is not in HOURSMITH_TRUSTED_PROXIES"
        | "HOURSMITH_PUBLIC_URL is another address"
        | "HOURSMITH_PUBLIC_URL is …: nobody can sign in" => of_proxies(message),
        "the folder … does not exist" => {
            let folder = Folder::new();
            workspace(&folder.url());
            failed(keyless(&folder.url(), &["backup", "--to", "/nonexistent/b.tar"]))
        }
        _ => return None,
    })
}

/// The first line of a start says what runs where, without a password.
#[tokio::test]
async fn a_start_says_which_release_runs_on_which_database() {
    let (database, folder) = (PrivateDatabase::new(Kind::Postgres).await, Folder::new());
    let (log, url) = (folder.path("log"), database.url.replace("hoursmith@", "hoursmith:secret-word@"));
    let _server = serve_logged(command(&url, &["serve", "--listen", "127.0.0.1:0"]), &log);
    let text = wait_for(&log, "hoursmith starts");
    let line = text.lines().find(|line| line.contains("hoursmith starts")).unwrap();
    for part in ["release=\"0.", "PostgreSQL 1", "at=\"127.0.0.1:", "migrations="] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!text.contains("secret-word"), "{text}");
}

/// Lines that were of no use in a trial say what to do.
#[tokio::test]
async fn commands_say_what_there_is_instead() {
    let folder = Folder::new();
    let url = folder.url();
    workspace(&url);
    let none = "01890000-0000-7000-8000-000000000000";
    for (arguments, hint) in [
        (&["token", "list", "--workspace", none][..], "hoursmith workspace list"),
        (&["token", "revoke", "--prefix", "ABCDEFGHIJKL"], "hoursmith token list"),
        (&["invoice", "show", "--invoice", none], "hoursmith invoice list"),
    ] {
        let why = failed(keyless(&url, arguments));
        assert!(why.contains(hint), "{arguments:?}: {why}");
    }
    let file = folder.path("c.toml");
    for (text, hint) in [("[serve]\n", "without sections"), ("env = \"live\"\nlisten = 127.0.0.1\n", "(line 2)")] {
        std::fs::write(&file, text).unwrap();
        let mut command = keyless(&url, &["workspace", "list"]);
        command.env("HOURSMITH_CONFIG", &file);
        let why = failed(command);
        assert!(why.contains(hint) && why.lines().count() == 1, "{text}: {why}");
    }
    let why = failed(keyless(&url, &["health", "--url", "127.0.0.1:8080"]));
    assert!(why.contains("http://127.0.0.1:8080"), "{why}");
}
