//! Settings that could never work are refused in one line that says what would, before anything is made.

use super::{Folder, exists, keyless, refused, serve};
use crate::cli::{Running, command};

#[tokio::test]
async fn settings_that_could_never_work_are_refused() {
    let folder = Folder::new();
    let url = folder.url();
    for (flag, value, named) in [
        ("--cors-origins", "*", "wildcard"),
        ("--cors-origins", "app.example", "https://app.example"),
        ("--cors-origins", "https://app.example/path", "path"),
        ("--public-url", "api.example.com", "https://hours.example"),
        ("--trusted-proxies", "proxy", "10.0.0.0/8"),
        ("--log", "loud", "info,service=debug"),
        ("--log", "=", "info,service=debug"),
        ("--listen", "9000", "127.0.0.1:9000"),
        ("--listen", ":9000", "127.0.0.1:9000"),
    ] {
        let mut command = keyless(&url, &["serve", flag, value]);
        command.env("HOURSMITH_LISTEN", "127.0.0.1:0");
        let why = refused(command);
        assert!(why.contains(named), "{flag} {value}: {why}");
    }
    for name in ["hours.db", "hours.db.lock", "hours.db.key"] {
        assert!(!exists(&folder.path(name)), "{name} was made");
    }
    let empty = refused(keyless("", &["serve", "--listen", "127.0.0.1:0"]));
    assert_eq!(empty, "hoursmith: HOURSMITH_DATABASE_URL must begin with sqlite:// or postgres://");
}

#[tokio::test]
async fn what_can_be_understood_is_understood() {
    let folder = Folder::new();
    let url = format!("sqlite://{}", folder.path("hours.db").display());
    let flags = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--trusted-proxies",
        "127.0.0.1,::1",
        "--cors-origins",
        "https://App.example/",
    ];
    let mut command = keyless(&url, &flags);
    // As a compose file passes variables that are not set.
    command.env("HOURSMITH_WORKER", "").env("HOURSMITH_LOG_FORMAT", "").env("HOURSMITH_RETENTION_DAYS", "");
    let server = Running::spawn(command, std::process::Stdio::piped());
    let client = reqwest::Client::new();
    let asked = client.get(format!("http://{}/healthz", server.address)).header("origin", "https://app.example").send();
    assert_eq!(asked.await.unwrap().headers()["access-control-allow-origin"], "https://app.example");
    let (code, reported) = server.terminate();
    assert!(
        code == Some(0) && reported.contains("workspace create"),
        "the first start says what to do first: {reported}"
    );
    assert!(!reported.contains("WARN") && !reported.contains("already exists"), "nothing to worry about: {reported}");
    serve(&url).terminate();
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    let folder = Folder::new();
    let line = |arguments: &[&str]| {
        let output = command(&folder.url(), arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let create =
        ["workspace", "create", "--name", "A", "--plan", "free", "--owner-name", "A", "--owner-email", "notanemail"];
    assert!(line(&create).contains("ann@acme.example"));
    for wrong in ["127.0.0.1:4000", "ftp://x", "http://"] {
        let listen = ["webhook", "listen", "--token", "x", "--forward-to", wrong];
        assert!(line(&listen).contains("http://127.0.0.1:4000/hooks"), "{wrong}");
    }
}

/// A database of PostgreSQL in another encoding would lose what people write.
#[tokio::test]
async fn another_encoding_is_refused() {
    use sea_orm::{ConnectionTrait, Database};
    let server = std::env::var("HOURSMITH_TEST_POSTGRES").unwrap();
    let name = format!("latin_{}", std::process::id());
    let db = Database::connect(format!("{server}/postgres")).await.unwrap();
    let create = format!("CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
    db.execute_unprepared(&create).await.unwrap();
    let why = refused(command(&format!("{server}/{name}"), &["migrate"]));
    assert!(why.contains("SQL_ASCII") && why.contains("ENCODING 'UTF8'"), "{why}");
    db.execute_unprepared(&format!("DROP DATABASE {name}")).await.unwrap();
}

/// The program alone shows its commands and what to do first, in lines; settings are in groups.
#[test]
fn the_program_alone_says_what_to_do_first() {
    let shown = |arguments: &[&str]| {
        let output = command("sqlite://unused.db", arguments).output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let (code, alone) = shown(&[]);
    assert_eq!(code, Some(2));
    for line in ["Commands:", "First steps:", "Settings of every command:"] {
        assert!(alone.lines().any(|shown| shown == line), "{line}: {alone}");
    }
    let (_, workspace) = shown(&["workspace"]);
    assert!(workspace.lines().any(|line| line.trim_start().starts_with("create ")), "{workspace}");
    let (code, serve) = shown(&["serve", "--help"]);
    assert_eq!(code, Some(0));
    for group in ["Addresses:", "Limits:", "Webhooks and background work:", "Settings of every command:"] {
        assert!(serve.lines().any(|line| line == group), "{group}: {serve}");
    }
    let (code, misspelt) = shown(&["serv"]);
    assert!(code == Some(2) && misspelt.contains("serve") && misspelt.lines().count() == 1, "{misspelt}");
}
