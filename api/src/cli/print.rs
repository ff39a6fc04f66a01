//! Standard output and standard error, in one place.
#![expect(clippy::print_stderr, reason = "commands talk to the terminal")]

use std::io::Write;

use serde::Serialize;

use super::Failure;

/// Prints a text unchanged. A closed pipe is not an error.
pub(super) fn text(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints the result of a command: as JSON, or as text.
pub(super) fn outcome(json: bool, made: &impl Serialize, words: String) -> Result<(), Failure> {
    if json { text(&format!("{}\n", serde_json::to_string(made)?)) } else { text(&format!("{}\n", harmless(&words))) }
}

/// A text without control characters, apart from tabs and line breaks: names come from people, and a terminal obeys its
/// control characters.
fn harmless(words: &str) -> String {
    let mut shown = String::with_capacity(words.len());
    for c in words.chars() {
        match c.is_control() && !matches!(c, '\n' | '\t') {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

/// Reports the progress of a long operation.
pub(super) fn progress(line: &str) {
    eprintln!("{line}");
}

/// Prints the one line of a failure.
pub(super) fn problem(line: &str) {
    eprintln!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_drive_the_terminal() {
        assert_eq!(harmless("A\u{1b}[31mB\u{9b}C\r\tD\n"), "A\\u{1b}[31mB\\u{9b}C\\r\tD\n");
    }
}
