//! Generated clients, without a change by hand, do a day's work against a real server.

use std::process::Command;

use serde_json::{Value, json};
use tests::Kind;

use super::generated::{sample_of_sdks, with_server};
use super::{Live, root, run, tool};

/// What the day's programs print when all went well.
fn assert_done(printed: &str) {
    let last = printed.lines().rfind(|line| line.starts_with('{')).unwrap_or(printed);
    let printed: Value = serde_json::from_str(last).unwrap_or_else(|e| panic!("{e}: {printed}"));
    assert_eq!(printed, json!({ "client": "Globex", "entries": 5 }));
}

pub(super) fn day_with(live: &Live, program: &mut Command) {
    assert_done(&run(program.env("HOURSMITH_URL", live.url()).env("HOURSMITH_API_TOKEN", &live.token)));
}

/// The types of openapi-typescript compile, as strictly as the compiler can, with a program that uses them.
async fn typescript(kind: Kind) {
    let live = Live::start(kind).await;
    let node = tool("HOURSMITH_TEST_NODE");
    let bin = node.join("node_modules/.bin");
    // Beside its packages, which is where the compiler looks for them.
    let folder = node.join(format!("day-{kind:?}"));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(root().join("tests/conformance/day.ts"), folder.join("day.ts")).unwrap();
    run(Command::new(bin.join("openapi-typescript"))
        .arg(root().join("api/openapi.json"))
        .arg("-o")
        .arg(folder.join("api.d.ts")));
    // The sample of docs/sdks.md too, with the environment that it reads.
    let environment =
        "declare namespace NodeJS { interface ProcessEnv { HOURSMITH_URL: string; HOURSMITH_API_TOKEN: string } }\n";
    std::fs::write(folder.join("environment.d.ts"), environment).unwrap();
    std::fs::copy(folder.join("api.d.ts"), folder.join("hoursmith-types.d.ts")).unwrap();
    std::fs::write(folder.join("sample.ts"), sample_of_sdks("With openapi-fetch", "ts")).unwrap();
    run(Command::new(bin.join("tsc"))
        .args(["--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--noImplicitOverride"])
        .args(["--noPropertyAccessFromIndexSignature", "--module", "nodenext", "--target", "es2022"])
        .args(["--lib", "es2022,dom,dom.iterable", "--outDir", "out", "day.ts", "sample.ts", "environment.d.ts"])
        .current_dir(&folder));
    day_with(&live, Command::new("node").arg(folder.join("out/day.js")));
    with_server(&live, Command::new("node").arg(folder.join("out/sample.js")));
}

#[tokio::test]
async fn the_typescript_client_works_on_sqlite() {
    typescript(Kind::Sqlite).await;
}

#[tokio::test]
async fn the_typescript_client_works_on_postgres() {
    typescript(Kind::Postgres).await;
}

/// progenitor's client, made of the 3.0 document when `tests/sdk` was built, does the same from Rust.
async fn rust(kind: Kind) {
    let live = Live::start(kind).await;
    let program = root().join("target/sdk/debug/sdk");
    assert!(program.exists(), "the generated client is not built: run `make test`");
    day_with(&live, &mut Command::new(program));
}

#[tokio::test]
async fn the_rust_client_works_on_sqlite() {
    rust(Kind::Sqlite).await;
}

#[tokio::test]
async fn the_rust_client_works_on_postgres() {
    rust(Kind::Postgres).await;
}
