//! The operator's commands beside the server: where settings come from, health, lists, what a workspace shows.

use serde_json::json;
use tests::{Kind, PrivateDatabase};

use crate::running::{Running, command, json};

fn line(command: &mut std::process::Command, code: i32) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

async fn database(kind: Kind) -> PrivateDatabase {
    PrivateDatabase::new(kind).await
}

/// A misspelt setting is refused with the nearest name, in the environment and in the file.
#[tokio::test]
async fn a_misspelt_setting_is_refused() {
    let database = database(Kind::Sqlite).await;
    let url = &database.url;
    let text = line(command(url, &["workspace", "list"]).env("HOURSMITH_LISTN", "1"), 2);
    assert!(text.contains("did you mean HOURSMITH_LISTEN?") && text.lines().count() == 1, "{text}");
    let file = std::env::temp_dir().join(format!("hoursmith-settings-{}.toml", std::process::id()));
    std::fs::write(&file, "databse_url = \"sqlite://x.db\"").unwrap();
    let text = line(command(url, &["workspace", "list"]).env("HOURSMITH_CONFIG", &file), 2);
    assert!(text.contains("did you mean database_url?"), "{text}");
    std::fs::write(&file, "listen = 7 7").unwrap();
    assert!(line(command(url, &["workspace", "list"]).env("HOURSMITH_CONFIG", &file), 2).contains("not TOML"));
    std::fs::remove_file(&file).unwrap();
    let missing = line(command(url, &["workspace", "list"]).env("HOURSMITH_CONFIG", &file), 2);
    assert!(missing.contains("cannot read"), "{missing}");
}

/// A flag counts before the environment, and the environment before the file.
#[tokio::test]
async fn flags_count_before_the_environment_and_the_file() {
    let database = database(Kind::Sqlite).await;
    let file = std::env::temp_dir().join(format!("hoursmith-order-{}.toml", std::process::id()));
    std::fs::write(
        &file,
        format!("database_url = \"{}\"\nlog = \"nonsense=\"\nlisten = \"127.0.0.1:0\"", database.url),
    )
    .unwrap();
    let mut from_file = command(&database.url, &["workspace", "list", "--json"]);
    from_file.env_remove("HOURSMITH_DATABASE_URL").env("HOURSMITH_CONFIG", &file);
    let output = from_file.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "[]", "{}", String::from_utf8_lossy(&output.stderr));
    let mut by_flag =
        command("sqlite://nowhere/at/all.db", &["workspace", "list", "--json", "--database-url", &database.url]);
    assert_eq!(String::from_utf8_lossy(&by_flag.output().unwrap().stdout).trim(), "[]");
    std::fs::remove_file(&file).unwrap();
}

/// A server that is ready is healthy; one that is not there is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_asks_the_server() {
    let database = database(Kind::Sqlite).await;
    let running = Running::start(&database.url, &[]);
    let url = format!("http://{}", running.address);
    let output = command(&database.url, &["health", "--url", &url]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(running.terminate().0, Some(0));
    assert!(line(&mut command(&database.url, &["health", "--url", &url]), 1).starts_with("hoursmith: "));
}

/// What a workspace shows is changed field by field, and an empty text clears a field; members and invoices are listed.
async fn a_workspace_is_changed_and_listed(kind: Kind) {
    let database = database(kind).await;
    let url = &database.url;
    let create = ["workspace", "create", "--name", "Acme", "--plan", "studio", "--owner-email", "ann@acme.example"];
    let workspace = json(url, &[&create[..], &["--owner-name", "Ann"]].concat());
    let id = workspace["id"].as_str().unwrap();
    let set =
        ["workspace", "set", "--workspace", id, "--legal-name", "Acme GmbH", "--tax-id", "DE1", "--currency", "CHF"];
    let changed = json(url, &set);
    assert_eq!((&changed["legalName"], &changed["taxId"]), (&json!("Acme GmbH"), &json!("DE1")));
    assert_eq!((&changed["defaultCurrency"], &changed["name"]), (&json!("CHF"), &json!("Acme")));
    let cleared = json(url, &["workspace", "set", "--workspace", id, "--tax-id", "", "--invoice-prefix", "A-"]);
    assert_eq!((&cleared["taxId"], &cleared["invoicePrefix"]), (&json!(null), &json!("A-")));
    let members = json(url, &["member", "list", "--workspace", id]);
    assert_eq!((members.as_array().unwrap().len(), &members[0]["role"]), (1, &json!("OWNER")));
    assert_eq!(json(url, &["invoice", "list", "--workspace", id]), json!([]));
    let unknown = line(&mut command(url, &["invoice", "show", "--invoice", id]), 1);
    assert!(unknown.starts_with("hoursmith: ") && unknown.contains("invoice"), "{unknown}");
}

#[tokio::test]
async fn a_workspace_is_changed_and_listed_on_sqlite() {
    a_workspace_is_changed_and_listed(Kind::Sqlite).await;
}

#[tokio::test]
async fn a_workspace_is_changed_and_listed_on_postgres() {
    a_workspace_is_changed_and_listed(Kind::Postgres).await;
}

/// The program alone says what to do first; a near miss of a command is proposed; scripts and the manual page are printed.
#[tokio::test]
async fn the_program_explains_itself() {
    let url = "sqlite://unused.db";
    assert!(line(&mut command(url, &[]), 2).contains("First steps:"));
    let near = line(&mut command(url, &["workspce", "list"]), 2);
    assert!(near.contains("workspace") && near.lines().count() == 1, "{near}");
    for arguments in [&["completions", "bash"][..], &["man"]] {
        let output = command(url, arguments).output().unwrap();
        assert!(output.status.success() && output.stdout.len() > 1_000, "{arguments:?}");
    }
}
