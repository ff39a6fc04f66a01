//! A JSON document as it was sent: with the digits of its numbers and the order of its keys; duplicate keys are refused.

use std::collections::HashSet;
use std::fmt;

use serde_json::value::RawValue;

/// The deepest nesting of a document. No request comes near it; deeper ones would cost stack.
const MAX_DEPTH: usize = 32;

/// The most keys of one object. No input has more than 30.
const MAX_KEYS: usize = 1_000;

/// The most values of one document: each takes some 40 bytes of memory, and more where it is converted. The largest input has
/// some 6,000: a batch of 100 records.
const MAX_VALUES: usize = 50_000;

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
    /// An object with more keys than any request needs.
    TooManyKeys,
    /// More values than any request needs.
    TooManyValues,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonError::Syntax(place) => write!(f, "the body is not JSON: {place}"),
            JsonError::DuplicateKey(key) => {
                let key: String = key.chars().take(200).collect();
                write!(f, "the key {key:?} occurs twice in one object; send it once")
            }
            JsonError::TooManyKeys => write!(f, "an object in the body has more than {MAX_KEYS} keys"),
            JsonError::TooManyValues => write!(f, "the body has more than {MAX_VALUES} values"),
            JsonError::TooDeep => write!(f, "the body is nested deeper than {MAX_DEPTH} levels"),
        }
    }
}

impl Json {
    /// Reads one document, in time linear in its length: it is checked once and walked once.
    ///
    /// # Errors
    /// What is no JSON, repeats a key, or is nested or filled beyond the bounds.
    pub fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
        let document: &RawValue = serde_json::from_slice(bytes).map_err(syntax)?;
        Walker { text: document.get(), at: 0, left: MAX_VALUES }.value(0)
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

/// Walks a text that is known to be JSON, once from the beginning to the end.
struct Walker<'a> {
    text: &'a str,
    at: usize,
    /// How many more values are accepted.
    left: usize,
}

impl<'a> Walker<'a> {
    /// The next byte that is no white space; 0 at the end.
    fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        bytes.get(self.at).copied().unwrap_or_default()
    }

    /// Steps over the next byte that is no white space, if it is this one.
    fn skip(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte;
        self.at += usize::from(found);
        found
    }

    /// The text from here up to the first byte that fits, without that one.
    fn until(&mut self, ends: impl Fn(u8) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(ends).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.left = self.left.checked_sub(1).ok_or(JsonError::TooManyValues)?;
        match self.peek() {
            b'{' => self.object(depth),
            b'[' => self.list(depth),
            b'"' => Ok(Json::Text(self.string()?)),
            _ => Ok(match self.until(|byte| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r')) {
                "null" => Json::Null,
                "true" => Json::Bool(true),
                "false" => Json::Bool(false),
                digits => Json::Number(digits.to_owned()),
            }),
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.skip(b'"');
        let start = self.at;
        loop {
            self.until(|byte| matches!(byte, b'"' | b'\\'));
            if self.text.as_bytes().get(self.at) != Some(&b'\\') {
                break;
            }
            self.at += 2;
        }
        let inner = &self.text[start..self.at];
        self.at += 1;
        if !inner.contains('\\') {
            return Ok(inner.to_owned());
        }
        serde_json::from_str(&self.text[start - 1..self.at]).map_err(syntax)
    }

    fn list(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.open(b'[', depth)?;
        let mut items = Vec::new();
        if self.skip(b']') {
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if !self.skip(b',') {
                self.skip(b']');
                return Ok(Json::List(items));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.open(b'{', depth)?;
        let mut pairs = Vec::new();
        if self.skip(b'}') {
            return Ok(Json::Object(pairs));
        }
        let mut known = HashSet::new();
        loop {
            self.peek();
            let key = self.string()?;
            if !known.insert(key.clone()) {
                return Err(JsonError::DuplicateKey(key));
            }
            if known.len() > MAX_KEYS {
                return Err(JsonError::TooManyKeys);
            }
            self.skip(b':');
            pairs.push((key, self.value(depth + 1)?));
            if !self.skip(b',') {
                self.skip(b'}');
                return Ok(Json::Object(pairs));
            }
        }
    }

    fn open(&mut self, bracket: u8, depth: usize) -> Result<(), JsonError> {
        self.skip(bracket);
        if depth < MAX_DEPTH { Ok(()) } else { Err(JsonError::TooDeep) }
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
    fn a_document_has_a_bounded_number_of_values() {
        let list = |items: usize| format!("[{}]", vec!["1"; items].join(","));
        assert!(Json::parse(list(MAX_VALUES - 1).as_bytes()).is_ok());
        assert_eq!(Json::parse(list(MAX_VALUES).as_bytes()), Err(JsonError::TooManyValues));
    }

    #[test]
    fn what_is_read_is_what_was_sent() {
        let text =
            r#" { "a" : [ 1 , -2.50e+3 , "x\"y\\" , "" , { } , [ ] , true , false , null ] , "\u00e9\n" : "}]," } "#;
        let (number, string) = (|digits: &str| Json::Number(digits.into()), |text: &str| Json::Text(text.into()));
        let items = vec![
            number("1"),
            number("-2.50e+3"),
            string("x\"y\\"),
            string(""),
            Json::Object(vec![]),
            Json::List(vec![]),
            Json::Bool(true),
            Json::Bool(false),
            Json::Null,
        ];
        let pairs = vec![("a".into(), Json::List(items)), ("é\n".into(), string("}],"))];
        assert_eq!(Json::parse(text.as_bytes()), Ok(Json::Object(pairs)));
        for scalar in ["null", " 7 ", "\"a\"", "1e5"] {
            assert!(Json::parse(scalar.as_bytes()).is_ok(), "{scalar}");
        }
        for broken in ["", "{", "[1,]", "{\"a\":}", "nul", "1 2", "\"\\x\"", "[1}"] {
            assert!(matches!(Json::parse(broken.as_bytes()), Err(JsonError::Syntax(_))), "{broken}");
        }
    }

    #[test]
    fn an_object_of_too_many_keys_is_refused() {
        let object = |keys: usize| {
            let pairs: Vec<_> = (0..keys).map(|key| format!("\"{key}\":0")).collect();
            Json::parse(format!("{{{}}}", pairs.join(",")).as_bytes())
        };
        assert!(object(MAX_KEYS).is_ok());
        assert_eq!(object(MAX_KEYS + 1), Err(JsonError::TooManyKeys));
    }

    #[test]
    fn depth_is_bounded_from_both_sides() {
        let tower = |height: usize| Json::parse(("[".repeat(height) + &"]".repeat(height)).as_bytes());
        assert!(tower(MAX_DEPTH).is_ok());
        assert_eq!(tower(MAX_DEPTH + 1), Err(JsonError::TooDeep));
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
