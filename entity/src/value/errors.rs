//! The errors of an input, by field: bounded, however large the input.

use std::fmt;

/// The bad fields of one input that are reported; those beyond are only counted.
const MAX_REPORTED: usize = 100;

/// The longest path that is reported, in characters; callers choose the names of unknown keys.
const LONGEST_PATH: usize = 200;

/// The errors of an input: each bad field by its path (`name`, `tags[2]`) with a reason for people. Only the first 100
/// fields are held, so that adding one takes the same time however many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors {
    reported: Vec<(String, String)>,
    /// How many errors came after those.
    more: usize,
}

impl FieldErrors {
    /// No error.
    pub fn none() -> FieldErrors {
        FieldErrors::default()
    }

    /// One error, for a field whose path the caller knows.
    pub fn here(reason: impl Into<String>) -> FieldErrors {
        FieldErrors::at("", reason)
    }

    /// One error at a field.
    pub fn at(path: impl Into<String>, reason: impl Into<String>) -> FieldErrors {
        FieldErrors { reported: vec![(path.into(), reason.into())], more: 0 }
    }

    /// Adds an error at a field. The first error of a field stays.
    pub fn add(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        let path = path.into();
        if self.names(&path) {
            return;
        }
        if self.is_full() {
            self.more += 1;
        } else {
            self.reported.push((shortened(path), reason.into()));
        }
    }

    /// Whether further errors are only counted, so that their reasons need not be made.
    pub fn is_full(&self) -> bool {
        self.reported.len() >= MAX_REPORTED
    }

    /// Adds all errors of another list, each below `path`.
    pub fn nest(&mut self, path: &str, inner: FieldErrors) {
        for (below, reason) in inner.reported {
            let dot = if below.is_empty() || below.starts_with('[') || path.is_empty() { "" } else { "." };
            self.add(format!("{path}{dot}{below}"), reason);
        }
        self.more += inner.more;
    }

    /// The same errors, with one field under another name.
    pub fn renamed(mut self, from: &str, to: &str) -> FieldErrors {
        for (path, _) in &mut self.reported {
            if path == from {
                *path = to.to_owned();
            }
        }
        self
    }

    /// Whether there is no error.
    pub fn is_empty(&self) -> bool {
        self.reported.is_empty()
    }

    /// Whether this field is among the reported ones.
    pub fn names(&self, path: &str) -> bool {
        self.reported.iter().any(|(known, _)| known == path)
    }

    /// Every reported path with its reason, in the order found.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.reported.iter().map(|(path, reason)| (path.as_str(), reason.as_str()))
    }
}

/// A path as it is reported.
fn shortened(mut path: String) -> String {
    if let Some((end, _)) = path.char_indices().nth(LONGEST_PATH) {
        path.truncate(end);
        path.push('…');
    }
    path
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (path, reason)) in self.reported.iter().enumerate() {
            let (comma, colon) = (if i > 0 { "; " } else { "" }, if path.is_empty() { "" } else { ": " });
            write!(f, "{comma}{path}{colon}{reason}")?;
        }
        if self.more > 0 { write!(f, "; and {} more", self.more) } else { Ok(()) }
    }
}

impl From<&str> for FieldErrors {
    fn from(reason: &str) -> FieldErrors {
        FieldErrors::here(reason)
    }
}

impl From<String> for FieldErrors {
    fn from(reason: String) -> FieldErrors {
        FieldErrors::here(reason)
    }
}
