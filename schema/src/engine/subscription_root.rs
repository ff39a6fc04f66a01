//! The root field of a subscription (GraphQL, September 2025, section 5.2.4.1): exactly one, which may stand in a fragment.
//! The library looks only at the fields that stand there themselves, so fragments at the root are put in their places.

use std::collections::HashSet;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql::{Name, Pos, Positioned, ServerError};

/// Makes every subscription of a document one field without a fragment around it.
///
/// # Errors
/// A subscription that has not exactly one root field, or whose root depends on `@skip` or `@include`.
pub(crate) fn flatten(document: &mut ExecutableDocument) -> Result<(), ServerError> {
    let mut inlined = HashSet::new();
    let ExecutableDocument { operations, fragments, .. } = &*document;
    let mut roots = Vec::new();
    for (name, operation) in operations.iter() {
        if operation.node.ty == OperationType::Subscription {
            let set = &operation.node.selection_set.node;
            roots.push((name.cloned(), root_field(set, operation.pos, fragments, &mut inlined)?));
        }
    }
    for (name, root) in roots {
        if let Some(operation) = operation_mut(&mut document.operations, name.as_ref()) {
            let at = root.pos;
            operation.node.selection_set.node.items = vec![Positioned::new(Selection::Field(root), at)];
        }
    }
    remove_unused(document, &inlined);
    Ok(())
}

type Fragments = std::collections::HashMap<Name, Positioned<async_graphql::parser::types::FragmentDefinition>>;

fn root_field(
    set: &SelectionSet,
    at: Pos,
    fragments: &Fragments,
    inlined: &mut HashSet<Name>,
) -> Result<Positioned<Field>, ServerError> {
    let mut fields: IndexMap<&Name, Positioned<Field>> = IndexMap::new();
    let mut spread = HashSet::new();
    let mut sets = vec![set];
    while let Some(set) = sets.pop() {
        for selection in &set.items {
            unconditional(selection.node.directives())?;
            match &selection.node {
                Selection::Field(field) => {
                    let own = &field.node.selection_set.node.items;
                    fields
                        .entry(&field.node.response_key().node)
                        .and_modify(|first| first.node.selection_set.node.items.extend(own.iter().cloned()))
                        .or_insert_with(|| field.clone());
                }
                Selection::InlineFragment(inline) => sets.push(&inline.node.selection_set.node),
                Selection::FragmentSpread(one) => {
                    let name = &one.node.fragment_name.node;
                    if let Some(fragment) = fragments.get(name).filter(|_| spread.insert(name)) {
                        inlined.insert(name.clone());
                        sets.push(&fragment.node.selection_set.node);
                    }
                }
            }
        }
    }
    let mut fields = fields.into_values();
    match (fields.next(), fields.next()) {
        (Some(field), None) => Ok(field),
        _ => Err(ServerError::new("a subscription has exactly one field; start one for each", Some(at))),
    }
}

fn unconditional(directives: &[Positioned<Directive>]) -> Result<(), ServerError> {
    match directives.iter().find(|one| matches!(one.node.name.node.as_str(), "skip" | "include")) {
        Some(directive) => {
            let message = "the root of a subscription takes neither `@skip` nor `@include`";
            Err(ServerError::new(message, Some(directive.pos)))
        }
        None => Ok(()),
    }
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
