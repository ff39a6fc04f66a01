//! A transaction inside one workspace: what an operation may do once the door has let it in.

use std::sync::{Arc, Mutex, PoisonError};

use entity::cells::FromCells;
use entity::value::{EventType, FieldErrors, Id, OrganizationId, Role, Timestamp, WebhookEndpointId};
use sea_orm::sea_query::{Alias, Asterisk, CaseStatement, Expr, ExprTrait, JoinType, Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, IdenStatic, IntoActiveModel, Iterable,
    PaginatorTrait, PrimaryKeyToColumn, QueryFilter, QuerySelect, QueryTrait, Select, SqlErr, Statement, Value,
};
use tokio::sync::OnceCell;

use crate::access::caller::Caller;
use crate::access::scope::{Identified, Scoped, Versioned};
use crate::access::texts::{self, PLACEHOLDER_ID, Shape};
use crate::contract::error::Error;
use crate::contract::reason::Reason;
use crate::core::Core;
use crate::core::database::Tx;
use crate::door::parts::{Part, together};
use crate::door::{Door, Signal};

/// The endpoints that are sent events, each with the types that it is subscribed to.
pub(crate) type EventTargets = Vec<(WebhookEndpointId, Vec<EventType>)>;

/// Rows in one statement: both databases bound how many values it binds.
const ROWS_AT_ONCE: usize = 200;
/// Values that rows of several tables may bind before they are sent: a statement of PostgreSQL binds 65,535 at most.
const VALUES_AT_ONCE: usize = 30_000;

/// A transaction inside one workspace.
pub(crate) struct Write {
    pub(super) tx: Tx,
    door: Arc<Door>,
    organization_id: OrganizationId,
    caller: Option<Caller>,
    /// The instant of everything that this transaction does.
    pub(crate) now: Timestamp,
    /// The access epoch of the workspace when this began.
    epoch: Option<i64>,
    /// New rows that nothing here reads: sent with the next statement, or with the last.
    pending: Mutex<Vec<Part>>,
    /// What others are to hear once it is committed.
    signals: Mutex<Vec<Signal>>,
    /// Who is sent events, once the outbox has asked.
    pub(crate) event_targets: OnceCell<Arc<EventTargets>>,
}

impl Write {
    pub(super) fn new(
        tx: Tx,
        door: Arc<Door>,
        organization_id: OrganizationId,
        caller: Option<Caller>,
        epoch: Option<i64>,
    ) -> Write {
        let now = door.core.now();
        let (signals, event_targets) = (Mutex::default(), OnceCell::new());
        Write { tx, door, organization_id, caller, now, epoch, pending: Mutex::default(), signals, event_targets }
    }

    /// Sends what is pending, with this statement as the last: how many rows that one has changed.
    ///
    /// # Errors
    /// `Invalid` if a new row is refused by a unique key.
    pub(super) async fn flush(&self, last: Option<Statement>) -> Result<u64, Error> {
        let mut pending = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        pending.extend(last.map(Part::from));
        match together(pending, self.tx.get_database_backend()) {
            Some(statement) => Ok(self.tx.execute_raw(statement).await.map_err(refused_by_constraint)?.rows_affected()),
            None => Ok(0),
        }
    }

    pub(super) async fn commit(self) -> Result<(), Error> {
        self.flush(None).await?;
        let Write { tx, door, organization_id, signals, .. } = self;
        tx.commit().await?;
        let signals = signals.into_inner().unwrap_or_else(PoisonError::into_inner);
        if !signals.is_empty() {
            (door.on_commit)(organization_id, &signals);
        }
        Ok(())
    }

    /// Others hear of this once the transaction is committed, and never if it is not.
    pub(crate) fn after_commit(&self, signal: Signal) {
        self.signals.lock().unwrap_or_else(PoisonError::into_inner).push(signal);
    }

    /// Gives up what was done so far.
    pub(super) async fn roll_back(self) {
        if let Err(error) = self.tx.rollback().await {
            // It was never committed, so it is undone all the same, with the connection if need be.
            tracing::debug!(%error, "a transaction could not be rolled back");
        }
    }

    /// Who acts. An operator is no caller and has operations of their own.
    pub(crate) fn caller(&self) -> Result<&Caller, Error> {
        self.caller.as_ref().ok_or_else(|| Error::bug("an operator reached an operation of callers"))
    }

    /// The role of the caller; none for the operator, who has no role.
    pub(crate) fn acting_role(&self) -> Option<Role> {
        self.caller.as_ref().map(|caller| caller.role)
    }

    /// The access epoch of the workspace when this began, if it was asked for.
    pub(crate) fn epoch(&self) -> Option<i64> {
        self.epoch
    }

    pub(crate) fn door(&self) -> &Door {
        &self.door
    }

    pub(crate) fn organization_id(&self) -> OrganizationId {
        self.organization_id
    }

    pub(crate) fn new_id<T>(&self) -> Id<T> {
        self.door.core.new_id()
    }

    pub(crate) fn core(&self) -> &Core {
        &self.door.core
    }

    /// For statements that no method here makes; they begin with the workspace themselves.
    pub(crate) fn connection(&self) -> &Tx {
        &self.tx
    }

    fn visible<E: Scoped>(&self) -> Select<E> {
        match &self.caller {
            Some(caller) => E::within(caller),
            None => E::all_of(self.organization_id),
        }
    }

    /// One live row that the caller sees, locked against every other write until the end.
    pub(crate) async fn lock_exclusive<E: Identified>(&self, id: Id<E>) -> Result<E::Model, Error>
    where
        E::Model: FromCells,
    {
        self.lock::<E>(id, true).await?.ok_or(Error::NotFound(E::NOUN))
    }

    /// One live row that decides this write, kept as it is until the end; none if the caller does not see it.
    pub(crate) async fn lock_shared<E: Identified>(&self, id: Id<E>) -> Result<Option<E::Model>, Error>
    where
        E::Model: FromCells,
    {
        self.lock::<E>(id, false).await
    }

    async fn lock<E: Identified>(&self, id: Id<E>, exclusively: bool) -> Result<Option<E::Model>, Error>
    where
        E::Model: FromCells,
    {
        let locked = |row: Select<E>| if exclusively { row.lock_exclusive() } else { row.lock_shared() }.into_query();
        let backend = self.tx.get_database_backend();
        let ready = match &self.caller {
            Some(caller) => {
                let (shape, arguments) = (Shape::Locked { exclusively }, [(PLACEHOLDER_ID.into(), id.into())]);
                texts::ready::<E>(shape, backend, caller, &arguments, |caller| {
                    locked(E::live(E::within(caller).filter(E::ID.eq(PLACEHOLDER_ID))))
                })
            }
            None => backend.build(&locked(E::live(self.visible::<E>().filter(E::ID.eq(id))))).into(),
        };
        Ok(self.tx.rows(&ready).await?.into_iter().next())
    }

    /// Rows of several tables that decide this write, kept as they are until the end, by one statement: none where the caller
    /// does not see one. `locked` says which, of the stand-ins that `ids` replace; apart from them it depends on nothing but
    /// the role of the caller and `name`, under which its text is remembered.
    pub(crate) async fn lock_together<R: FromCells + Send + 'static>(
        &self,
        name: &'static str,
        ids: &[(Value, Value)],
        locked: impl FnOnce(&Caller) -> Vec<SelectStatement>,
    ) -> Result<R, Error> {
        let backend = self.tx.get_database_backend();
        let ready = texts::ready::<R>(Shape::Together(name), backend, self.caller()?, ids, |caller| {
            let one = Query::select().expr_as(Expr::cust("1"), Alias::new("one")).take();
            let mut all = Query::select();
            all.from_subquery(one, Alias::new("this"));
            for (number, rows) in locked(caller).into_iter().enumerate() {
                let name = Alias::new(format!("row_{number}"));
                let always = Condition::all().add(Expr::cust("TRUE"));
                all.column((name.clone(), Asterisk)).join_subquery(JoinType::LeftJoin, rows, name, always);
            }
            all
        });
        let row = self.tx.rows(&ready).await?.into_iter().next();
        row.ok_or_else(|| Error::bug("a statement that always has a row had none"))
    }

    /// Locks a row that the caller sees, even if it is deleted, until the end of the transaction.
    ///
    /// # Errors
    /// `NotFound` if there is no such row.
    pub(crate) async fn lock_even_deleted<E: Identified>(&self, id: Id<E>) -> Result<E::Model, Error> {
        let query = self.visible::<E>().filter(E::ID.eq(id));
        query.lock_exclusive().one(&self.tx).await?.ok_or(Error::NotFound(E::NOUN))
    }

    /// How many rows of the whole workspace fit, whatever the caller sees of it.
    pub(crate) async fn count<E: Scoped>(&self, narrow: impl FnOnce(Select<E>) -> Select<E>) -> Result<u64, Error>
    where
        E::Model: Send + Sync,
    {
        Ok(narrow(E::all_of(self.organization_id)).count(&self.tx).await?)
    }

    /// The first row of the whole workspace that fits, whatever the caller sees of it.
    pub(crate) async fn find<E: Scoped>(
        &self,
        narrow: impl FnOnce(Select<E>) -> Select<E>,
    ) -> Result<Option<E::Model>, Error> {
        Ok(narrow(E::all_of(self.organization_id)).one(&self.tx).await?)
    }

    /// Every row of the whole workspace that fits, whatever the caller sees of it.
    pub(crate) async fn all<E: Scoped>(
        &self,
        narrow: impl FnOnce(Select<E>) -> Select<E>,
    ) -> Result<Vec<E::Model>, Error> {
        Ok(narrow(E::all_of(self.organization_id)).all(&self.tx).await?)
    }

    /// A new row.
    pub(crate) async fn insert<E: Scoped>(&self, row: E::Model) -> Result<(), Error>
    where
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: Send,
    {
        let mut row = row.into_active_model().reset_all();
        row.set(E::ORGANIZATION, self.organization_id.into());
        E::insert(row).exec_without_returning(&self.tx).await.map_err(refused_by_constraint)?;
        Ok(())
    }

    /// A new row that nothing reads before the commit: on PostgreSQL it goes with the last statement of the transaction, so
    /// that what is wrong with it is reported then.
    pub(crate) async fn insert_last<E: Scoped>(&self, row: E::Model) -> Result<(), Error>
    where
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: Send,
    {
        self.insert_all_last::<E>(vec![row]).await
    }

    /// New rows that nothing reads before the commit, as `insert_last` of one.
    pub(crate) async fn insert_all_last<E: Scoped>(&self, rows: Vec<E::Model>) -> Result<(), Error>
    where
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: Send,
    {
        if self.tx.get_database_backend() != DbBackend::Postgres || rows.len() > ROWS_AT_ONCE {
            self.flush(None).await?;
            return self.insert_all::<E>(rows).await;
        }
        if rows.is_empty() {
            return Ok(());
        }
        let part = Part::insert::<E>(&rows, self.organization_id);
        let many = {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            pending.push(part);
            pending.len() >= ROWS_AT_ONCE || pending.iter().map(Part::values).sum::<usize>() >= VALUES_AT_ONCE
        };
        if many {
            self.flush(None).await?;
        }
        Ok(())
    }

    /// New rows, many at once.
    pub(crate) async fn insert_all<E: Scoped>(&self, rows: Vec<E::Model>) -> Result<(), Error>
    where
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: Send,
    {
        let mut rows = rows.into_iter().map(|row| row.into_active_model().reset_all()).peekable();
        while rows.peek().is_some() {
            let mut some: Vec<E::ActiveModel> = rows.by_ref().take(ROWS_AT_ONCE).collect();
            some.iter_mut().for_each(|row| row.set(E::ORGANIZATION, self.organization_id.into()));
            E::insert_many(some).exec_without_returning(&self.tx).await.map_err(refused_by_constraint)?;
        }
        Ok(())
    }

    /// Stores what has changed of a row, one version later; nothing, if nothing has.
    pub(crate) async fn update<E: Versioned>(&self, before: &E::Model, mut after: E::Model) -> Result<E::Model, Error>
    where
        E::Model: IntoActiveModel<E::ActiveModel> + PartialEq + Clone,
        E::ActiveModel: Send,
    {
        if *before == after {
            return Ok(after);
        }
        E::touch(&mut after, self.now);
        self.store::<E>(after.clone()).await?;
        Ok(after)
    }

    /// Stores a row that comes back, as `update` does. What another row has taken meanwhile was not sent by anybody, so that it is
    /// the state that blocks, not the input.
    ///
    /// # Errors
    /// `Conflict` where another live row has its external id.
    pub(crate) async fn bring_back<E: Versioned>(&self, before: &E::Model, after: E::Model) -> Result<E::Model, Error>
    where
        E::Model: IntoActiveModel<E::ActiveModel> + PartialEq + Clone,
        E::ActiveModel: Send,
    {
        self.update::<E>(before, after).await.map_err(|refused| match refused {
            Error::Invalid(_) => Error::conflict(
                Reason::ExternalIdTaken,
                "another record of this kind has its externalId by now; give that one another, or delete it",
            ),
            other => other,
        })
    }

    /// As `update_all`, of so many rows at most: how many were changed.
    pub(crate) async fn update_some<E: Versioned>(
        &self,
        changes: impl IntoIterator<Item = (E::Column, Value)>,
        rows: Condition,
        limit: u64,
    ) -> Result<u64, Error> {
        let some = E::all_of(self.organization_id).filter(rows).select_only().column(E::ID).limit(limit);
        self.update_all::<E>(changes, Condition::all().add(E::ID.in_subquery(some.into_query()))).await
    }

    /// Changes every row of the workspace that fits, by one statement; each is one version later. How many were changed.
    pub(crate) async fn update_all<E: Versioned>(
        &self,
        changes: impl IntoIterator<Item = (E::Column, Value)>,
        rows: Condition,
    ) -> Result<u64, Error> {
        let changed = E::UPDATED_AT.into_expr();
        let later = changed.clone().add(1);
        let changed = CaseStatement::new().case(changed.lt(self.now), Expr::val(self.now)).finally(later);
        let update = E::update_in(self.organization_id)
            .col_expr(E::VERSION, E::VERSION.into_expr().add(1))
            .col_expr(E::UPDATED_AT, changed.into());
        let changes = changes.into_iter();
        let update = changes.fold(update, |update, (column, value)| update.col_expr(column, Expr::value(value)));
        Ok(update.filter(rows).exec(&self.tx).await?.rows_affected)
    }

    /// Stores a row as it is, whether or not its table counts versions.
    pub(crate) async fn store<E: Scoped>(&self, row: E::Model) -> Result<(), Error>
    where
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: Send,
    {
        let mut row = row.into_active_model().reset_all();
        let mut query = E::update_in(self.organization_id);
        for key in E::PrimaryKey::iter() {
            let column = key.into_column();
            if let Some(value) = row.get(column).into_value().filter(|_| column.as_str() != E::ORGANIZATION.as_str()) {
                query = query.filter(column.eq(value));
            }
            row.not_set(column);
        }
        query.set(row).exec(&self.tx).await.map_err(refused_by_constraint)?;
        Ok(())
    }
}

/// The live row with an id that a caller sees, locked against changes: a part of `Write::lock_together`.
pub(crate) fn shared<E: Identified>(caller: &Caller, id: Id) -> SelectStatement {
    E::live(E::within(caller).filter(E::ID.eq(id))).lock_shared().into_query()
}

/// What is wrong with an id of another system that a record has.
pub(super) const TAKEN: &str = "another record of this kind has it already";

/// A unique key that another row has is the caller's to mend, not a fault of ours.
fn refused_by_constraint(error: DbErr) -> Error {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(which)) if which.contains("external_id") => {
            Error::Invalid(FieldErrors::at("externalId", TAKEN))
        }
        _ => error.into(),
    }
}
