//! Checks of the documentation and of the words in the code. They read files only, so they run without a database and
//! without building the server: `cargo test -p prose`.
#![cfg(test)]

mod docs;
mod words;

use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Every file below a folder, relative to the root, without what builds and tools leave behind.
fn files(folder: &str) -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        let skipped = ["target", "node_modules", "artefacts", "dist", ".git"];
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                if !skipped.contains(&entry.file_name().to_str().unwrap()) {
                    walk(&path, found);
                }
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    let mut found: Vec<_> = found.iter().map(|path| path.strip_prefix(root()).unwrap().display().to_string()).collect();
    found.sort();
    found
}

/// The pages that people read: `docs/` and the Markdown files at the root.
fn pages() -> Vec<(String, String)> {
    let at_root = std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let pages = at_root.chain(files("docs")).filter(|path| path.ends_with(".md"));
    pages.map(|path| (path.clone(), read(&path))).collect()
}

/// The text of a file.
fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}
