//! Objects that are nothing but scalars of their record, such as the rows at the end of a nested query: they are written as
//! JSON at once. As values, each would be a table of names and texts, only to be written and dropped.

use async_graphql::{ContextSelectionSet, ServerError, ServerResult, Value};
use serde::Serialize;

use crate::engine::answer::Answer;
use crate::engine::fields::{Unreadable, Visitor, visit};
use crate::engine::object::Node;

/// How such an object is written, for one selection.
pub(crate) struct Leaf {
    /// What stands before each of its values: the name, and what separates it from the value before.
    before: Vec<Vec<u8>>,
    /// Where each value comes from.
    sources: Vec<Source>,
    /// Which fields of the record are selected, by their position.
    selected: Vec<bool>,
}

/// Where a value comes from.
pub(crate) enum Source {
    /// A field of the record, by its position.
    Field(usize),
    /// The same text for each object.
    Text(String),
}

impl Leaf {
    /// Of values under their names, from a record with so many fields.
    pub(crate) fn of<'a>(fields: usize, values: impl Iterator<Item = (&'a str, Source)>) -> Leaf {
        let mut leaf = Leaf { before: vec![], sources: vec![], selected: vec![false; fields] };
        for (name, source) in values {
            let mut before = vec![if leaf.before.is_empty() { b'{' } else { b',' }];
            before.extend(json(name));
            before.push(b':');
            if let Source::Field(field) = source
                && let Some(selected) = leaf.selected.get_mut(field)
            {
                *selected = true;
            }
            leaf.before.push(before);
            leaf.sources.push(match source {
                Source::Text(text) => Source::Text(String::from_utf8(json(&text)).unwrap_or_default()),
                field => field,
            });
        }
        leaf
    }

    /// Writes the object of a record, whose fields were `read`.
    pub(crate) fn write(&self, read: &Values<'_>, into: &mut Vec<u8>) {
        for (before, source) in self.before.iter().zip(&self.sources) {
            into.extend_from_slice(before);
            match source {
                Source::Field(field) => into.extend_from_slice(read.of(*field)),
                Source::Text(text) => into.extend_from_slice(text.as_bytes()),
            }
        }
        into.extend_from_slice(if self.before.is_empty() { b"{}" } else { b"}" });
    }

    /// The values of a record, in memory that the records before have used.
    pub(crate) fn values<'a>(&'a self, memory: &'a mut Memory) -> Values<'a> {
        memory.text.clear();
        memory.places.clear();
        Values { leaf: self, memory }
    }
}

/// Objects without a field that has to be resolved, as parts of the answer that are written already.
///
/// # Errors
/// A record cannot be read, or the answer is too large.
pub(crate) fn leaves<N: Node>(ctx: &ContextSelectionSet<'_>, leaf: &Leaf, nodes: &[N]) -> ServerResult<Vec<Value>> {
    let mut ends = Vec::with_capacity(nodes.len());
    let written = write_all(ctx, leaf, nodes, b"", |written| ends.push(written.len()))?;
    let (all, mut from) = (Value::Binary(written.into()), 0);
    let part = |end: usize| match &all {
        Value::Binary(all) => Value::Binary(all.slice(std::mem::replace(&mut from, end)..end)),
        _ => Value::Null,
    };
    Ok(ends.into_iter().map(part).collect())
}

/// A list of such objects, as one part.
///
/// # Errors
/// A record cannot be read, or the answer is too large.
pub(crate) fn list_of_leaves<N: Node>(ctx: &ContextSelectionSet<'_>, leaf: &Leaf, nodes: &[N]) -> ServerResult<Value> {
    let mut written = write_all(ctx, leaf, nodes, b"[", |written| written.push(b','))?;
    if !nodes.is_empty() {
        // The last comma.
        written.pop();
    }
    written.push(b']');
    Ok(Value::Binary(written.into()))
}

/// The texts of such objects one after the other, after that of the beginning; `ended` is called after each.
fn write_all<N: Node>(
    ctx: &ContextSelectionSet<'_>,
    leaf: &Leaf,
    nodes: &[N],
    begin: &[u8],
    mut ended: impl FnMut(&mut Vec<u8>),
) -> ServerResult<Vec<u8>> {
    let answer = ctx.data_opt::<Answer>();
    let (mut written, mut memory) = (Vec::with_capacity(begin.len() + nodes.len() * 128), Memory::default());
    written.extend_from_slice(begin);
    for node in nodes {
        if let Some(error) = answer.filter(|answer| answer.is_full()).and_then(Answer::overflow) {
            return Err(error);
        }
        let from = written.len();
        let mut values = leaf.values(&mut memory);
        if let Some(record) = node.record() {
            visit(record, &mut values)
                .map_err(|error| ctx.set_error_path(ServerError::new(error.to_string(), None)))?;
        }
        leaf.write(&values, &mut written);
        if let Some(answer) = answer {
            answer.count(written.len() - from, leaf.sources.len(), ctx)?;
        }
        ended(&mut written);
    }
    Ok(written)
}

fn json(text: &str) -> Vec<u8> {
    // A text always has a form in JSON.
    serde_json::to_vec(text).unwrap_or_default()
}

/// What the values of one record are written into.
#[derive(Default)]
pub(crate) struct Memory {
    text: Vec<u8>,
    /// Where the value of each field stands in it.
    places: Vec<(usize, usize)>,
}

/// The values of a record that are selected, as JSON.
pub(crate) struct Values<'a> {
    leaf: &'a Leaf,
    memory: &'a mut Memory,
}

impl Values<'_> {
    fn of(&self, field: usize) -> &[u8] {
        let text = self.memory.places.get(field).and_then(|(from, to)| self.memory.text.get(*from..*to));
        text.unwrap_or(b"null")
    }
}

impl Visitor for Values<'_> {
    fn field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), Unreadable> {
        let Memory { text, places } = &mut *self.memory;
        let from = text.len();
        if self.leaf.selected.get(places.len()).copied().unwrap_or(false) {
            serde_json::to_writer(&mut *text, value).map_err(|error| Unreadable::of(&error))?;
        }
        places.push((from, text.len()));
        Ok(())
    }

    fn skipped(&mut self, _: &'static str) {
        let Memory { text, places } = &mut *self.memory;
        let from = text.len();
        text.extend_from_slice(b"null");
        places.push((from, text.len()));
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
    }

    #[test]
    fn an_object_is_written_in_the_order_of_its_selection() {
        let sources = [
            ("second\"", Source::Field(1)),
            ("__typename", Source::Text("Record".into())),
            ("third", Source::Field(2)),
            ("again", Source::Field(1)),
        ];
        let (leaf, mut memory) = (Leaf::of(3, sources.into_iter()), Memory::default());
        let mut written = Vec::new();
        for (third, text) in [(None, "null"), (Some(true), "true")] {
            let record = Record { first: 1, the_second: "a\"b", third };
            let mut values = leaf.values(&mut memory);
            visit(&record, &mut values).expect("a structure");
            written.clear();
            leaf.write(&values, &mut written);
            let expected = format!(r#"{{"second\"":"a\"b","__typename":"Record","third":{text},"again":"a\"b"}}"#);
            assert_eq!(String::from_utf8_lossy(&written), expected);
        }
        assert_eq!(memory.places[0], (0, 0), "what nobody selects is not written");
    }
}
