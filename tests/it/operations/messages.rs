//! Settings that could never work are refused in one line that says what would, before anything is made.

use super::{Folder, exists, keyless, printed, refused, serve};
use crate::running::{Running, command};

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
        ("--log", "loud", "info,hoursmith=debug"),
        ("--log", "=", "info,hoursmith=debug"),
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

/// A link into the settings pages leads to where the server is, which the command is not given.
#[tokio::test]
async fn a_login_link_leads_to_the_running_server() {
    let folder = Folder::new();
    let url = folder.url();
    let create = ["workspace", "create", "--name", "Acme", "--plan", "free", "--owner-email", "ann@acme.example"];
    let made = printed(&url, &[&create[..], &["--owner-name", "Ann"]].concat());
    let id = made["id"].as_str().unwrap();
    let link = |more: &[&str]| {
        let ask = ["login-link", "--workspace", id, "--member", "ann@acme.example"];
        printed(&url, &[&ask[..], more].concat())["url"].as_str().unwrap().to_owned()
    };
    assert!(link(&[]).starts_with("http://127.0.0.1:8080/settings/"), "no server is known");
    assert!(link(&["--listen", "0.0.0.0:9000"]).starts_with("http://127.0.0.1:9000/settings/"));
    let server = serve(&url);
    assert!(link(&[]).starts_with(&format!("http://{}/settings/sign-in/link?code=", server.address)));
    assert!(link(&["--public-url", "https://hours.example/"]).starts_with("https://hours.example/settings/"));
    server.terminate();
    assert!(link(&[]).starts_with("http://127.0.0.1:8080/settings/"), "a server that has ended is not linked to");
    let public = ["serve", "--listen", "127.0.0.1:0", "--public-url", "https://hours.example"];
    let server = Running::spawn(keyless(&url, &public), std::process::Stdio::piped());
    assert!(link(&[]).starts_with("https://hours.example/settings/"));
    server.terminate();
}

/// The help of a command lists what matters to it: who only calls a server is not asked for a database.
#[test]
fn the_help_of_a_command_without_a_database_lists_none() {
    let help = |arguments: &[&str]| {
        let output = command("sqlite://x.db", &[arguments, &["--help"]].concat()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for of_client in [&["webhook", "listen"][..], &["webhook", "trigger"], &["mcp"], &["openapi"], &["health"]] {
        let help = help(of_client);
        assert!(!help.contains("--database") && help.contains("--json"), "{of_client:?}: {help}");
    }
    for of_operator in [&["serve"][..], &["token", "create"], &["login-link"], &["doctor"]] {
        assert!(help(of_operator).contains("--database-url"), "{of_operator:?}");
    }
    // Hidden is not refused.
    let output = command("sqlite://x.db", &["sdl", "--database-url", "sqlite://y.db"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
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
