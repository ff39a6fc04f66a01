//! The pages in a real browser: link, passkey and token; and the whole story by mouse, by keyboard alone and without script.

use std::path::Path;
use std::process::Command;

use serde_json::json as body;
use tests::{Kind, PrivateDatabase};

use crate::running::{Running, json};

/// A link signs in, a passkey is added and signs in, a token is made, works and is revoked; every page fits a narrow screen.
/// Screenshots are left in `tests/artefacts/`.
#[tokio::test]
async fn the_settings_pages_work_in_a_browser() {
    let database = PrivateDatabase::empty(Kind::Sqlite).await;
    let owner = ["--plan", "agency", "--owner-email", "ada@example.com", "--owner-name", "Ada"];
    let workspace = json(&database.url, &[&["workspace", "create", "--name", "Hazel"], &owner[..]].concat());
    let server = Running::start(&database.url, &["--log", "warn"]);
    let base = format!("http://localhost:{}", server.address.rsplit(':').next().unwrap());
    let link = || {
        let id = workspace["id"].as_str().unwrap();
        let made = json(
            &database.url,
            &["login-link", "--workspace", id, "--member", "Ada@Example.com", "--public-url", &base],
        );
        assert!(made["expiresAt"].as_str().unwrap().ends_with('Z'), "{made}");
        made["url"].as_str().unwrap().to_owned()
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artefacts");
    let tools = std::env::var("HOURSMITH_TEST_NODE").expect("tests need their tools: run `make test`");
    let output = Command::new("node")
        .arg(Path::new(&tools).join("settings.mjs"))
        .args([&base, &link(), &link()])
        .arg(&folder)
        .output()
        .unwrap();
    let reported = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{reported}");
    assert!(reported.matches("ok  ").count() >= 50, "{reported}");
}

/// A webhook is made, fails, is mended and replayed; a person is added; a role is lowered while its owner is signed in; an
/// invoice is made, sent and paid; another replica knows the session.
async fn story(kind: Kind) {
    let database = PrivateDatabase::empty(kind).await;
    // Nobody reads its log.
    let allow = ["--webhook-allow", "127.0.0.0/8", "--log", "warn"];
    let server = Running::start(&database.url, &allow);
    // An embedded database has one server.
    let replica = matches!(kind, Kind::Postgres).then(|| Running::start(&database.url, &allow));
    let at = |server: &Running| format!("http://localhost:{}", server.address.rsplit(':').next().unwrap());
    let (base, other) = (at(&server), at(replica.as_ref().unwrap_or(&server)));
    let tools = std::env::var("HOURSMITH_TEST_NODE").expect("tests need their tools: run `make test`");
    for how in ["mouse", "keyboard", "noscript"] {
        let (ada, bea) = (format!("ada@{how}.example"), format!("bea@{how}.example"));
        let owner = ["--plan", "agency", "--owner-email", &ada, "--owner-name", "Ada"];
        let made = json(&database.url, &[&["workspace", "create", "--name", how], &owner[..]].concat());
        let id = made["id"].as_str().unwrap();
        json(
            &database.url,
            &["member", "add", "--workspace", id, "--email", &bea, "--name", "Bea", "--role", "MANAGER"],
        );
        let mint = ["token", "create", "--workspace", id, "--member", &ada, "--name", "t", "--scope", "write"];
        let token = json(&database.url, &mint)["token"].as_str().unwrap().to_owned();
        let client = server.send("POST", "/api/v1/clients", &token, &body!({ "name": format!("Client by {how}") }));
        let fee = body!({
            "clientId": client["data"]["id"], "name": format!("Site by {how}"), "rateType": "FIXED", "fixedFeeAmount": "1200.00",
        });
        let project = server.send("POST", "/api/v1/projects", &token, &fee);
        assert!(project["data"]["id"].is_string(), "{project}");
        let link = |email: &str| {
            let arguments = ["login-link", "--workspace", id, "--member", email, "--public-url", &base];
            json(&database.url, &arguments)["url"].as_str().unwrap().to_owned()
        };
        let output = Command::new("node")
            .arg(Path::new(&tools).join("story.mjs"))
            .args([how, &base, &other, &link(&ada), &link(&bea)])
            .output()
            .unwrap();
        let reported = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{reported}");
        assert!(reported.matches("ok  ").count() >= 12, "{reported}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_story_is_done_on_sqlite() {
    story(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_story_is_done_on_postgres() {
    story(Kind::Postgres).await;
}
