//! The write as a pipeline: admit the input, claim its key, pay, begin, run, store the reply, commit.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use entity::value::FieldErrors;
use entity::{client, member, project, task};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, Statement, Value};

use crate::access::action::Action;
use crate::access::policy;
use crate::access::scope::Identified;
use crate::contract::error::Error;
use crate::contract::input::{NewExternalId, Reference, Validate};
use crate::contract::outcome::{Effect, Record, StoredReply, Written};
use crate::core::database::Beginning;
use crate::door::Cx;
use crate::door::write::{TAKEN, Write};
use crate::idempotency::{self, Claim, Claimed, Fingerprints, IdempotencyKey};

/// What a write begins with.
enum Begun<'a> {
    /// It was done before.
    Replay(StoredReply),
    /// A transaction, with the key that it is done under.
    Write(Box<Write>, Option<Box<Claimed<'a>>>),
}

/// Why a write does not begin.
enum Refusal {
    /// With everything that is wrong.
    Whole(Error),
    /// References that lead nowhere come before it, and are still to be looked for.
    Unordered(Error),
}

/// What an input names that only the database knows.
struct Named {
    references: Vec<(String, Reference)>,
    external_ids: Vec<NewExternalId>,
}

impl Named {
    fn of(input: &impl Validate) -> Named {
        Named { references: input.references(), external_ids: input.external_ids() }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::Unordered(error)
    }
}

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

    /// As `write`, of a body that creates a record: the reply is 201.
    pub(crate) async fn create<I, R, F>(&self, action: Action, input: I, body: F) -> Result<Written<R>, Error>
    where
        I: Validate,
        R: Record,
        F: AsyncFnOnce(&Write, I) -> Result<R, Error>,
    {
        self.write_effect(action, input, async |write, input| Ok(Effect::Created(body(write, input).await?))).await
    }

    /// As `write`, of a body that says whether it created, found, changed or deleted the record.
    pub(crate) async fn write_effect<I, R, F>(&self, action: Action, input: I, body: F) -> Result<Written<R>, Error>
    where
        I: Validate,
        R: Record,
        F: AsyncFnOnce(&Write, I) -> Result<Effect<R>, Error>,
    {
        let named = Named::of(&input);
        let written = match self.begin_write(action, &input).await {
            Ok(Begun::Replay(stored)) => self.replay(stored),
            Ok(Begun::Write(write, claimed)) => {
                Box::pin(self.run(*write, claimed.map(|claimed| *claimed), input, body)).await
            }
            Err(Refusal::Whole(refused)) => return Err(refused),
            Err(Refusal::Unordered(refused)) => Err(refused),
        };
        match written {
            Err(refused) => Err(Box::pin(self.in_order(action, &named, refused)).await),
            written => written,
        }
    }

    fn fingerprints(&self) -> Fingerprints {
        Fingerprints::new(self.0.facts.fingerprint, self.0.facts.call)
    }

    /// The answer that this very call was given before, under its key; none where it was not. It is asked for before the
    /// call's names are looked up. The reply is repeated only to a caller who, as they are
    /// now, may still do it.
    ///
    /// # Errors
    /// Those of the door, and a conflict if the caller's role was another one then.
    pub async fn answered<R: Record>(&self, action: Action) -> Result<Option<Written<R>>, Error> {
        let IdempotencyKey::Key(key) = &self.0.facts.key else { return Ok(None) };
        let fingerprints = self.fingerprints();
        let find = || idempotency::reply_to_call(&self.0.door.idempotency, self.caller(), key, &fingerprints);
        if matches!(find().await, Ok(None)) {
            return Ok(None);
        }
        self.confirm().await?;
        self.allow(action)?;
        find().await?.map(|stored| self.replay(stored)).transpose()
    }

    /// Admits the input, claims its key, charges it and begins a transaction; or finds the reply that was given under the
    /// same key. A refusal or a reply is decided for the caller as they are now: if no statement has returned the
    /// access epoch yet, it is read here; if it has grown, the caller is read again and the write begins anew.
    async fn begin_write<I: Validate>(&self, action: Action, input: &I) -> Result<Begun<'_>, Refusal> {
        let began_confirmed = self.is_confirmed();
        let outcome = Box::pin(self.try_begin(action, input)).await;
        if began_confirmed || (outcome.is_ok() && self.is_confirmed()) {
            return outcome;
        }
        self.confirm().await.map_err(Refusal::Whole)?;
        if !self.is_renewed() {
            return outcome;
        }
        if let Ok(Begun::Write(write, claimed)) = outcome {
            write.roll_back().await;
            // Else it would wait for itself.
            drop(claimed);
        }
        Box::pin(self.try_begin(action, input)).await
    }

    /// Tries a write: everything is checked and done as by `write`, then rolled back, and what the body returned is given
    /// back. No key is claimed, since there is no effect to repeat.
    pub(crate) async fn rehearse<I, R>(
        &self,
        action: Action,
        input: I,
        body: impl AsyncFnOnce(&Write, I) -> Result<R, Error>,
    ) -> Result<R, Error>
    where
        I: Validate,
    {
        self.confirm().await?;
        self.admit(action, &input).await?;
        self.charge_input(&input).await?;
        let named = Named::of(&input);
        let write = self.begin_without_key().await?;
        let outcome = body(&write, input).await;
        write.roll_back().await;
        match outcome {
            Err(refused) => Err(Box::pin(self.in_order(action, &named, refused)).await),
            done => done,
        }
    }

    async fn begin_without_key(&self) -> Result<Write, Error> {
        let (door, caller) = (&self.0.door, self.caller());
        let asked = Beginning { lock: None, workspace: Some(caller.organization_id) };
        let begun = door.core.database().begin_asking(&asked, self.deadline()).await.map_err(Error::from)?;
        let tx = begun.tx.ok_or_else(|| Error::bug("a transaction did not begin"))?;
        self.note_epoch(begun.epoch);
        Ok(Write::new(tx, door.clone(), caller.organization_id, Some(caller.clone()), begun.epoch))
    }

    async fn try_begin<I: Validate>(&self, action: Action, input: &I) -> Result<Begun<'_>, Refusal> {
        self.admit(action, input).await.map_err(Refusal::Whole)?;
        let (door, facts, caller) = (&self.0.door, &self.0.facts, self.caller());
        let claimed = match &facts.key {
            IdempotencyKey::Key(key) => {
                match idempotency::claim(&door.idempotency, caller, key, self.fingerprints()).await? {
                    Claim::Replay(stored) => return Ok(Begun::Replay(stored)),
                    Claim::Claimed(claimed) => Some(claimed),
                }
            }
            _ => None,
        };
        // A replay costs the one point of the door: for work that costs more, a reply is looked for before the work is paid
        // for, and it is paid for before it has any effect.
        let points = input.points();
        if let Some(claimed) = claimed.as_ref().filter(|_| points > 1)
            && let Some(stored) = claimed.read().await?
        {
            return Ok(Begun::Replay(stored));
        }
        self.charge_input(input).await?;
        let Some(claimed) = claimed else {
            return Ok(Begun::Write(Box::new(self.begin_without_key().await?), None));
        };
        let (tx, epoch) = claimed.begin(self.deadline()).await?;
        self.note_epoch(epoch);
        let write = Write::new(tx, door.clone(), caller.organization_id, Some(caller.clone()), epoch);
        Ok(Begun::Write(Box::new(write), Some(Box::new(claimed))))
    }

    /// Charges what an input costs above the one point of the door.
    async fn charge_input<I: Validate>(&self, input: &I) -> Result<(), Error> {
        match input.is_priced_by_count() {
            true => self.charge_extra(input.points().saturating_sub(1)).await,
            false => self.charge_points(input.points()).await,
        }
    }

    /// Refuses what plan, role or scope do not allow, and then bad input with everything that is wrong with it.
    async fn admit<I: Validate>(&self, action: Action, input: &I) -> Result<(), Error> {
        let (caller, facts) = (self.caller(), &self.0.facts);
        if !caller.has(input.feature()) {
            return Err(Error::PlanLacks(input.feature()));
        }
        self.allow(action)?;
        policy::ensure_recent(caller, action)?;
        input.refuse(caller)?;
        let mut problems = input.problems();
        problems.nest("", facts.not_taken.clone());
        if let IdempotencyKey::Bad(why) = facts.key {
            problems.add("Idempotency-Key", why);
        }
        if problems.is_empty() {
            return Ok(());
        }
        self.add_missing(&Named::of(input), &mut problems).await?;
        Err(Error::Invalid(problems))
    }

    /// Runs the body, stores the reply under the key if there is one, in the same transaction, and commits. The first reply is
    /// repeated wherever it turns out that there is one.
    async fn run<I, R, F>(
        &self,
        write: Write,
        claimed: Option<Claimed<'_>>,
        input: I,
        body: F,
    ) -> Result<Written<R>, Error>
    where
        R: Record,
        F: AsyncFnOnce(&Write, I) -> Result<Effect<R>, Error>,
    {
        let ran = match body(&write, input).await {
            Ok(effect) => self.finish(&write, claimed.as_ref(), effect).await,
            Err(refused) => Err(refused),
        };
        let (record, created, stored) = match ran {
            Ok(Some(finished)) => finished,
            refused => {
                // At once, not when the connection is next used: a concurrent duplicate may wait for the key.
                write.roll_back().await;
                let fault = |error: &Error| matches!(error, Error::Internal(_) | Error::TooSlow | Error::Unavailable);
                // The conflict may be caused by an earlier execution of this same request.
                if let Some(claimed) = claimed.filter(|_| !refused.as_ref().is_err_and(fault))
                    && let Some(stored) = claimed.read().await?
                {
                    return self.replay(stored);
                }
                return Err(refused.err().unwrap_or(Error::InFlight));
            }
        };
        let now = write.now;
        match self.0.facts.dry_run {
            true => write.roll_back().await,
            false => write.commit().await?,
        }
        if let (Some(claimed), Some(stored)) = (claimed, stored) {
            claimed.committed(stored, now);
        }
        Ok(Written::Fresh { record, created })
    }

    /// Sends what the body has left to be sent, and the reply with it; none if the key has one already.
    async fn finish<R: Record>(
        &self,
        write: &Write,
        claimed: Option<&Claimed<'_>>,
        effect: Effect<R>,
    ) -> Result<Option<(R, bool, Option<StoredReply>)>, Error> {
        let (record, created) = effect.into_parts();
        let Some(claimed) = claimed else {
            write.flush(None).await?;
            return Ok(Some((record, created, None)));
        };
        let body =
            serde_json::to_string(&record).map_err(|e| Error::bug(format!("a record does not serialize: {e}")))?;
        let body = if record.holds_secret() { claimed.seal(&body)? } else { body };
        let stored = StoredReply { id: record.id(), version: record.version(), created, body: body.into() };
        let is_first = write.flush(Some(claimed.storing(&stored, write.now))).await? > 0;
        Ok(is_first.then_some((record, created, Some(stored))))
    }

    /// The reply that was given before, once more.
    fn replay<R>(&self, stored: StoredReply) -> Result<Written<R>, Error> {
        let IdempotencyKey::Key(key) = &self.0.facts.key else { return Err(Error::bug("a replay without a key")) };
        self.0.replayed.store(true, Ordering::Relaxed);
        Ok(Written::Replayed(idempotency::open(&self.0.door.core, self.caller(), key, stored)?))
    }

    /// Adds the names that lead nowhere, and the ids that are taken, to what is wrong already.
    async fn add_missing(&self, named: &Named, problems: &mut FieldErrors) -> Result<(), Error> {
        let mut known: HashMap<Reference, bool> = HashMap::new();
        for (path, reference) in &named.references {
            let exists = match known.get(reference) {
                Some(exists) => *exists,
                None => match *reference {
                    Reference::Client(id) => self.exists::<client::Entity>(client::Column::Id, id.into()).await?,
                    Reference::Project(id) => self.exists::<project::Entity>(project::Column::Id, id.into()).await?,
                    Reference::Task(id) => self.exists::<task::Entity>(task::Column::Id, id.into()).await?,
                    Reference::User(id) => self.exists::<member::Entity>(member::Column::UserId, id.into()).await?,
                },
            };
            known.insert(*reference, exists);
            if !exists {
                problems.add(path, "not found");
            }
        }
        // Where nothing else is wrong, the table itself refuses them.
        if problems.is_empty() {
            return Ok(());
        }
        for new in &named.external_ids {
            if problems.iter().all(|(path, _)| path != new.path) && self.is_taken(new).await? {
                problems.add(&new.path, TAKEN);
            }
        }
        Ok(())
    }

    /// Whether a live record of the workspace has this id of another system.
    async fn is_taken(&self, new: &NewExternalId) -> Result<bool, Error> {
        let reader = self.reader(false);
        let sql = format!(
            "SELECT 1 FROM {} WHERE organization_id = $1 AND external_id = $2 AND deleted_at IS NULL LIMIT 1",
            new.table
        );
        let values = [self.caller().organization_id.into(), new.id.as_str().into()];
        let statement = Statement::from_sql_and_values(reader.get_database_backend(), sql, values);
        Ok(reader.query_one_raw(statement).await?.is_some())
    }

    /// An unknown reference is reported with all other problems, and before any conflict: 422
    /// comes before 409, 404 and 412.
    async fn in_order(&self, action: Action, named: &Named, refused: Error) -> Error {
        debug_assert!(action.may_end_in(&refused), "{} is not said to end in {:?}", action.name(), refused.reason());
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
    async fn exists<E: Identified>(&self, column: E::Column, id: Value) -> Result<bool, Error> {
        let query = E::live(E::within(self.caller()).filter(column.eq(id)));
        Ok(query.one(&self.reader(false)).await?.is_some())
    }
}
