//! The documentation does not drift: generated pages are current, and every path, link and code name in it exists.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::{files, pages, read, root};

/// The text of a page without its code blocks.
fn prose(page: &str) -> String {
    page.split("\n```").step_by(2).collect()
}

/// What stands in backticks in the prose of a page.
fn quoted(page: &str) -> Vec<String> {
    prose(page).split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_page_of_files_is_current() {
    let output = Command::new(root().join("docs/list-files")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let committed = read("docs/files.md");
    let current = String::from_utf8(output.stdout).unwrap();
    assert!(committed == current, "docs/files.md is not current: run `make files` (or `make accept`)");
}

#[test]
fn the_architecture_page_stays_short() {
    let lines = read("docs/architecture.md").lines().count();
    assert!(lines <= 150, "docs/architecture.md has {lines} lines; at most 150");
}

/// Every decision follows the template, and the index lists it under its own title.
#[test]
fn every_decision_is_in_the_index() {
    let index = read("docs/decisions/README.md");
    let decisions: Vec<_> = files("docs/decisions")
        .into_iter()
        .filter(|path| Path::new(path).file_name().unwrap().to_str().unwrap().starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    assert!(decisions.len() > 20, "the walk found too little: {decisions:?}");
    let mut numbers = BTreeSet::new();
    for path in &decisions {
        let text = read(path);
        let name = path.rsplit('/').next().unwrap();
        let (number, _) = name.split_once('-').unwrap();
        assert!(numbers.insert(number.to_owned()), "two decisions have the number {number}");
        let title = text.lines().next().unwrap().strip_prefix(&format!("# {number}: "));
        let title = title.unwrap_or_else(|| panic!("{path} does not begin with `# {number}: <title>`"));
        for heading in ["## Context", "## Decision", "## Consequences"] {
            assert!(text.lines().any(|line| line == heading), "{path} has no `{heading}`");
        }
        let line = format!("- [{number}]({name}): {title}");
        assert!(index.lines().any(|known| known == line), "docs/decisions/README.md lacks the line\n{line}");
    }
    assert_eq!(
        index.lines().filter(|line| line.starts_with("- [0")).count(),
        decisions.len(),
        "a line has no decision"
    );
}

/// A path in backticks leads to a file or folder: from the root, or, without a folder, anywhere by its name.
#[test]
fn every_path_in_the_docs_exists() {
    let folders = ["api/", "entity/", "migration/", "schema/", "service/", "tests/", "docs/", "packaging/", ".ci/"];
    let endings = [".rs", ".md", ".toml", ".sql", ".lua", ".mjs", ".ts", ".graphql"];
    let all = folders.iter().flat_map(|folder| files(folder));
    let names: BTreeSet<String> = all.map(|path| path.rsplit('/').next().unwrap().to_owned()).collect();
    let mut lost = Vec::new();
    for (page, text) in pages() {
        for path in quoted(&text) {
            let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
            if path.is_empty() || !path.chars().all(plain) {
                continue;
            }
            let exists = if folders.iter().any(|folder| path.starts_with(folder)) {
                root().join(&path).exists() || path.starts_with("tests/artefacts")
            } else if !path.contains('/')
                && endings.iter().any(|ending| path.len() > ending.len() && path.ends_with(ending))
            {
                names.contains(&path) || root().join(&path).exists()
            } else {
                continue;
            };
            if !exists {
                lost.push(format!("{page}: `{path}`"));
            }
        }
    }
    assert!(lost.is_empty(), "these paths do not exist:\n{}", lost.join("\n"));
}

/// A relative link leads to a file, and its anchor to a heading.
#[test]
fn every_link_in_the_docs_leads_somewhere() {
    let anchor = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>()
    };
    let mut lost = Vec::new();
    for (page, text) in pages() {
        let prose = prose(&text);
        let links = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if path.is_empty() { root().join(&page) } else { root().join(&page).parent().unwrap().join(path) };
            let found = target.exists()
                && (heading.is_empty()
                    || std::fs::read_to_string(&target)
                        .is_ok_and(|text| prose_headings(&text).any(|known| anchor(known) == heading)));
            if !found {
                lost.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(lost.is_empty(), "these links lead nowhere:\n{}", lost.join("\n"));
}

fn prose_headings(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| line.starts_with('#'))
}

/// A Rust name in backticks (`Cx::write`) is a word of the code.
#[test]
fn every_code_name_in_the_docs_exists() {
    let mut words = BTreeSet::new();
    for folder in ["api", "entity", "migration", "schema", "service", "tests"] {
        for path in files(folder).iter().filter(|path| path.ends_with(".rs")) {
            let text = read(path);
            let names = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            words.extend(names.map(str::to_owned));
        }
    }
    let mut lost = Vec::new();
    for (page, text) in pages() {
        for name in quoted(&text).into_iter().filter(|name| name.contains("::")) {
            let parts = name.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            for part in parts.filter(|part| !part.is_empty() && !words.contains(*part)) {
                lost.push(format!("{page}: `{name}` ({part})"));
            }
        }
    }
    assert!(lost.is_empty(), "these names are not in the code:\n{}", lost.join("\n"));
}
