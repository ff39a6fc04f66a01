//! A JSON document as it was sent: with the digits of its numbers and the order of its keys; duplicate keys are refused.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Nesting that no request of ours comes near; deeper documents are refused before they cost a stack.
const MAX_DEPTH: usize = 32;

/// One JSON value. Numbers are stored as text, because money must never pass through a binary float.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// The digits of a number, exactly as sent.
    Number(String),
    /// A string, unescaped.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object, in the order sent, without duplicate keys.
    Object(Vec<(String, Json)>),
}

/// Why a text is not accepted as a JSON document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// Not JSON; the text says what was expected and where.
    Syntax(String),
    /// The same key twice in one object.
    DuplicateKey(String),
    /// Nested deeper than any request needs.
    TooDeep,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonError::Syntax(place) => write!(f, "the body is not JSON: {place}"),
            JsonError::DuplicateKey(key) => write!(f, "the key {key:?} occurs twice in one object; send it once"),
            JsonError::TooDeep => write!(f, "the body is nested deeper than {MAX_DEPTH} levels"),
        }
    }
}

impl Json {
    /// Reads one document.
    pub fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
        let raw: &RawValue = serde_json::from_slice(bytes).map_err(syntax)?;
        read(raw, 0)
    }

    /// What kind of value it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::Text(_) => "a string",
            Json::List(_) => "an array",
            Json::Object(_) => "an object",
        }
    }

    /// The same text for the same value: keys sorted, numbers by value (`1.50` is `1.5` is `15e-1`).
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        self.write_canonical(&mut out);
        out
    }

    fn write_canonical(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Json::Number(digits) => out.push_str(&canonical_number(digits)),
            Json::Text(text) => write_string(text, out),
            Json::List(items) => {
                out.push('[');
                for item in items {
                    item.write_canonical(out);
                    out.push(',');
                }
                out.push(']');
            }
            Json::Object(pairs) => {
                let mut sorted: Vec<_> = pairs.iter().collect();
                sorted.sort_by(|a, b| a.0.cmp(&b.0));
                out.push('{');
                for (key, value) in sorted {
                    write_string(key, out);
                    out.push(':');
                    value.write_canonical(out);
                    out.push(',');
                }
                out.push('}');
            }
        }
    }
}

impl From<async_graphql::Value> for Json {
    fn from(value: async_graphql::Value) -> Json {
        use async_graphql::Value;
        match value {
            Value::Null => Json::Null,
            Value::Boolean(value) => Json::Bool(value),
            Value::Number(number) => Json::Number(number.to_string()),
            Value::String(text) => Json::Text(text),
            Value::Enum(name) => Json::Text(name.to_string()),
            Value::Binary(_) => Json::Text(String::new()),
            Value::List(items) => Json::List(items.into_iter().map(Json::from).collect()),
            Value::Object(pairs) => {
                Json::Object(pairs.into_iter().map(|(key, value)| (key.to_string(), Json::from(value))).collect())
            }
        }
    }
}

impl From<Json> for async_graphql::Value {
    fn from(json: Json) -> async_graphql::Value {
        use async_graphql::{Name, Number, Value};
        match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Boolean(value),
            // GraphQL's own numbers are 32 bits or doubles; the type that reads the value reports what does not fit.
            Json::Number(digits) => digits.parse::<Number>().map_or(Value::Null, Value::Number),
            Json::Text(text) => Value::String(text),
            Json::List(items) => Value::List(items.into_iter().map(Value::from).collect()),
            Json::Object(pairs) => {
                Value::Object(pairs.into_iter().map(|(key, value)| (Name::new(key), value.into())).collect())
            }
        }
    }
}

fn syntax(error: serde_json::Error) -> JsonError {
    JsonError::Syntax(error.to_string())
}

/// A `RawValue` is known to be JSON; its first byte tells its kind.
fn read(raw: &RawValue, depth: usize) -> Result<Json, JsonError> {
    if depth > MAX_DEPTH {
        return Err(JsonError::TooDeep);
    }
    let text = raw.get();
    Ok(match text.as_bytes().first() {
        Some(b'n') => Json::Null,
        Some(b't') => Json::Bool(true),
        Some(b'f') => Json::Bool(false),
        Some(b'"') => Json::Text(serde_json::from_str(text).map_err(syntax)?),
        Some(b'[') => {
            let items: Items<'_> = serde_json::from_str(text).map_err(syntax)?;
            Json::List(items.0.into_iter().map(|item| read(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        Some(b'{') => {
            let pairs: Pairs<'_> = serde_json::from_str(text).map_err(syntax)?;
            let mut seen = std::collections::HashSet::new();
            if let Some((twice, _)) = pairs.0.iter().find(|(key, _)| !seen.insert(key.as_str())) {
                return Err(JsonError::DuplicateKey(twice.clone()));
            }
            let read = |(key, value)| Ok((key, read(value, depth + 1)?));
            Json::Object(pairs.0.into_iter().map(read).collect::<Result<_, JsonError>>()?)
        }
        _ => Json::Number(text.to_owned()),
    })
}

struct Items<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Items<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(Collect)
    }
}

struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Pairs<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// Digits and a power of ten, without leading or trailing zeros: equal for equal numbers of any spelling.
fn canonical_number(text: &str) -> String {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (negative, mantissa) = mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    let Ok(exponent) = exponent.parse::<i64>() else { return text.to_owned() };
    if significant.is_empty() {
        return "0".into();
    }
    let trailing = digits.len() - digits.trim_end_matches('0').len();
    let exponent = exponent.saturating_sub(fraction.len() as i64).saturating_add(trailing as i64);
    format!("{}{significant}e{exponent}", if negative { "-" } else { "" })
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        assert_eq!(Json::parse(b"900719925474.09931"), Ok(Json::Number("900719925474.09931".into())));
    }

    #[test]
    fn duplicate_keys_are_refused_at_any_depth() {
        assert_eq!(Json::parse(br#"{"a":[{"b":1,"b":2}]}"#), Err(JsonError::DuplicateKey("b".into())));
        assert_eq!(Json::parse(br#"{"a":1,"\u0061":2}"#), Err(JsonError::DuplicateKey("a".into())));
    }

    #[test]
    fn a_tower_of_brackets_is_refused() {
        let tower = "[".repeat(5000) + &"]".repeat(5000);
        assert_eq!(Json::parse(tower.as_bytes()), Err(JsonError::TooDeep));
    }

    #[test]
    fn canonical_text_is_by_value() {
        let same = |a: &str, b: &str| {
            let read = |text: &str| Json::parse(text.as_bytes()).map(|json| json.canonical());
            assert_eq!(read(a), read(b), "{a} and {b}");
        };
        same(r#"{"a":1,"b":[1.50]}"#, r#"{ "b":[15e-1], "a":1.0 }"#);
        same("100", "1e2");
        same("0", "-0.00");
        same(r#""\u00e9""#, r#""é""#);
        assert_ne!(Json::parse(b"[1,2]").map(|j| j.canonical()), Json::parse(b"[12]").map(|j| j.canonical()));
        assert_ne!(Json::parse(b"1").map(|j| j.canonical()), Json::parse(br#""1""#).map(|j| j.canonical()));
    }
}
