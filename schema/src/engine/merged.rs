//! What was selected twice, as one value.

use async_graphql::Value;

use crate::engine::written::opened;

/// One value of what was selected twice. Null wins: a field that failed once has failed.
pub(super) fn merge(before: Value, more: Value) -> Value {
    match (opened(before), opened(more)) {
        (Value::Object(mut before), Value::Object(more)) => {
            for (key, value) in more {
                let value = match before.get_mut(&key) {
                    Some(known) => merge(std::mem::take(known), value),
                    None => value,
                };
                before.insert(key, value);
            }
            Value::Object(before)
        }
        (Value::List(before), Value::List(more)) if before.len() == more.len() => {
            Value::List(before.into_iter().zip(more).map(|(before, more)| merge(before, more)).collect())
        }
        (Value::Null, _) | (_, Value::Null) => Value::Null,
        (before, _) => before,
    }
}
