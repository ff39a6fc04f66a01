//! Answers as bytes of JSON. Bytes among their values are parts that were written already (`plan.rs`): no scalar of the
//! schema is made of bytes.

use std::collections::BTreeMap;

use async_graphql::{Name, Response, ServerError, ServerResult, Value};

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

/// The text of an object of these fields, as a part of the answer.
///
/// # Errors
/// A value has no form in JSON, which would be a fault of ours.
pub(crate) fn object<'a>(fields: impl Iterator<Item = (&'a Name, &'a Value)>) -> ServerResult<Value> {
    let mut written = Vec::with_capacity(64);
    write_object(fields, &mut written).map_err(fault)?;
    Ok(Value::Binary(written.into()))
}

/// The same of many objects of the same fields: for each field its values, one for each object.
///
/// # Errors
/// A value has no form in JSON, which would be a fault of ours.
pub(crate) fn list_of_objects(count: usize, fields: &[(&Name, Vec<Value>)]) -> ServerResult<Value> {
    let mut written = vec![b'['];
    for number in 0..count {
        if number > 0 {
            written.push(b',');
        }
        let own = fields.iter().filter_map(|(name, values)| Some((*name, values.get(number)?)));
        write_object(own, &mut written).map_err(fault)?;
    }
    written.push(b']');
    Ok(Value::Binary(written.into()))
}

/// A text with values in its gaps. `ends` are places in it that move along.
///
/// # Errors
/// A value has no form in JSON, which would be a fault of ours.
pub(crate) fn filled(text: &[u8], gaps: &[usize], values: &[Value], ends: &mut [usize]) -> ServerResult<Vec<u8>> {
    let parts = values.iter().map(|value| if let Value::Binary(part) = value { part.len() } else { 8 });
    let mut written = Vec::with_capacity(text.len() + parts.sum::<usize>());
    let (mut from, mut ends) = (0, ends.iter_mut().peekable());
    for (gap, value) in gaps.iter().zip(values) {
        while let Some(end) = ends.next_if(|end| **end <= *gap) {
            *end += written.len() - from;
        }
        written.extend_from_slice(text.get(from..*gap).unwrap_or_default());
        from = *gap;
        write_value(value, &mut written).map_err(fault)?;
    }
    ends.for_each(|end| *end += written.len() - from);
    written.extend_from_slice(text.get(from..).unwrap_or_default());
    Ok(written)
}

fn fault(error: serde_json::Error) -> ServerError {
    ServerError::new(error.to_string(), None)
}

fn write_object<'a>(
    fields: impl Iterator<Item = (&'a Name, &'a Value)>,
    written: &mut Vec<u8>,
) -> Result<(), serde_json::Error> {
    written.push(b'{');
    for (number, (name, value)) in fields.enumerate() {
        if number > 0 {
            written.push(b',');
        }
        serde_json::to_writer(&mut *written, name.as_str())?;
        written.push(b':');
        write_value(value, written)?;
    }
    written.push(b'}');
    Ok(())
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
        Value::Object(fields) => write_object(fields.iter(), written)?,
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
    fn values_go_into_the_gaps_of_a_text() {
        let text = br#"{"a":,"b":}{"a":,"b":}{}"#;
        let (gaps, mut ends) = ([5, 10, 16, 21], [11, 22, 24]);
        let part = || Value::Binary(b"[1]".to_vec().into());
        let values = [part(), Value::Null, Value::from("x"), part()];
        let filled = filled(text, &gaps, &values, &mut ends).expect("JSON");
        assert_eq!(String::from_utf8_lossy(&filled), r#"{"a":[1],"b":null}{"a":"x","b":[1]}{}"#);
        assert_eq!(ends, [18, 35, 37]);
    }

    #[test]
    fn objects_are_parts_of_an_answer() {
        let (a, b) = (Name::new("a"), Name::new("b\""));
        let fields = [(&a, vec![Value::from(1), Value::Null]), (&b, vec![Value::from("x"), Value::List(vec![])])];
        let list = list_of_objects(2, &fields).expect("JSON");
        let expected: Value = serde_json::from_str(r#"[{"a":1,"b\"":"x"},{"a":null,"b\"":[]}]"#).expect("JSON");
        assert_eq!(opened(list), expected);
        let one = object(fields.iter().map(|(name, values)| (*name, &values[0]))).expect("JSON");
        assert_eq!(opened(one).to_string(), r#"{a: 1, b": "x"}"#);
    }

    #[test]
    fn what_was_written_already_stays_as_it_is() {
        let part = br#"{"a":"b"}"#.to_vec();
        let answer = Response::new(Value::List(vec![Value::Binary(part.clone().into()), Value::Null]));
        assert_eq!(write(&answer, true).expect("JSON"), br#"{"data":[{"a":"b"},null]}"#);
        assert_eq!(opened(Value::Binary(part.into())).to_string(), r#"{a: "b"}"#);
    }
}
