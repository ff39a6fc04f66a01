//! Reads, from inside the caller's workspace and visibility.

use entity::cells::{Shown, TableRow};
use entity::value::Id;
use sea_orm::sea_query::SelectStatement;
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryResult, QueryTrait, Select, Statement, Value};

use crate::access::action::Action;
use crate::access::scope::{Identified, Scoped, workspace};
use crate::access::texts::{self, PLACEHOLDER_ID, Shape, shown};
use crate::contract::error::Error;
use crate::core::database::Reader;
use crate::door::Cx;
use crate::door::confirm::beside_epoch;

/// A look at the database, from inside the caller's workspace and visibility.
pub(crate) struct Read<'a> {
    pub(super) cx: &'a Cx,
    pub(super) action: Action,
    pub(super) reader: Reader,
}

impl Read<'_> {
    /// Reads on the connections for long statements, whatever the action.
    pub(crate) fn heavy(self) -> Self {
        Read { reader: self.cx.reader(true), ..self }
    }

    /// One live row.
    pub(crate) async fn get<E: Identified>(&self, id: Id<E>) -> Result<E::Model, Error>
    where
        E::Model: TableRow,
    {
        let arguments = [(PLACEHOLDER_ID.into(), id.into())];
        loop {
            let confirms = !self.cx.is_confirmed();
            let (backend, shape) = (self.reader.get_database_backend(), Shape::One { confirms });
            let ready = texts::ready::<E>(shape, backend, self.cx.caller(), &arguments, |caller| {
                let one = shown(E::live(E::within(caller).filter(E::ID.eq(PLACEHOLDER_ID)))).into_query();
                if confirms { beside_epoch(one, caller.organization_id) } else { one }
            });
            if let Some(rows) = self.cx.fetch(&self.reader, &ready, confirms, true).await? {
                return rows.into_iter().next().map(|Shown(row)| row).ok_or(Error::NotFound(E::NOUN));
            }
            // The caller is another one by now.
            self.cx.allow(self.action)?;
        }
    }

    /// Rows by id, deleted ones too, since they still resolve as somebody's parent.
    pub(crate) async fn by_ids<E: Identified>(&self, ids: &[Id<E>]) -> Result<Vec<E::Model>, Error> {
        self.confirm().await?;
        let query = E::within(self.cx.caller()).filter(E::ID.is_in(ids.iter().copied()));
        Ok(query.all(self.database()).await?)
    }

    /// Rows of a query that began in the caller's scope.
    pub(crate) async fn all<E: Scoped>(
        &self,
        narrow: impl FnOnce(Select<E>) -> Select<E>,
    ) -> Result<Vec<E::Model>, Error> {
        self.confirm().await?;
        Ok(narrow(E::within(self.cx.caller())).all(self.database()).await?)
    }

    /// Rows of a statement that was made of a query in the caller's scope, for those that join.
    pub(crate) async fn rows(&self, statement: &SelectStatement) -> Result<Vec<QueryResult>, Error> {
        let statement = self.database().get_database_backend().build(statement);
        Ok(self.database().query_all_raw(statement).await?)
    }

    /// Rows of a statement that no method here makes; it begins with the workspace itself.
    pub(crate) async fn raw<const N: usize>(&self, sql: &str, values: [Value; N]) -> Result<Vec<QueryResult>, Error> {
        self.confirm().await?;
        let statement = Statement::from_sql_and_values(self.database().get_database_backend(), sql, values);
        Ok(self.database().query_all_raw(statement).await?)
    }

    async fn confirm(&self) -> Result<(), Error> {
        if !self.cx.is_confirmed() {
            self.cx.confirm().await?;
            self.cx.allow(self.action)?;
        }
        Ok(())
    }

    /// A query that began in the caller's scope, for use inside another.
    pub(crate) fn query<E: Scoped>(&self, narrow: impl FnOnce(Select<E>) -> Select<E>) -> Select<E> {
        narrow(E::within(self.cx.caller()))
    }

    /// The workspace itself.
    pub(crate) async fn organization(&self) -> Result<entity::organization::Model, Error> {
        let own = workspace(self.cx.caller().organization_id);
        own.one(self.database()).await?.ok_or(Error::NotFound("workspace"))
    }

    /// Whether the words of PostgreSQL are understood.
    pub(crate) fn is_postgres(&self) -> bool {
        self.cx.0.door.core.database().is_postgres()
    }

    fn database(&self) -> &Reader {
        &self.reader
    }
}
