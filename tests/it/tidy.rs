//! Rules of the repository, enforced by tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use sea_orm::{ConnectionTrait, Statement};
use serde_json::Value;
use tests::{Kind, World};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Rust file of ours.
fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() && name != "target" && name != "node_modules" {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for folder in ["api", "entity", "migration", "schema", "service", "tests"] {
        walk(&root().join(folder), &mut found);
    }
    assert!(found.len() > 60, "the walk found too little: {}", found.len());
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

#[test]
fn crates_depend_on_each_other_in_one_direction_only() {
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--offline"];
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let arrows: BTreeSet<(&str, &str)> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|package| {
            let from = package["name"].as_str().unwrap();
            package["dependencies"].as_array().unwrap().iter().map(move |to| (from, to["name"].as_str().unwrap()))
        })
        .collect();
    let ours = ["api", "entity", "migration", "schema", "service", "tests"];
    let between_ours: BTreeSet<_> = arrows.iter().filter(|(from, to)| *from != "tests" && ours.contains(to)).collect();
    let allowed =
        [("api", "migration"), ("api", "schema"), ("api", "service"), ("schema", "service"), ("service", "entity")];
    assert_eq!(between_ours, allowed.iter().collect());
    let database: Vec<_> = arrows.iter().filter(|(_, to)| *to == "sea-orm").map(|(from, _)| *from).collect();
    assert_eq!(database, ["entity", "service", "tests"], "only these may hold a connection");
}

#[test]
fn every_file_opens_with_a_sentence_and_stays_readable() {
    for path in sources() {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not open with a doc line", shown(&path));
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("///")).count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines; split it", shown(&path));
    }
}

/// Which folders of `service` each folder may import: none that imports it, directly or on a way round.
const ARROWS: [(&str, &[&str]); 14] = [
    ("contract", &[]),
    ("core", &["contract"]),
    ("access", &["contract", "core"]),
    ("limit", &["access", "contract", "core"]),
    ("list", &["access", "contract"]),
    ("idempotency", &["access", "contract", "core"]),
    ("door", &["access", "contract", "core", "idempotency", "limit", "list"]),
    ("outbox", &["contract", "core", "door"]),
    ("nouns", &["access", "contract", "core", "door", "list", "outbox"]),
    ("maintenance", &["access", "core", "limit"]),
    ("live", &["access", "contract", "core", "door", "nouns"]),
    ("webhook", &["access", "contract", "core", "door", "list", "nouns", "outbox"]),
    ("openid", &["contract", "door", "nouns", "webhook"]),
    ("otlp", &["contract", "core", "webhook"]),
];

#[test]
fn folders_of_the_service_import_each_other_in_one_direction_only() {
    let order: Vec<&str> = ARROWS.iter().map(|(folder, _)| *folder).collect();
    for (at, (folder, imports)) in ARROWS.iter().enumerate() {
        let later = imports.iter().find(|import| !order[..at].contains(import));
        assert_eq!(later, None, "{folder} would import a folder that does not stand before it");
    }
    for path in sources() {
        let place = shown(&path);
        let Some((folder, _)) = place.strip_prefix("service/src/").and_then(|place| place.split_once('/')) else {
            continue;
        };
        let (_, allowed) = ARROWS.iter().find(|(known, _)| *known == folder).expect("every folder has its arrows");
        let text = std::fs::read_to_string(&path).unwrap();
        for part in text.split("crate::").skip(1) {
            let name = part.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().unwrap();
            let is_path = part[name.len()..].starts_with("::");
            assert!(!part.starts_with('{'), "{place} imports several folders in one line");
            assert!(!is_path || name == folder || allowed.contains(&name), "{place} may not import {name}");
        }
    }
}

/// Lines of code. Doc comments do not count, so that nobody saves on them.
const LONGEST_FILE: usize = 400;

#[test]
fn nothing_is_left_half_done() {
    let words = ["todo!(", "unimplemented!(", "dbg!(", "FIXME"].map(String::from);
    let ignored = format!("#[{}", "ignore");
    for path in sources().iter().filter(|path| !path.ends_with("tests/it/tidy.rs")) {
        let text = std::fs::read_to_string(path).unwrap();
        for word in words.iter().chain([&ignored]) {
            assert!(!text.contains(word.as_str()), "{} holds {word}", shown(path));
        }
    }
}

#[test]
fn no_request_can_meet_an_unwrap() {
    for path in sources() {
        let place = shown(&path);
        // A build script fails by a panic, and no request meets it.
        if ["tests/", "migration/", "api/build/"].iter().any(|other| place.starts_with(other)) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for word in [".unwrap()", ".expect(", "panic!(", "unreachable!("] {
            assert!(!code.contains(word), "{place} holds {word}");
        }
    }
}

/// Tables that hold a workspace's rows are all in the scope; the others are known by name.
async fn scope_covers_every_table(world: World) {
    let db = world.database.connect().await;
    let sql = match world.database.kind {
        Kind::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        Kind::Postgres => {
            "SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = 'public'"
        }
    };
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    let tables: BTreeSet<String> = rows.iter().map(|row| row.try_get("", "name").unwrap()).collect();
    let without_workspace =
        ["organization", "user_account", "seaql_migrations", "migration_mark", "access_epoch", "spent_challenge"];
    let mut scoped: BTreeSet<String> = service::SCOPED_TABLES.iter().map(|table| (*table).to_owned()).collect();
    scoped.extend(without_workspace.map(String::from));
    assert_eq!(tables, scoped);
    // A transfer to another database takes every table over, or it would lose what is in the others.
    let mut copied: BTreeSet<String> = service::maintenance::tables().map(str::to_owned).collect();
    copied.extend(["seaql_migrations", "migration_mark"].map(String::from));
    assert_eq!(tables, copied, "service/src/maintenance/tables.rs knows every table");
}

tests::on_both! {
    async fn every_table_is_in_the_scope(world: World) {
        scope_covers_every_table(world).await;
    }
}
