//! The story in a real browser: link, passkey, token, and the same without script.

use std::path::Path;
use std::process::Command;

use tests::{Kind, PrivateDatabase};

use crate::running::{Running, json};

/// A link signs in, a passkey is added and signs in, a token is made, works and is revoked; every page fits a narrow screen.
/// Screenshots are left in `tests/artefacts/`.
#[tokio::test]
async fn the_settings_pages_work_in_a_browser() {
    let database = PrivateDatabase::empty(Kind::Sqlite).await;
    let owner = ["--plan", "agency", "--owner-email", "ada@example.com", "--owner-name", "Ada"];
    let workspace = json(&database.url, &[&["workspace", "create", "--name", "Hazel"], &owner[..]].concat());
    let server = Running::start(&database.url, &[]);
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
