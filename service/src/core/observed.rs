//! What is noted of a request while a task works for it: for its line in the log, and for the trace that it belongs to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use entity::value::OrganizationId;

use super::trace::{Span, Statement};

tokio::task_local! {
    static CURRENT: Arc<Observed>;
}

/// The longest name of an operation that is noted, in bytes: callers choose it.
const LONGEST_NAME: usize = 80;

/// What was noted of one request.
#[derive(Debug, Default)]
pub struct Observed {
    statements: AtomicU64,
    database_micros: AtomicU64,
    noted: Mutex<Noted>,
    /// What the spans of its statements stand below, if it is traced.
    span: Option<Span>,
}

/// Who asked for what, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// The caller's workspace, if the token was good.
    pub workspace: Option<OrganizationId>,
    /// The template of the path.
    pub route: Option<Arc<str>>,
    /// The name of a GraphQL operation or of a tool.
    pub operation: Option<String>,
    /// The code of the error that it was answered with.
    pub code: Option<String>,
    /// What refines the code.
    pub reason: Option<String>,
    /// The trace that the request belongs to.
    pub trace: Option<TraceParent>,
}

impl Observed {
    /// Of a request of this trace; of its span, where this server makes one.
    pub fn new(trace: Option<TraceParent>, span: Option<Span>) -> Arc<Observed> {
        let trace = span.as_ref().and_then(Span::traceparent).or(trace);
        let noted = Mutex::new(Noted { trace, ..Noted::default() });
        Arc::new(Observed { noted, span, ..Observed::default() })
    }

    /// Runs the work for the request.
    pub async fn scope<T>(self: Arc<Self>, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }

    /// The number of messages to the database, and how long it took, waiting for a connection included.
    pub fn database(&self) -> (u64, Duration) {
        let micros = self.database_micros.load(Ordering::Relaxed);
        (self.statements.load(Ordering::Relaxed), Duration::from_micros(micros))
    }

    /// What was noted so far.
    pub fn noted(&self) -> Noted {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes something of the request that this task works for, if it works for one.
pub fn note(change: impl FnOnce(&mut Noted)) {
    // Without a request there is nothing to be noted.
    let _ = CURRENT.try_with(|observed| change(&mut observed.lock()));
}

/// Notes the name of an operation, cut to a length that a log can bear.
pub fn note_operation(name: &str) {
    let end = name.floor_char_boundary(LONGEST_NAME);
    note(|noted| noted.operation = Some(name[..end].to_owned()));
}

/// The trace that this task works for.
pub(crate) fn trace() -> Option<TraceParent> {
    CURRENT.try_with(|observed| observed.lock().trace.clone()).ok().flatten()
}

/// Begins the span of a statement, if this task works for a request that is traced.
pub(crate) fn statement(sql: &str, system: &'static str) -> Option<Statement> {
    let begin = |observed: &Arc<Observed>| observed.span.as_ref().and_then(|span| span.statement(sql, system));
    CURRENT.try_with(begin).ok().flatten()
}

/// Counts a message to the database.
pub(crate) fn asked(took: Duration) {
    let _ = CURRENT.try_with(|observed| observed.statements.fetch_add(1, Ordering::Relaxed));
    waited(took);
}

/// Adds time that was spent on the database.
pub(crate) fn waited(took: Duration) {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let _ = CURRENT.try_with(|observed| observed.database_micros.fetch_add(micros, Ordering::Relaxed));
}

/// A position in a trace, by the W3C's Trace Context: taken over from the caller. Receivers are given the position of the span that
/// this server has made, or the caller's as it came where it makes none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent {
    header: Arc<str>,
    /// What vendors have added: the header `tracestate`.
    state: Option<Arc<str>>,
}

/// The longest header `tracestate` that is taken over, in bytes: the least that its specification asks for.
const LONGEST_STATE: usize = 512;

impl TraceParent {
    /// The header `traceparent`; one that is malformed counts as absent.
    pub fn parse(header: &str) -> Option<TraceParent> {
        let mut parts = header.trim().split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |part: &str, length| {
            part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let is_zero = |part: &str| part.bytes().all(|b| b == b'0');
        let is_whole = version == "00" && hex(trace, 32) && hex(span, 16) && hex(flags, 2) && parts.next().is_none();
        (is_whole && !is_zero(trace) && !is_zero(span))
            .then(|| TraceParent { header: header.trim().into(), state: None })
    }

    /// Adds what vendors have sent along (`tracestate`); what is too long is left out.
    #[must_use]
    pub fn with_state(self, state: &str) -> TraceParent {
        let state = Some(state.trim()).filter(|state| !state.is_empty() && state.len() <= LONGEST_STATE);
        TraceParent { state: state.map(Arc::from), ..self }
    }

    /// What vendors have added.
    pub(crate) fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The header.
    pub fn as_str(&self) -> &str {
        &self.header
    }

    /// The id of the trace.
    pub fn trace_id(&self) -> &str {
        self.header.get(3..35).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_taken_over_only_if_it_is_whole() {
        let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = TraceParent::parse(header).unwrap();
        assert_eq!((trace.trace_id(), trace.as_str()), ("4bf92f3577b34da6a3ce929d0e0e4736", header));
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert_eq!(TraceParent::parse(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn notes_belong_to_the_request_of_the_task() {
        note(|noted| noted.code = Some("nobody's".into()));
        let observed = Observed::new(None, None);
        let work = async {
            asked(Duration::from_millis(2));
            waited(Duration::from_millis(3));
            note_operation(&"é".repeat(100));
        };
        observed.clone().scope(work).await;
        assert_eq!(observed.database(), (1, Duration::from_millis(5)));
        assert_eq!(observed.noted().operation.unwrap().len(), LONGEST_NAME);
        assert_eq!(observed.noted().code, None);
    }
}
