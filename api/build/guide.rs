//! The guides, and the index that lists them.

use std::collections::HashMap;

use crate::markdown;

/// The section of a page, and of `docs/README.md`, from which on nothing is published: it is about the source.
const INTERNAL: &str = "\n## For developers";

/// The part of a page that is published.
pub fn published(text: &str) -> &str {
    text.split_once(INTERNAL).map_or(text, |(published, _)| published)
}

/// `docs/README.md`: the published guides in groups.
pub struct Index {
    /// The title of the page.
    pub title: String,
    /// What stands above the groups, as HTML.
    pub introduction: String,
    /// The groups, in order.
    pub groups: Vec<Group>,
}

/// A group of guides under one heading.
pub struct Group {
    /// Its heading.
    pub title: String,
    /// Its guides.
    pub entries: Vec<Entry>,
}

/// One line of the index: `- [Title](name.md): what it is about`.
pub struct Entry {
    /// The name of the file without its ending, which is the last part of the page's path.
    pub name: String,
    /// The title by which the guide is listed.
    pub title: String,
    /// What it is about, as Markdown.
    pub about: String,
}

impl Index {
    /// Reads the published part of the index.
    pub fn parse(text: &str) -> Index {
        let mut sections = published(text).split("\n## ");
        let head = sections.next().unwrap_or_default();
        let (title, introduction) = head.split_once('\n').unwrap_or((head, ""));
        let groups: Vec<_> = sections.map(Group::parse).collect();
        let mut index = Index { title: title.trim_start_matches("# ").to_owned(), introduction: String::new(), groups };
        index.introduction = markdown::render(introduction, &index.names()).html;
        index
    }

    /// The names and titles of all guides, in order.
    pub fn names(&self) -> Vec<(String, String)> {
        self.entries().map(|entry| (entry.name.clone(), entry.title.clone())).collect()
    }

    /// All entries, in order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.groups.iter().flat_map(|group| &group.entries)
    }

    /// The entry of a guide, and the ones before and after it.
    pub fn around(&self, name: &str) -> [Option<&Entry>; 3] {
        let entries: Vec<_> = self.entries().collect();
        let at = entries.iter().position(|entry| entry.name == name);
        let get = |at: Option<usize>| at.and_then(|at| entries.get(at).copied());
        [get(at.and_then(|at| at.checked_sub(1))), get(at), get(at.map(|at| at + 1))]
    }
}

impl Group {
    fn parse(section: &str) -> Group {
        let (title, body) = section.split_once('\n').unwrap_or((section, ""));
        // A line may go on, indented, on the next one.
        let entries = body.replace("\n  ", " ");
        let entries = entries.lines().filter_map(|line| line.strip_prefix("- [")).map(Entry::parse).collect();
        Group { title: title.to_owned(), entries }
    }
}

impl Entry {
    fn parse(line: &str) -> Entry {
        let parts = line.split_once("](").and_then(|(title, rest)| Some((title, rest.split_once(".md): ")?)));
        let Some((title, (name, about))) = parts else {
            panic!("docs/README.md: `- [{line}` is not `- [Title](name.md): what it is about`");
        };
        Entry { name: name.to_owned(), title: title.to_owned(), about: about.to_owned() }
    }
}

/// One rendered guide.
pub struct Guide {
    /// The name of its file without the ending.
    pub name: String,
    /// Its own title.
    pub title: String,
    /// Its content.
    pub body: markdown::Rendered,
}

impl Guide {
    /// Renders the text of a guide; `published` are the names and titles of all guides.
    pub fn parse(name: &str, text: &str, published: &[(String, String)]) -> Guide {
        let (title, body) = text.split_once('\n').unwrap_or((text, ""));
        let title = title.strip_prefix("# ").unwrap_or_else(|| panic!("docs/{name}.md does not begin with `# Title`"));
        Guide { name: name.to_owned(), title: title.to_owned(), body: markdown::render(body, published) }
    }
}

/// Anchors as GitHub makes them, so that a link works in the repository and on the server: small letters, hyphens for
/// spaces, no punctuation, and a number where a heading occurs again.
#[derive(Default)]
pub struct Anchors(HashMap<String, usize>);

impl Anchors {
    /// The anchor of the next heading.
    pub fn next(&mut self, heading: &str) -> String {
        let kept = heading.trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let times = self.0.entry(anchor.clone()).or_default();
        *times += 1;
        if *times == 1 { anchor } else { format!("{anchor}-{}", *times - 1) }
    }
}

/// The text of a guide as programs read it at its own address: links to what is not published are words.
pub fn for_programs(text: &str, published: &[(String, String)]) -> String {
    let leads = |target: &str| match target.split('#').next().unwrap_or_default().strip_suffix(".md") {
        Some(name) => target.contains("://") || published.iter().any(|(known, _)| known == name),
        None => true,
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        let Some((target, behind)) = after.split_once(')') else { break };
        match before.rsplit_once('[') {
            Some((above, label)) if !leads(target) => out.extend([above, label]),
            _ => out.extend([before, "](", target, ")"]),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}
