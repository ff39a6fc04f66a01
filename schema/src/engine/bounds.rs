//! What a document may be at most. Size and tokens are counted in its text, before the parser sees it; the rest in the
//! parsed document, before a resolver runs. Each message has both numbers.

use async_graphql::Positioned;
use async_graphql::parser::types::{Directive, ExecutableDocument, Selection, SelectionSet};
use service::value::FieldErrors;

use crate::engine::tokens::tokens;

/// Bytes of a document.
pub const MAX_BYTES: usize = 64 * 1024;
/// Tokens of a document (GraphQL, section 2.1.6): punctuators, names, numbers, strings.
pub const MAX_TOKENS: usize = 5_000;
/// How deep a query nests fields.
pub const MAX_DEPTH: u32 = 15;
/// How deep a query nests fields of the introspection, which is deep by its nature.
pub const MAX_INTROSPECTION_DEPTH: u32 = 20;
/// Aliases of a document.
pub const MAX_ALIASES: usize = 100;
/// Directives of a document.
pub const MAX_DIRECTIVES: usize = 100;
/// Errors of an answer; the first ones are reported.
pub const MAX_ERRORS: usize = 20;
/// Brackets inside brackets: more would be more stack than the parser has.
const MAX_BRACKETS: usize = 64;
/// Fields and fragments, once all fragments are put in their places: a few lines of them can stand for a million fields.
pub(crate) const MAX_SELECTIONS: u64 = 5_000;
/// Fields and fragments inside each other: more would be more stack than there is.
pub(crate) const MAX_LEVELS: usize = 100;

/// Refuses a text that is too long, has too many tokens, or nests brackets too deep.
///
/// # Errors
/// `query`: what is too much, by how much.
pub fn check_text(text: &str) -> Result<(), FieldErrors> {
    if text.len() > MAX_BYTES {
        return Err(over("the document has", text.len(), "bytes", MAX_BYTES));
    }
    let (tokens, brackets) = count(text);
    if tokens > MAX_TOKENS {
        return Err(over("the document has", tokens, "tokens", MAX_TOKENS));
    }
    if brackets > MAX_BRACKETS {
        return Err(over("the document nests brackets", brackets, "deep", MAX_BRACKETS));
    }
    Ok(())
}

/// Refuses a document with too many aliases or directives, wherever they stand.
///
/// # Errors
/// `query`: what is too much, by how much.
pub(crate) fn check_document(document: &ExecutableDocument) -> Result<(), FieldErrors> {
    let mut counts = Counts::default();
    for (_, operation) in document.operations.iter() {
        counts.directives(&operation.node.directives);
        operation.node.variable_definitions.iter().for_each(|variable| counts.directives(&variable.node.directives));
        counts.selections(&operation.node.selection_set.node);
    }
    for fragment in document.fragments.values() {
        counts.directives(&fragment.node.directives);
        counts.selections(&fragment.node.selection_set.node);
    }
    if counts.aliases > MAX_ALIASES {
        return Err(over("the document has", counts.aliases, "aliases", MAX_ALIASES));
    }
    if counts.directives > MAX_DIRECTIVES {
        return Err(over("the document has", counts.directives, "directives", MAX_DIRECTIVES));
    }
    Ok(())
}

/// What is too much, with both numbers.
pub(crate) fn over(what: &str, found: impl std::fmt::Display, of: &str, most: impl std::fmt::Display) -> FieldErrors {
    FieldErrors::at("query", format!("{what} {found} {of}; at most {most} are taken"))
}

#[derive(Default)]
struct Counts {
    aliases: usize,
    directives: usize,
}

impl Counts {
    fn directives(&mut self, directives: &[Positioned<Directive>]) {
        self.directives += directives.len();
    }

    fn selections(&mut self, set: &SelectionSet) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    self.aliases += usize::from(field.node.alias.is_some());
                    self.directives(&field.node.directives);
                    self.selections(&field.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => self.directives(&spread.node.directives),
                Selection::InlineFragment(fragment) => {
                    self.directives(&fragment.node.directives);
                    self.selections(&fragment.node.selection_set.node);
                }
            }
        }
    }
}

/// The number of tokens of a text, and how deep its brackets nest.
fn count(text: &str) -> (usize, usize) {
    let (mut number, mut open, mut deepest) = (0, 0_usize, 0_usize);
    for token in tokens(text) {
        match token.text {
            "{" | "[" | "(" => {
                open += 1;
                deepest = deepest.max(open);
            }
            "}" | "]" | ")" => open = open.saturating_sub(1),
            _ => {}
        }
        number += 1;
    }
    (number, deepest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_those_of_the_specification() {
        for (text, tokens) in [
            ("", 0),
            (" \t\r\n,,\u{feff}# a comment { ( [\n", 0),
            ("{ viewer { name } }", 6),
            ("query($id:ID!=\"x\"){client(id:$id){...on Client@skip(if:true){name}}}", 34),
            ("{a(b:-1.5e+3,c:\"\"\"a \\\"\"\" { b\"\"\",d:\"\\\"{\")}", 14),
            ("{a(b:\"\")}", 8),
            ("[[$é", 4),
        ] {
            assert_eq!(count(text).0, tokens, "{text}");
        }
        assert_eq!(count("{a(b:[[1]]){c}}").1, 4);
        assert_eq!(count("{a(b:\"{{{{{{\")}").1, 2);
    }

    #[test]
    fn a_refusal_has_both_numbers() {
        let message = |text: &str| check_text(text).map_err(|problems| problems.to_string());
        assert_eq!(message(&" ".repeat(MAX_BYTES)), Ok(()));
        assert_eq!(
            message(&" ".repeat(MAX_BYTES + 1)),
            Err("query: the document has 65537 bytes; at most 65536 are taken".into())
        );
        assert_eq!(message(&"a ".repeat(MAX_TOKENS)), Ok(()));
        assert_eq!(
            message(&"a ".repeat(MAX_TOKENS + 7)),
            Err("query: the document has 5007 tokens; at most 5000 are taken".into())
        );
        assert!(message(&"[".repeat(65)).is_err());
    }
}
