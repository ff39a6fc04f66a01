//! The pages in a real browser: a person opens them, enters a token, and works.

use std::path::Path;
use std::process::Command;

use tests::{Kind, PrivateDatabase};

use crate::running::Running;

/// The guides are searched and read on a phone; Scalar shows the operations and sends real requests with a token, also from a
/// phone; GraphiQL completes a field, runs its examples, gives stopped subscriptions up, and shares links; no console error, no
/// request to another host. Screenshots are left in `tests/artefacts/`.
#[tokio::test]
async fn the_pages_work_in_a_browser() {
    let database = PrivateDatabase::empty(Kind::Sqlite).await;
    let mut server = Running::start(&database.url, &["--demo"]);
    let shown = server.read_until("api-docs");
    let owner = shown.lines().find(|line| line.contains("agency, Owner (write)")).unwrap();
    let token = owner.split_whitespace().last().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artefacts");
    let tools = std::env::var("HOURSMITH_TEST_NODE").expect("tests need their tools: run `make test`");
    let output = Command::new("node")
        .arg(Path::new(&tools).join("pages.mjs"))
        .args([&format!("http://{}", server.address), token])
        .arg(&folder)
        .output()
        .unwrap();
    let reported = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{reported}");
    assert!(reported.matches("ok  ").count() >= 40, "{reported}");
    for name in ["home", "guides", "guides-phone", "api-docs", "api-docs-phone", "graphiql", "graphiql-phone"] {
        assert!(folder.join(format!("{name}.png")).metadata().unwrap().len() > 10_000, "{name}");
    }
}
