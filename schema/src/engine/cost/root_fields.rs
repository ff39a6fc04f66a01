//! The fields that an operation begins with.

use async_graphql::Positioned;
use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};

/// The root fields of an operation, whatever fragment they stand in. The fragments are known to end.
pub(super) struct Fields<'a>(pub(super) Vec<&'a Field>);

impl<'a> Fields<'a> {
    /// Those of a selection, in the order of the document.
    pub(super) fn of(document: &'a ExecutableDocument, set: &'a SelectionSet) -> Fields<'a> {
        let below = |selection: &'a Positioned<Selection>| match &selection.node {
            Selection::Field(field) => vec![&field.node],
            Selection::InlineFragment(fragment) => Fields::of(document, &fragment.node.selection_set.node).0,
            Selection::FragmentSpread(spread) => {
                let fragment = document.fragments.get(&spread.node.fragment_name.node);
                fragment.map_or(vec![], |fragment| Fields::of(document, &fragment.node.selection_set.node).0)
            }
        };
        Fields(set.items.iter().flat_map(below).collect())
    }
}
