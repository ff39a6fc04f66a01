//! Trusted documents: those of a manifest, which clients name by an id in place of sending them. Each is read once, when the
//! server starts, and its validation and price are remembered for as long as it runs.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::engine::completion::SchemaIndex;
use crate::engine::documents::Document;
use crate::engine::gateway::{Refused, read};
use crate::sdl;

/// The largest manifest, in bytes.
pub const MAX_MANIFEST_BYTES: usize = 16 * 1024 * 1024;
/// The most documents of a manifest.
const MAX_DOCUMENTS: usize = 10_000;

/// The documents of a manifest.
#[derive(Default)]
pub struct TrustedDocuments {
    by_id: HashMap<String, Arc<Document>>,
    by_text: HashMap<String, Arc<Document>>,
    only: bool,
}

impl TrustedDocuments {
    /// Reads a manifest: Apollo's (`operations` with `id` and `body`), or a map from ids to documents, such as Relay's and that
    /// of GraphQL Code Generator. With `only`, no other document is executed.
    ///
    /// # Errors
    /// What is wrong with the manifest, or with the first document that cannot be read, as one line.
    pub fn new(manifest: &str, only: bool) -> Result<TrustedDocuments, String> {
        if manifest.len() > MAX_MANIFEST_BYTES {
            return Err(format!("the manifest has {} bytes; at most {MAX_MANIFEST_BYTES} are taken", manifest.len()));
        }
        let texts = texts(manifest)?;
        if texts.len() > MAX_DOCUMENTS {
            return Err(format!("the manifest has {} documents; at most {MAX_DOCUMENTS} are taken", texts.len()));
        }
        let index = SchemaIndex::of(&sdl());
        let mut trusted = TrustedDocuments { only, ..TrustedDocuments::default() };
        for (id, text) in texts {
            let document = read(&index, &text).map_err(|refused| format!("document {id}: {}", why(refused)))?;
            let document = trusted.by_text.entry(text).or_insert_with(|| Arc::new(document)).clone();
            trusted.by_id.insert(id, document);
        }
        Ok(trusted)
    }

    /// The document with an id. A hash may be sent with the name of its algorithm in front, as in `sha256:…`.
    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Document>> {
        self.by_id.get(id).or_else(|| self.by_id.get(id.split_once(':')?.1))
    }

    /// The document with a text.
    pub(crate) fn with_text(&self, text: &str) -> Option<&Arc<Document>> {
        self.by_text.get(text)
    }

    /// Whether no other document is executed.
    pub(crate) fn excludes_others(&self) -> bool {
        self.only
    }
}

/// The ids and texts of a manifest.
fn texts(manifest: &str) -> Result<Vec<(String, String)>, String> {
    const FORMS: &str = "must be Apollo's persisted query manifest, or a JSON object from ids to documents";
    let json: Value = serde_json::from_str(manifest).map_err(|why| format!("{FORMS}: {why}"))?;
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| FORMS.to_owned());
    if let Some(Value::Array(operations)) = json.get("operations") {
        let ids_and_bodies = operations.iter().map(|entry| Ok((text(&entry["id"])?, text(&entry["body"])?)));
        return ids_and_bodies.collect::<Result<_, String>>();
    }
    let pairs = json.as_object().ok_or(FORMS)?.iter();
    pairs.map(|(id, body)| Ok((id.clone(), text(body)?))).collect::<Result<_, String>>()
}

/// The message of a refusal.
fn why(refused: Refused) -> String {
    let answer = refused.into_response("");
    answer.errors.into_iter().next().map(|error| error.message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_of_three_kinds_are_read() {
        let apollo = r#"{"format":"apollo-persisted-query-manifest","version":1,
            "operations":[{"id":"a1","name":"Me","type":"query","body":"query Me { viewer { name } }"}]}"#;
        let relay = r#"{"0cc175b9":"query Me { viewer { name } }","92eb5ffe":"query Me { viewer { name } }"}"#;
        let trusted = TrustedDocuments::new(apollo, false).expect("Apollo's manifest");
        assert!(trusted.get("a1").is_some() && trusted.get("sha256:a1").is_some() && trusted.get("a2").is_none());
        let trusted = TrustedDocuments::new(relay, true).expect("a flat map");
        assert!(trusted.get("92eb5ffe").is_some() && trusted.with_text("query Me { viewer { name } }").is_some());
        for wrong in ["", "[]", r#"{"a": 1}"#, r#"{"operations": [{"id": "a"}]}"#, r#"{"a": "query {"}"#] {
            assert!(TrustedDocuments::new(wrong, false).is_err(), "{wrong}");
        }
    }
}
