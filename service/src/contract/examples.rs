//! The examples of the reference and of test events, all of one story: the same client, project, task and entry throughout.
//! A test sends every body to a server and compares what comes back.

use std::sync::LazyLock;

use serde_json::Value;

static EXAMPLES: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("examples.json")).unwrap_or_default());

/// The examples: `records` by schema, `requests` by schema and name, `answers` by operation where the answer differs from
/// the record.
pub fn examples() -> &'static Value {
    &EXAMPLES
}

/// The example record of a schema.
pub(crate) fn example(schema: &str) -> Value {
    EXAMPLES["records"][schema].clone()
}
