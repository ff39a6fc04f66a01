//! The operations of Hoursmith, and the door that every one of them goes through. The only crate that holds a
//! connection to the database.
//!
//! In reading order: what callers send and get back, the ground, who may do what, rate limits, lists, idempotency, the
//! door, the outbox, the nouns, whole databases, live subscriptions, webhooks, sign-in at an OpenID provider; then what
//! assembles them. A folder imports only folders that stand above it in this list.

mod contract;

mod core;

mod access;
mod limit;

mod list;

mod idempotency;

mod door;
mod outbox;

mod nouns;

pub mod maintenance;

pub mod live;
pub mod webhook;

pub mod openid;

mod app;
mod jobs;
mod metrics;
pub mod otlp;
pub mod usage;

/// Makes the future of an `async fn` an object, so that its code is made in this crate. The body of one is otherwise compiled in each
/// crate that awaits it, with all that it awaits in turn and with the settings of that crate
/// (`docs/decisions/0060-the-release-program-is-stripped.md`). For all that the surfaces call on the path of requests.
pub(crate) use async_recursion::async_recursion as boxed;

pub use self::core::Environment;
pub use self::core::clock::Clock;
pub use self::core::observed;
pub use self::core::trace::{Span, Tracer};
pub use self::core::vault::SecretKey;
pub use access::action::{Access, Action};
pub use access::audience::audience;
pub use access::auth::no_token;
pub use access::policy;
pub use access::scope::SCOPED_TABLES;
pub use app::{App, Config};
pub use contract::caller::{Caller, CallerSession};
pub use contract::error::{Cause, Code, Error, ErrorBody, Feature, OPERATION_TIMEOUT, document_errors_at};
pub use contract::examples::examples;
pub use contract::input;
pub use contract::outcome::{Deleted, Precondition, Record, StoredReply, Written};
pub use contract::reason::Reason;
pub use contract::record::WriteJson;
pub use contract::selected;
pub use contract::visible::{MAY_BE_ABSENT, Visible};
pub use door::admission::{Admission, Admitted};
pub use door::operator::Operator;
pub use door::visitor::Visitor;
pub use door::{Cx, RequestFacts};
pub use idempotency::IdempotencyKey;
pub use limit::{Budget, Sizes, network_of};
pub use list::page::{DEFAULT_LIMIT, Filter, Key, ListArgs, MAX_LIMIT, MAX_TOTAL, Page, Pages, Total};
pub use list::question::bad_cursor;
pub use list::sort;
pub use nouns::*;
pub use webhook::sample::example_event;

/// The values that inputs and records are made of.
pub use entity::value;
/// An attribute of a span.
pub use opentelemetry::KeyValue as SpanAttribute;
