//! Answers as bytes of JSON. Bytes among their values are parts that were written already (`leaf.rs`): no scalar of the
//! schema is made of bytes.

use std::collections::BTreeMap;

use async_graphql::{Response, ServerError, Value};

/// The bytes of an answer; `data` is left out of one that was not executed.
///
/// # Errors
/// A value has no form in JSON, which would be a fault of ours.
pub fn write(answer: &Response, was_executed: bool) -> Result<Vec<u8>, serde_json::Error> {
    let mut written = Vec::with_capacity(1024);
    written.push(b'{');
    if was_executed {
        written.extend_from_slice(b"\"data\":");
        write_value(&answer.data, &mut written)?;
        write_extensions(&answer.extensions, &mut written)?;
        write_errors(&answer.errors, &mut written)?;
    } else {
        write_errors(&answer.errors, &mut written)?;
        write_extensions(&answer.extensions, &mut written)?;
    }
    written.push(b'}');
    Ok(written)
}

fn separate(written: &mut Vec<u8>) {
    if written.len() > 1 {
        written.push(b',');
    }
}

fn write_errors(errors: &[ServerError], written: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    if errors.is_empty() {
        return Ok(());
    }
    separate(written);
    written.extend_from_slice(b"\"errors\":");
    serde_json::to_writer(written, errors)
}

fn write_extensions(extensions: &BTreeMap<String, Value>, written: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    if extensions.is_empty() {
        return Ok(());
    }
    separate(written);
    written.extend_from_slice(b"\"extensions\":");
    serde_json::to_writer(written, extensions)
}

fn write_value(value: &Value, written: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    match value {
        Value::Binary(part) => written.extend_from_slice(part),
        Value::List(items) => {
            written.push(b'[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    written.push(b',');
                }
                write_value(item, written)?;
            }
            written.push(b']');
        }
        Value::Object(fields) => {
            written.push(b'{');
            for (number, (name, value)) in fields.iter().enumerate() {
                if number > 0 {
                    written.push(b',');
                }
                serde_json::to_writer(&mut *written, name.as_str())?;
                written.push(b':');
                write_value(value, written)?;
            }
            written.push(b'}');
        }
        scalar => serde_json::to_writer(written, scalar)?,
    }
    Ok(())
}

/// A value whose parts are values again: parts that were written already are read.
pub(crate) fn opened(value: Value) -> Value {
    match value {
        Value::Binary(part) => serde_json::from_slice(&part).unwrap_or_default(),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_written_as_the_library_writes_it() {
        let value: Value =
            serde_json::from_str(r#"{"a":[1,{"b":null}],"c\"":"d\n","e":[],"f":{},"g":1.5}"#).expect("JSON");
        let mut answer = Response::new(value).extension("cost", Value::from(1));
        for errors in [vec![], vec![ServerError::new("no", None)]] {
            answer.errors = errors;
            let ours = write(&answer, true).expect("JSON");
            assert_eq!(String::from_utf8(ours).ok(), serde_json::to_string(&answer).ok());
        }
        let refused = write(&answer, false).expect("JSON");
        assert!(
            refused.starts_with(b"{\"errors\":[{\"message\":\"no\"")
                && refused.ends_with(b"\"extensions\":{\"cost\":1}}")
        );
    }

    #[test]
    fn what_was_written_already_stays_as_it_is() {
        let part = br#"{"a":"b"}"#.to_vec();
        let answer = Response::new(Value::List(vec![Value::Binary(part.clone().into()), Value::Null]));
        assert_eq!(write(&answer, true).expect("JSON"), br#"{"data":[{"a":"b"},null]}"#);
        assert_eq!(opened(Value::Binary(part.into())).to_string(), r#"{a: "b"}"#);
    }
}
