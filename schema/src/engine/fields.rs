//! The scalars of a record as values of GraphQL, read from the record's own serialisation: they are named and written as
//! over REST by construction.

use std::fmt::{self, Display};

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Value, to_value};
use serde::ser::{Error as _, Impossible, Serialize, SerializeStruct, Serializer};

/// What is done with the fields of a record, in their order. A field that is left out counts.
pub(crate) trait Visitor {
    /// A field with its value.
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Unreadable>;
    /// A field that the record leaves out: null in GraphQL.
    fn skipped(&mut self, name: &'static str);
}

/// Walks the fields of a record.
///
/// # Errors
/// The record is no structure, or a value has no form in GraphQL.
pub(crate) fn visit<R: Serialize, V: Visitor>(record: &R, visitor: &mut V) -> Result<(), Unreadable> {
    record.serialize(Fields(visitor))
}

/// The names of a record's fields, in their order.
#[derive(Default)]
pub(crate) struct Names(pub(crate) Vec<&'static str>);

impl Visitor for Names {
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, _: &T) -> Result<(), Unreadable> {
        self.0.push(name);
        Ok(())
    }

    fn skipped(&mut self, name: &'static str) {
        self.0.push(name);
    }
}

/// Puts fields into the places of an answer that they are selected for.
pub(crate) struct Filler<'a> {
    /// For each field of the record, by its position, the places in the answer.
    pub(crate) places: &'a [Vec<usize>],
    pub(crate) answer: &'a mut IndexMap<Name, Value>,
    /// The size of what was put there, in bytes of JSON.
    pub(crate) bytes: usize,
    position: usize,
}

impl<'a> Filler<'a> {
    pub(crate) fn new(places: &'a [Vec<usize>], answer: &'a mut IndexMap<Name, Value>) -> Filler<'a> {
        Filler { places, answer, bytes: 0, position: 0 }
    }
}

impl Visitor for Filler<'_> {
    fn field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), Unreadable> {
        let places = self.places.get(self.position).map_or(&[][..], Vec::as_slice);
        self.position += 1;
        for place in places {
            if let Some((_, slot)) = self.answer.get_index_mut(*place) {
                *slot = to_value(value).map_err(|error| Unreadable(error.to_string()))?;
                self.bytes += size(slot);
            }
        }
        Ok(())
    }

    fn skipped(&mut self, _: &'static str) {
        self.position += 1;
    }
}

/// About how many bytes of JSON a value is.
pub(crate) fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text_size(text),
        Value::Enum(name) => name.len() + 2,
        Value::List(items) => items.iter().map(|item| size(item) + 1).sum::<usize>() + 2,
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + 4 + size(value)).sum::<usize>() + 2,
        Value::Binary(bytes) => bytes.len(),
        Value::Null | Value::Boolean(_) | Value::Number(_) => 8,
    }
}

/// A text with its quotes; what JSON escapes counts as it is written.
fn text_size(text: &str) -> usize {
    let escaped = text.bytes().filter(|byte| matches!(byte, b'"' | b'\\' | b'\n')).count();
    let control = text.bytes().filter(|byte| *byte < 0x20 && *byte != b'\n').count();
    text.len() + 2 + escaped + 5 * control
}

/// A record that cannot be read this way: a fault of ours.
#[derive(Debug)]
pub(crate) struct Unreadable(String);

impl Unreadable {
    /// Of a value that has no form in JSON.
    pub(crate) fn of(error: &serde_json::Error) -> Unreadable {
        Unreadable(error.to_string())
    }
}

impl Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

impl serde::ser::Error for Unreadable {
    fn custom<T: Display>(message: T) -> Unreadable {
        Unreadable(message.to_string())
    }
}

/// A serializer of structures only.
struct Fields<'a, V>(&'a mut V);

/// Writes the methods of a serializer that no record needs.
macro_rules! refuse {
    ($($method:ident($($argument:ty),*) -> $ok:ty;)*) => {
        $(fn $method(self, $(_: $argument),*) -> Result<$ok, Unreadable> {
            Err(Unreadable::custom(concat!("a record serializes by ", stringify!($method))))
        })*
    };
}

impl<'a, V: Visitor> Serializer for Fields<'a, V> {
    type Ok = ();
    type Error = Unreadable;
    type SerializeSeq = Impossible<(), Unreadable>;
    type SerializeTuple = Impossible<(), Unreadable>;
    type SerializeTupleStruct = Impossible<(), Unreadable>;
    type SerializeTupleVariant = Impossible<(), Unreadable>;
    type SerializeMap = Impossible<(), Unreadable>;
    type SerializeStruct = Fields<'a, V>;
    type SerializeStructVariant = Impossible<(), Unreadable>;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Unreadable> {
        Ok(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unreadable> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Unreadable> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unreadable> {
        Err(Unreadable::custom("a record serializes as a variant"))
    }

    refuse! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }
}

impl<V: Visitor> SerializeStruct for Fields<'_, V> {
    type Ok = ();
    type Error = Unreadable;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Unreadable> {
        self.0.field(name, value)
    }

    fn skip_field(&mut self, name: &'static str) -> Result<(), Unreadable> {
        self.0.skipped(name);
        Ok(())
    }

    fn end(self) -> Result<(), Unreadable> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Record {
        id: i32,
        #[serde(skip_serializing_if = "Option::is_none")]
        hidden_rate: Option<String>,
        tags: Vec<String>,
        note: Option<String>,
    }

    #[test]
    fn a_field_goes_to_every_place_that_selects_it() {
        let record = Record { id: 7, hidden_rate: None, tags: vec!["a".into()], note: Some("x\"".into()) };
        let mut names = Names::default();
        visit(&record, &mut names).expect("a structure");
        assert_eq!(names.0, ["id", "hiddenRate", "tags", "note"]);
        let mut answer: IndexMap<Name, Value> =
            ["a", "b", "c", "d"].into_iter().map(|key| (Name::new(key), Value::Null)).collect();
        let places = [vec![], vec![0], vec![3], vec![1, 2]];
        let mut filler = Filler::new(&places, &mut answer);
        visit(&record, &mut filler).expect("a structure");
        assert_eq!(filler.bytes, 5 + 5 + 6);
        let written = serde_json::to_string(&Value::Object(answer)).expect("JSON");
        assert_eq!(written, r#"{"a":null,"b":"x\"","c":"x\"","d":["a"]}"#);
    }

    #[test]
    fn what_json_escapes_counts_as_it_is_written() {
        for text in ["", "plain", "a\"b\\c\nd", "\u{1}", "😀"] {
            let written = serde_json::to_string(text).expect("JSON");
            assert_eq!(text_size(text), written.len(), "{text:?}");
        }
    }
}
