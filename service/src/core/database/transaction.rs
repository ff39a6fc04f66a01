//! A transaction on a connection of the pool, and single statements that stand alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use entity::cells::FromCells;
use entity::value::OrganizationId;
use sea_orm::sqlx;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::connection::{Ask, Got, Ready};
use super::direct::Direct;
use super::permits::Class;
use super::pool::Pool;
use super::sent::Sent;
use super::taken::Taken;

/// How long it may take to undo a transaction that nobody waits for.
const ROLLBACK: Duration = Duration::from_secs(5);

/// PostgreSQL ends by itself what takes longer than an operation may, and what its client has forgotten. Connections that are
/// ours alone are set to do so when they are opened; behind a pooler each transaction says it.
const BEGIN_POOLED: &str =
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

/// How the library's queries run on what has `ask` and `backend`.
macro_rules! connection {
    ($connection:ty) => {
        #[async_trait::async_trait]
        impl ConnectionTrait for $connection {
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
    };
}

connection!(Reader);
connection!(Tx);

/// The way to single statements: each takes a connection for itself.
#[derive(Clone)]
pub(crate) struct Reader {
    pool: Arc<Pool>,
    /// Where short reads are made at once.
    direct: Option<Arc<Direct>>,
    backend: DbBackend,
    class: Class,
    /// When the operation must have its answer; by default each statement has the time of an operation.
    deadline: Option<Instant>,
    timeout: Duration,
}

impl Reader {
    pub(super) fn new(pool: Arc<Pool>, backend: DbBackend, timeout: Duration) -> Reader {
        Reader { pool, direct: None, backend, class: Class::General(None), deadline: None, timeout }
    }

    /// Short reads are made this way from now on.
    pub(super) fn set_direct(&mut self, direct: Direct) {
        self.direct = Some(Arc::new(direct));
    }

    pub(super) fn close(&self) {
        if let Some(direct) = &self.direct {
            direct.close();
        }
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
        let mut outcome = taken.run_alone(ask, &statement, until).await;
        if taken.renew(&outcome, until).await? {
            outcome = taken.run_alone(ask, &statement, until).await;
        }
        Ok(outcome?)
    }

    /// The rows of a statement, read by the places of their columns.
    pub(crate) async fn rows<T: FromCells>(&self, ready: &Ready) -> Result<Vec<T>, DbErr> {
        self.pool.report(&ready.text);
        self.rows_of(ready).await
    }

    /// The rows of a statement that reads few rows by an index, whatever the data. On SQLite it is made at once; if it takes
    /// longer than expected, it is given up and made like any other.
    pub(crate) async fn few_rows<T: FromCells>(&self, ready: &Ready) -> Result<Vec<T>, DbErr> {
        self.pool.report(&ready.text);
        if let Some(direct) = &self.direct {
            let sent = Sent::now(&ready.text, self.pool.system());
            if let Some(rows) = direct.rows(ready, self.until()) {
                self.pool.count_round_trip();
                sent.ended();
                return rows;
            }
        }
        // Boxed, since most need no room for it where there is another way.
        match self.direct {
            Some(_) => Box::pin(self.rows_of(ready)).await,
            None => self.rows_of(ready).await,
        }
    }

    async fn rows_of<T: FromCells>(&self, ready: &Ready) -> Result<Vec<T>, DbErr> {
        let until = self.until();
        let mut taken = self.pool.take(self.class, until).await?;
        let mut outcome = taken.rows_alone(ready, until).await;
        if taken.renew(&outcome, until).await? {
            outcome = taken.rows_alone(ready, until).await;
        }
        Ok(outcome?)
    }
}

/// What is asked when a transaction begins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Beginning {
    /// A number to be locked until the end, on PostgreSQL. SQLite's one writer is lock enough.
    pub(crate) lock: Option<i64>,
    /// A workspace whose access epoch is to be read.
    pub(crate) workspace: Option<OrganizationId>,
}

/// Plans what a transaction with a key asks when it begins, once for each session.
pub(super) const PREPARE_BEGINNING: &str = "PREPARE hoursmith_begin (bigint, uuid) AS SELECT pg_try_advisory_xact_lock($1) \
    AS held, (SELECT epoch FROM access_epoch WHERE organization_id = $2) AS epoch";

/// What came of it.
pub(crate) struct Begun {
    /// The transaction; none if somebody else has the lock.
    pub(crate) tx: Option<Tx>,
    /// The access epoch of the workspace, if it has one.
    pub(crate) epoch: Option<i64>,
}

impl Beginning {
    /// The message that a transaction begins with, by the statement that `PREPARE_BEGINNING` has prepared: on PostgreSQL, where it
    /// asks for both.
    pub(super) fn planned(&self, backend: DbBackend) -> Option<String> {
        match (backend, self.lock, self.workspace) {
            (DbBackend::Postgres, Some(lock), Some(workspace)) => {
                Some(format!("BEGIN; EXECUTE hoursmith_begin({lock}, '{}')", workspace.0.simple()))
            }
            _ => None,
        }
    }

    /// The message that a transaction begins with.
    pub(super) fn sql(&self, backend: DbBackend, is_pooled: bool) -> String {
        let postgres = backend == DbBackend::Postgres;
        // At once on SQLite, so that it never has to be promoted.
        let mut sql = match (postgres, is_pooled) {
            (true, true) => BEGIN_POOLED,
            (true, false) => "BEGIN",
            (false, _) => "BEGIN IMMEDIATE",
        }
        .to_owned();
        let held = self.lock.filter(|_| postgres).map(|lock| format!("pg_try_advisory_xact_lock({lock}) AS held"));
        let epoch = self.workspace.map(|workspace| {
            let workspace = workspace.0.simple();
            let id = if postgres { format!("'{workspace}'::uuid") } else { format!("X'{workspace}'") };
            format!("(SELECT epoch FROM access_epoch WHERE organization_id = {id}) AS epoch")
        });
        let asked: Vec<String> = held.into_iter().chain(epoch).collect();
        if !asked.is_empty() {
            sql += &format!("; SELECT {}", asked.join(", "));
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
    /// Whether a statement of it has changed a row, as far as it matters: while the disk is full.
    changed: AtomicBool,
}

impl Tx {
    /// Begins a transaction by an instant, and asks in the same message: PostgreSQL for a lock, and both for the access epoch
    /// of a workspace. Its statements have until `deadline`.
    pub(super) async fn begin(
        pool: &Arc<Pool>,
        backend: DbBackend,
        asked: &Beginning,
        begin_by: Instant,
        deadline: Instant,
    ) -> Result<Begun, DbErr> {
        let mut taken = pool.take(Class::General(asked.workspace), begin_by).await?;
        let mut outcome = taken.begin(asked, begin_by).await;
        if taken.renew(&outcome, begin_by).await? {
            outcome = taken.begin(asked, begin_by).await;
        }
        let rows = outcome?;
        let (taken, changed) = (Mutex::new(Some(taken)), AtomicBool::new(false));
        let tx = Tx { taken, pool: pool.clone(), backend, deadline, changed };
        let (mut held, mut epoch) = (true, None);
        for row in &rows {
            for column in row.column_names() {
                match column.as_str() {
                    "held" => held = row.try_get("", "held")?,
                    "epoch" => epoch = row.try_get("", "epoch")?,
                    _ => {}
                }
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
        let (pool, changed) = (self.pool.clone(), self.changed.load(Ordering::Relaxed));
        self.end("COMMIT").await?;
        if changed {
            pool.space().stored();
        }
        Ok(())
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

    /// The rows of a statement, read by the places of their columns.
    pub(crate) async fn rows<T: FromCells>(&self, ready: &Ready) -> Result<Vec<T>, DbErr> {
        self.pool.report(&ready.text);
        let mut taken = self.taken.lock().await;
        let taken = taken.as_mut().ok_or_else(|| DbErr::Custom("the transaction has ended".into()))?;
        Ok(taken.rows(ready, self.deadline).await?)
    }

    async fn ask(&self, ask: Ask, statement: Statement) -> Result<Got, DbErr> {
        self.pool.report(&statement.sql);
        let mut taken = self.taken.lock().await;
        let taken = taken.as_mut().ok_or_else(|| DbErr::Custom("the transaction has ended".into()))?;
        let got = taken.run(ask, &statement, self.deadline).await?;
        if self.pool.space().is_full() {
            let is_change = match &got {
                Got::Executed(result) => result.rows_affected() > 0,
                Got::Rows(rows) => !rows.is_empty() && !statement.sql.starts_with("SELECT"),
            };
            self.changed.fetch_or(is_change, Ordering::Relaxed);
        }
        Ok(got)
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

/// What the library says of an error of its driver.
pub(super) fn of_driver(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}
