//! Two releases on one database: what an older one accepts, what is done beside a server, and what is copied before.

use std::os::unix::fs::PermissionsExt;

use sea_orm::ConnectionTrait;
use tests::{Kind, PrivateDatabase};

use super::{Folder, printed, refused, serve, workspace};
use crate::running::{Running, command, json};

pub(super) async fn run(database: &PrivateDatabase, sql: &str) {
    let db = database.connect().await;
    db.execute_unprepared(sql).await.unwrap();
    db.close().await.unwrap();
}

pub(super) fn later(compatible: bool) -> String {
    format!(
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_later', 0); \
         INSERT INTO migration_mark (name, compatible, release) VALUES ('m9999_later', {compatible}, '9.9.9')"
    )
}

/// As it was before the fourth step, which is compatible.
pub(super) const WITHOUT_A_STEP: &str =
    "DROP INDEX time_entry_by_started_at; DELETE FROM seaql_migrations WHERE version = 'm0004_report_by_zone'";

/// A release that is older than its database works with it, if each step that it does not know is compatible.
async fn an_older_release_starts_on_compatible_steps(kind: Kind) {
    let database = PrivateDatabase::new(kind).await;
    let url = &database.url;
    run(&database, &later(true)).await;
    let server = Running::start(url, &[]);
    assert!(server.get("/readyz", "none").contains("200 OK"));
    assert_eq!(json(url, &["workspace", "list"]), serde_json::json!([]));
    let steps = json(url, &["migrate", "--status"]);
    let last = steps.as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["name"], &last["known"], &last["compatible"]),
        (&"m9999_later".into(), &false.into(), &true.into())
    );
    // A breaking one while it runs: it is taken out of service, and does not start again.
    run(&database, "UPDATE migration_mark SET compatible = false WHERE name = 'm9999_later'").await;
    assert!(server.get("/readyz", "none").contains("503"));
    server.terminate();
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["workspace", "list"], &["migrate"]] {
        let why = refused(command(url, arguments));
        assert!(why.contains("m9999_later of release 9.9.9") && why.contains(env!("CARGO_PKG_VERSION")), "{why}");
    }
}

#[tokio::test]
async fn an_older_release_starts_on_compatible_steps_on_sqlite() {
    an_older_release_starts_on_compatible_steps(Kind::Sqlite).await;
}

#[tokio::test]
async fn an_older_release_starts_on_compatible_steps_on_postgres() {
    an_older_release_starts_on_compatible_steps(Kind::Postgres).await;
}

/// Commands never migrate a database that a server uses, and say what to do; `migrate` does, since the step is compatible.
async fn commands_do_not_migrate_beside_a_server(kind: Kind) {
    let database = PrivateDatabase::new(kind).await;
    let url = &database.url;
    let server = Running::start(url, &[]);
    run(&database, WITHOUT_A_STEP).await;
    let why = refused(command(url, &["workspace", "list"]));
    assert!(why.contains("m0004_report_by_zone") && why.contains("hoursmith migrate"), "{why}");
    assert_eq!(json(url, &["migrate", "--status"])[3]["applied"], false);
    assert_eq!(json(url, &["migrate"])[3]["applied"], true);
    assert_eq!(json(url, &["workspace", "list"]), serde_json::json!([]));
    server.terminate();
    // Nobody uses it any more.
    run(&database, WITHOUT_A_STEP).await;
    assert_eq!(json(url, &["workspace", "list"]), serde_json::json!([]));
    assert_eq!(json(url, &["migrate", "--status"])[3]["applied"], true);
}

#[tokio::test]
async fn commands_do_not_migrate_beside_a_server_on_sqlite() {
    commands_do_not_migrate_beside_a_server(Kind::Sqlite).await;
}

#[tokio::test]
async fn commands_do_not_migrate_beside_a_server_on_postgres() {
    commands_do_not_migrate_beside_a_server(Kind::Postgres).await;
}

/// An embedded database with something in it is copied beside itself before each migration; three copies stay.
#[tokio::test]
async fn an_embedded_database_is_copied_before_it_is_migrated() {
    let folder = Folder::new();
    let url = folder.url();
    workspace(&url);
    let copies = || {
        let entries = std::fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().path());
        let mut copies: Vec<_> =
            entries.filter(|path| path.to_str().unwrap().contains("hours.db.before-m0004")).collect();
        copies.sort();
        copies
    };
    assert_eq!(copies().len(), 0, "there was nothing to lose");
    for round in 1..=5 {
        let db = sea_orm::Database::connect(&url).await.unwrap();
        db.execute_unprepared(WITHOUT_A_STEP).await.unwrap();
        db.close().await.unwrap();
        printed(&url, &["migrate"]);
        assert_eq!(copies().len(), round.min(3));
    }
    for copy in copies() {
        assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!service::maintenance::is_empty(&format!("sqlite://{}", copy.display())).await.unwrap());
    }
    serve(&url).terminate();
    assert_eq!(copies().len(), 3, "nothing is copied where nothing is migrated");
}
