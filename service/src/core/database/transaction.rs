//! A transaction on a connection of the pool, and single statements that stand alone.

use std::sync::Arc;
use std::time::Duration;

use entity::value::Id;
use sea_orm::sqlx;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::connection::{Ask, Fault, Got};
use super::pool::{Class, Pool, Taken};

/// How long it may take to undo a transaction that nobody waits for.
const ROLLBACK: Duration = Duration::from_secs(5);

/// PostgreSQL ends by itself what takes longer than an operation may, and what its client has forgotten.
const BEGIN_POSTGRES: &str =
    "BEGIN; SET LOCAL statement_timeout = 15000; SET LOCAL idle_in_transaction_session_timeout = 20000";

fn executed(got: Got) -> Result<ExecResult, DbErr> {
    match got {
        Got::Executed(result) => Ok(result),
        Got::Rows(_) => Err(DbErr::Custom("a statement gave rows where none were asked for".into())),
    }
}

fn rows(got: Got) -> Vec<QueryResult> {
    match got {
        Got::Rows(rows) => rows,
        Got::Executed(_) => vec![],
    }
}

/// The way to single statements: each takes a connection for itself.
#[derive(Clone)]
pub(crate) struct Reader {
    pool: Arc<Pool>,
    backend: DbBackend,
    class: Class,
    /// When the operation must have its answer; by default each statement has the time of an operation.
    deadline: Option<Instant>,
    timeout: Duration,
}

impl Reader {
    pub(super) fn new(pool: Arc<Pool>, backend: DbBackend, timeout: Duration) -> Reader {
        Reader { pool, backend, class: Class::Small, deadline: None, timeout }
    }

    /// For statements of this class, of an operation that must have its answer by then.
    pub(super) fn with(&self, class: Class, deadline: Option<Instant>) -> Reader {
        Reader { class, deadline, ..self.clone() }
    }

    fn until(&self) -> Instant {
        self.deadline.unwrap_or_else(|| Instant::now() + self.timeout)
    }

    async fn ask(&self, ask: Ask, statement: Statement) -> Result<Got, DbErr> {
        self.pool.report(&statement.sql);
        let until = self.until();
        let mut taken = self.pool.take(self.class, until).await?;
        match taken.run_alone(ask, &statement, until).await {
            // It was dead before it was taken, as after a restart of the database, and so are those that are as old.
            Err(Fault::Lost(cause)) if !taken.is_fresh() => {
                tracing::debug!(%cause, "a connection was lost; the statement is tried on a fresh one");
                drop(taken);
                self.pool.distrust();
                let mut taken = self.pool.take(self.class, until).await?;
                Ok(taken.run_alone(ask, &statement, until).await?)
            }
            outcome => Ok(outcome?),
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        executed(self.ask(Ask::Execute, statement).await?)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.execute_raw(Statement::from_string(self.backend, sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        Ok(rows(self.ask(Ask::One, statement).await?).into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        Ok(rows(self.ask(Ask::All, statement).await?))
    }
}

/// What is asked when a transaction begins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Beginning {
    /// A number to be locked until the end, on PostgreSQL. SQLite's one writer is lock enough.
    pub(crate) lock: Option<i64>,
    /// A workspace whose access epoch is to be read.
    pub(crate) workspace: Option<Id>,
}

/// What came of it.
pub(crate) struct Begun {
    /// The transaction; none if somebody else has the lock.
    pub(crate) tx: Option<Tx>,
    /// The access epoch of the workspace, if it has one.
    pub(crate) epoch: Option<i64>,
}

impl Beginning {
    fn sql(&self, backend: DbBackend) -> String {
        let postgres = backend == DbBackend::Postgres;
        // At once on SQLite, so that it never has to be promoted.
        let mut sql = if postgres { BEGIN_POSTGRES } else { "BEGIN IMMEDIATE" }.to_owned();
        if let Some(lock) = self.lock.filter(|_| postgres) {
            sql += &format!("; SELECT pg_try_advisory_xact_lock({lock}) AS held");
        }
        if let Some(workspace) = self.workspace {
            let workspace = workspace.0.simple();
            let id = if postgres { format!("'{workspace}'::uuid") } else { format!("X'{workspace}'") };
            sql += &format!("; SELECT epoch FROM access_epoch WHERE organization_id = {id}");
        }
        sql
    }
}

/// A transaction that may write. Dropped, it is undone.
pub(crate) struct Tx {
    taken: Mutex<Option<Taken>>,
    pool: Arc<Pool>,
    backend: DbBackend,
    deadline: Instant,
}

impl Tx {
    /// Begins a transaction, and asks in the same message: PostgreSQL for a lock, and both for the access epoch of a
    /// workspace.
    pub(super) async fn begin(
        pool: &Arc<Pool>,
        backend: DbBackend,
        asked: &Beginning,
        until: Instant,
    ) -> Result<Begun, DbErr> {
        let sql = asked.sql(backend);
        let mut taken = pool.take(Class::General, until).await?;
        let rows = match taken.simple(&sql, until).await {
            Err(Fault::Lost(cause)) if !taken.is_fresh() => {
                tracing::debug!(%cause, "a connection was lost; the transaction begins on a fresh one");
                drop(taken);
                pool.distrust();
                taken = pool.take(Class::General, until).await?;
                taken.simple(&sql, until).await?
            }
            rows => rows?,
        };
        let tx = Tx { taken: Mutex::new(Some(taken)), pool: pool.clone(), backend, deadline: until };
        let (mut held, mut epoch) = (true, None);
        for row in &rows {
            match row.column_names().first().map(String::as_str) {
                Some("held") => held = row.try_get("", "held")?,
                Some("epoch") => epoch = row.try_get("", "epoch")?,
                _ => {}
            }
        }
        if held {
            return Ok(Begun { tx: Some(tx), epoch });
        }
        tx.rollback().await?;
        Ok(Begun { tx: None, epoch })
    }

    /// Makes everything last.
    ///
    /// # Errors
    /// The database refused it, so that nothing lasts; or it did not say what became of it.
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        self.end("COMMIT").await
    }

    /// Undoes everything.
    ///
    /// # Errors
    /// The database did not answer; it undoes it all the same.
    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        self.end("ROLLBACK").await
    }

    async fn end(self, how: &str) -> Result<(), DbErr> {
        let Some(mut taken) = self.taken.lock().await.take() else { return Ok(()) };
        let ended = taken.simple(how, self.deadline.max(Instant::now() + Duration::from_secs(1))).await;
        if ended.is_err() {
            // Whether the transaction is still open is not known: as on SQLite, which ends it by itself when the disk is full.
            taken.discard();
        }
        Ok(ended.map(|_| ())?)
    }

    async fn ask(&self, ask: Ask, statement: Statement) -> Result<Got, DbErr> {
        self.pool.report(&statement.sql);
        let mut taken = self.taken.lock().await;
        let taken = taken.as_mut().ok_or_else(|| DbErr::Custom("the transaction has ended".into()))?;
        Ok(taken.run(ask, &statement, self.deadline).await?)
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        let Some(mut taken) = self.taken.get_mut().take() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if taken.is_usable() => {
                runtime.spawn(async move {
                    if taken.simple("ROLLBACK", Instant::now() + ROLLBACK).await.is_err() {
                        taken.discard();
                    }
                });
            }
            // What runs is given up with the connection; without a runtime nothing can be undone but by closing it.
            _ if taken.is_usable() => taken.discard(),
            _ => drop(taken),
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        executed(self.ask(Ask::Execute, statement).await?)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.execute_raw(Statement::from_string(self.backend, sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        Ok(rows(self.ask(Ask::One, statement).await?).into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        Ok(rows(self.ask(Ask::All, statement).await?))
    }
}

/// What the library says of an error of its driver.
pub(super) fn of_driver(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}
