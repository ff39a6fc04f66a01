//! Retired words: private terms that were replaced by the standard ones, and that must not come back.

use crate::{files, read};

/// Words that are refused wherever they stand by themselves, in names too (`is_told`, `IsTold`), with what to say.
const WORDS: [(&str, &str); 15] = [
    ("told", "reported, returned, or the noun `message`"),
    ("tell", "report, return, describe, distinguish"),
    ("tells", "reports, returns, describes, distinguishes"),
    ("whoever", "name the person: the caller, a client, an operator"),
    ("twin", "concurrent duplicate"),
    ("twins", "concurrent duplicates"),
    ("patience", "timeout"),
    ("judges", "linters, validators"),
    ("courier", "forwarder"),
    ("house", "name the thing: the schema, the code base"),
    ("rooms", "folders, modules"),
    ("wall", "limit, border"),
    ("heard", "received"),
    ("deed", "operation"),
    ("deeds", "operations"),
];

/// Turns of phrase that are refused in prose.
const PHRASES: [(&str, &str); 9] = [
    ("unless said", "by default"),
    ("in the way", "conflicts with, blocks"),
    ("for now and for good", "permanently"),
    ("for good.", "permanently"),
    ("for good;", "permanently"),
    ("goes away", "disconnects, becomes unreachable"),
    ("gone away", "disconnected, unreachable"),
    ("as it is told", "as configured"),
    ("one timer a person", "one timer per person"),
];

/// Names that cannot change any more: this one is stored in every database that was migrated.
const STORED: [&str; 1] = ["0001_house"];

/// The words of a line, in lower case; `snake_case` and `CamelCase` are taken apart.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut last = ' ';
    for c in line.chars() {
        if !c.is_alphabetic() || (c.is_uppercase() && last.is_lowercase()) {
            words.push(String::new());
        }
        if c.is_alphabetic() {
            words.last_mut().unwrap().extend(c.to_lowercase());
        }
        last = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What is wrong with a text, one line each.
fn retired(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = STORED.iter().fold(line.to_owned(), |line, name| line.replace(name, ""));
        let known = words(&line);
        for (word, instead) in WORDS {
            if known.iter().any(|known| known == word) {
                found.push(format!("{path}:{}: `{word}` → {instead}", number + 1));
            }
        }
        let lower = line.to_lowercase();
        for (phrase, instead) in PHRASES {
            if lower.contains(phrase) {
                found.push(format!("{path}:{}: `{phrase}` → {instead}", number + 1));
            }
        }
    }
    found
}

#[test]
fn no_retired_word_comes_back() {
    let endings =
        [".rs", ".md", ".toml", ".sql", ".lua", ".json", ".graphql", ".mjs", ".ts", ".yaml", ".yml", ".txt", ".html"];
    let mut all: Vec<String> = ["api", "docs", "entity", "migration", "schema", "service", "tests", "packaging", ".ci"]
        .into_iter()
        .flat_map(files)
        .filter(|path| endings.iter().any(|ending| path.ends_with(ending)))
        .collect();
    all.extend(["Makefile", "tests/run", ".ci/run", ".ci/tools", "docs/list-files"].map(String::from));
    all.extend(files("").into_iter().filter(|path| !path.contains('/') && path.ends_with(".md")));
    assert!(all.contains(&"api/openapi.json".to_owned()) && all.contains(&"schema/schema.graphql".to_owned()));
    let not_ours = ["tests/prose/src/words.rs", "package-lock.json"];
    let mut found = Vec::new();
    for path in all.iter().filter(|path| !not_ours.iter().any(|skipped| path.ends_with(skipped))) {
        found.extend(retired(path, path));
        found.extend(retired(path, &read(path)));
    }
    assert!(found.is_empty(), "{} retired words:\n{}", found.len(), found.join("\n"));
}

#[test]
fn a_retired_word_is_found_in_prose_and_in_names() {
    for bad in ["it is told", "fn is_told()", "let isTold = 1", "Told.", "what stands in the way", "EUR unless said"] {
        assert_eq!(retired("x.rs", bad).len(), 1, "{bad}");
    }
    assert_eq!(retired("x.rs", "twofold stolen wallet roomy household"), Vec::<String>::new());
}
