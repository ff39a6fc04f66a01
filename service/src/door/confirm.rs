//! Whether the caller of a request is still who they were: asked in the statement that reads for them.
//!
//! Decision: `docs/decisions/0014-an-access-epoch-per-workspace.md`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use entity::cells::{Cell, Cells, FromCells};
use sea_orm::sea_query::{Alias, Asterisk, Expr, ExprTrait, JoinType, Query, SelectStatement};
use sea_orm::{Condition, DbErr};

use crate::access::auth::KnownCaller;
use crate::contract::error::{Error, Feature};
use crate::core::database::{Reader, Ready};
use crate::door::admission::Standing;
use crate::door::{Cx, Inner};

/// The epoch beside each row.
const EPOCH: &str = "access_epoch_now";

impl Cx {
    /// Whether the caller is known as they are now, or were at some instant since the request came.
    pub fn is_confirmed(&self) -> bool {
        self.0.confirmed.load(Ordering::Acquire)
    }

    /// Makes sure of it, by a statement of its own if need be.
    ///
    /// # Errors
    /// `Unauthenticated` if the token does not let in any more.
    pub async fn confirm(&self) -> Result<(), Error> {
        if self.is_confirmed() {
            return Ok(());
        }
        let mut standing = Standing { known: self.0.known.clone(), confirmed: false, until: self.0.until };
        self.0.door.confirm(&mut standing).await?;
        self.set_confirmed(standing);
        Ok(())
    }

    /// Makes sure of the caller, once what was asked for was read. If they are another one than when the request came, gives
    /// the request once more, of the caller as they are now: what was read before is not to be sent. It is not charged again.
    ///
    /// # Errors
    /// `Unauthenticated` if the token does not let in any more, `PlanLacks` if the plan does not.
    pub async fn renewed(&self) -> Result<Option<Cx>, Error> {
        self.confirm().await?;
        match self.0.renewed.get() {
            None => Ok(None),
            Some(known) if known.caller.has(Feature::ApiAccess) => Ok(Some(self.of(known.clone()))),
            Some(_) => Err(Error::PlanLacks(Feature::ApiAccess)),
        }
    }

    /// This request, of a caller who is known as they are now.
    fn of(&self, known: Arc<KnownCaller>) -> Cx {
        let Inner { door, facts, until, paid, settled, lasting, .. } = &*self.0;
        let standing = Standing { known, confirmed: true, until: *until };
        let again = Cx::new(door.clone(), standing, facts.clone(), self.budget());
        again.0.paid.store(paid.load(Ordering::Relaxed), Ordering::Relaxed);
        again.0.settled.store(settled.load(Ordering::Relaxed), Ordering::Relaxed);
        again.0.lasting.store(lasting.load(Ordering::Relaxed), Ordering::Relaxed);
        again
    }

    /// Whether the caller is another one than when the request came.
    pub(super) fn is_renewed(&self) -> bool {
        self.0.renewed.get().is_some()
    }

    /// The epoch that a transaction of this request has read.
    pub(super) fn note_epoch(&self, epoch: Option<i64>) {
        if epoch == Some(self.known().epoch) {
            self.0.confirmed.store(true, Ordering::Release);
        }
    }

    fn set_confirmed(&self, standing: Standing) {
        if standing.known.epoch != self.0.known.epoch {
            // The first one to find out has the say; all that do so read the caller after the request came.
            _ = self.0.renewed.set(standing.known);
        }
        self.0.confirmed.store(true, Ordering::Release);
    }

    /// Reads the rows of a statement that was made for the caller as known. With `confirming`, the access epoch stands beside
    /// each row (`beside_epoch`); `None` if it has grown: the statement must then be made anew, for the caller as renewed.
    /// `is_short` says that it reads few rows by an index, whatever the data.
    ///
    /// # Errors
    /// `Unauthenticated` if the token does not let in any more.
    pub(super) async fn fetch<M: FromCells + Send>(
        &self,
        reader: &Reader,
        ready: &Ready,
        confirming: bool,
        is_short: bool,
    ) -> Result<Option<Vec<M>>, Error> {
        if !confirming {
            return Ok(Some(if is_short { reader.few_rows(ready).await? } else { reader.rows(ready).await? }));
        }
        let rows: Vec<Beside<M>> = if is_short { reader.few_rows(ready).await? } else { reader.rows(ready).await? };
        if rows.first().map(|row| row.epoch) != Some(self.known().epoch) {
            self.confirm().await?;
            return Ok(None);
        }
        self.0.confirmed.store(true, Ordering::Release);
        Ok(Some(rows.into_iter().filter_map(|row| row.row).collect()))
    }
}

/// A row of `beside_epoch`.
struct Beside<M> {
    epoch: i64,
    row: Option<M>,
}

impl<M: FromCells> FromCells for Beside<M> {
    const WIDTH: usize = M::WIDTH + 1;

    fn from_cells<C: Cells>(cells: &C, first: usize) -> Result<Beside<M>, DbErr> {
        // The first column of a table is an id, which is null only where there is no row.
        let is_row = cells.uuid(first + 1)?.is_some();
        let row = if is_row { Some(M::from_cells(cells, first + 1)?) } else { None };
        Ok(Beside { epoch: Cell::read(cells, first)?, row })
    }
}

/// The rows of a statement with the access epoch of the workspace beside each, and one row without anything else if it has
/// none. The epoch is a single row, so the rows stay in their order.
pub(super) fn beside_epoch(statement: SelectStatement, workspace: entity::value::OrganizationId) -> SelectStatement {
    let (table, rows) = (Alias::new("access_epoch"), Alias::new("found"));
    Query::select()
        .expr_as(Expr::col((table.clone(), Alias::new("epoch"))), Alias::new(EPOCH))
        .column((rows.clone(), Asterisk))
        .from(table.clone())
        .join_subquery(JoinType::LeftJoin, statement, rows, Condition::all().add(Expr::cust("TRUE")))
        .and_where(Expr::col((table, Alias::new("organization_id"))).eq(workspace))
        .take()
}
