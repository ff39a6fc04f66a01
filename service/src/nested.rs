//! The first rows of each of many parents, cut in SQL: one statement for a level of a nested query.

use entity::value::Id;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Func, Query, SelectStatement, WindowStatement};
use sea_orm::{ColumnTrait, IdenStatic, Iterable, QueryFilter, QueryTrait, Select};

use crate::page::{Listed, Question};

/// Numbers the rows of each parent in the order asked for, and keeps one more than a page of each.
pub(crate) fn first_of_each<E: Listed>(
    question: &Question<E>,
    query: Select<E>,
    parent: E::Column,
    parents: &[Id],
) -> SelectStatement {
    let (rows, number) = (Alias::new("rows"), Alias::new("number"));
    let mut window = WindowStatement::partition_by((E::default(), parent));
    window.order_by_expr(question.expr(), question.order());
    window.order_by((E::default(), E::ID), question.order());

    let mut numbered = question.narrowed(query).filter(parent.is_in(parents.iter().copied())).into_query();
    numbered.expr_window_as(Func::cust(Alias::new("ROW_NUMBER")), window, number.clone());

    Query::select()
        .columns(E::Column::iter().map(|column| Alias::new(column.as_str())))
        .from_subquery(numbered, rows)
        .and_where(Expr::col(number.clone()).lte(question.limit + 1))
        .order_by(number, sea_orm::Order::Asc)
        .take()
}
