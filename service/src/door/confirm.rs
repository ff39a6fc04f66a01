//! Whether the caller of a request is still who they were: asked in the statement that reads for them.

use std::sync::atomic::Ordering;

use sea_orm::sea_query::{Alias, Asterisk, Expr, ExprTrait, JoinType, Query, SelectStatement};
use sea_orm::{Condition, ConnectionTrait, FromQueryResult};

use crate::contract::error::Error;
use crate::core::database::Reader;
use crate::door::Cx;
use crate::door::admission::Standing;

/// The epoch beside each row, and a column that is null where there is no row.
const EPOCH: &str = "access_epoch_now";
const IS_ROW: &str = "is_row";

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
        // Boxed, since most need no room for it.
        Box::pin(self.0.door.confirm(&mut standing)).await?;
        self.set_confirmed(standing);
        Ok(())
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

    /// Rows of a statement that was made for the caller as they are known; none if they are another one by now: then the
    /// statement must be made anew.
    ///
    /// # Errors
    /// `Unauthenticated` if the token does not let in any more.
    pub(super) async fn fetch<M: FromQueryResult>(
        &self,
        reader: &Reader,
        mut statement: SelectStatement,
    ) -> Result<Option<Vec<M>>, Error> {
        let known = self.known();
        let asks = !self.is_confirmed();
        if asks {
            statement = beside_epoch(statement, known.caller.organization_id);
        }
        let rows = reader.query_all_raw(reader.get_database_backend().build(&statement)).await?;
        if !asks {
            return Ok(Some(rows.iter().map(|row| M::from_query_result(row, "")).collect::<Result<_, _>>()?));
        }
        let epoch: Option<i64> = rows.first().map(|row| row.try_get("", EPOCH)).transpose()?;
        if epoch != Some(known.epoch) {
            self.confirm().await?;
            return Ok(None);
        }
        self.0.confirmed.store(true, Ordering::Release);
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            if row.try_get::<Option<i32>>("", IS_ROW)?.is_some() {
                found.push(M::from_query_result(row, "")?);
            }
        }
        Ok(Some(found))
    }
}

/// The rows of a statement with the access epoch of the workspace beside each, and one row without anything else if it has
/// none. The epoch is a single row, so the rows stay in their order.
fn beside_epoch(mut statement: SelectStatement, workspace: entity::value::Id) -> SelectStatement {
    let (table, rows) = (Alias::new("access_epoch"), Alias::new("found"));
    statement.expr_as(Expr::cust("1"), Alias::new(IS_ROW));
    Query::select()
        .expr_as(Expr::col((table.clone(), Alias::new("epoch"))), Alias::new(EPOCH))
        .column((rows.clone(), Asterisk))
        .from(table.clone())
        .join_subquery(JoinType::LeftJoin, statement, rows, Condition::all().add(Expr::cust("TRUE")))
        .and_where(Expr::col((table, Alias::new("organization_id"))).eq(workspace))
        .take()
}
