//! The secret key: a server with another one than its database needs does not start, and a key is replaced without a pause.

use service::maintenance;
use tests::{Kind, PrivateDatabase, SECRET_KEY};

use super::{Folder, endpoint, keyless, refused, workspace, workspace_of};
use crate::running::{Running, command};

/// Another key than that of the tests.
const OTHER: &str = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";

fn id_of(key: &str) -> String {
    service::SecretKey::from_base64(key).unwrap().fingerprint()
}

fn serve_with(url: &str, key: &str, more: &[&str]) -> std::process::Command {
    let mut command = command(url, &[&["serve", "--listen", "127.0.0.1:0"], more].concat());
    command.env("HOURSMITH_SECRET_KEY", key);
    command
}

/// A database, embedded or not, with an endpoint whose secret was sealed with the key of the tests.
async fn sealed(kind: Kind) -> PrivateDatabase {
    let database = PrivateDatabase::new(kind).await;
    let token = workspace_of(&database.url, crate::running::json);
    let server = Running::start(&database.url, &[]);
    endpoint(&server, &token);
    server.terminate();
    database
}

async fn another_key_is_refused(kind: Kind) {
    let database = sealed(kind).await;
    let why = refused(serve_with(&database.url, OTHER, &[]));
    for part in [&id_of(SECRET_KEY), &id_of(OTHER), "HOURSMITH_SECRET_KEY", "--secret-key-lost"] {
        assert!(why.contains(part), "{part}: {why}");
    }
    // With the right one behind it, as in the middle of a rotation, and for one who insists.
    let both = format!("{OTHER},{}", SECRET_KEY);
    Running::spawn(serve_with(&database.url, &both, &[]), std::process::Stdio::piped()).terminate();
    Running::spawn(serve_with(&database.url, OTHER, &["--secret-key-lost"]), std::process::Stdio::piped()).terminate();
}

#[tokio::test]
async fn another_key_is_refused_on_sqlite() {
    another_key_is_refused(Kind::Sqlite).await;
}

#[tokio::test]
async fn another_key_is_refused_on_postgres() {
    another_key_is_refused(Kind::Postgres).await;
}

async fn a_key_is_replaced(kind: Kind) {
    let database = sealed(kind).await;
    let rekey = |keys: &str| {
        let mut command = command(&database.url, &["rekey", "--json"]);
        command.env("HOURSMITH_SECRET_KEY", keys);
        command.output().unwrap()
    };
    let numbers = |output: &std::process::Output| {
        let done: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        ["resealed", "unchanged", "unopened"].map(|name| done[name].as_i64().unwrap())
    };
    let output = rekey(OTHER);
    assert_eq!(
        (output.status.code(), numbers(&output)),
        (Some(1), [0, 0, 1]),
        "nothing is changed without the old key"
    );
    // Beside a server that works.
    let both = format!("{OTHER},{}", SECRET_KEY);
    let server = Running::spawn(serve_with(&database.url, &both, &[]), std::process::Stdio::piped());
    for expected in [[1, 0, 0], [0, 1, 0]] {
        let output = rekey(&both);
        assert_eq!((output.status.code(), numbers(&output)), (Some(0), expected));
    }
    server.terminate();
    let keys = maintenance::keys_of_endpoints(&database.url).await.unwrap();
    assert_eq!(keys.iter().map(|key| key.fingerprint.clone()).collect::<Vec<_>>(), [id_of(OTHER)]);
    Running::spawn(serve_with(&database.url, OTHER, &[]), std::process::Stdio::piped()).terminate();
}

#[tokio::test]
async fn a_key_is_replaced_on_sqlite() {
    a_key_is_replaced(Kind::Sqlite).await;
}

#[tokio::test]
async fn a_key_is_replaced_on_postgres() {
    a_key_is_replaced(Kind::Postgres).await;
}

/// A key that is lost for good: the server makes another beside its file, for one who says so.
#[tokio::test]
async fn a_lost_key_is_replaced_for_one_who_insists() {
    let folder = Folder::new();
    let url = folder.url();
    let token = workspace(&url);
    let server = super::serve(&url);
    endpoint(&server, &token);
    server.terminate();
    let key = folder.path("hours.db.key");
    std::fs::write(&key, "cut").unwrap();
    let why = refused(keyless(&url, &["serve", "--listen", "127.0.0.1:0"]));
    assert!(why.contains("is damaged") && why.contains("backup") && !why.contains("openssl"), "{why}");
    std::fs::remove_file(&key).unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--secret-key-lost"];
    Running::spawn(keyless(&url, &serve), std::process::Stdio::piped()).terminate();
    assert!(super::exists(&key));
}
