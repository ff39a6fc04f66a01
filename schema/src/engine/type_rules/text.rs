//! What can be seen in the text of a document alone, where the parser takes more than the grammar.

use std::collections::HashSet;

use async_graphql::{Pos, ServerError};

use crate::engine::tokens::{Token, tokens};

/// Checks the text of a document where the parser takes more than the grammar: no input object has the same key twice, of
/// which the parser would take the last one, no parentheses are empty, and no fragment is called `on`.
///
/// # Errors
/// What it is, and where.
pub(crate) fn check_text(text: &str) -> Result<(), ServerError> {
    // Braces inside of parentheses are input objects; those outside are selections.
    let (mut parentheses, mut braces, mut objects) = (0_usize, 0_usize, Vec::<HashSet<&str>>::new());
    let mut before: Option<Token<'_>> = None;
    for token in tokens(text) {
        let follows = |text: &str| before.as_ref().is_some_and(|before| before.text == text);
        let error = |message: &str| Err(ServerError::new(message, Some(position(text, token.at))));
        match token.text {
            "on" if braces == 0 && parentheses == 0 && follows("fragment") => {
                return error("Syntax Error: Unexpected Name \"on\".");
            }
            ")" if follows("(") => return error("Syntax Error: Expected Name, found \")\"."),
            "(" => parentheses += 1,
            ")" => parentheses = parentheses.saturating_sub(1),
            "{" if parentheses > 0 => objects.push(HashSet::new()),
            "}" if parentheses > 0 => drop(objects.pop()),
            "{" => braces += 1,
            "}" => braces = braces.saturating_sub(1),
            ":" => {
                if let (Some(keys), Some(key)) = (objects.last_mut(), &before)
                    && !keys.insert(key.text)
                {
                    let message = format!("There can be only one input field named \"{}\".", key.text);
                    return Err(ServerError::new(message, Some(position(text, key.at))));
                }
            }
            _ => {}
        }
        before = Some(token);
    }
    Ok(())
}

/// Line and column of a byte of a text, both from 1.
fn position(text: &str, at: usize) -> Pos {
    let until = text.get(..at).unwrap_or(text);
    let line = until.rsplit('\n').next().unwrap_or_default();
    Pos { line: until.matches('\n').count() + 1, column: line.chars().count() + 1 }
}
