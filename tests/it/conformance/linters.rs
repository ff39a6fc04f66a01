//! Third-party validators and linters find nothing in either document.

use std::process::Command;

use super::{root, run, tool};

/// The documents as files of this process.
fn files() -> [std::path::PathBuf; 2] {
    let documents = api::rest::openapi::Documents::new(None);
    [("3.1.json", &documents.json), ("3.0.json", &documents.json_3_0)].map(|(name, text)| {
        let file = tests::database::folder().join(name);
        std::fs::write(&file, text).unwrap();
        file
    })
}

/// openapi-spec-validator checks both, strictly by the specification.
#[test]
fn openapi_spec_validator_accepts_both_documents() {
    for file in files() {
        run(Command::new(tool("HOURSMITH_TEST_PYTHON").join("openapi-spec-validator")).arg(&file));
    }
}

/// Spectral with all of its own rules for OpenAPI finds no error and no warning.
#[test]
fn spectral_finds_nothing_in_both_documents() {
    let spectral = tool("HOURSMITH_TEST_NODE").join("node_modules/.bin/spectral");
    let rules = root().join("tests/conformance/spectral.yaml");
    let reported =
        run(Command::new(spectral).args(["lint", "--fail-severity", "hint", "--ruleset"]).arg(rules).args(files()));
    assert!(reported.contains("No results"), "{reported}");
}
