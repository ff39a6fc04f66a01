//! The index that the search of the pages reads: one entry per section.

use serde_json::{Value, json};

use crate::guide::Guide;

/// The index as JSON: an array of `{title, heading, url, text}`.
pub fn index(guides: &[Guide]) -> String {
    let mut entries = Vec::new();
    for guide in guides {
        for section in &guide.body.sections {
            let anchor = if section.anchor.is_empty() { String::new() } else { format!("#{}", section.anchor) };
            let text = section.text.split_whitespace().collect::<Vec<_>>().join(" ");
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
