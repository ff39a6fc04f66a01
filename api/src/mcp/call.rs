//! One call of a tool, from its arguments to its outcome. A write is fingerprinted as the REST request that does the same,
//! so that one key means one effect on REST and MCP.

use std::sync::Arc;

use poem::http::Method;
use rmcp::model::InputRequiredResult;
use service::value::{FieldErrors, Id, Json};
use service::{Cx, Deleted, Error, IdempotencyKey, Precondition, Record, RequestFacts, Written};

use super::arguments::Arguments;
use super::confirm::{self, Confirmation};
use super::names::{self, Named};
use super::reply::Reply;
use super::request::McpRequest;
use super::tools::{Effect, Tool};
use crate::http::request::fingerprint;
use crate::rest::BASE;

/// A call that is to be run.
pub(super) struct Call {
    pub(super) session: Arc<McpRequest>,
    pub(super) tool: &'static Tool,
    pub(super) arguments: Arguments,
    pub(super) asked: Confirmation,
    digest: [u8; 32],
}

/// What becomes of a call.
pub(super) enum CallOutcome {
    /// It is answered.
    Reply(Reply),
    /// The person is asked first.
    Ask(InputRequiredResult),
}

impl From<Reply> for CallOutcome {
    fn from(reply: Reply) -> CallOutcome {
        CallOutcome::Reply(reply)
    }
}

/// The REST request that does the same, by the path of its list below the base.
pub(super) enum Target {
    /// POST on a path.
    New(&'static str),
    /// PATCH of a record.
    Change(&'static str, Option<Named>),
    /// DELETE of a record.
    Delete(&'static str, Option<Named>),
    /// POST of an action without a body on a record.
    Act(&'static str, &'static str, Option<Named>),
    /// POST of an action on a record, with a body.
    ActWith(&'static str, &'static str),
}

/// What the operation of a write takes.
pub(super) struct Write {
    /// The record; `Id::NONE` where a new one is made.
    pub(super) id: Id,
    /// The versions that the record may have.
    pub(super) expected: Precondition,
    /// The input.
    pub(super) body: Json,
}

impl Call {
    /// Of a tool with its arguments, as they were sent.
    pub(super) fn new(
        session: Arc<McpRequest>,
        tool: &'static Tool,
        arguments: Arguments,
        asked: Confirmation,
    ) -> Call {
        let digest = arguments.digest(tool.name);
        Call { session, tool, arguments, asked, digest }
    }

    /// The answer that this very call was given before. It comes first, since what its names stood for may be gone by its own
    /// doing: a retry of a rename finds no record of the old name, and a retry of a stop no running timer.
    pub(super) async fn answered(&self, noun: &'static str) -> Result<Option<CallOutcome>, Error> {
        match self.arguments.key() {
            Some(key) => self.again(noun, &key).await,
            None => Ok(None),
        }
    }

    async fn again(&self, noun: &'static str, key: &str) -> Result<Option<CallOutcome>, Error> {
        let key = key.to_owned();
        let facts = RequestFacts { key: IdempotencyKey::Key(key), call: Some(self.digest), ..RequestFacts::default() };
        let again = self.session.enter(facts).answered::<Deleted>(self.tool.action).await?;
        Ok(again.map(|written| Reply::written(noun, written, false)).transpose()?.map(CallOutcome::from))
    }

    /// Runs a write: controls, names, confirmation, then the operation with the key of the call.
    pub(super) async fn write<R: Record>(
        mut self,
        noun: &'static str,
        target: Target,
        operation: impl AsyncFnOnce(&Cx, Write) -> Result<Written<R>, Error>,
    ) -> Result<CallOutcome, Error> {
        if let Some(again) = self.answered(noun).await? {
            return Ok(again);
        }
        let controls = self.arguments.take_controls(self.tool.effect)?;
        let reader = self.session.reader();
        let (id, mut problems) = match self.understand(&reader, &target).await {
            Ok(understood) => understood,
            // The first call may have ended meanwhile.
            Err(refused) => return self.again(noun, &controls.key).await?.ok_or(refused),
        };
        let asks = self.tool.effect == Effect::Destroys && !controls.dry_run && !controls.confirm;
        if asks && reader.may(self.tool.action) {
            match confirm::ask(&reader, &self.asked, &self.digest, noun, id).await {
                Ok(Some(ask)) => return Ok(CallOutcome::Ask(ask)),
                Ok(None) => {}
                Err(refused) => return self.again(noun, &controls.key).await?.ok_or(refused),
            }
        }
        let Call { session, arguments, digest, .. } = self;
        let body = arguments.into_body();
        let (method, path, sent) = match target {
            Target::New(path) => (Method::POST, format!("{BASE}{path}"), Some(&body)),
            Target::Change(list, _) => (Method::PATCH, format!("{BASE}{list}/{id}"), Some(&body)),
            Target::Delete(list, _) => (Method::DELETE, format!("{BASE}{list}/{id}"), None),
            Target::Act(list, action, _) => (Method::POST, format!("{BASE}{list}/{id}{action}"), None),
            Target::ActWith(list, action) => (Method::POST, format!("{BASE}{list}/{id}{action}"), Some(&body)),
        };
        if let (None, Json::Object(left)) = (sent, &body) {
            // An operation without an input takes no argument besides its own; the door comes first.
            left.iter().for_each(|(name, _)| problems.add(name.as_str(), "unknown"));
        }
        let facts = RequestFacts {
            fingerprint: fingerprint(&method, &path, sent),
            call: Some(digest),
            // What is only tried leaves nothing, its key included.
            key: if controls.dry_run { IdempotencyKey::None } else { IdempotencyKey::Key(controls.key) },
            not_taken: problems,
            dry_run: controls.dry_run,
            ..RequestFacts::default()
        };
        let cx = session.enter(facts);
        let written = operation(&cx, Write { id, expected: controls.expected, body }).await?;
        Ok(Reply::written(noun, written, controls.dry_run)?.into())
    }

    /// Which record the call is about, and which of its names lead nowhere.
    async fn understand(&mut self, reader: &Cx, target: &Target) -> Result<(Id, FieldErrors), Error> {
        let id = match target {
            Target::New(_) => Id::NONE,
            Target::Change(_, named) | Target::Delete(_, named) | Target::Act(_, _, named) => {
                names::own_id(reader, &mut self.arguments, *named).await?
            }
            Target::ActWith(..) => names::own_id(reader, &mut self.arguments, None).await?,
        };
        let project = match target {
            Target::Change("/time-entries", _) => names::project_of_entry(reader, &mut self.arguments, id).await?,
            _ => None,
        };
        Ok((id, names::replace(reader, &mut self.arguments, project).await?))
    }
}
