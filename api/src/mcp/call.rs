//! One call of a tool, from its arguments to its outcome. A write is fingerprinted as the REST request that does the same,
//! so that one key means one effect on both surfaces.

use std::sync::Arc;

use poem::http::Method;
use rmcp::model::InputRequiredResult;
use service::value::{Id, Json};
use service::{Cx, Error, IdempotencyKey, Precondition, Record, RequestFacts, Written};

use super::arguments::Arguments;
use super::confirm::{self, Asked};
use super::names::{self, Named};
use super::reply::Reply;
use super::session::Session;
use super::tools::{Effect, Tool};
use crate::http::request::fingerprint;
use crate::rest::BASE;

/// A call that is to be run.
pub(super) struct Call {
    pub(super) session: Arc<Session>,
    pub(super) tool: &'static Tool,
    pub(super) arguments: Arguments,
    pub(super) asked: Asked,
}

/// What becomes of a call.
pub(super) enum Outcome {
    /// It is answered.
    Reply(Reply),
    /// The person is asked first.
    Ask(InputRequiredResult),
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Outcome {
        Outcome::Reply(reply)
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
    /// Runs a write: controls, names, confirmation, then the operation with the key of the call.
    pub(super) async fn write<R: Record>(
        mut self,
        noun: &'static str,
        target: Target,
        operation: impl AsyncFnOnce(&Cx, Write) -> Result<Written<R>, Error>,
    ) -> Result<Outcome, Error> {
        let digest = confirm::digest(self.tool.name, &self.arguments);
        let controls = self.arguments.take_controls()?;
        let reader = self.session.reader();
        let id = match target {
            Target::New(_) => Id::NONE,
            Target::Change(_, named) | Target::Delete(_, named) | Target::Act(_, _, named) => {
                names::own_id(&reader, &mut self.arguments, named).await?
            }
            Target::ActWith(..) => names::own_id(&reader, &mut self.arguments, None).await?,
        };
        names::replace(&reader, &mut self.arguments).await?;
        let asks = self.tool.effect == Effect::Destroys && !controls.dry_run && !controls.confirm;
        if asks
            && reader.may(self.tool.action)
            && let Some(ask) = confirm::ask(&reader, &self.asked, &digest, noun, id).await?
        {
            return Ok(Outcome::Ask(ask));
        }
        let body = self.arguments.into_body();
        let (method, path, sent) = match target {
            Target::New(path) => (Method::POST, format!("{BASE}{path}"), Some(&body)),
            Target::Change(list, _) => (Method::PATCH, format!("{BASE}{list}/{id}"), Some(&body)),
            Target::Delete(list, _) => (Method::DELETE, format!("{BASE}{list}/{id}"), None),
            Target::Act(list, action, _) => (Method::POST, format!("{BASE}{list}/{id}{action}"), None),
            Target::ActWith(list, action) => (Method::POST, format!("{BASE}{list}/{id}{action}"), Some(&body)),
        };
        if sent.is_none() {
            refuse_what_is_left(&body)?;
        }
        let facts = RequestFacts {
            fingerprint: fingerprint(&method, &path, sent),
            // What is only tried leaves nothing, its key included.
            key: if controls.dry_run { IdempotencyKey::None } else { IdempotencyKey::Key(controls.key) },
            dry_run: controls.dry_run,
            ..RequestFacts::default()
        };
        let cx = self.session.enter(facts);
        let written = operation(&cx, Write { id, expected: controls.expected, body }).await?;
        Ok(Reply::written(noun, written, controls.dry_run)?.into())
    }
}

/// An operation without an input takes no argument besides its own.
fn refuse_what_is_left(body: &Json) -> Result<(), Error> {
    let Json::Object(pairs) = body else { return Ok(()) };
    match pairs.first() {
        Some((name, _)) => Err(Error::invalid(name.as_str(), "unknown")),
        None => Ok(()),
    }
}
