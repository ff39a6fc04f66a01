//! A server that may read and write rows, and nothing else: the grants of the guide are enough for everything that it does.

use std::process::Command;

use sea_orm::ConnectionTrait;
use serde_json::json;
use tests::{Kind, PrivateDatabase, Receiver};

use super::refused;
use crate::graphql::third_party_clients::owner_of;
use crate::running::{Running, command, json};

/// The grants of docs/operating.md, for a role of this name and the database at this URL.
fn grants(role: &str, url: &str) -> String {
    let guide = include_str!("../../../docs/operating.md");
    let section = guide.split_once("### A role with the least rights").unwrap().1;
    let sql = section.split_once("```sql\n").unwrap().1.split_once("```").unwrap().0;
    let database = url.rsplit('/').next().unwrap();
    sql.replace("app_of_hoursmith", role).replace("DATABASE hoursmith ", &format!("DATABASE {database} "))
}

/// The same URL with another role.
fn with_role(url: &str, role: &str) -> String {
    url.replacen("://hoursmith@", &format!("://{role}@"), 1)
}

/// A name for a role that no other test has.
fn role_for(url: &str) -> String {
    format!("server_of_{}", url.rsplit('/').next().unwrap())
}

async fn run(database: &PrivateDatabase, sql: &str) {
    let db = database.connect().await;
    db.execute_unprepared(sql).await.unwrap();
    db.close().await.unwrap();
}

/// What curl prints of an answer: its status, and where it leads.
fn curl(arguments: &[&str]) -> String {
    let mut curl = Command::new("curl");
    curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}"]).args(arguments);
    let output = curl.output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// REST, GraphQL, webhooks and the settings pages work with the grants of the guide; nothing can be made or dropped with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_cannot_create_serves_everything() {
    let database = PrivateDatabase::new(Kind::Postgres).await;
    let role = role_for(&database.url);
    run(&database, &grants(&role, &database.url)).await;
    let url = with_role(&database.url, &role);
    let receiver = Receiver::answering(200).await;
    let log = tests::database::folder().join(format!("{role}.log"));
    let mut server =
        Running::start_logged(&url, &["--no-migrate", "--webhook-allow", "127.0.0.0/8", "--log", "warn"], &log);
    let token = owner_of(&url);

    let body = json!({ "url": receiver.url, "events": ["client.created"] });
    let endpoint = server.send("POST", "/api/v1/webhook-endpoints", &token, &body);
    let client = server.send("POST", "/api/v1/clients", &token, &json!({ "name": "Acme" }));
    let id = client["data"]["id"].as_str().unwrap_or_else(|| panic!("{client}"));
    let sent = receiver.wait_for(1).await;
    assert_eq!(sent[0].json()["data"]["client"]["id"], id);
    assert!(endpoint["data"]["secret"].is_string(), "{endpoint}");
    let document = format!(
        "mutation {{ createProject(input: {{ clientId: \"{id}\", name: \"P\" }}) {{ project {{ id name }} }} }}"
    );
    let made = server.graphql(&token, &json!({ "query": document }));
    assert_eq!(made["data"]["createProject"]["project"]["name"], "P", "{made}");
    assert_eq!(server.read("/api/v1/reports/time?groupBy=day", &token)["data"]["rows"], json!([]));

    let workspace = json(&url, &["workspace", "list"])[0]["id"].as_str().unwrap().to_owned();
    let link = json(&url, &["login-link", "--workspace", &workspace, "--member", "o@x.example"]);
    let code = link["url"].as_str().unwrap().rsplit(['=', '/']).next().unwrap().to_owned();
    let (at, jar) = (format!("http://{}", server.address), tests::database::folder().join(format!("{role}.jar")));
    let jar = jar.to_str().unwrap();
    let (form, origin) = (format!("code={code}&key=k"), format!("Origin: {at}"));
    let sign_in = ["-c", jar, "-H", &origin, "-d", &form, &format!("{at}/settings/sign-in/link")];
    assert!(curl(&sign_in).starts_with("303"), "the link signs in");
    assert_eq!(curl(&["-b", jar, &format!("{at}/settings/api")]).trim(), "200");

    let limited = sea_orm::Database::connect(&url).await.unwrap();
    for sql in [
        "CREATE TABLE mine (n INT)",
        "CREATE TEMPORARY TABLE mine (n INT)",
        "CREATE SCHEMA mine",
        "DROP TABLE client",
        "ALTER TABLE client ADD COLUMN mine INT",
        "TRUNCATE client",
        "DELETE FROM seaql_migrations",
        "UPDATE migration_mark SET compatible = false",
    ] {
        let refused = limited.execute_unprepared(sql).await.expect_err(sql).to_string();
        assert!(refused.contains("permission denied") || refused.contains("must be owner"), "{sql}: {refused}");
    }
    limited.close().await.unwrap();
    assert_eq!(server.stop(), Some(0));
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "", "nothing is missing");
}

/// Without its migrations the server says in one line what is missing and who can mend it, and changes nothing.
async fn a_missing_migration_is_named(kind: Kind) {
    let database = PrivateDatabase::empty(kind).await;
    let serve = ["serve", "--listen", "127.0.0.1:0", "--no-migrate"];
    let why = refused(command(&database.url, &serve));
    assert!(why.contains("m0001_") && why.contains("run `hoursmith migrate`"), "{why}");
    let steps = json(&database.url, &["migrate", "--status"]);
    assert!(steps.as_array().unwrap().iter().all(|step| step["applied"] == false), "{steps}");
    json(&database.url, &["migrate"]);
    let mut by_setting = command(&database.url, &serve[..3]);
    by_setting.env("HOURSMITH_NO_MIGRATE", "on");
    let server = Running::spawn(by_setting, std::process::Stdio::piped());
    assert!(server.get("/readyz", "none").contains("200 OK"));
    server.terminate();
    run(&database, "DELETE FROM seaql_migrations WHERE version = 'm0008_event_traceparent'").await;
    let why = refused(command(&database.url, &serve));
    assert!(why.contains("(m0008_event_traceparent)"), "{why}");
}

#[tokio::test]
async fn a_missing_migration_is_named_on_sqlite() {
    a_missing_migration_is_named(Kind::Sqlite).await;
}

#[tokio::test]
async fn a_missing_migration_is_named_on_postgres() {
    a_missing_migration_is_named(Kind::Postgres).await;
}
