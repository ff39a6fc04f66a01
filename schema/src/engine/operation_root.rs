//! The root fields of mutations and subscriptions. A field that is selected twice under one name is executed once, with both
//! selections (GraphQL, September 2025, section 6.3.2), and a subscription has exactly one (section 5.2.4.1), whichever
//! fragments they stand in. The library executes a root field once for each time that it stands there, which would make two
//! records, and finds none in the fragments of a subscription. So the root of such an operation is rewritten: fragments are
//! put in their places, and fields of one name are merged.

use std::collections::{HashMap, HashSet};

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, OperationType,
    Selection, SelectionSet,
};
use async_graphql::{Name, Pos, Positioned, ServerError};

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// Rewrites the root of every mutation and subscription of a document whose fields are known to be mergeable.
///
/// # Errors
/// A subscription that has not exactly one root field, or whose root depends on `@skip` or `@include`; a mutation that
/// selects a field twice and depends on them.
pub(crate) fn flatten(document: &mut ExecutableDocument) -> Result<(), ServerError> {
    let mut inlined = HashSet::new();
    let ExecutableDocument { operations, fragments } = &*document;
    let mut rewritten = Vec::new();
    for (name, operation) in operations.iter() {
        let root = Root::of(&operation.node.selection_set.node, fragments);
        let fields = match operation.node.ty {
            OperationType::Query => continue,
            OperationType::Subscription => vec![root.of_subscription(operation.pos)?],
            OperationType::Mutation => match root.of_mutation()? {
                Some(fields) => fields,
                None => continue,
            },
        };
        inlined.extend(root.spread.into_iter().cloned());
        rewritten.push((name.cloned(), fields));
    }
    for (name, fields) in rewritten {
        if let Some(operation) = operation_mut(&mut document.operations, name.as_ref()) {
            let selection = |field: Positioned<Field>| Positioned::new(Selection::Field(field.clone()), field.pos);
            operation.node.selection_set.node.items = fields.into_iter().map(selection).collect();
        }
    }
    remove_unused(document, &inlined);
    Ok(())
}

/// The fields at a root, in the order of execution.
struct Root<'a> {
    fields: Vec<&'a Positioned<Field>>,
    /// The fragments that they stand in.
    spread: HashSet<&'a Name>,
    /// Whether a fragment is spread once more, so that its fields stand there twice.
    repeats: bool,
    /// The first `@skip` or `@include` that decides about one of them.
    condition: Option<Pos>,
}

impl<'a> Root<'a> {
    fn of(set: &'a SelectionSet, fragments: &'a Fragments) -> Root<'a> {
        let mut root = Root { fields: Vec::new(), spread: HashSet::new(), repeats: false, condition: None };
        let mut open = vec![set.items.iter()];
        while let Some(items) = open.last_mut() {
            let Some(selection) = items.next() else {
                open.pop();
                continue;
            };
            root.condition = root.condition.or_else(|| condition(selection.node.directives()));
            match &selection.node {
                Selection::Field(field) => root.fields.push(field),
                Selection::InlineFragment(inline) => open.push(inline.node.selection_set.node.items.iter()),
                Selection::FragmentSpread(one) => {
                    let name = &one.node.fragment_name.node;
                    let Some(fragment) = fragments.get(name) else { continue };
                    if root.spread.insert(name) {
                        open.push(fragment.node.selection_set.node.items.iter());
                    } else {
                        root.repeats = true;
                    }
                }
            }
        }
        root
    }

    /// The fields, those of one name as one.
    fn merged(&self) -> Vec<Positioned<Field>> {
        let mut merged: IndexMap<&Name, Positioned<Field>> = IndexMap::new();
        for field in &self.fields {
            let own = &field.node.selection_set.node.items;
            merged
                .entry(&field.node.response_key().node)
                .and_modify(|first| first.node.selection_set.node.items.extend(own.iter().cloned()))
                .or_insert_with(|| (*field).clone());
        }
        merged.into_values().collect()
    }

    fn of_subscription(&self, at: Pos) -> Result<Positioned<Field>, ServerError> {
        if self.condition.is_some() {
            let message = "the root of a subscription takes neither `@skip` nor `@include`";
            return Err(ServerError::new(message, self.condition));
        }
        let mut fields = self.merged().into_iter();
        match (fields.next(), fields.next()) {
            (Some(field), None) => Ok(field),
            _ => Err(ServerError::new("a subscription has exactly one field; start one for each", Some(at))),
        }
    }

    /// The fields of a mutation; none where nothing is to be merged or the root depends on a condition.
    fn of_mutation(&self) -> Result<Option<Vec<Positioned<Field>>>, ServerError> {
        let merged = self.merged();
        match self.condition {
            None => Ok(Some(merged)),
            Some(_) if !self.repeats && merged.len() == self.fields.len() => Ok(None),
            Some(at) => {
                let message = "a mutation that is selected twice under one name takes neither `@skip` nor `@include`";
                Err(ServerError::new(message, Some(at)))
            }
        }
    }
}

fn condition(directives: &[Positioned<Directive>]) -> Option<Pos> {
    let found = directives.iter().find(|one| matches!(one.node.name.node.as_str(), "skip" | "include"));
    found.map(|directive| directive.pos)
}

fn operation_mut<'a>(
    operations: &'a mut DocumentOperations,
    name: Option<&Name>,
) -> Option<&'a mut Positioned<OperationDefinition>> {
    match (operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get_mut(name),
        (DocumentOperations::Multiple(_), None) => None,
    }
}

/// Removes the fragments that stand in their places now, so that they are not reported as unused.
fn remove_unused(document: &mut ExecutableDocument, inlined: &HashSet<Name>) {
    if inlined.is_empty() {
        return;
    }
    let mut used = HashSet::new();
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    let mut sets: Vec<&SelectionSet> = operations.collect();
    while let Some(set) = sets.pop() {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => sets.push(&field.node.selection_set.node),
                Selection::InlineFragment(inline) => sets.push(&inline.node.selection_set.node),
                Selection::FragmentSpread(one) => {
                    let name = &one.node.fragment_name.node;
                    if let Some(fragment) = document.fragments.get(name).filter(|_| used.insert(name.clone())) {
                        sets.push(&fragment.node.selection_set.node);
                    }
                }
            }
        }
    }
    document.fragments.retain(|name, _| used.contains(name) || !inlined.contains(name));
}
