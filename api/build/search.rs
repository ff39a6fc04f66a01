//! The index that the search of the pages reads: one entry per section.

use serde_json::{Value, json};

use crate::guide::Guide;

/// Of the text of a section, as many characters are searched.
const TEXT: usize = 2_000;

/// The index as JSON: an array of `{title, heading, url, text}`.
pub fn index(guides: &[Guide]) -> String {
    let mut entries = Vec::new();
    for guide in guides {
        for section in &guide.body.sections {
            let anchor = if section.anchor.is_empty() { String::new() } else { format!("#{}", section.anchor) };
            let text: String =
                section.text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(TEXT).collect();
            entries.push(json!({
                "title": guide.title,
                "heading": section.heading,
                "url": format!("/docs/{}{anchor}", guide.name),
                "text": text,
            }));
        }
    }
    Value::Array(entries).to_string()
}
