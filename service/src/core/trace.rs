//! Spans, by OpenTelemetry: of a request, of each statement that it sends to the database, of an attempt to deliver a
//! webhook. A statement's span has its verb, never its text or its values.

use std::str::FromStr;

use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
    Tracer as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, Span as Running};

use super::observed::TraceParent;

/// The verbs that spans of statements are named by; whatever else begins a statement is not shown.
const VERBS: [&str; 11] =
    ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET"];

/// Makes spans. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tracer(SdkTracer);

/// A span that has begun, which the spans below it belong to. It ends at the latest when its last copy is dropped.
#[derive(Clone, Debug)]
pub struct Span {
    tracer: Tracer,
    context: Context,
}

/// A span of a statement that runs; it ends when it is dropped.
pub(crate) struct Statement(Running);

impl Tracer {
    pub(crate) fn new(tracer: SdkTracer) -> Tracer {
        Tracer(tracer)
    }

    /// Begins the span of a request, below the caller's own if it sent one.
    pub fn request(&self, name: String, parent: Option<&TraceParent>) -> Span {
        self.begin(name, SpanKind::Server, parent)
    }

    /// Begins the span of a request to somebody else.
    pub(crate) fn call(&self, name: &'static str, parent: Option<&TraceParent>) -> Span {
        self.begin(name.to_owned(), SpanKind::Client, parent)
    }

    fn begin(&self, name: String, kind: SpanKind, parent: Option<&TraceParent>) -> Span {
        let above = parent.and_then(remote);
        let above = above.map_or_else(Context::new, |span| Context::new().with_remote_span_context(span));
        let span = self.0.build_with_context(SpanBuilder::from_name(name).with_kind(kind), &above);
        Span { tracer: self.clone(), context: above.with_span(span) }
    }
}

impl Span {
    /// Its position in the trace, for the receiver that goes on with it.
    pub fn traceparent(&self) -> Option<TraceParent> {
        let span = self.context.span();
        let context = span.span_context();
        let flags = context.trace_flags().to_u8();
        TraceParent::parse(&format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id()))
    }

    /// Begins the span of a statement, if this one is recorded.
    pub(crate) fn statement(&self, sql: &str, system: &'static str) -> Option<Statement> {
        if !self.context.span().is_recording() {
            return None;
        }
        let verb = verb(sql);
        let attributes = [KeyValue::new("db.system.name", system), KeyValue::new("db.operation.name", verb)];
        let builder = SpanBuilder::from_name(verb).with_kind(SpanKind::Client).with_attributes(attributes);
        Some(Statement(self.tracer.0.build_with_context(builder, &self.context)))
    }

    /// Ends it, under the name that is known by now.
    pub fn end(&self, name: Option<String>, attributes: Vec<KeyValue>, is_fault: bool) {
        let span = self.context.span();
        if let Some(name) = name {
            span.update_name(name);
        }
        span.set_attributes(attributes);
        if is_fault {
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The position in a trace that another process has sent.
fn remote(parent: &TraceParent) -> Option<SpanContext> {
    let mut parts = parent.as_str().split('-').skip(1);
    let (trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let state = parent.state().and_then(|state| TraceState::from_str(state).ok()).unwrap_or_default();
    Some(SpanContext::new(trace, span, flags, true, state))
}

fn verb(sql: &str) -> &'static str {
    let first = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    VERBS.into_iter().find(|verb| verb.eq_ignore_ascii_case(first)).unwrap_or("STATEMENT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_shows_its_verb_and_nothing_else() {
        for (sql, shown) in [
            ("SELECT secret FROM t", "SELECT"),
            (" insert into t", "INSERT"),
            ("BEGIN; SET LOCAL x = 1", "BEGIN"),
            ("swordfish", "STATEMENT"),
            ("", "STATEMENT"),
        ] {
            assert_eq!(verb(sql), shown);
        }
    }

    #[test]
    fn the_place_of_a_caller_is_taken_over_with_its_state() {
        let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent = TraceParent::parse(header).unwrap().with_state("congo=t61rcWkgMzE");
        let context = remote(&parent).unwrap();
        assert_eq!(context.trace_id().to_string(), parent.trace_id());
        assert!(context.is_remote() && context.is_sampled());
        assert_eq!(context.trace_state().header(), "congo=t61rcWkgMzE");
        assert!(remote(&TraceParent::parse(header).unwrap().with_state("no state at all")).is_some());
    }
}
