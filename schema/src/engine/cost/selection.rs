//! What a selection set weighs by itself, and the bounds of a whole document.

use service::value::FieldErrors;

use crate::engine::bounds::{MAX_DEPTH, MAX_INTROSPECTION_DEPTH, MAX_LEVELS, MAX_SELECTIONS, over};

/// What a selection set weighs by itself, wherever it stands.
#[derive(Clone, Copy, Default)]
pub(super) struct SelectionCost {
    /// Rows of all connections in it.
    pub(super) rows: u64,
    /// Points of what is done once, however many rows it stands below: reports, searches and counts.
    pub(super) fixed: u64,
    /// Fields below each other.
    pub(super) depth: u32,
    /// Fields below each other, of what begins with `__schema` or `__type`.
    pub(super) introspection: u32,
    /// Fields and fragments, these with all that they stand for.
    pub(super) selections: u64,
    /// Fields and fragments inside each other.
    pub(super) levels: usize,
}

impl SelectionCost {
    pub(super) fn add(&mut self, other: SelectionCost) {
        self.rows = self.rows.saturating_add(other.rows);
        self.fixed = self.fixed.saturating_add(other.fixed);
        self.selections = self.selections.saturating_add(other.selections);
        self.depth = self.depth.max(other.depth);
        self.introspection = self.introspection.max(other.introspection);
        self.levels = self.levels.max(other.levels);
    }

    /// Refuses what is too much of a whole document.
    pub(super) fn check(&self) -> Result<(), FieldErrors> {
        if self.depth > MAX_DEPTH {
            return Err(over("the query nests", self.depth, "fields deep", MAX_DEPTH));
        }
        if self.introspection > MAX_INTROSPECTION_DEPTH {
            return Err(over("introspection nests", self.introspection, "fields deep", MAX_INTROSPECTION_DEPTH));
        }
        if self.selections > MAX_SELECTIONS {
            let message = "the document selects, with its fragments in their places,";
            return Err(over(message, self.selections, "fields and fragments", MAX_SELECTIONS));
        }
        check_levels(self.levels)
    }
}

pub(super) fn check_levels(levels: usize) -> Result<(), FieldErrors> {
    if levels > MAX_LEVELS { Err(over("fields and fragments nest", levels, "deep", MAX_LEVELS)) } else { Ok(()) }
}
