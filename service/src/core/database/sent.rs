//! A statement while it runs: its span in a request that is traced, the report of one that took long, and what its connection
//! is doing.

use std::time::Duration;

use tokio::time::Instant;

use super::connection::Fault;
use crate::core::observed;
use crate::core::trace::Statement as StatementSpan;

/// A statement that takes longer is reported.
const SLOW: Duration = Duration::from_secs(1);
/// How much of a slow statement is reported, in bytes.
const SHOWN: usize = 300;

/// A statement that runs: it has a span of its own in a request that is traced.
pub(super) struct Sent<'a> {
    sql: &'a str,
    started: Instant,
    _span: Option<StatementSpan>,
}

impl<'a> Sent<'a> {
    /// Begins now, on a database of this system.
    pub(super) fn now(sql: &'a str, system: &'static str) -> Sent<'a> {
        Sent { sql, started: Instant::now(), _span: observed::statement(sql, system) }
    }

    /// Counts it, and reports one that took long: its text, in which values are numbers of places.
    pub(super) fn ended(self) {
        let took = self.started.elapsed();
        observed::asked(took);
        if took >= SLOW {
            let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(ms, sql = &self.sql[..self.sql.floor_char_boundary(SHOWN)], "a slow statement");
        }
    }
}

/// What a connection that is taken is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing: it can be given back.
    Free,
    /// A statement, which nobody waits for if the connection is dropped now.
    Running,
    /// A statement whose deadline is over.
    Late,
    /// It is of no use any more.
    Lost,
}

impl State {
    /// What it is doing after a statement ended so.
    pub(super) fn after<T>(outcome: &Result<T, Fault>) -> State {
        match outcome {
            Ok(_) | Err(Fault::Refused(_)) => State::Free,
            Err(Fault::Late) => State::Late,
            Err(Fault::Lost(_)) => State::Lost,
        }
    }
}
