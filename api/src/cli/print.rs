//! Standard output and standard error, in one place.
#![expect(clippy::print_stderr, reason = "commands talk to the terminal")]

use std::io::Write;

use serde::Serialize;

use super::Failure;

/// A text as it is. A reader who has gone away is no failure.
pub(super) fn text(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// What a command made: as JSON for machines, else in words.
pub(super) fn outcome(json: bool, made: &impl Serialize, words: String) -> Result<(), Failure> {
    if json { text(&format!("{}\n", serde_json::to_string(made)?)) } else { text(&format!("{words}\n")) }
}

/// How far something long has come.
pub(super) fn progress(line: &str) {
    eprintln!("{line}");
}

/// The one line of a failure.
pub(super) fn problem(line: &str) {
    eprintln!("{line}");
}
