//! From an error to GraphQL: the same codes, under `extensions`.

use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, Response, Value};
use service::Error;

/// What goes under `extensions` of an error: code, reason, fields, requiredPlan, feature, requestId.
pub fn extensions(error: &Error, request_id: &str) -> ErrorExtensionValues {
    let mut values = ErrorExtensionValues::default();
    let body = error.body(request_id).without_message().without_doc_url();
    if let Ok(serde_json::Value::Object(map)) = serde_json::to_value(body) {
        for (key, value) in map {
            values.set(key, Value::from_json(value).unwrap_or_default());
        }
    }
    values
}

/// Why a field was refused for now, before anything was done. A header says when to try again.
#[derive(Clone, Copy)]
enum RetryLater {
    OverBudget { retry_after: u64 },
    DuplicateInFlight,
    TooSlow,
    Unavailable,
}

/// The refusal of an answer with a field that was over budget, whose concurrent duplicate still runs, that was given up
/// after 15 s, or that found no database: the whole answer is refused, with the status that says so.
pub fn refused_for_now(answer: &Response) -> Option<Error> {
    answer.errors.iter().find_map(|error| error.source::<RetryLater>()).map(|refused| match *refused {
        RetryLater::OverBudget { retry_after } => Error::RateLimited { retry_after },
        RetryLater::DuplicateInFlight => Error::InFlight,
        RetryLater::TooSlow => Error::TooSlow,
        RetryLater::Unavailable => Error::Unavailable,
    })
}

/// An error of the service as a field's error.
pub(crate) fn fail(cx: &service::Cx, error: &Error) -> async_graphql::Error {
    error.log();
    let retry_later = match error {
        Error::RateLimited { retry_after } => Some(RetryLater::OverBudget { retry_after: *retry_after }),
        Error::InFlight => Some(RetryLater::DuplicateInFlight),
        Error::TooSlow => Some(RetryLater::TooSlow),
        Error::Unavailable => Some(RetryLater::Unavailable),
        _ => None,
    };
    async_graphql::Error {
        message: error.to_string(),
        source: retry_later.map(|refused| Arc::new(refused) as _),
        extensions: Some(extensions(error, cx.request_id())),
    }
}

/// The outcome of an operation as a field's outcome.
pub(crate) trait OrFail<T> {
    fn or_fail(self, cx: &service::Cx) -> async_graphql::Result<T>;
}

impl<T> OrFail<T> for Result<T, Error> {
    fn or_fail(self, cx: &service::Cx) -> async_graphql::Result<T> {
        self.map_err(|error| fail(cx, &error))
    }
}

impl<T> OrFail<T> for Result<T, Arc<Error>> {
    fn or_fail(self, cx: &service::Cx) -> async_graphql::Result<T> {
        self.map_err(|error| fail(cx, &error))
    }
}
