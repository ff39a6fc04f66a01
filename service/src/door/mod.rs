//! The door: to get at the database, name the action first. There is no begin, commit, check, key or event that an
//! operation could leave out.

pub(crate) mod operator;
pub(crate) mod write;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use entity::value::{FieldErrors, Id, Timestamp, TokenScope};
use entity::{client, member, project, task};
use sea_orm::sea_query::SelectStatement;
use sea_orm::{ColumnTrait, ConnectionTrait, FromQueryResult, QueryFilter, QueryResult, Select};

use crate::access::action::Access;
use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::access::policy;
use crate::access::scope::{Identified, Scoped};
use crate::app::App;
use crate::contract::error::Error;
use crate::contract::input::{Reference, Validate};
use crate::contract::outcome::{Record, Written};
use crate::door::write::Write;
use crate::idempotency::{self, Claim, Claimed, IdempotencyKey, StoredReply};
use crate::limit::Budget;
use crate::list::nested::{PARENT, Relation};
use crate::list::page::Pages;
use crate::list::page::{ListArgs, Listed, Page, Question};

/// What a request brings along besides its input.
#[derive(Clone, Debug, Default)]
pub struct RequestFacts {
    /// The id that leads from an answer to the log.
    pub request_id: String,
    /// The idempotency key, if one was sent.
    pub key: IdempotencyKey,
    /// Whether it spends the token's budget; the operator's own making of a demo does not.
    pub limited: bool,
    /// SHA-256 of what makes a request the same request: method, path and body by value.
    pub fingerprint: [u8; 32],
    /// Parameters that were sent where none are taken.
    pub not_taken: FieldErrors,
    /// Whether a write is only tried: everything is checked and done, then rolled back. Its key stays free.
    pub dry_run: bool,
}

/// A caller at the door, for one request. Cheap to clone.
#[derive(Clone)]
pub struct Cx(Arc<Inner>);

struct Inner {
    app: App,
    caller: Caller,
    facts: RequestFacts,
    /// What the token has left, as far as this request knows.
    budget: Mutex<Budget>,
    /// Points that this request has taken so far: what it takes anew if it comes again.
    paid: AtomicU32,
    /// Whether the whole request is paid for.
    settled: AtomicBool,
    /// Whether its answer was given before, under the same key.
    replayed: AtomicBool,
}

impl Cx {
    pub(crate) fn new(app: App, caller: Caller, facts: RequestFacts, budget: Budget) -> Cx {
        let (budget, settled) = (Mutex::new(budget), AtomicBool::new(!facts.limited));
        let (paid, replayed) = (AtomicU32::new(1), AtomicBool::new(false));
        Cx(Arc::new(Inner { app, caller, facts, budget, paid, settled, replayed }))
    }

    /// This instant.
    pub fn now(&self) -> Timestamp {
        self.0.app.now()
    }

    /// Who acts.
    pub fn caller(&self) -> &Caller {
        &self.0.caller
    }

    pub(crate) fn app(&self) -> &App {
        &self.0.app
    }

    /// The id of this request.
    pub fn request_id(&self) -> &str {
        &self.0.facts.request_id
    }

    /// What the token has left after all that this request has spent so far: for the headers of its answer.
    pub fn budget(&self) -> Budget {
        *self.0.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pays for the whole request at once, `points` of the sustained budget, of which the door has taken one. What the
    /// request then does costs no more: a GraphQL document is charged by its cost, before any of it is executed, and the
    /// operations in it not once more. Gives what is left.
    ///
    /// # Errors
    /// `RateLimited`; nothing but the door's point was taken.
    pub async fn prepay(&self, points: u32) -> Result<Budget, Error> {
        self.charge_points(points).await?;
        self.0.settled.store(true, Ordering::Relaxed);
        Ok(self.budget())
    }

    /// Whether what was asked was done before, under the same key, and this answer repeats that one.
    pub fn is_replay(&self) -> bool {
        self.0.replayed.load(Ordering::Relaxed)
    }

    /// Takes what is above the one point of the door, unless the request is paid for.
    ///
    /// # Errors
    /// `RateLimited`; nothing but the door's point was taken.
    pub async fn charge_points(&self, points: u32) -> Result<(), Error> {
        let Inner { app, caller, budget, paid, settled, .. } = &*self.0;
        let more = points.saturating_sub(1);
        if more == 0 || settled.load(Ordering::Relaxed) {
            return Ok(());
        }
        let (charged, left) = app.limits().charge_points(caller, more, paid.load(Ordering::Relaxed)).await;
        *budget.lock().unwrap_or_else(PoisonError::into_inner) = left;
        if charged.is_ok() {
            paid.fetch_add(more, Ordering::Relaxed);
        }
        charged
    }

    /// Whether the caller may do this at all; also asked by relations, which are null where it is false.
    pub fn may(&self, action: Action) -> bool {
        let caller = self.caller();
        action.feature().is_in(caller.plan)
            && policy::allows(caller.role, action)
            && (action.access() == Access::Read || caller.scope == TokenScope::Write)
    }

    fn allow(&self, action: Action) -> Result<(), Error> {
        let caller = self.caller();
        if !action.feature().is_in(caller.plan) {
            return Err(Error::PlanLacks(action.feature()));
        }
        if !policy::allows(caller.role, action) {
            let told = format!("your role {} does not allow to {}", caller.role, action.words());
            Err(Error::Forbidden(told.into()))
        } else if !self.may(action) {
            let told = format!("this token has scope read; to {} takes one with scope write", action.words());
            Err(Error::Forbidden(told.into()))
        } else {
            Ok(())
        }
    }

    /// Check, and look.
    pub(crate) fn read(&self, action: Action) -> Result<Read<'_>, Error> {
        self.allow(action)?;
        match &self.0.facts.not_taken {
            unknown if unknown.is_empty() => Ok(Read { cx: self }),
            unknown => Err(Error::Invalid(unknown.clone())),
        }
    }

    /// Check, validate, and look at one page of a list.
    pub(crate) async fn list<E: Listed>(
        &self,
        action: Action,
        args: &ListArgs<E::Filter, E::Sort>,
    ) -> Result<Page<E::Model>, Error>
    where
        E::Model: HasId,
    {
        self.list_below::<E>(action, args, "", |query| query).await
    }

    /// The same, of the rows below something: `place` tells the lists of different places apart.
    pub(crate) async fn list_below<E: Listed>(
        &self,
        action: Action,
        args: &ListArgs<E::Filter, E::Sort>,
        place: &str,
        narrow: impl FnOnce(Select<E>) -> Select<E>,
    ) -> Result<Page<E::Model>, Error>
    where
        E::Model: HasId,
    {
        let identity = args.identity() + place;
        let question = Question::<E>::check(self.caller(), self.allow(action), args, &identity)?;
        let rows = question.select(narrow(E::within(self.caller()))).all(self.0.app.database().reader()).await?;
        Ok(question.page(rows, HasId::id))
    }

    /// Check, validate, and look at the first rows of each parent, in one statement.
    pub(crate) async fn list_of_parents<E: Listed, T>(
        &self,
        action: Action,
        relation: Relation<E>,
        parents: &[Id],
        args: &ListArgs<E::Filter, E::Sort>,
        show: impl Fn(E::Model) -> T,
    ) -> Result<Pages<T>, Error>
    where
        E::Model: HasId + FromQueryResult,
    {
        let ask = |id: &Id| {
            let identity = relation.identity(args, *id);
            (*id, Question::<E>::check(self.caller(), self.allow(action), args, &identity))
        };
        let questions: Vec<_> = parents.iter().map(ask).collect();
        let mut rows: HashMap<Id, Vec<E::Model>> = HashMap::new();
        if let Some(question) = questions.iter().find_map(|(_, question)| question.as_ref().ok()) {
            let reader = self.0.app.database().reader();
            let statement = relation.first_of_each(question, E::within(self.caller()), parents);
            let statement = reader.get_database_backend().build(&statement);
            for row in reader.query_all_raw(statement).await? {
                rows.entry(row.try_get("", PARENT)?).or_default().push(E::Model::from_query_result(&row, "")?);
            }
        }
        let page = |(id, question): (Id, Result<Question<E>, Error>)| {
            let rows = rows.remove(&id).unwrap_or_default();
            (id, question.map(|question| question.page(rows, HasId::id).map(&show)))
        };
        Ok(questions.into_iter().map(page).collect())
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
        Ok(query.one(self.0.app.database().reader()).await?.is_some())
    }

    /// The answer that was given before, once more.
    fn replay<R>(&self, stored: StoredReply) -> Result<Written<R>, Error> {
        let Inner { app, caller, facts, replayed, .. } = &*self.0;
        let IdempotencyKey::Key(key) = &facts.key else { return Err(Error::bug("a replay without a key")) };
        replayed.store(true, Ordering::Relaxed);
        Ok(Written::Replayed(idempotency::open(app, caller, key, stored)?))
    }

    /// What the table has of a key: its answer once more, or why not; none if it does not know the key.
    async fn known<R>(&self, held: &Claimed, named: &[(String, Reference)]) -> Option<Result<Written<R>, Error>> {
        match held.look(&self.0.app, &self.0.caller).await {
            Ok(None) => None,
            Ok(Some(stored)) => Some(self.replay(stored)),
            Err(refused) => Some(Err(self.in_order(named, refused).await)),
        }
    }

    /// Check, validate, begin, run, remember, commit; or replay. There is no commit to forget.
    pub(crate) async fn write<I, R, F>(&self, action: Action, input: I, body: F) -> Result<Written<R>, Error>
    where
        I: Validate,
        R: Record,
        F: AsyncFnOnce(&Write, I) -> Result<R, Error>,
    {
        let Inner { app, caller, facts, .. } = &*self.0;
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
        if !problems.is_empty() {
            self.add_missing(&input.references(), &mut problems).await?;
            return Err(Error::Invalid(problems));
        }
        let named = input.references();
        let held = match &facts.key {
            IdempotencyKey::Key(key) => match idempotency::claim(app, caller, key, &facts.fingerprint).await {
                Err(refused) => return Err(self.in_order(&named, refused).await),
                Ok(Claim::Replay(stored)) => return self.replay(stored),
                Ok(Claim::Claimed(held)) => Some(held),
            },
            _ => None,
        };
        // A replay costs the one point of the door: what costs more is looked up before it is paid for, and paid for before
        // there is any effect.
        let points = input.points();
        if let Some(held) = held.as_ref().filter(|_| points > 1)
            && let Some(known) = self.known(held, &named).await
        {
            return known;
        }
        self.charge_points(points).await?;
        let tx = match &held {
            Some(held) => match held.begin(app).await {
                Ok(tx) => tx,
                Err(refused) => return Err(self.in_order(&named, refused).await),
            },
            None => app.database().begin().await?,
        };
        let write = Write::new(tx, app.clone(), caller.organization_id, Some(caller.clone()));
        let record = match body(&write, input).await {
            Ok(record) => record,
            Err(refused) => {
                // At once, not when the connection is next used: a twin may be waiting for the key.
                write.roll_back().await;
                // What stands in the way may be this very request, done before.
                if let Some(held) = held.as_ref().filter(|_| !matches!(refused, Error::Internal(_)))
                    && let Some(known) = self.known(held, &named).await
                {
                    return known;
                }
                return Err(self.in_order(&named, refused).await);
            }
        };
        let created = action.creates() && !write.found.load(Ordering::Relaxed);
        if facts.dry_run {
            write.roll_back().await;
            return Ok(Written::Fresh { record, created });
        }
        let Some(held) = held else {
            write.commit().await?;
            return Ok(Written::Fresh { record, created });
        };
        let body =
            serde_json::to_string(&record).map_err(|e| Error::bug(format!("a record does not serialize: {e}")))?;
        let body = if record.holds_secret() { held.seal(app, caller, &body)? } else { body };
        let stored = StoredReply { id: record.id(), version: record.version(), created, body: body.into() };
        let now = write.now;
        if !held.remember(&write.tx, caller, &stored, now).await? {
            write.roll_back().await;
            return self.known(&held, &named).await.unwrap_or(Err(Error::InFlight));
        }
        write.commit().await?;
        held.committed(app, caller, stored, now);
        Ok(Written::Fresh { record, created })
    }
}

/// A row with an id.
pub(crate) trait HasId {
    fn id(&self) -> Id;
}

macro_rules! has_id {
    ($($table:ident)*) => {
        $(impl HasId for entity::$table::Model {
            fn id(&self) -> Id {
                self.id
            }
        })*
    };
}

has_id!(client project task time_entry expense invoice member token event webhook_endpoint webhook_delivery);

/// A look at the database, from inside the caller's workspace and visibility.
pub(crate) struct Read<'a> {
    cx: &'a Cx,
}

impl Read<'_> {
    /// One live row.
    pub(crate) async fn get<E: Identified>(&self, id: Id) -> Result<E::Model, Error> {
        let query = E::live(E::within(self.cx.caller()).filter(E::ID.eq(id)));
        query.one(self.database()).await?.ok_or(Error::NotFound(E::NOUN))
    }

    /// Rows by id, deleted ones too, since they still resolve as somebody's parent.
    pub(crate) async fn by_ids<E: Identified>(&self, ids: &[Id]) -> Result<Vec<E::Model>, Error> {
        let query = E::within(self.cx.caller()).filter(E::ID.is_in(ids.iter().copied()));
        Ok(query.all(self.database()).await?)
    }

    /// Rows of a query that began in the caller's scope.
    pub(crate) async fn all<E: Scoped>(
        &self,
        narrow: impl FnOnce(Select<E>) -> Select<E>,
    ) -> Result<Vec<E::Model>, Error> {
        Ok(narrow(E::within(self.cx.caller())).all(self.database()).await?)
    }

    /// Rows of a statement that was made of a query in the caller's scope, for those that join.
    pub(crate) async fn rows(&self, statement: &SelectStatement) -> Result<Vec<QueryResult>, Error> {
        let statement = self.database().get_database_backend().build(statement);
        Ok(self.database().query_all_raw(statement).await?)
    }

    /// A query that began in the caller's scope, for use inside another.
    pub(crate) fn query<E: Scoped>(&self, narrow: impl FnOnce(Select<E>) -> Select<E>) -> Select<E> {
        narrow(E::within(self.cx.caller()))
    }

    /// The workspace itself.
    pub(crate) async fn organization(&self) -> Result<entity::organization::Model, Error> {
        crate::nouns::organization::find(self.database(), self.cx.caller().organization_id).await
    }

    /// Whether the words of PostgreSQL are understood.
    pub(crate) fn is_postgres(&self) -> bool {
        self.cx.0.app.database().is_postgres()
    }

    fn database(&self) -> &sea_orm::DatabaseConnection {
        self.cx.0.app.database().reader()
    }
}
