//! The examples of the reference and of test events, all of one story: the same client, project, task and entry throughout.
//! A test sends every body to a server and compares what comes back.

use std::sync::LazyLock;

use serde_json::{Map, Value};

static EXAMPLES: LazyLock<Value> = LazyLock::new(|| {
    let nouns: Map<String, Value> = serde_json::from_str(include_str!("examples.json")).unwrap_or_default();
    together(nouns)
});

/// The examples: `records` by schema, `requests` by schema and name, `answers` by operation where the answer differs from
/// the record.
pub fn examples() -> &'static Value {
    &EXAMPLES
}

/// The example record of a schema.
pub(crate) fn example(schema: &str) -> Value {
    EXAMPLES["records"][schema].clone()
}

/// The file has what belongs to a noun in one piece; readers look for all records, requests or answers.
fn together(nouns: Map<String, Value>) -> Value {
    let mut all = Map::new();
    let parts = nouns.into_iter().filter_map(|(_, noun)| match noun {
        Value::Object(parts) => Some(parts),
        _ => None,
    });
    for (part, named) in parts.flatten() {
        if let (Value::Object(known), Value::Object(named)) =
            (all.entry(part).or_insert_with(|| Map::new().into()), named)
        {
            known.extend(named);
        }
    }
    all.into()
}
