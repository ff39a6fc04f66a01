//! The fields that an operation begins with.

use async_graphql::Positioned;
use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};

/// The root fields of a selection, whatever fragment they stand in, in the order of the document. The fragments are known to
/// end.
pub(super) fn root_fields<'a>(document: &'a ExecutableDocument, set: &'a SelectionSet) -> Vec<&'a Field> {
    let below = |selection: &'a Positioned<Selection>| match &selection.node {
        Selection::Field(field) => vec![&field.node],
        Selection::InlineFragment(fragment) => root_fields(document, &fragment.node.selection_set.node),
        Selection::FragmentSpread(spread) => {
            let fragment = document.fragments.get(&spread.node.fragment_name.node);
            fragment.map_or(vec![], |fragment| root_fields(document, &fragment.node.selection_set.node))
        }
    };
    set.items.iter().flat_map(below).collect()
}
