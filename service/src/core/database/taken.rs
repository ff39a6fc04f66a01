//! A connection of the pool while somebody has it. Each statement on it is counted; what became of it decides whether the
//! connection is given back, closed, or the database asked whether it still answers.

use std::sync::Arc;

use entity::cells::FromCells;
use sea_orm::{DbErr, QueryResult, Statement};
use tokio::time::Instant;

use super::connection::{Ask, Conn, Fault, Got, Ready};
use super::permits::Permit;
use super::pool::Pool;
use super::sent::{Sent, State};
use super::transaction::Beginning;

/// A connection that is taken, until it is dropped.
pub(super) struct Taken {
    pool: Arc<Pool>,
    conn: Option<Conn>,
    generation: u64,
    /// Whether it was opened for this user.
    fresh: bool,
    state: State,
    _permit: Permit,
}

/// A statement that runs on a connection that is taken.
struct Running<'a> {
    pool: &'a Pool,
    conn: &'a mut Conn,
    state: &'a mut State,
    sent: Sent<'a>,
}

impl Running<'_> {
    /// Counts the statement, and notes what may become of its connection.
    fn ended<T>(self, outcome: Result<T, Fault>) -> Result<T, Fault> {
        self.sent.ended();
        *self.state = State::after(&outcome);
        if let Err(Fault::Refused(error)) = &outcome {
            self.pool.space().failed(error);
        }
        outcome
    }
}

impl Taken {
    /// A connection of this generation with the permit to have it; `fresh` says that it was opened for this user.
    pub(super) fn new(pool: Arc<Pool>, conn: Conn, generation: u64, fresh: bool, permit: Permit) -> Taken {
        Taken { pool, conn: Some(conn), generation, fresh, state: State::Free, _permit: permit }
    }

    /// Begins a statement: a round trip of the pool, and a span in a request that is traced.
    fn start<'a>(&'a mut self, sql: &'a str) -> Result<Running<'a>, Fault> {
        self.pool.count_round_trip();
        let system = self.pool.system();
        let Some(conn) = &mut self.conn else { return Err(Fault::Late) };
        self.state = State::Running;
        Ok(Running { pool: &self.pool, conn, state: &mut self.state, sent: Sent::now(sql, system) })
    }

    /// Runs one statement.
    pub(super) async fn run(&mut self, ask: Ask, statement: &Statement, until: Instant) -> Result<Got, Fault> {
        let running = self.start(&statement.sql)?;
        let outcome = running.conn.run(ask, statement, until).await;
        running.ended(outcome)
    }

    /// Runs one statement and reads its rows.
    pub(super) async fn rows<T: FromCells>(&mut self, ready: &Ready, until: Instant) -> Result<Vec<T>, Fault> {
        let running = self.start(&ready.text)?;
        let outcome = running.conn.rows(ready, until).await;
        running.ended(outcome)
    }

    /// Runs one statement outside a transaction and reads its rows. Where the connection needs one for its time-out, it is
    /// made around the statement.
    pub(super) async fn rows_alone<T: FromCells>(&mut self, ready: &Ready, until: Instant) -> Result<Vec<T>, Fault> {
        if !self.conn.as_ref().is_some_and(Conn::wants_transaction) {
            return self.rows(ready, until).await;
        }
        self.simple("BEGIN", until).await?;
        let rows = self.rows(ready, until).await;
        self.simple(if rows.is_ok() { "COMMIT" } else { "ROLLBACK" }, until).await?;
        rows
    }

    /// Runs statements without values, in one message.
    pub(super) async fn simple(&mut self, sql: &str, until: Instant) -> Result<Vec<QueryResult>, Fault> {
        let running = self.start(sql)?;
        let outcome = running.conn.simple(sql, until).await;
        running.ended(outcome)
    }

    /// Begins a transaction. What is refused may have begun one all the same, so that the connection is not used again.
    pub(super) async fn begin(&mut self, asked: &Beginning, until: Instant) -> Result<Vec<QueryResult>, Fault> {
        let running = self.start("BEGIN")?;
        let outcome = running.conn.begin(asked, until).await;
        let is_own = running.conn.process().is_some();
        let outcome = running.ended(outcome);
        if is_own && matches!(outcome, Err(Fault::Refused(_))) {
            self.state = State::Lost;
        }
        outcome
    }

    /// Runs one statement that stands alone.
    pub(super) async fn run_alone(&mut self, ask: Ask, statement: &Statement, until: Instant) -> Result<Got, Fault> {
        if !self.conn.as_ref().is_some_and(Conn::wants_transaction) {
            return self.run(ask, statement, until).await;
        }
        self.simple("BEGIN", until).await?;
        let got = self.run(ask, statement, until).await;
        self.simple(if got.is_ok() { "COMMIT" } else { "ROLLBACK" }, until).await?;
        got
    }

    /// Whether the connection had died before it was taken, as after a restart of the database: its statement had no effect, and
    /// is worth one more try. It is exchanged for a fresh one then, and those that are as old are closed.
    ///
    /// # Errors
    /// No connection can be opened.
    pub(super) async fn renew<T>(&mut self, outcome: &Result<T, Fault>, until: Instant) -> Result<bool, DbErr> {
        match outcome {
            Err(Fault::Lost(cause)) if !self.fresh => {
                tracing::debug!(%cause, "a connection was lost; the statement is tried on a fresh one");
                // Boxed, since hardly any has need of it.
                Box::pin(self.exchange(until)).await?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn exchange(&mut self, until: Instant) -> Result<(), DbErr> {
        self.pool.distrust();
        self.generation = self.pool.generation();
        self.conn = Some(self.pool.connect(until).await?);
        self.fresh = true;
        self.state = State::Free;
        Ok(())
    }

    /// Closes it, whatever its state.
    pub(super) fn discard(mut self) {
        self.state = State::Lost;
    }

    /// Whether nothing runs on it.
    pub(super) fn is_usable(&self) -> bool {
        self.state == State::Free
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        if self.state == State::Free {
            self.pool.put(conn, self.generation);
            return;
        }
        conn.abandon();
        let process = conn.process().filter(|_| self.state != State::Lost);
        drop(conn);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if let Some(process) = process {
            runtime.spawn(self.pool.clone().cancel(process));
        }
        if self.state == State::Late && self.pool.is_postgres() {
            runtime.spawn(self.pool.clone().suspect());
        }
    }
}
