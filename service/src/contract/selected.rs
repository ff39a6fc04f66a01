//! Objects of GraphQL as texts of JSON, from the record's own serialisation: fields are named and written as over REST by
//! construction. As values, each object would be a table of names and texts, only to be written and dropped.

use std::fmt::{self, Display};

use serde::ser::{Error as _, Impossible, Serialize, SerializeStruct, Serializer};

/// How objects of one type are written, for one selection.
pub struct Selection {
    /// What stands before each of its values: the name, and what separates it from the value before.
    before: Vec<Vec<u8>>,
    /// Where each value comes from.
    sources: Vec<Source>,
    /// Which fields of the record are selected, by their position.
    selected: Vec<bool>,
    /// Values that are left out.
    gaps: usize,
}

/// Where a value comes from.
pub enum Source {
    /// A field of the record, by its position.
    Field(usize),
    /// The same text for each object.
    Text(String),
    /// It is put in later, where the object has a gap.
    Later,
}

/// Objects one after the other, as they are written.
#[derive(Default)]
pub struct Objects {
    /// Their texts.
    pub text: Vec<u8>,
    /// Where in them a value is to be put in.
    pub gaps: Vec<usize>,
    fields: FieldTexts,
}

/// The texts of the fields of one record, in memory that the records before have used.
#[derive(Default)]
struct FieldTexts {
    text: Vec<u8>,
    /// Where the value of each field stands in it.
    places: Vec<(usize, usize)>,
}

impl Selection {
    /// Of values under their names, from a record with so many fields.
    pub fn of<'a>(fields: usize, values: impl Iterator<Item = (&'a str, Source)>) -> Selection {
        let (before, sources, selected) = (vec![], vec![], vec![false; fields]);
        let mut selection = Selection { before, sources, selected, gaps: 0 };
        for (name, source) in values {
            selection.add(name, source);
        }
        selection
    }

    fn add(&mut self, name: &str, source: Source) {
        let mut before = vec![if self.before.is_empty() { b'{' } else { b',' }];
        before.extend(json(name));
        before.push(b':');
        self.before.push(before);
        let source = match source {
            Source::Field(field) => {
                if let Some(selected) = self.selected.get_mut(field) {
                    *selected = true;
                }
                source
            }
            Source::Text(text) => Source::Text(String::from_utf8(json(&text)).unwrap_or_default()),
            Source::Later => {
                self.gaps += 1;
                source
            }
        };
        self.sources.push(source);
    }

    /// How many values each object has.
    pub fn width(&self) -> usize {
        self.sources.len()
    }

    /// Whether the value at this place is put in later.
    pub fn is_gap(&self, place: usize) -> bool {
        matches!(self.sources.get(place), Some(Source::Later))
    }

    /// How many values each object leaves out.
    pub fn gaps(&self) -> usize {
        self.gaps
    }
}

impl Objects {
    /// With space for about so many.
    pub fn with_space_for(objects: usize) -> Objects {
        // Of one record, what most have, so that it does not grow by steps for each list.
        let fields = FieldTexts { text: Vec::with_capacity(512), places: Vec::with_capacity(32) };
        Objects { text: Vec::with_capacity(objects * 128 + 2), gaps: vec![], fields }
    }

    /// Writes an object that has no record: all of its values are put in later, or are the same for each.
    pub fn add_without_record(&mut self, selection: &Selection) {
        self.fields.clear();
        self.add(selection);
    }

    /// Writes an object whose fields were read.
    fn add(&mut self, selection: &Selection) {
        let Objects { text, gaps, fields } = self;
        for (before, source) in selection.before.iter().zip(&selection.sources) {
            text.extend_from_slice(before);
            match source {
                Source::Field(field) => text.extend_from_slice(fields.of(*field)),
                Source::Text(same) => text.extend_from_slice(same.as_bytes()),
                Source::Later => gaps.push(text.len()),
            }
        }
        text.extend_from_slice(if selection.before.is_empty() { b"{}" } else { b"}" });
    }
}

impl FieldTexts {
    fn clear(&mut self) {
        self.text.clear();
        self.places.clear();
    }

    fn of(&self, field: usize) -> &[u8] {
        let text = self.places.get(field).and_then(|(from, to)| self.text.get(*from..*to));
        text.unwrap_or(b"null")
    }
}

fn json(text: &str) -> Vec<u8> {
    // A text always has a form in JSON.
    serde_json::to_vec(text).unwrap_or_default()
}

/// The names of a record's fields, in their order.
///
/// # Errors
/// The record is no structure.
pub(crate) fn field_names<R: Serialize>(record: &R) -> Result<Vec<&'static str>, Unreadable> {
    let mut names = Names(vec![]);
    record.serialize(Fields(&mut names))?;
    Ok(names.0)
}

/// Writes a record as an object of what is selected.
///
/// # Errors
/// The record is no structure, or a value has no form in JSON.
pub(crate) fn write_selected<R: Serialize>(
    record: &R,
    selection: &Selection,
    into: &mut Objects,
) -> Result<(), Unreadable> {
    into.fields.clear();
    record.serialize(Fields(&mut Values { selected: &selection.selected, into: &mut into.fields }))?;
    into.add(selection);
    Ok(())
}

/// What is done with the fields of a record, in their order. A field that is left out counts.
trait Visitor {
    /// A field with its value.
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Unreadable>;
    /// A field that the record leaves out: null in GraphQL.
    fn skipped(&mut self, name: &'static str);
}

struct Names(Vec<&'static str>);

impl Visitor for Names {
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, _: &T) -> Result<(), Unreadable> {
        self.0.push(name);
        Ok(())
    }

    fn skipped(&mut self, name: &'static str) {
        self.0.push(name);
    }
}

/// The values of a record that are selected.
struct Values<'a> {
    selected: &'a [bool],
    into: &'a mut FieldTexts,
}

impl Visitor for Values<'_> {
    fn field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), Unreadable> {
        let FieldTexts { text, places } = &mut *self.into;
        let from = text.len();
        if self.selected.get(places.len()).copied().unwrap_or(false) {
            serde_json::to_writer(&mut *text, value).map_err(|error| Unreadable(error.to_string()))?;
        }
        places.push((from, text.len()));
        Ok(())
    }

    fn skipped(&mut self, _: &'static str) {
        let FieldTexts { text, places } = &mut *self.into;
        let from = text.len();
        text.extend_from_slice(b"null");
        places.push((from, text.len()));
    }
}

/// A record that cannot be read this way: a fault of ours.
#[derive(Debug)]
pub struct Unreadable(String);

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
        first: i32,
        the_second: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        third: Option<bool>,
        tags: Vec<&'static str>,
    }

    #[test]
    fn an_object_is_written_in_the_order_of_its_selection() {
        let sources = [
            ("second\"", Source::Field(1)),
            ("__typename", Source::Text("Record".into())),
            ("third", Source::Field(2)),
            ("later", Source::Later),
            ("again", Source::Field(1)),
            ("d", Source::Field(3)),
        ];
        let (selection, mut objects) = (Selection::of(4, sources.into_iter()), Objects::default());
        assert_eq!((selection.width(), selection.gaps()), (6, 1));
        for (third, text) in [(None, "null"), (Some(true), "true")] {
            let record = Record { first: 1, the_second: "a\"b", third, tags: vec!["a"] };
            assert_eq!(field_names(&record).expect("a structure"), ["first", "theSecond", "third", "tags"]);
            objects.text.clear();
            objects.gaps.clear();
            write_selected(&record, &selection, &mut objects).expect("a structure");
            let before = format!(r#"{{"second\"":"a\"b","__typename":"Record","third":{text},"later":"#);
            assert_eq!(String::from_utf8_lossy(&objects.text), format!(r#"{before},"again":"a\"b","d":["a"]}}"#));
            assert_eq!(objects.gaps, [before.len()]);
        }
        assert_eq!(objects.fields.places[0], (0, 0), "what nobody selects is not written");
    }

    #[test]
    fn an_object_without_a_record_has_what_is_put_in_later() {
        let sources = [("__typename", Source::Text("Payload".into())), ("client", Source::Later)];
        let mut objects = Objects::default();
        objects.add_without_record(&Selection::of(0, sources.into_iter()));
        objects.add_without_record(&Selection::of(0, std::iter::empty()));
        let before = r#"{"__typename":"Payload","client":"#;
        assert_eq!(String::from_utf8_lossy(&objects.text), format!("{before}}}{{}}"));
        assert_eq!(objects.gaps, [before.len()]);
    }
}
