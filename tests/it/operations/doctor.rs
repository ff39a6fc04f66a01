//! The check-up says what is wrong and what to do.

use sea_orm::ConnectionTrait;
use serde_json::Value;
use tests::{Kind, PrivateDatabase};

use super::{Folder, endpoint, keyless, serve, workspace};
use crate::running::command;

/// What the command prints, and whether it says that all is well.
fn examined(mut command: std::process::Command) -> (bool, Vec<Value>) {
    let output = command.output().unwrap();
    let checks: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.success(), checks.as_array().unwrap().clone())
}

fn find<'a>(checks: &'a [Value], name: &str) -> &'a Value {
    checks.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("no {name} in {checks:?}"))
}

const ALL: [&str; 12] = [
    "database",
    "migrations",
    "clock",
    "secretKey",
    "diskSpace",
    "folder",
    "files",
    "timeZones",
    "redis",
    "webhookAllow",
    "oidc",
    "publicUrl",
];

#[tokio::test]
async fn an_embedded_database_is_examined() {
    let folder = Folder::new();
    let url = folder.url();
    let token = workspace(&url);
    let server = serve(&url);
    endpoint(&server, &token);
    let (well, checks) = examined(keyless(&url, &["doctor", "--json"]));
    assert!(well, "{checks:?}");
    for name in ALL {
        let check = find(&checks, name);
        assert!(check["status"] == "ok" || name == "diskSpace", "{check}");
        assert_eq!(check.as_object().unwrap().len(), 4);
    }
    server.terminate();

    // A key that is not the one: found, with what to do, and the command fails.
    let (well, checks) = examined(command(&url, &["doctor", "--json"]));
    let key = find(&checks, "secretKey");
    assert!(!well && key["status"] == "fail" && key["advice"].as_str().unwrap().contains("hours.db.key"), "{key}");
    let mut open =
        keyless(&url, &["doctor", "--json", "--webhook-allow", "0.0.0.0/0", "--redis-url", "redis://127.0.0.1:1/"]);
    open.args([
        "--oidc-issuer",
        "http://127.0.0.1:1",
        "--oidc-client-id",
        "hours",
        "--public-url",
        "http://localhost:8080",
    ]);
    open.env("HOURSMITH_LOG", "error");
    std::fs::set_permissions(folder.path("hours.db"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let (well, checks) = examined(open);
    assert!(well, "warnings are no failures: {checks:?}");
    for name in ["files", "redis", "webhookAllow", "oidc"] {
        assert_eq!(find(&checks, name)["status"], "warn", "{name}");
    }
    let words = keyless(&url, &["doctor"]).output().unwrap();
    let words = String::from_utf8_lossy(&words.stdout).into_owned();
    assert!(words.contains("chmod 600") && words.contains("settings of this command"), "{words}");
}

#[tokio::test]
async fn a_server_is_examined() {
    let database = PrivateDatabase::new(Kind::Postgres).await;
    let (well, checks) = examined(command(&database.url, &["doctor", "--json"]));
    assert!(well, "{checks:?}");
    for name in ["pooler", "clock", "migrations", "secretKey", "database", "search"] {
        assert_eq!(find(&checks, name)["status"], "ok", "{checks:?}");
    }
    let (well, checks) = examined(keyless(&database.url, &["doctor", "--json"]));
    assert!(!well && find(&checks, "secretKey")["status"] == "fail", "{checks:?}");
    let db = database.connect().await;
    db.execute_unprepared("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_later', 0)")
        .await
        .unwrap();
    db.execute_unprepared("DROP EXTENSION pg_trgm CASCADE").await.unwrap();
    let (well, checks) = examined(command(&database.url, &["doctor", "--json"]));
    assert_eq!(find(&checks, "search")["status"], "warn", "without the index searches are slow, and right: {checks:?}");
    assert!(!well && find(&checks, "migrations")["detail"].as_str().unwrap().contains("m9999_later"), "{checks:?}");

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (well, checks) = examined(command(&format!("postgres://me:secret-word@{free}/x"), &["doctor", "--json"]));
    let database = find(&checks, "database");
    assert!(!well && database["detail"].as_str().unwrap().contains("connection refused"), "{database}");
    assert!(!format!("{checks:?}").contains("secret-word"));
}
