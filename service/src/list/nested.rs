//! The first rows of each of many parents, cut in SQL: one statement for a level of a nested query.

use entity::value::Id;
use sea_orm::sea_query::{
    Alias, Asterisk, Expr, ExprTrait, Func, JoinType, Query, SelectStatement, SimpleExpr, TableRef,
};
use sea_orm::{ColumnTrait, Condition, DbBackend, IdenStatic, Iterable, QueryFilter, QuerySelect, QueryTrait, Select};

use crate::access::caller::Caller;
use crate::access::scope::Scoped;
use crate::list::page::{ListArgs, Listed};
use crate::list::question::Question;

/// What the parent of a row is called in the answer.
pub(crate) const PARENT: &str = "parent_of_row";

/// How rows lie below their parents.
pub(crate) struct Relation<E: Listed> {
    parent: SimpleExpr,
    /// A table between the two, and what joins it to the rows.
    through: Option<(TableRef, SimpleExpr)>,
    place: Place<E>,
}

/// Which list the rows of one parent are, for their cursors.
pub(crate) enum Place<E: Listed> {
    /// The flat list, filtered by the parent: its cursors are those of that list.
    Filtered(fn(&mut E::Filter, Id)),
    /// A list of its own, since no filter makes it of the flat one.
    Own(&'static str),
}

impl<E: Listed> Relation<E> {
    /// Rows whose parent is in this column: their own, or that of the table between.
    pub(crate) fn by(parent: impl ColumnTrait, place: Place<E>) -> Relation<E> {
        Relation { parent: parent.into_expr(), through: None, place }
    }

    /// With a table between, of the same workspace; `own` column of the rows is the `theirs` of that table.
    pub(crate) fn through<T: Scoped>(mut self, theirs: T::Column, own: E::Column) -> Relation<E> {
        let same_workspace = T::ORGANIZATION.into_expr().eq(E::ORGANIZATION.into_expr());
        let on = same_workspace.and(theirs.into_expr().eq(own.into_expr()));
        self.through = Some((T::default().table_ref(), on));
        self
    }

    /// What makes the list of one parent that list.
    pub(crate) fn identity(&self, args: &ListArgs<E::Filter, E::Sort>, parent: Id) -> String {
        match self.place {
            Place::Filtered(filter) => {
                let mut of_parent = args.clone();
                filter(&mut of_parent.filter, parent);
                of_parent.identity()
            }
            Place::Own(name) => format!("{} {name} {parent}", args.identity()),
        }
    }

    /// Counts the rows of each parent, on all pages.
    pub(crate) fn count_of_each(&self, question: &Question<E>, query: Select<E>, parents: &[Id]) -> SelectStatement {
        let query = question.filtered(query).filter(self.parent.clone().is_in(parents.iter().copied()));
        let mut rows = query.select_only().into_query();
        if let Some((table, on)) = &self.through {
            rows.inner_join(table.clone(), on.clone());
        }
        rows.expr_as(self.parent.clone(), Alias::new(PARENT))
            .expr_as(Func::count(Expr::col(Asterisk)), Alias::new("rows"))
            .add_group_by([self.parent.clone()])
            .take()
    }

    /// The first rows of each parent in the order asked for, one more than a page of each. For each parent they are read
    /// from the index, however many rows it has: a window function would read them all.
    pub(crate) fn first_of_each(
        &self,
        question: &Question<E>,
        caller: &Caller,
        parents: &[Id],
        backend: DbBackend,
    ) -> SelectStatement {
        let (one, id) = (Alias::new("parent"), Alias::new("id"));
        let of_parent = self.parent.clone().eq(Expr::col((one.clone(), id.clone())));
        let query = question.select(E::within(caller)).filter(of_parent);
        match backend {
            DbBackend::Postgres => {
                let rows = Alias::new("rows");
                let first = self.through_joined(query.into_query());
                let column = |name: &str| Expr::col((rows.clone(), Alias::new(name)));
                Query::select()
                    .columns(E::Column::iter().map(|column| (rows.clone(), Alias::new(column.as_str()))))
                    .expr_as(Expr::col((one.clone(), id)), Alias::new(PARENT))
                    .from_subquery(parents_on_postgres(parents), one)
                    .join_lateral(JoinType::InnerJoin, first, rows.clone(), Condition::all().add(Expr::cust("TRUE")))
                    .order_by_expr(column(question.sorted_by()), question.order())
                    .order_by_expr(column("id"), question.order())
                    .take()
            }
            // SQLite joins nothing sideways, but looks for ids of a query that knows the parent.
            _ => {
                let first = self.through_joined(query.select_only().column(E::ID).into_query());
                let same_workspace = E::ORGANIZATION.eq(caller.organization_id);
                let table = E::default();
                Query::select()
                    .columns(E::Column::iter().map(|column| (table, column)))
                    .expr_as(Expr::col((one.clone(), id)), Alias::new(PARENT))
                    .from_subquery(parents_on_sqlite(parents), one)
                    .join(
                        JoinType::InnerJoin,
                        table.table_ref(),
                        Condition::all().add(same_workspace).add(E::ID.in_subquery(first)),
                    )
                    .order_by_expr(question.expr(), question.order())
                    .order_by((table, E::ID), question.order())
                    .take()
            }
        }
    }

    fn through_joined(&self, mut query: SelectStatement) -> SelectStatement {
        if let Some((table, on)) = &self.through {
            query.inner_join(table.clone(), on.clone());
        }
        query
    }
}

/// The parents as one value, so that the text of the statement is the same for any number of them.
fn parents_on_postgres(parents: &[Id]) -> SelectStatement {
    let ids = parents.iter().map(Id::to_string).collect::<Vec<_>>().join(",");
    let ids = Func::cust(Alias::new("STRING_TO_ARRAY")).arg(ids).arg(",");
    let each = Expr::from(Func::cust(Alias::new("UNNEST")).arg(ids));
    Query::select().expr_as(each.cast_as(Alias::new("uuid")), Alias::new("id")).take()
}

fn parents_on_sqlite(parents: &[Id]) -> SelectStatement {
    let ids: Vec<String> = parents.iter().map(|id| format!("\"{}\"", id.0.simple())).collect();
    let each = Func::cust(Alias::new("JSON_EACH")).arg(format!("[{}]", ids.join(",")));
    let id = Func::cust(Alias::new("UNHEX")).arg(Expr::col(Alias::new("value")));
    Query::select().expr_as(Expr::from(id), Alias::new("id")).from_function(each, Alias::new("each")).take()
}
