//! How objects of one type are made for one selection: they are written as JSON at once, with gaps for what has to be
//! resolved. As values, each would be a table of names and texts, only to be written and dropped.

use std::sync::Arc;

use async_graphql::parser::types::SelectionSet;
use async_graphql::{ContextSelectionSet, ServerError, ServerResult, Value};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use service::WriteJson;
use service::selected::{Objects, Selection, Source, Unreadable};

use crate::engine::answer::Answer;
use crate::engine::object::{Node, Place, Slot, resolve, slots};
use crate::engine::written;

/// How objects are made that are selected alike.
pub(crate) struct Plan<'a> {
    selection: Arc<Selection>,
    /// What has to be resolved, in the order of the gaps.
    resolved: Vec<Slot<'a>>,
}

impl<'a> Plan<'a> {
    /// For objects like the first of them.
    ///
    /// # Errors
    /// A fragment is unknown.
    pub(crate) fn of<N: Node>(
        ctx: &ContextSelectionSet<'a>,
        selected: &[&'a SelectionSet],
        first: &N,
    ) -> ServerResult<Plan<'a>> {
        // The same selection is made for each parent.
        let known = ctx.data_opt::<Answer>().zip(selected.first()).filter(|_| selected.len() == 1);
        let remembered = known.and_then(|(answer, set)| answer.selection::<N>(set));
        if let Some(selection) = remembered.clone().filter(|selection| selection.gaps() == 0) {
            return Ok(Plan { selection, resolved: vec![] });
        }
        let type_name = first.introspection_type_name();
        let slots = slots(ctx, selected, &type_name)?;
        let selection = match remembered {
            Some(selection) => selection,
            None => {
                let selection = Arc::new(selection(first, &type_name, &slots)?);
                if let Some((answer, set)) = known {
                    answer.remember_selection::<N>(set, selection.clone());
                }
                selection
            }
        };
        let resolved = slots.into_iter().enumerate().filter(|(place, _)| selection.is_gap(*place));
        Ok(Plan { resolved: resolved.map(|(_, slot)| slot).collect(), selection })
    }

    /// The objects, as parts of the answer that are written already.
    ///
    /// # Errors
    /// A record cannot be read, the answer is too large, or a field that must not be null failed.
    pub(crate) async fn parts<N: Node>(
        &self,
        ctx: &ContextSelectionSet<'a>,
        nodes: &[N],
        place: impl Fn(usize) -> Place<'a>,
    ) -> ServerResult<Vec<Value>> {
        let mut ends = Vec::with_capacity(nodes.len());
        let objects = self.write(ctx, nodes, b"", |text| ends.push(text.len()))?;
        let text = self.complete(ctx, nodes, place, objects, &mut ends).await?;
        let (all, mut from) = (Value::Binary(text.into()), 0);
        let part = |end: usize| match &all {
            Value::Binary(all) => Value::Binary(all.slice(std::mem::replace(&mut from, end)..end)),
            _ => Value::Null,
        };
        Ok(ends.into_iter().map(part).collect())
    }

    /// The objects as a list, which is one part.
    ///
    /// # Errors
    /// As those of `parts`.
    pub(crate) async fn list<N: Node>(&self, ctx: &ContextSelectionSet<'a>, nodes: &[N]) -> ServerResult<Value> {
        let mut objects = self.write(ctx, nodes, b"[", |text| text.push(b','))?;
        if !nodes.is_empty() {
            // The last comma.
            objects.text.pop();
        }
        objects.text.push(b']');
        let text = self.complete(ctx, nodes, Place::Item, objects, &mut []).await?;
        Ok(Value::Binary(text.into()))
    }

    /// The texts of the objects one after the other, after that of the beginning; `ended` is called after each.
    fn write<N: Node>(
        &self,
        ctx: &ContextSelectionSet<'a>,
        nodes: &[N],
        begin: &[u8],
        mut ended: impl FnMut(&mut Vec<u8>),
    ) -> ServerResult<Objects> {
        let answer = ctx.data_opt::<Answer>();
        let mut objects = Objects::with_space_for(nodes.len());
        objects.text.extend_from_slice(begin);
        for node in nodes {
            if let Some(error) = answer.filter(|answer| answer.is_full()).and_then(Answer::overflow) {
                return Err(error);
            }
            let from = objects.text.len();
            match node.record() {
                Some(record) => {
                    let written = record.write_selected(&self.selection, &mut objects);
                    written.map_err(|error| ctx.set_error_path(unreadable(&error)))?;
                }
                None => objects.add_without_record(&self.selection),
            }
            if let Some(answer) = answer {
                answer.count(objects.text.len() - from, self.selection.width(), ctx)?;
            }
            ended(&mut objects.text);
        }
        Ok(objects)
    }

    /// The text without its gaps, once what they are for is resolved. `ends` move along.
    async fn complete<N: Node>(
        &self,
        ctx: &ContextSelectionSet<'a>,
        nodes: &[N],
        place: impl Fn(usize) -> Place<'a>,
        objects: Objects,
        ends: &mut [usize],
    ) -> ServerResult<Vec<u8>> {
        let Objects { text, gaps, .. } = objects;
        if gaps.is_empty() {
            return Ok(text);
        }
        let mut pending = FuturesUnordered::new();
        for (index, node) in nodes.iter().enumerate() {
            for (number, slot) in self.resolved.iter().enumerate() {
                let gap = index * self.resolved.len() + number;
                pending.push(resolve(ctx, place(index), node, &slot.fields, gap));
            }
        }
        let mut values = vec![Value::Null; gaps.len()];
        while let Some((gap, value)) = pending.next().await {
            let value = value?;
            if let Some(place) = values.get_mut(gap) {
                *place = value;
            }
        }
        written::filled(&text, &gaps, &values, ends)
    }
}

/// How objects like this one are written.
fn selection<N: Node>(node: &N, type_name: &str, slots: &[Slot<'_>]) -> ServerResult<Selection> {
    let names = node.record().map(WriteJson::field_names).transpose();
    let names = names.map_err(|error| unreadable(&error))?.unwrap_or_default();
    let sources = slots.iter().map(|slot| {
        let name = slot.name();
        let source = match names.iter().position(|own| *own == name) {
            _ if name == "__typename" => Source::Text(type_name.to_owned()),
            Some(position) if slot.is_plain() && !N::RESOLVED.contains(&name) => Source::Field(position),
            _ => Source::Later,
        };
        (slot.key.as_str(), source)
    });
    Ok(Selection::of(names.len(), sources))
}

fn unreadable(error: &Unreadable) -> ServerError {
    ServerError::new(error.to_string(), None)
}
