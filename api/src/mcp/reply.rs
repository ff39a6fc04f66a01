//! What a call answers: compact JSON without nulls, once; an error with its next step; links to records.

use rmcp::model::{CallToolResult, ContentBlock, Resource};
use serde_json::{Map, Value, json};
use service::value::Id;
use service::{Error, Record, Written};

use super::tools::Effect;

/// The longest answer of a tool that reads, in bytes: a quarter of a million tokens, more than an assistant can take in.
/// What a write has done is reported at any length; its request bounds it.
pub(super) const MAX_ANSWER: usize = 1024 * 1024;

/// The answer of a tool.
pub(super) struct Reply {
    value: Value,
    link: Option<(&'static str, Id)>,
}

impl Reply {
    /// Any value that serializes.
    ///
    /// # Errors
    /// `Internal` where it does not.
    pub(super) fn of(value: &impl serde::Serialize) -> Result<Reply, Error> {
        let value =
            serde_json::to_value(value).map_err(|e| Error::bug(format!("an answer does not serialize: {e}")))?;
        Ok(Reply { value, link: None })
    }

    /// A record, with a link to it.
    ///
    /// # Errors
    /// `Internal` where it does not serialize.
    pub(super) fn record(noun: &'static str, id: Id, value: &impl serde::Serialize) -> Result<Reply, Error> {
        Ok(Reply { link: Some((noun, id)), ..Reply::of(value)? })
    }

    /// The outcome of a write; one that was done before says `replayed`, one that was only tried says `dryRun`.
    ///
    /// # Errors
    /// `Internal` where the stored answer does not read back.
    pub(super) fn written<R: Record>(noun: &'static str, written: Written<R>, dry_run: bool) -> Result<Reply, Error> {
        let (value, id, mark) = match written {
            Written::Fresh { record, .. } => {
                let value = serde_json::to_value(&record);
                let mark = dry_run.then_some("dryRun");
                (value.map_err(|e| Error::bug(format!("a record does not serialize: {e}")))?, record.id(), mark)
            }
            Written::Replayed(stored) => {
                let value = serde_json::from_str(&stored.body);
                let value = value.map_err(|e| Error::bug(format!("a stored answer does not read back: {e}")))?;
                (value, stored.id, Some("replayed"))
            }
        };
        let mut value = match value {
            Value::Array(items) => json!({ "items": items }),
            one => one,
        };
        if let (Value::Object(fields), Some(mark)) = (&mut value, mark) {
            fields.insert(mark.to_owned(), Value::Bool(true));
        }
        let link = (!dry_run && id != Id::NONE).then_some((noun, id));
        Ok(Reply { value, link })
    }

    /// As the protocol sends it.
    ///
    /// # Errors
    /// `BadRequest` where a tool that reads has more to say than anybody can read.
    pub(super) fn into_result(self, effect: Effect) -> Result<CallToolResult, Error> {
        let text = without_nulls(self.value).to_string();
        if effect == Effect::Reads && text.len() > MAX_ANSWER {
            let why = format!(
                "the answer has {} bytes, over 1 MiB: ask for less, with limit, filters or fewer fields of query",
                text.len()
            );
            return Err(Error::BadRequest(why.into()));
        }
        let mut content = vec![ContentBlock::text(text)];
        if let Some((noun, id)) = self.link {
            content.push(ContentBlock::ResourceLink(Resource::new(uri(noun, id), noun)));
        }
        Ok(CallToolResult::success(content))
    }
}

/// The address of a record among the resources.
pub(super) fn uri(noun: &str, id: Id) -> String {
    format!("hoursmith://{noun}/{id}")
}

/// The same value without the fields that are null: an assistant pays for each of them.
pub(super) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// A refusal: the body of REST's envelope, and what to do next in place of a link to a page.
pub(super) fn refusal(error: &Error, request_id: &str) -> CallToolResult {
    error.log();
    let mut fields = match serde_json::to_value(error.body(request_id).without_doc_url()) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    fields.insert("next".into(), next_step(error).into());
    let value = Value::Object(fields);
    CallToolResult::error(vec![ContentBlock::text(without_nulls(value).to_string())])
}

/// What an assistant can do about an error.
fn next_step(error: &Error) -> &'static str {
    use service::Reason;
    match error {
        Error::Conflict { reason, .. } => match reason {
            Reason::ProjectNotActive => "The project takes no new time: set its status to ACTIVE with update_project.",
            Reason::Invoiced => "The record is on an invoice and cannot change; log a correction as a new record.",
            Reason::ActiveProjects => "Complete or archive the client's projects with update_project first.",
            Reason::TimerRunning => "Stop the running timer with stop_timer first.",
            Reason::NotRunning => "The timer has been stopped already; nothing is left to do.",
            Reason::IdempotencyMismatch => "Use a new idempotencyKey: this one belongs to another request.",
            _ => "Read the record again, correct what the message names and call again.",
        },
        Error::Stale { .. } => "Read the record again and send its version as expectedVersion.",
        Error::InFlight => "Wait a few seconds and call again with the same idempotencyKey.",
        Error::Invalid(_) => "Correct the named fields and call again, with the same idempotencyKey if you like.",
        Error::NotFound(_) => "Look the record up with find.",
        Error::Forbidden(_) => "This token may not do it: ask the person for a token with the scope or role it takes.",
        Error::PlanLacks(_) => "The workspace's plan does not include this: inform the person.",
        Error::RateLimited { .. } => "Wait as many seconds as the message says and call again.",
        Error::BadRequest(_) => "Correct what the message names and call again.",
        _ => "Try again later with the same idempotencyKey.",
    }
}
