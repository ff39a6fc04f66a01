//! Every block of `docs/workflow.md` runs unchanged against a real server.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tests::{Kind, PrivateDatabase};

use crate::running::{Running, json as made};

/// The code of the one block in this language.
pub(crate) fn block(page: &str, language: &str) -> String {
    let fence = format!("```{language}\n");
    let mut blocks = page.split(fence.as_str()).skip(1);
    let code = blocks.next().unwrap().split("\n```").next().unwrap();
    assert!(blocks.next().is_none(), "one block of {language}");
    code.to_owned()
}

async fn every_block_runs(kind: Kind) {
    let database = PrivateDatabase::empty(kind).await;
    let url = &database.url;
    let workspace = made(
        url,
        &[
            "workspace",
            "create",
            "--name",
            "W",
            "--plan",
            "studio",
            "--owner-email",
            "o@w.example",
            "--owner-name",
            "O",
        ],
    );
    let id = workspace["id"].as_str().unwrap();
    let token = made(
        url,
        &["token", "create", "--workspace", id, "--member", "o@w.example", "--name", "t", "--scope", "write"],
    );
    let server = Running::start(url, &[]);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/workflow.md");
    let page = std::fs::read_to_string(page).unwrap();
    for (language, program, arguments) in [
        ("bash", "bash", vec!["-c"]),
        ("javascript", "node", vec!["--input-type=module", "-e"]),
        ("python", "python3", vec!["-c"]),
    ] {
        let output = Command::new(program)
            .args(arguments)
            .arg(block(&page, language))
            .env("HOURSMITH_URL", format!("http://{}", server.address))
            .env("HOURSMITH_API_TOKEN", token["token"].as_str().unwrap())
            .output()
            .unwrap();
        let reported = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{language}: {reported} {}", String::from_utf8_lossy(&output.stdout));
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        let entries = printed["data"].as_array().unwrap();
        assert_eq!(entries.len(), 2, "{language}: {printed}");
        assert_eq!((&entries[0]["durationSeconds"], &entries[0]["note"]), (&json!(3600), &json!("Wireframes")));
        assert_eq!(entries[1]["note"], "Call");
    }
}

#[tokio::test]
async fn the_workflow_page_runs_on_sqlite() {
    every_block_runs(Kind::Sqlite).await;
}

#[tokio::test]
async fn the_workflow_page_runs_on_postgres() {
    every_block_runs(Kind::Postgres).await;
}
