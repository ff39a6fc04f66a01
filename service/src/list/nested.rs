//! The first rows of each of many parents, cut in SQL: one statement for a level of a nested query.
//!
//! Decision: `docs/decisions/0066-lists-below-records-by-their-field.md`.

use std::fmt::Write;
use std::sync::Arc;

use entity::cells::{Cell, Cells, Columns, FromCells, TableRow};
use entity::value::{Id, OrganizationId};
use sea_orm::sea_query::{
    Alias, Asterisk, Expr, ExprTrait, Func, JoinType, Query, SelectStatement, SimpleExpr, TableRef,
};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, DbErr, IdenStatic, QueryFilter, QuerySelect, QueryTrait, Select, Value,
};

use crate::access::caller::Caller;
use crate::access::scope::Scoped;
use crate::access::texts::{self, Ready, Shape, read_columns, shown_of};
use crate::list::page::{ListArgs, Listed};
use crate::list::question::{List, Question};

/// What the parent of a row is called in the answer.
pub(crate) const PARENT: &str = "parent_of_row";

/// How rows lie below their parents.
pub(crate) struct Relation<E: Listed> {
    parent: SimpleExpr,
    /// The name of its column.
    column: &'static str,
    /// A table between the two.
    through: Option<Through>,
    cursors: CursorList<E>,
}

/// A table between the rows and their parents.
struct Through {
    table: TableRef,
    /// What joins it to the rows.
    on: SimpleExpr,
    /// The column of its workspace.
    organization: SimpleExpr,
}

/// A row with the id of its parent.
pub(crate) struct Below<M> {
    pub(crate) parent: Id,
    pub(crate) row: M,
}

impl<M: TableRow> FromCells for Below<M> {
    const WIDTH: usize = M::SHOWN + 1;

    fn from_cells<C: Cells>(cells: &C, first: usize) -> Result<Below<M>, DbErr> {
        Ok(Below { parent: Cell::read(cells, first)?, row: M::from_shown(cells, first + 1)? })
    }

    fn from_part<C: Cells>(cells: &C, columns: Columns) -> Result<Below<M>, DbErr> {
        Ok(Below { parent: Cell::read(cells, 0)?, row: M::from_some(cells, 1, columns)? })
    }
}

/// Which list the rows of one parent are, for their cursors.
pub(crate) enum CursorList<E: Listed> {
    /// The flat list, filtered by the parent: its cursors are those of that list.
    Filtered(fn(&mut E::Filter, Id)),
    /// A list of its own, since no filter makes it of the flat one.
    Own(&'static str),
}

impl<E: Listed> Clone for CursorList<E> {
    fn clone(&self) -> CursorList<E> {
        *self
    }
}

impl<E: Listed> Copy for CursorList<E> {}

impl<E: Listed> Relation<E> {
    /// Rows whose parent is in this column: their own, or that of the table between.
    pub(crate) fn by(parent: impl ColumnTrait, cursors: CursorList<E>) -> Relation<E> {
        Relation { parent: parent.into_expr(), column: parent.as_str(), through: None, cursors }
    }

    /// With a table between, of the same workspace; `own` column of the rows is the `theirs` of that table.
    pub(crate) fn through<T: Scoped>(mut self, theirs: T::Column, own: E::Column) -> Relation<E> {
        let same_workspace = T::ORGANIZATION.into_expr().eq(E::ORGANIZATION.into_expr());
        let on = same_workspace.and(theirs.into_expr().eq(own.into_expr()));
        self.through = Some(Through { table: T::default().table_ref(), on, organization: T::ORGANIZATION.into_expr() });
        self
    }

    /// Whether the rows themselves have the id of their parent.
    pub(crate) fn is_direct(&self) -> bool {
        self.through.is_none()
    }

    /// What makes the lists of the parents those lists.
    pub(crate) fn lists(
        &self,
        organization: OrganizationId,
        args: &ListArgs<E::Filter, E::Sort>,
    ) -> impl Fn(Id) -> List + use<E> {
        let (cursors, args) = (self.cursors, Arc::new(args.clone()));
        move |parent| {
            let args = args.clone();
            List::later::<E>(organization, move || match cursors {
                CursorList::Filtered(filter) => {
                    let mut of_parent = (*args).clone();
                    filter(&mut of_parent.filter, parent);
                    of_parent.identity()
                }
                CursorList::Own(name) => format!("{} {name} {parent}", args.identity()),
            })
        }
    }

    /// Counts the rows of each parent, on all pages.
    pub(crate) fn count_of_each(&self, question: &Question<E>, query: Select<E>, parents: &[Id]) -> SelectStatement {
        let query = question.filtered(query).filter(self.parent.clone().is_in(parents.iter().copied()));
        let mut rows = query.select_only().into_query();
        if let Some(Through { table, on, .. }) = &self.through {
            rows.inner_join(table.clone(), on.clone());
        }
        rows.expr_as(self.parent.clone(), Alias::new(PARENT))
            .expr_as(Func::count(Expr::col(Asterisk)), Alias::new("rows"))
            .add_group_by([self.parent.clone()])
            .take()
    }

    /// The statement of the first rows of each parent in any order, at least one more than a page of each. For each parent they
    /// are read from the index, however many rows it has: a window function would read them all. Where the rows themselves
    /// have the id of their parent and nothing filters them, its text is made once, and only the columns are read that are
    /// needed.
    pub(crate) fn first_of_each(
        &self,
        question: &Question<E>,
        caller: &Caller,
        parents: &[Id],
        backend: DbBackend,
        args: &ListArgs<E::Filter, E::Sort>,
    ) -> Ready {
        let parents = parents_as_text(parents, backend);
        match question.first_page_shape().filter(|_| args.is_plain() && self.is_direct()) {
            Some((sort, descending, deleted, rows)) => {
                let columns = read_columns::<E>(args.columns);
                let shape = Shape::Below { parent: self.column, sort, descending, deleted, rows, columns };
                let brought = [(PARENTS.into(), parents.into())];
                let ready = texts::ready::<E>(shape, backend, caller, &brought, |caller| {
                    self.statement(&question.without_filter(caller, backend), caller, PARENTS, backend, columns)
                });
                Ready { columns, ..ready }
            }
            None => backend.build(&self.statement(question, caller, &parents, backend, Columns::ALL)).into(),
        }
    }

    fn statement(
        &self,
        question: &Question<E>,
        caller: &Caller,
        parents: &str,
        backend: DbBackend,
        columns: Columns,
    ) -> SelectStatement {
        let (one, id) = (Alias::new("parent"), Alias::new("id"));
        let of_parent = self.parent.clone().eq(Expr::col((one.clone(), id.clone())));
        match backend {
            DbBackend::Postgres => {
                let rows = Alias::new("rows");
                let mut first = question.select(E::within(caller)).filter(of_parent).into_query();
                if let Some(Through { table, on, .. }) = &self.through {
                    first.inner_join(table.clone(), on.clone());
                }
                Query::select()
                    .expr_as(Expr::col((one.clone(), id)), Alias::new(PARENT))
                    .columns(shown_of::<E>(columns).map(|column| (rows.clone(), Alias::new(column.as_str()))))
                    .from_subquery(parents_on_postgres(parents), one)
                    .join_lateral(JoinType::InnerJoin, first, rows, Condition::all().add(Expr::cust("TRUE")))
                    .take()
            }
            // SQLite joins nothing sideways, but looks up rows of a query that knows the parent. It is left no other plan:
            // the join begins with the parents, and rows are found by where they are stored. Left to itself it would test all
            // rows of the workspace for each parent.
            _ => {
                let table = E::default();
                let row = |table: E| Expr::col((table, Alias::new("rowid")));
                let mut first = question.select_below(E::within(caller)).filter(of_parent).select_only().into_query();
                first.expr(row(table));
                if let Some(Through { table: between, on, organization }) = &self.through {
                    // From the parents' side: the rows of the workspace in their order may be many.
                    first
                        .from_clear()
                        .from(between.clone())
                        .join(JoinType::CrossJoin, table.table_ref(), Condition::all())
                        .and_where(on.clone())
                        .and_where(organization.clone().eq(caller.organization_id));
                }
                // The plus keeps SQLite from using an index on the column.
                let organization = format!("+\"{}\".\"{}\" = ?", table.table_name(), E::ORGANIZATION.as_str());
                let same_workspace = Expr::cust_with_values(organization, [Value::from(caller.organization_id)]);
                Query::select()
                    .expr_as(Expr::col((one.clone(), id)), Alias::new(PARENT))
                    .columns(shown_of::<E>(columns).map(|column| (table, column)))
                    .from_subquery(parents_on_sqlite(parents), one)
                    // The library writes a cross join without its condition.
                    .join(JoinType::CrossJoin, table.table_ref(), Condition::all())
                    .and_where(same_workspace)
                    .and_where(row(table).in_subquery(first))
                    .take()
            }
        }
    }
}

/// What stands for the parents in a statement that is made for stand-ins.
const PARENTS: &str = "the parents";

/// The parents as one value, so that the text of the statement is the same for any number of them.
fn parents_as_text(parents: &[Id], backend: DbBackend) -> String {
    let (before, quote, after) = if backend == DbBackend::Postgres { ("", "", "") } else { ("[", "\"", "]") };
    let mut text = String::with_capacity(2 + 36 * parents.len());
    text.push_str(before);
    for (number, id) in parents.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        // A text takes everything.
        _ = write!(text, "{comma}{quote}{}{quote}", id.0.simple());
    }
    text.push_str(after);
    text
}

fn parents_on_postgres(ids: &str) -> SelectStatement {
    let ids = Func::cust(Alias::new("STRING_TO_ARRAY")).arg(ids).arg(",");
    let each = Expr::from(Func::cust(Alias::new("UNNEST")).arg(ids));
    Query::select().expr_as(each.cast_as(Alias::new("uuid")), Alias::new("id")).take()
}

fn parents_on_sqlite(ids: &str) -> SelectStatement {
    let each = Func::cust(Alias::new("JSON_EACH")).arg(ids);
    let id = Func::cust(Alias::new("UNHEX")).arg(Expr::col(Alias::new("value")));
    Query::select().expr_as(Expr::from(id), Alias::new("id")).from_function(each, Alias::new("each")).take()
}
