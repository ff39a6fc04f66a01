//! The write as a pipeline: admit the input, claim its key, pay, begin, run, store the reply, commit.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use entity::value::{FieldErrors, Id};
use entity::{client, member, project, task};
use sea_orm::{ColumnTrait, QueryFilter};

use crate::access::action::Action;
use crate::access::scope::Identified;
use crate::contract::error::Error;
use crate::contract::input::{Reference, Validate};
use crate::contract::outcome::{Effect, Record, StoredReply, Written};
use crate::core::database::Tx;
use crate::door::write::Write;
use crate::door::{Cx, Inner};
use crate::idempotency::{self, Claim, Claimed, IdempotencyKey};

impl Cx {
    /// Runs a body that changes or deletes a record, in a transaction of its own; or repeats the reply that was given
    /// under the same key.
    pub(crate) async fn write<I, R, F>(&self, action: Action, input: I, body: F) -> Result<Written<R>, Error>
    where
        I: Validate,
        R: Record,
        F: AsyncFnOnce(&Write, I) -> Result<R, Error>,
    {
        self.write_effect(action, input, async |write, input| Ok(Effect::Changed(body(write, input).await?))).await
    }

    /// The same, of a body that makes a record.
    pub(crate) async fn create<I, R, F>(&self, action: Action, input: I, body: F) -> Result<Written<R>, Error>
    where
        I: Validate,
        R: Record,
        F: AsyncFnOnce(&Write, I) -> Result<R, Error>,
    {
        self.write_effect(action, input, async |write, input| Ok(Effect::Created(body(write, input).await?))).await
    }

    /// The same, of a body that says what it did.
    pub(crate) async fn write_effect<I, R, F>(&self, action: Action, input: I, body: F) -> Result<Written<R>, Error>
    where
        I: Validate,
        R: Record,
        F: AsyncFnOnce(&Write, I) -> Result<Effect<R>, Error>,
    {
        self.admit(action, &input).await?;
        let named = input.references();
        let written = match &self.0.facts.key {
            IdempotencyKey::Key(key) => self.run_once(key, input, body).await,
            _ => self.run(input, body).await,
        };
        match written {
            Err(refused) => Err(self.in_order(&named, refused).await),
            written => written,
        }
    }

    /// Refuses what plan, role or scope do not allow, and then bad input with everything that is wrong with it.
    async fn admit<I: Validate>(&self, action: Action, input: &I) -> Result<(), Error> {
        let Inner { caller, facts, .. } = &*self.0;
        if !input.feature().is_in(caller.plan) {
            return Err(Error::PlanLacks(input.feature()));
        }
        self.allow(action)?;
        input.refuse(caller)?;
        let mut problems = input.problems();
        problems.nest("", facts.not_taken.clone());
        if let IdempotencyKey::Bad(why) = facts.key {
            problems.add("Idempotency-Key", why);
        }
        if problems.is_empty() {
            return Ok(());
        }
        self.add_missing(&input.references(), &mut problems).await?;
        Err(Error::Invalid(problems))
    }

    /// Without a key: pay, begin, run, commit.
    async fn run<I, R, F>(&self, input: I, body: F) -> Result<Written<R>, Error>
    where
        I: Validate,
        R: Record,
        F: AsyncFnOnce(&Write, I) -> Result<Effect<R>, Error>,
    {
        self.charge_input(&input).await?;
        let write = self.transaction(self.0.door.core.database().begin().await?);
        match body(&write, input).await {
            Ok(effect) => {
                let (record, created) = effect.into_parts();
                match self.0.facts.dry_run {
                    true => write.roll_back().await,
                    false => write.commit().await?,
                }
                Ok(Written::Fresh { record, created })
            }
            Err(refused) => {
                write.roll_back().await;
                Err(refused)
            }
        }
    }

    /// With a key: claim it, pay, begin, run, store the reply in the same transaction, commit. The first reply is repeated
    /// wherever it turns out that there is one.
    async fn run_once<I, R, F>(&self, key: &str, input: I, body: F) -> Result<Written<R>, Error>
    where
        I: Validate,
        R: Record,
        F: AsyncFnOnce(&Write, I) -> Result<Effect<R>, Error>,
    {
        let Inner { door, caller, facts, .. } = &*self.0;
        let claimed = match idempotency::claim(&door.idempotency, caller, key, &facts.fingerprint).await? {
            Claim::Replay(stored) => return self.replay(key, stored),
            Claim::Claimed(claimed) => claimed,
        };
        // A replay costs the one point of the door: for work that costs more, a reply is looked for before the work is paid
        // for, and it is paid for before it has any effect.
        let points = input.points();
        if points > 1
            && let Some(stored) = claimed.read().await?
        {
            return self.replay(key, stored);
        }
        self.charge_input(&input).await?;
        let write = self.transaction(claimed.begin().await?);
        let effect = match body(&write, input).await {
            Ok(effect) => effect,
            Err(refused) => {
                // At once, not when the connection is next used: a concurrent duplicate may wait for the key.
                write.roll_back().await;
                // The conflict may be caused by an earlier execution of this same request.
                if !matches!(refused, Error::Internal(_))
                    && let Some(stored) = claimed.read().await?
                {
                    return self.replay(key, stored);
                }
                return Err(refused);
            }
        };
        let (record, created) = effect.into_parts();
        self.store_and_commit(key, claimed, write, record, created).await
    }

    /// Charges what an input costs above the one point of the door.
    async fn charge_input<I: Validate>(&self, input: &I) -> Result<(), Error> {
        match input.is_priced_by_count() {
            true => self.charge_extra(input.points().saturating_sub(1)).await,
            false => self.charge_points(input.points()).await,
        }
    }

    async fn store_and_commit<R: Record>(
        &self,
        key: &str,
        claimed: Claimed<'_>,
        write: Write,
        record: R,
        created: bool,
    ) -> Result<Written<R>, Error> {
        let body =
            serde_json::to_string(&record).map_err(|e| Error::bug(format!("a record does not serialize: {e}")))?;
        let body = if record.holds_secret() { claimed.seal(&body)? } else { body };
        let stored = StoredReply { id: record.id(), version: record.version(), created, body: body.into() };
        let now = write.now;
        if !claimed.remember(&write.tx, &stored, now).await? {
            write.roll_back().await;
            let first = claimed.read().await?.ok_or(Error::InFlight)?;
            return self.replay(key, first);
        }
        write.commit().await?;
        claimed.committed(stored, now);
        Ok(Written::Fresh { record, created })
    }

    fn transaction(&self, tx: Tx) -> Write {
        let Inner { door, caller, .. } = &*self.0;
        Write::new(tx, door.clone(), caller.organization_id, Some(caller.clone()))
    }

    /// The reply that was given before, once more.
    fn replay<R>(&self, key: &str, stored: StoredReply) -> Result<Written<R>, Error> {
        let Inner { door, caller, replayed, .. } = &*self.0;
        replayed.store(true, Ordering::Relaxed);
        Ok(Written::Replayed(idempotency::open(&door.core, caller, key, stored)?))
    }

    /// Adds the names that lead nowhere to what is wrong already.
    async fn add_missing(&self, references: &[(String, Reference)], problems: &mut FieldErrors) -> Result<(), Error> {
        let mut known: HashMap<Reference, bool> = HashMap::new();
        for (path, reference) in references {
            let exists = match known.get(reference) {
                Some(exists) => *exists,
                None => match *reference {
                    Reference::Client(id) => self.exists::<client::Entity>(client::Column::Id, id).await?,
                    Reference::Project(id) => self.exists::<project::Entity>(project::Column::Id, id).await?,
                    Reference::Task(id) => self.exists::<task::Entity>(task::Column::Id, id).await?,
                    Reference::User(id) => self.exists::<member::Entity>(member::Column::UserId, id).await?,
                },
            };
            known.insert(*reference, exists);
            if !exists {
                problems.add(path, "not found");
            }
        }
        Ok(())
    }

    /// A name that leads nowhere is told with all else that is wrong, and before anything that stands in the way: 422
    /// comes before 409, 404 and 412.
    async fn in_order(&self, named: &[(String, Reference)], refused: Error) -> Error {
        let mut problems = match &refused {
            Error::Invalid(problems) => problems.clone(),
            Error::Conflict { .. } | Error::InFlight | Error::NotFound(_) | Error::Stale { .. } => FieldErrors::none(),
            _ => return refused,
        };
        match self.add_missing(named, &mut problems).await {
            Ok(()) if problems.is_empty() => refused,
            Ok(()) => Error::Invalid(problems),
            Err(fault) => fault,
        }
    }

    /// Whether the caller sees a live row with this id.
    async fn exists<E: Identified>(&self, column: E::Column, id: Id) -> Result<bool, Error> {
        let query = E::live(E::within(self.caller()).filter(column.eq(id)));
        Ok(query.one(self.0.door.core.database().reader()).await?.is_some())
    }
}
