//! The errors of operations, as one closed enum with one public code per variant. Independent of HTTP.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use entity::value::{FieldErrors, Plan};
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlxError};
use serde::Serialize;
use serde::ser::SerializeMap;

use crate::contract::reason::Reason;

/// How long an operation, or one event of a subscription, may take. A longer one is given up as `TooSlow`.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(14);
/// Seconds within which every operation has an answer, if only that it was given up.
const ANSWERED_WITHIN: u64 = 15;

/// What callers call this process, without a slash at the end. Errors are also made where no server is at hand, such as by
/// the listener, so that this is known to the whole process.
static PUBLIC_URL: OnceLock<String> = OnceLock::new();

/// Makes the `docUrl` of errors begin with the URL of this server; without it they are paths. The first call counts.
pub fn document_errors_at(public_url: &str) {
    let _ = PUBLIC_URL.set(public_url.trim_end_matches('/').to_owned());
}

/// Why an operation was refused or failed. Its text is meant for callers; only `Internal` hides its cause.
#[derive(Debug)]
pub enum Error {
    /// Not JSON, a body that cannot be read, a cursor that does not decode.
    BadRequest(Cow<'static, str>),
    /// No token, or one that is not valid.
    Unauthenticated(Cow<'static, str>),
    /// The plan of the workspace lacks a feature.
    PlanLacks(Feature),
    /// The role or the token's scope does not allow it.
    Forbidden(Cow<'static, str>),
    /// No such record, or one that the caller may not see.
    NotFound(&'static str),
    /// Blocked by the state of a record.
    Conflict {
        /// The reason, for programs.
        reason: Reason,
        /// The reason and what to do about it, for people.
        message: Cow<'static, str>,
    },
    /// A concurrent duplicate with the same idempotency key is still running.
    InFlight,
    /// `If-Match` or `expectedVersion` names another version than this one.
    Stale {
        /// The version that the record has; none of a record that has no versions.
        version: Option<i32>,
    },
    /// Invalid input, with every bad field.
    Invalid(FieldErrors),
    /// A rate limit is exceeded.
    RateLimited {
        /// Whole seconds until the request can succeed, if no other client uses the token.
        retry_after: u64,
    },
    /// The operation exceeded its time limit.
    TooSlow,
    /// The server cannot do this at the moment, for example because its database is away. The same request can be sent
    /// again, a write with its key.
    Unavailable,
    /// A fault of the server or of a service that it needs. The cause is only logged.
    Internal(Cause),
}

/// The cause of an internal error.
#[derive(Debug)]
pub enum Cause {
    /// The database.
    Database(DbErr),
    /// A broken invariant.
    Bug(Cow<'static, str>),
}

/// A feature that depends on the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// REST, GraphQL and MCP.
    ApiAccess,
    /// Webhooks and events.
    OutboundWebhooks,
}

impl Feature {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Feature::ApiAccess => "apiAccess",
            Feature::OutboundWebhooks => "outboundWebhooks",
        }
    }

    /// Whether a plan has it.
    pub fn is_in(self, plan: Plan) -> bool {
        plan >= self.required_plan()
    }

    /// The least plan that has it.
    pub const fn required_plan(self) -> Plan {
        match self {
            Feature::ApiAccess => Plan::Studio,
            Feature::OutboundWebhooks => Plan::Agency,
        }
    }
}

/// The nine public codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The request cannot be read.
    BadRequest,
    /// Nobody is known to ask.
    Unauthenticated,
    /// The plan lacks the feature.
    ForbiddenPlan,
    /// The role or scope does not allow it.
    ForbiddenScope,
    /// No such thing, for this caller.
    NotFound,
    /// Blocked by state.
    Conflict,
    /// Bad input.
    ValidationError,
    /// Over budget.
    RateLimited,
    /// Our fault.
    Internal,
}

impl Code {
    /// All of them, with when each is given.
    pub const ALL: [(Code, &'static str); 9] = [
        (
            Code::BadRequest,
            "The body is not JSON, or a cursor does not decode or belongs to another list, sort or filter.",
        ),
        (
            Code::Unauthenticated,
            "The token is missing, malformed, unknown, revoked, expired, or its member was removed.",
        ),
        (Code::ForbiddenPlan, "The plan lacks the feature; `requiredPlan` and `feature` say which."),
        (Code::ForbiddenScope, "The role or the token's scope does not allow the action."),
        (Code::NotFound, "No such record, or one that the caller may not see."),
        (Code::Conflict, "Blocked by state, by idempotency, or by a stale `If-Match`; `reason` splits it further."),
        (Code::ValidationError, "Bad input; `fields` maps every bad field to a reason."),
        (Code::RateLimited, "Over budget; `Retry-After` says when to come back."),
        (Code::Internal, "A fault of the server; the request id leads to it."),
    ];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Code::BadRequest => "bad_request",
            Code::Unauthenticated => "unauthenticated",
            Code::ForbiddenPlan => "forbidden_plan",
            Code::ForbiddenScope => "forbidden_scope",
            Code::NotFound => "not_found",
            Code::Conflict => "conflict",
            Code::ValidationError => "validation_error",
            Code::RateLimited => "rate_limited",
            Code::Internal => "internal",
        }
    }
}

impl Error {
    /// An internal error because an invariant is broken.
    pub fn bug(what: impl Into<Cow<'static, str>>) -> Error {
        Error::Internal(Cause::Bug(what.into()))
    }

    /// This error, if a look-up by key met it. Such a look-up is never slow by itself: if it had no answer in time, the
    /// database is away.
    pub(crate) fn of_look_up(self) -> Error {
        match self {
            Error::TooSlow => Error::Unavailable,
            error => error,
        }
    }

    /// One bad field.
    pub fn invalid(path: impl Into<String>, reason: impl Into<String>) -> Error {
        Error::Invalid(FieldErrors::at(path, reason))
    }

    /// Blocked by state.
    pub fn conflict(reason: Reason, message: impl Into<Cow<'static, str>>) -> Error {
        Error::Conflict { reason, message: message.into() }
    }

    /// Logs the cause of an internal error, which callers do not see.
    pub fn log(&self) {
        if let Error::Internal(cause) = self {
            tracing::error!(%cause, "a request failed");
        }
    }

    /// Its public code.
    pub fn code(&self) -> Code {
        match self {
            Error::BadRequest(_) => Code::BadRequest,
            Error::Unauthenticated(_) => Code::Unauthenticated,
            Error::PlanLacks(_) => Code::ForbiddenPlan,
            Error::Forbidden(_) => Code::ForbiddenScope,
            Error::NotFound(_) => Code::NotFound,
            Error::Conflict { .. } | Error::InFlight | Error::Stale { .. } => Code::Conflict,
            Error::Invalid(_) => Code::ValidationError,
            Error::RateLimited { .. } => Code::RateLimited,
            Error::TooSlow | Error::Unavailable | Error::Internal(_) => Code::Internal,
        }
    }

    /// The reason that refines the code.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Error::Conflict { reason, .. } => Some(reason.as_str()),
            Error::InFlight => Some(Reason::IdempotencyInFlight.as_str()),
            Error::Stale { .. } => Some(Reason::Stale.as_str()),
            Error::TooSlow | Error::Unavailable => Some("unavailable"),
            _ => None,
        }
    }

    /// Where the error is explained: its reason, or else its code, on the page of errors.
    pub fn doc_url(&self) -> String {
        let anchor = self.reason().unwrap_or(self.code().as_str());
        format!("{}/docs/errors#{anchor}", PUBLIC_URL.get().map_or("", String::as_str))
    }

    /// The bad fields.
    pub fn fields(&self) -> Option<&FieldErrors> {
        match self {
            Error::Invalid(problems) => Some(problems),
            _ => None,
        }
    }

    /// The feature that the plan lacks.
    pub fn feature(&self) -> Option<Feature> {
        match self {
            Error::PlanLacks(feature) => Some(*feature),
            _ => None,
        }
    }

    /// Its body in a response: REST sends it under `error`, GraphQL under `extensions`.
    pub fn body<'a>(&'a self, request_id: &'a str) -> ErrorBody<'a> {
        ErrorBody { error: self, request_id, with_message: true, with_doc_url: true }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::BadRequest(message) | Error::Unauthenticated(message) | Error::Forbidden(message) => {
                f.write_str(message)
            }
            Error::PlanLacks(feature) => {
                write!(
                    f,
                    "the workspace's plan does not include {}; it needs {}",
                    feature.as_str(),
                    feature.required_plan()
                )
            }
            Error::NotFound(what) => write!(f, "no such {what}"),
            Error::Conflict { message, .. } => f.write_str(message),
            Error::InFlight => f.write_str(
                "a request with this Idempotency-Key is still running; retry with the same key after Retry-After",
            ),
            Error::Stale { version: None } => {
                f.write_str("the record has no version, so none can be expected of it; leave out If-Match")
            }
            Error::Stale { version: Some(version) } => {
                write!(f, "the record has changed since you read it: its version is {version}; read it again and retry")
            }
            Error::Invalid(problems) => write!(f, "{problems}"),
            Error::RateLimited { retry_after } => {
                write!(f, "too many requests; retry after {retry_after} s")
            }
            Error::TooSlow => {
                write!(
                    f,
                    "it would take longer than {ANSWERED_WITHIN} s and was given up; retry after Retry-After, or ask for less \
                     at once"
                )
            }
            Error::Unavailable => f.write_str(
                "the server cannot do this at the moment, for example because its database is away; retry after \
                 Retry-After, a write with the same Idempotency-Key",
            ),
            Error::Internal(_) => f.write_str("an internal error occurred; report the request id to the operator"),
        }
    }
}

impl From<DbErr> for Error {
    fn from(cause: DbErr) -> Error {
        match &cause {
            DbErr::Conn(_) | DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed) => Error::Unavailable,
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => Error::TooSlow,
            DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))
                if was_cancelled(error) =>
            {
                Error::TooSlow
            }
            DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))
                if is_locked(error) || is_full(error) =>
            {
                Error::Unavailable
            }
            _ => Error::Internal(Cause::Database(cause)),
        }
    }
}

/// Whether the database has given a statement up: PostgreSQL's time-out of statements, or an interrupt of SQLite.
fn was_cancelled(error: &SqlxError) -> bool {
    matches!(error, SqlxError::Database(error) if matches!(error.code().as_deref(), Some("57014" | "9")))
}

/// Whether another program has kept SQLite's file locked for longer than is waited (SQLITE_BUSY and its extended codes).
fn is_locked(error: &SqlxError) -> bool {
    matches!(error, SqlxError::Database(error) if matches!(error.code().as_deref(), Some("5" | "261" | "517" | "773")))
}

/// Whether the disk of the database is full: what SQLite (SQLITE_FULL; SQLITE_IOERR_WRITE and SQLITE_IOERR_SHMSIZE, as for a
/// quota) and PostgreSQL (disk_full) say then.
pub(crate) fn is_full(error: &SqlxError) -> bool {
    const FULL: [&str; 4] = ["13", "778", "4874", "53100"];
    matches!(error, SqlxError::Database(error) if error.code().is_some_and(|code| FULL.contains(&&*code)))
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Database(cause) => cause.fmt(f),
            Cause::Bug(what) => f.write_str(what),
        }
    }
}

/// Writes to the log that a background job failed. What is an answer to a caller is none of the log's.
pub(crate) fn report(job: &'static str, outcome: Result<(), Error>) {
    if let Err(Error::Internal(cause)) = outcome {
        tracing::warn!(job, %cause, "a background job failed and will be tried again");
    }
}

/// The body of an error, as callers receive it.
pub struct ErrorBody<'a> {
    error: &'a Error,
    request_id: &'a str,
    with_message: bool,
    with_doc_url: bool,
}

impl ErrorBody<'_> {
    /// This body without the message, for surfaces that carry it elsewhere.
    pub fn without_message(self) -> Self {
        ErrorBody { with_message: false, ..self }
    }

    /// This body without the link to the page of errors, for surfaces whose contract has none.
    pub fn without_doc_url(self) -> Self {
        ErrorBody { with_doc_url: false, ..self }
    }
}

impl Serialize for ErrorBody<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Fields<'a>(&'a FieldErrors);
        impl Serialize for Fields<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter())
            }
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", self.error.code().as_str())?;
        if self.with_message {
            map.serialize_entry("message", &self.error.to_string())?;
        }
        if let Some(reason) = self.error.reason() {
            map.serialize_entry("reason", reason)?;
        }
        if let Some(fields) = self.error.fields() {
            map.serialize_entry("fields", &Fields(fields))?;
        }
        if let Some(feature) = self.error.feature() {
            map.serialize_entry("requiredPlan", feature.required_plan().as_str())?;
            map.serialize_entry("feature", feature.as_str())?;
        }
        if self.with_doc_url {
            map.serialize_entry("docUrl", &self.error.doc_url())?;
        }
        map.serialize_entry("requestId", self.request_id)?;
        map.end()
    }
}
