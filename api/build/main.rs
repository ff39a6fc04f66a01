//! Renders the guides of `docs/` into the pages at `/docs`, when the program is built.
//!
//! `docs/README.md` decides what is published: every guide that it links to above its section for developers, in that
//! order, with the pictures of `docs/pictures/`. The server embeds what is written here; nothing is rendered while it runs.
#![expect(clippy::print_stdout, reason = "a build script speaks to Cargo on its standard output")]

mod guide;
mod markdown;
mod page;
mod search;

use std::path::{Path, PathBuf};
use std::{env, fs};

use guide::{Guide, Index, for_programs, published};

/// The folder of the pictures, below `docs/` and below `/docs`.
const PICTURES: &str = "pictures";
/// The folder of the GraphQL documents, below `docs/` and below `/docs`.
const SCREENS: &str = "graphql-screens";

fn main() {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let docs = root.join("../docs");
    let out = PathBuf::from(variable("OUT_DIR"));
    println!("cargo::rerun-if-changed=build");
    let index = Index::parse(&text(&docs, "README.md"));
    let names = index.names();
    let guide =
        |(name, _): &(String, String)| Guide::parse(name, published(&text(&docs, &format!("{name}.md"))), &names);
    let guides: Vec<Guide> = names.iter().map(guide).collect();

    let mut table = String::from("&[\n");
    for name in files(&docs, PICTURES, ".webp") {
        let file = docs.join(PICTURES).join(&name);
        table.push_str(&format!("    (\"/{PICTURES}/{name}\", \"image/webp\", include_bytes!({file:?})),\n"));
    }
    let mut page = |path: &str, kind: &str, content: String| {
        let file = format!("docs-{}", path.trim_start_matches('/').replace('/', "-"));
        write(&out, &file, &content);
        let embedded = format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{file}\"))");
        table.push_str(&format!("    (\"{path}\", \"{kind}\", {embedded}),\n"));
    };
    let html = "text/html; charset=utf-8";
    page("/", html, page::index(&index, &guides));
    page("/all-topics", html, page::topics(&index, &guides));
    for guide in &guides {
        page(&format!("/{}", guide.name), html, page::guide(&index, &guides, guide));
        page(
            &format!("/{}.md", guide.name),
            "text/markdown; charset=utf-8",
            for_programs(published(&text(&docs, &format!("{}.md", guide.name))), &names),
        );
    }
    for name in files(&docs, SCREENS, ".graphql") {
        page(&format!("/{SCREENS}/{name}"), "text/plain; charset=utf-8", text(&docs, &format!("{SCREENS}/{name}")));
    }
    page("/search.json", "application/json", search::index(&guides));
    table.push(']');
    write(&out, "docs.rs", &table);
    write(&out, "docs-not-found", &page::not_found(&index, &guides));
    write(&out, "docs-llms.txt", &page::llms(&index));
}

/// The names of the files of a folder below `docs/` that have this ending, in order.
fn files(docs: &Path, folder: &str, ending: &str) -> Vec<String> {
    let folder = docs.join(folder);
    println!("cargo::rerun-if-changed={}", folder.display());
    let files = fs::read_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(ending)).collect();
    names.sort();
    names
}

/// A page of the documentation. A change of it renders everything anew.
fn text(docs: &Path, name: &str) -> String {
    let path = docs.join(name);
    println!("cargo::rerun-if-changed={}", path.display());
    fs::read_to_string(&path)
        .unwrap_or_else(|why| panic!("{}, a guide that docs/README.md lists: {why}", path.display()))
}

fn write(folder: &Path, name: &str, content: &str) {
    let path = folder.join(name);
    fs::write(&path, content).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|why| panic!("{name}, which Cargo sets: {why}"))
}
