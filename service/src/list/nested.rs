//! The first rows of each of many parents, cut in SQL: one statement for a level of a nested query.

use entity::value::Id;
use sea_orm::sea_query::{
    Alias, Asterisk, Expr, ExprTrait, Func, OverStatement, Query, SelectStatement, SimpleExpr, TableRef,
    WindowStatement,
};
use sea_orm::{ColumnTrait, IdenStatic, Iterable, QueryFilter, QuerySelect, QueryTrait, Select};

use crate::access::scope::Scoped;
use crate::list::page::{ListArgs, Listed, Question};

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

    /// Numbers the rows of each parent in the order asked for, and keeps one more than a page of each.
    pub(crate) fn first_of_each(&self, question: &Question<E>, query: Select<E>, parents: &[Id]) -> SelectStatement {
        let (rows, number, parent) = (Alias::new("rows"), Alias::new("place_of_row"), Alias::new(PARENT));
        let mut window = WindowStatement::new();
        window.add_partition_by(self.parent.clone());
        window.order_by_expr(question.expr(), question.order());
        window.order_by((E::default(), E::ID), question.order());

        let mut numbered =
            question.narrowed(query).filter(self.parent.clone().is_in(parents.iter().copied())).into_query();
        if let Some((table, on)) = &self.through {
            numbered.inner_join(table.clone(), on.clone());
        }
        numbered.expr_as(self.parent.clone(), parent.clone());
        numbered.expr_window_as(Func::cust(Alias::new("ROW_NUMBER")), window, number.clone());

        Query::select()
            .columns(E::Column::iter().map(|column| Alias::new(column.as_str())))
            .column(parent)
            .from_subquery(numbered, rows)
            .and_where(Expr::col(number.clone()).lte(question.limit + 1))
            .order_by(number, sea_orm::Order::Asc)
            .take()
    }
}
