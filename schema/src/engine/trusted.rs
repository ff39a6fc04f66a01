//! Trusted documents: those of a manifest, which clients name by an id in place of sending them. Each is read once, when the
//! server starts, and its validation and price are remembered for as long as it runs.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use service::Error;

use crate::engine::completion::SchemaIndex;
use crate::engine::documents::Document;
use crate::engine::gateway::{Refused, read};
use crate::engine::session::{Run, ValidateOnly};
use crate::{build, sdl};

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
            if id.is_empty() {
                return Err("a document has an empty id, which nobody can send".into());
            }
            if trusted.by_id.contains_key(&id) {
                return Err(format!("document {id} is there twice: an id stands for one document"));
            }
            let document = read(&index, &text).map_err(|refused| format!("document {id}: {}", why(refused)))?;
            let document = trusted.by_text.entry(text).or_insert_with(|| Arc::new(document)).clone();
            trusted.by_id.insert(id, document);
        }
        Ok(trusted)
    }

    /// Validates every document against the schema, and prices those without variables.
    ///
    /// # Errors
    /// What is wrong with the first document, by their ids, that would be refused whatever its variables are, as one line.
    pub async fn validated(self) -> Result<TrustedDocuments, String> {
        let (schema, index) = (build(), SchemaIndex::of(&sdl()));
        let mut ids: Vec<&String> = self.by_id.keys().collect();
        ids.sort();
        for id in ids {
            let document = &self.by_id[id];
            if document.is_valid() {
                continue;
            }
            let run = Run::validation_of(document.clone());
            let mut request = async_graphql::Request::new("").data(run).data(ValidateOnly);
            request.set_parsed_query(document.parsed.clone());
            let answer = schema.execute(request).await;
            if let Some(error) = answer.errors.first() {
                return Err(format!("document {id}: {}", error.message));
            }
            for (_, operation) in document.parsed.operations.iter() {
                if operation.node.variable_definitions.is_empty() {
                    let operation = Some(&operation.node);
                    let cost = index.cost(&document.parsed, operation, &async_graphql::Variables::default());
                    cost.map_err(|refused| format!("document {id}: {}", why(Refused::Over(Error::Invalid(refused)))))?;
                }
            }
        }
        Ok(self)
    }

    /// The document with an id. A hash may be sent with the name of its algorithm in front, as in `sha256:…`.
    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Document>> {
        let of_algorithm = || id.split_once(':').filter(|(algorithm, _)| !algorithm.is_empty());
        self.by_id.get(id).or_else(|| self.by_id.get(of_algorithm()?.1))
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
    let Pairs(pairs) = serde_json::from_str(manifest).map_err(|why| format!("{FORMS}: {why}"))?;
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| FORMS.to_owned());
    if let Some((_, Value::Array(operations))) = pairs.iter().find(|(key, _)| key == "operations") {
        let ids_and_bodies = operations.iter().map(|entry| Ok((text(&entry["id"])?, text(&entry["body"])?)));
        return ids_and_bodies.collect::<Result<_, String>>();
    }
    pairs.into_iter().map(|(id, body)| Ok((id, text(&body)?))).collect::<Result<_, String>>()
}

/// The pairs of a JSON object as they are written: a key that is there twice is there twice.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Pairs, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Pairs;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        json.deserialize_map(InOrder)
    }
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
        let (me, role) = ("{ viewer { name } }", "{ viewer { role } }");
        let operation = |id: &str, body: &str| serde_json::json!({ "id": id, "body": body });
        for (wrong, says) in [
            (format!(r#"{{"a": "{me}", "a": "{role}"}}"#), "document a is there twice"),
            (format!(r#"{{"": "{me}"}}"#), "an empty id"),
            (serde_json::json!({ "operations": [operation("a", me), operation("a", role)] }).to_string(), "twice"),
            (serde_json::json!({ "operations": [operation("", me)] }).to_string(), "an empty id"),
        ] {
            let why = TrustedDocuments::new(&wrong, false).err().unwrap_or_default();
            assert!(why.contains(says), "{wrong}: {why}");
        }
    }

    #[tokio::test]
    async fn a_document_that_would_be_refused_is_named() {
        let lists: String = (0..99).map(|i| format!("a{i}: clients(first: 200) {{ nodes {{ id }} }} ")).collect();
        let dear = format!("{{ projects(first: 200) {{ nodes {{ {lists} }} }} }}").replace("clients", "timeEntries");
        for (text, says) in [
            ("{ nope }", "nope"),
            ("mutation { nope }", "nope"),
            ("query($id: ID!) { client(id: $id) { id } }", ""),
            ("query($n: Int) { clients(first: $n) { nodes { id } } }", ""),
            (&dear, "points"),
        ] {
            let manifest = serde_json::json!({ "one": "{ viewer { id } }", "two": text }).to_string();
            let checked = TrustedDocuments::new(&manifest, false).expect("it is read").validated().await;
            match checked {
                Ok(trusted) => assert!(says.is_empty() && trusted.get("two").is_some_and(|two| two.is_valid())),
                Err(why) => assert!(why.starts_with("document two: ") && why.contains(says), "{why}"),
            }
        }
        let trusted = TrustedDocuments::new(r#"{"a1": "{ viewer { id } }"}"#, false).expect("it is read");
        assert!(trusted.get("sha256:a1").is_some() && trusted.get(":a1").is_none());
    }
}
