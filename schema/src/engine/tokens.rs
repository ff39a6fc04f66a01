//! The tokens of a document (GraphQL, section 2.1.6), as far as they are needed before the parser reads it.

use crate::engine::literals::string_length;

/// A punctuator, name, number or string.
pub(crate) struct Token<'a> {
    /// Its first byte in the document.
    pub(crate) at: usize,
    /// Its text.
    pub(crate) text: &'a str,
}

/// The tokens of a text. What is no token of GraphQL counts as one for each character; the parser reports it.
pub(crate) fn tokens(text: &str) -> Tokens<'_> {
    Tokens { text, at: 0 }
}

/// See [`tokens`].
pub(crate) struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let rest = self.text.get(self.at..)?;
            let bytes = rest.as_bytes();
            let length = match bytes.first()? {
                b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                    self.at += 1;
                    continue;
                }
                b'#' => {
                    self.at += bytes.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(bytes.len());
                    continue;
                }
                // A byte order mark is ignored like a space.
                0xEF if rest.starts_with('\u{feff}') => {
                    self.at += '\u{feff}'.len_utf8();
                    continue;
                }
                b'"' => string_length(bytes),
                b'.' if rest.starts_with("...") => 3,
                b'-' | b'0'..=b'9' => 1 + bytes[1..].iter().take_while(|b| is_number(**b)).count(),
                b'_' | b'a'..=b'z' | b'A'..=b'Z' => bytes.iter().take_while(|b| is_name(**b)).count(),
                _ => rest.chars().next().map_or(1, char::len_utf8),
            };
            let token = Token { at: self.at, text: rest.get(..length).unwrap_or(rest) };
            self.at += token.text.len();
            return Some(token);
        }
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_number(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-')
}
