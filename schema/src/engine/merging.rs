//! Field selection merging (GraphQL, September 2025, section 5.3.2): fields that share a name in the answer must be able to
//! be one field. The library compares only the fields of one selection set, and would answer one of two values.
//!
//! Every merged set is compared twice. Its fields must have answers of one shape, whatever types they belong to; and those
//! that one record can have at once must be the same field with the same arguments.

use std::collections::{HashMap, HashSet};

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{BaseType, ExecutableDocument, Field, Selection, SelectionSet, Type};
use async_graphql::{Name, Positioned, ServerError};

use crate::engine::completion::{SchemaIndex, base, root};

/// Merged sets inside each other that are compared. A deeper document is over the bound of depth.
const MAX_LEVELS: usize = 64;
/// Fields that are looked at. A document within its bounds has 5,000, each on a few types.
const MAX_FIELDS: usize = 200_000;

/// Checks every operation of a document.
///
/// # Errors
/// Two fields that share a name in the answer and cannot be one field, and where the second stands.
pub(crate) fn check_merging(index: &SchemaIndex, document: &ExecutableDocument) -> Result<(), ServerError> {
    let mut check = Check { index, document, seen: HashSet::new(), left: MAX_FIELDS };
    for (_, operation) in document.operations.iter() {
        let set = Source { parent: root(operation.node.ty), set: &operation.node.selection_set.node };
        for rule in [Rule::Shape, Rule::Field] {
            check.merged(rule, vec![set], &mut Vec::new())?;
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Rule {
    /// The answers have one shape.
    Shape,
    /// What one record can have at once is the same field.
    Field,
}

/// A selection set on a type; several of them are one merged set.
#[derive(Clone, Copy)]
struct Source<'a> {
    parent: &'a str,
    set: &'a SelectionSet,
}

/// A field with the type that it is selected on.
#[derive(Clone, Copy)]
struct Selected<'a> {
    parent: &'a str,
    field: &'a Positioned<Field>,
}

struct Check<'a> {
    index: &'a SchemaIndex,
    document: &'a ExecutableDocument,
    /// The merged sets that were compared, by the places of their parts.
    seen: HashSet<(Rule, Vec<(usize, &'a str)>)>,
    left: usize,
}

impl<'a> Check<'a> {
    fn merged(&mut self, rule: Rule, sources: Vec<Source<'a>>, path: &mut Vec<&'a Name>) -> Result<(), ServerError> {
        let mut key: Vec<_> = sources.iter().map(|part| (std::ptr::from_ref(part.set).addr(), part.parent)).collect();
        key.sort_unstable();
        key.dedup();
        if path.len() > MAX_LEVELS || !self.seen.insert((rule, key)) {
            return Ok(());
        }
        for (name, fields) in self.fields(sources) {
            self.left = self.left.checked_sub(fields.len()).ok_or_else(|| {
                let message = "the document selects too many fields once its fragments are put in their places";
                ServerError::new(message, Some(fields[0].field.pos))
            })?;
            path.push(name);
            match rule {
                Rule::Shape => {
                    self.have_one_shape(&fields, path)?;
                    self.merged(rule, self.below(&fields), path)?;
                }
                Rule::Field => {
                    for group in self.of_one_record(fields) {
                        are_one_field(&group, path)?;
                        self.merged(rule, self.below(&group), path)?;
                    }
                }
            }
            path.pop();
        }
        Ok(())
    }

    /// The fields of a merged set by their names in the answer, fragments included.
    fn fields(&self, sources: Vec<Source<'a>>) -> IndexMap<&'a Name, Vec<Selected<'a>>> {
        let mut fields: IndexMap<&Name, Vec<Selected<'_>>> = IndexMap::new();
        let mut spread = HashSet::new();
        let mut sources = sources;
        sources.reverse();
        while let Some(Source { parent, set }) = sources.pop() {
            for selection in &set.items {
                match &selection.node {
                    Selection::Field(field) => {
                        let same = fields.entry(&field.node.response_key().node).or_default();
                        same.push(Selected { parent, field });
                    }
                    Selection::InlineFragment(inline) => {
                        let on = inline.node.type_condition.as_ref().map(|on| on.node.on.node.as_str());
                        sources.push(Source { parent: on.unwrap_or(parent), set: &inline.node.selection_set.node });
                    }
                    Selection::FragmentSpread(one) => {
                        let name = &one.node.fragment_name.node;
                        if let Some(fragment) = self.document.fragments.get(name).filter(|_| spread.insert(name)) {
                            let parent = fragment.node.type_condition.node.on.node.as_str();
                            sources.push(Source { parent, set: &fragment.node.selection_set.node });
                        }
                    }
                }
            }
        }
        fields
    }

    fn ty(&self, selected: Selected<'a>) -> Option<&'a Type> {
        self.index.field(selected.parent, &selected.field.node.name.node)
    }

    /// The selection sets below fields, as one merged set.
    fn below(&self, fields: &[Selected<'a>]) -> Vec<Source<'a>> {
        let parent = |selected| self.ty(selected).map_or("", |ty| base(&ty.base));
        let sources = fields.iter().filter(|selected| !selected.field.node.selection_set.node.items.is_empty());
        sources.map(|one| Source { parent: parent(*one), set: &one.field.node.selection_set.node }).collect()
    }

    fn have_one_shape(&self, fields: &[Selected<'a>], path: &[&Name]) -> Result<(), ServerError> {
        let mut typed = fields.iter().filter_map(|one| Some((one, self.ty(*one)?)));
        let Some((_, first)) = typed.next() else { return Ok(()) };
        for (selected, ty) in typed {
            if !self.is_same_shape(first, ty) {
                let why = format!("they return conflicting types \"{first}\" and \"{ty}\"");
                return Err(conflict(path, &why, *selected));
            }
        }
        Ok(())
    }

    fn is_same_shape(&self, one: &Type, other: &Type) -> bool {
        one.nullable == other.nullable
            && match (&one.base, &other.base) {
                (BaseType::List(one), BaseType::List(other)) => self.is_same_shape(one, other),
                (BaseType::Named(one), BaseType::Named(other)) => {
                    one == other || (self.index.is_composite(one) && self.index.is_composite(other))
                }
                _ => false,
            }
    }

    /// Groups of fields that one record can have at once: those of one object type, with those of interfaces.
    fn of_one_record(&self, fields: Vec<Selected<'a>>) -> Vec<Vec<Selected<'a>>> {
        let mut by_object: HashMap<&str, Vec<Selected<'_>>> = HashMap::new();
        let mut of_any = Vec::new();
        for selected in fields {
            if self.index.is_object(selected.parent) {
                by_object.entry(selected.parent).or_default().push(selected);
            } else {
                of_any.push(selected);
            }
        }
        if by_object.is_empty() {
            return vec![of_any];
        }
        let groups = by_object.into_values().map(|own| of_any.iter().copied().chain(own).collect());
        groups.collect()
    }
}

fn are_one_field(fields: &[Selected<'_>], path: &[&Name]) -> Result<(), ServerError> {
    let Some((first, others)) = fields.split_first() else { return Ok(()) };
    let one = &first.field.node;
    for selected in others {
        let other = &selected.field.node;
        if one.name.node != other.name.node {
            let why = format!("\"{}\" and \"{}\" are different fields", one.name.node, other.name.node);
            return Err(conflict(path, &why, *selected));
        }
        let has_same = one.arguments.iter().all(|(name, value)| {
            other.arguments.iter().any(|(known, other)| known.node == name.node && other.node == value.node)
        });
        if one.arguments.len() != other.arguments.len() || !has_same {
            return Err(conflict(path, "they have differing arguments", *selected));
        }
    }
    Ok(())
}

fn conflict(path: &[&Name], why: &str, at: Selected<'_>) -> ServerError {
    let path: Vec<_> = path.iter().map(|name| name.as_str()).collect();
    let message = format!(
        "Fields \"{}\" conflict because {why}. Use different aliases on the fields to fetch both if this was intentional.",
        path.join(".")
    );
    ServerError::new(message, Some(at.field.pos))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str) -> Result<(), String> {
        let index = SchemaIndex::of(&crate::sdl());
        let document = async_graphql::parser::parse_query(query).expect("a document");
        check_merging(&index, &document).map_err(|error| error.message)
    }

    #[test]
    fn fields_of_one_name_are_one_field() {
        for query in [
            "{ viewer { id } viewer { id: name } }",
            "{ clients(first: 1) { nodes { x: id } } clients(first: 1) { nodes { x: name } } }",
            "{ ...A ...B } fragment A on Query { viewer { x: id } } fragment B on Query { viewer { x: name } }",
            "{ projects { nodes { x: name } nodes { x: status } } }",
            "{ clients { nodes { projects(first: 1) { totalCount } } nodes { projects(first: 2) { totalCount } } } }",
            "{ node(id: \"a\") { ... on Client { x: name } ... on Project { x: status } } }",
            "{ node(id: \"a\") { ... on Client { x: name } ... on Project { x: client { id } } } }",
            "{ node(id: \"a\") { x: id ... on Client { x: name } } }",
            "{ viewer { x: id x: name } }",
        ] {
            assert!(check(query).is_err_and(|message| message.contains("conflict because")), "{query}");
        }
    }

    #[test]
    fn what_can_be_merged_is_allowed() {
        for query in [
            "{ viewer { id } viewer { name } }",
            "{ viewer { id id } ...A } fragment A on Query { viewer { id ... on Viewer { id } } }",
            "{ node(id: \"a\") { ... on Client { x: name } ... on Project { x: name } } }",
            "{ node(id: \"a\") { ... on Client { x: id } ... on Project { x: clientId } } }",
            "{ a: clients(first: 1) { nodes { id } } b: clients(first: 2) { nodes { id } } }",
            "query($n: Int) { clients(first: $n) { nodes { id } } clients(first: $n) { nodes { name } } }",
            "{ __schema { types { name } } __typename a: __typename }",
        ] {
            assert_eq!(check(query), Ok(()), "{query}");
        }
    }

    #[test]
    fn the_work_is_bounded() {
        // Each fragment spreads the next one twice, below two names: 2^40 paths.
        let doubled: String = (0..40)
            .map(|i| {
                let next = i + 1;
                format!(" fragment F{i} on Client {{ a: projects {{ nodes {{ client {{ ...F{next} }} }} }} b: projects {{ nodes {{ client {{ ...F{next} }} }} }} }}")
            })
            .collect();
        assert_eq!(
            check(&format!("{{ client(id: \"a\") {{ ...F0 }} }}{doubled} fragment F40 on Client {{ id }}")),
            Ok(())
        );
        let chain: String = (0..2000).map(|i| format!(" fragment F{i} on Query {{ ...F{} }}", i + 1)).collect();
        assert_eq!(check(&format!("{{ ...F0 }}{chain} fragment F2000 on Query {{ __typename }}")), Ok(()));
    }
}
