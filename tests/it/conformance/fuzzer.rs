//! Schemathesis sends thousands of requests, good and bad, and finds no answer that the document does not describe.

use std::process::Command;

use tests::Kind;

use super::{Live, root, run, tool};

/// Requests for each operation and phase: what fits into half of five minutes on two cores.
const EXAMPLES: &str = "40";

/// Every check and every phase are on unless something is said about them.
fn fuzz(live: &Live, which: &[&str], operations: usize, phases: &[&str]) {
    let config = root().join("tests/conformance/schemathesis.toml");
    let mut fuzzer = Command::new(tool("HOURSMITH_TEST_PYTHON").join("schemathesis"));
    fuzzer
        .arg("--config-file")
        .arg(config)
        .args(["--no-color", "run", "--seed", "1781164800", "--max-examples", EXAMPLES, "--continue-on-failure"])
        .args(["--generation-database", "none", "--url", &format!("{}/api/v1", live.url())])
        .args(["--header", &format!("Authorization: Bearer {}", live.token)])
        .args(which)
        .arg(format!("{}/api/openapi.json", live.url()))
        .env("PYTHONPATH", root().join("tests/conformance"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .current_dir(tests::database::folder());
    let reported = run(&mut fuzzer);
    assert!(reported.contains(&format!("Tested: {operations}\n")), "not every operation was tried: {reported}");
    for phase in phases {
        assert!(reported.contains(&format!("✅ {phase}")), "{phase} did not run: {reported}");
    }
}

/// The token's own end comes last: after it, everything would be 401.
async fn assert_no_findings(kind: Kind) {
    let live = Live::start(kind).await;
    live.seed();
    let operations = super::operations(&super::document()).len();
    let phases = ["Examples", "Coverage", "Fuzzing", "Stateful"];
    fuzz(&live, &["--exclude-operation-id", "revokeToken"], operations - 1, &phases);
    // Nothing leads on from it, so there is no state to walk through.
    let alone = ["--include-operation-id", "revokeToken", "--phases", "examples,coverage,fuzzing"];
    fuzz(&live, &alone, 1, &phases[..3]);
}

#[tokio::test]
async fn schemathesis_finds_nothing_on_sqlite() {
    assert_no_findings(Kind::Sqlite).await;
}

#[tokio::test]
async fn schemathesis_finds_nothing_on_postgres() {
    assert_no_findings(Kind::Postgres).await;
}
