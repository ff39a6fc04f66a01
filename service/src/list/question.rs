//! A list's arguments, checked, as a statement; and its rows as a page.

use entity::value::Id;
use sea_orm::sea_query::{Alias, Asterisk, Expr, ExprTrait, Func, Query, SelectStatement, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select};
use sha2::{Digest, Sha256};

use crate::access::caller::Caller;
use crate::contract::error::Error;
use crate::list::cursor::{CursorPosition, Key, ListHash, first_eight};
use crate::list::page::{Filter, ListArgs, Listed, MAX_TOTAL, Page};
use crate::list::sort::{Sort, SortField};

/// A checked question to a list.
pub(crate) struct Question<E: Listed> {
    sort: Sort<E::Sort>,
    pub(crate) limit: i32,
    backward: bool,
    place: Option<CursorPosition>,
    condition: Condition,
    list: ListHash,
}

impl<E: Listed> Question<E> {
    /// Checks the arguments, in the order of refusals: a cursor that is unreadable or of another list, what the role may
    /// not ask, bad values. `identity` is what makes the list this list.
    pub(crate) fn check(
        caller: &Caller,
        allowed: Result<(), Error>,
        args: &ListArgs<E::Filter, E::Sort>,
        identity: &str,
        postgres: bool,
    ) -> Result<Question<E>, Error> {
        let undecodable = || Error::BadRequest("the cursor does not decode; begin again without one".into());
        let cursor = match args.cursor.get() {
            Some(text) => Some(CursorPosition::decode(text.as_str()).ok_or_else(undecodable)?),
            None if args.cursor.is_sent() => return Err(undecodable()),
            None => None,
        };
        let mut problems = args.problems();
        if E::SEARCH.is_none() && args.search.is_sent() {
            problems.add("search", "unknown parameter; this list is not searched");
        }
        let list = list_hash::<E>(caller, identity);
        let place = match cursor {
            // With invalid arguments the list is unknown, so those errors come first.
            Some((place, is_of)) if !problems.is_empty() || is_of(list) => Some(place),
            Some(_) => {
                let message = "the cursor belongs to another list, sort or filter; begin again without one";
                return Err(Error::BadRequest(message.into()));
            }
            None => None,
        };
        allowed?;
        if args.includes_deleted() && !crate::access::policy::sees_all(caller.role) {
            return Err(Error::Forbidden("your role does not allow includeDeleted".into()));
        }
        args.filter.check(caller)?;
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        let sort = args.sort();
        let mut condition = Condition::all().add(args.filter.condition_on(caller, postgres));
        if let (Some(column), false) = (E::DELETED_AT, args.includes_deleted()) {
            condition = condition.add(column.is_null());
        }
        if let (Some(column), Some(search)) = (E::SEARCH, args.search.get()) {
            condition = condition.add(contains(column, search.as_str()));
        }
        Ok(Question { sort, limit: args.limit(), backward: args.backward, place, condition, list })
    }

    /// Narrows a query to the rows of the whole list.
    pub(crate) fn filtered(&self, query: Select<E>) -> Select<E> {
        query.filter(self.condition.clone())
    }

    /// Narrows a query to this page and one row more.
    pub(crate) fn select(&self, query: Select<E>) -> Select<E> {
        let limit = u64::try_from(self.limit).unwrap_or(0) + 1;
        self.ordered(self.narrowed(query)).limit(limit)
    }

    /// Counts the rows of the whole list, and no more than are reported.
    pub(crate) fn counted(&self, query: Select<E>) -> SelectStatement {
        let limit = u64::try_from(MAX_TOTAL).unwrap_or(0) + 1;
        let rows = query.filter(self.condition.clone()).select_only().column(E::ID).limit(limit).into_query();
        let count = Func::count(Expr::col(Asterisk));
        Query::select().expr_as(count, Alias::new("rows")).from_subquery(rows, Alias::new("list")).take()
    }

    /// Filters and the place after which it goes on.
    pub(crate) fn narrowed(&self, query: Select<E>) -> Select<E> {
        let query = query.filter(self.condition.clone());
        match &self.place {
            Some(place) => query.filter(self.beyond(place)),
            None => query,
        }
    }

    fn ordered(&self, query: Select<E>) -> Select<E> {
        let order = self.order();
        let query = if self.sort.field.column() == "id" { query } else { query.order_by(self.expr(), order.clone()) };
        query.order_by(E::ID, order)
    }

    /// The direction that the rows are read in.
    pub(crate) fn order(&self) -> Order {
        if self.sort.descending != self.backward { Order::Desc } else { Order::Asc }
    }

    /// The column that the rows are sorted by.
    pub(crate) fn sorted_by(&self) -> &'static str {
        self.sort.field.column()
    }

    /// What the rows are sorted by.
    pub(crate) fn expr(&self) -> SimpleExpr {
        Expr::col((E::default(), Alias::new(self.sort.field.column())))
    }

    /// A row comparison, which an index on (organization, key, id) answers from any depth.
    fn beyond(&self, place: &CursorPosition) -> SimpleExpr {
        let id = E::ID.into_expr();
        let descending = self.order() == Order::Desc;
        if place.key == Key::Id {
            return if descending { id.lt(place.id) } else { id.gt(place.id) };
        }
        let here = Expr::tuple([self.expr(), id]);
        let there = Expr::tuple([Expr::val(place.key.value(place.id)), Expr::val(place.id)]);
        if descending { here.lt(there) } else { here.gt(there) }
    }

    /// The page that these rows make, of which the last may be one too many.
    pub(crate) fn page(&self, mut rows: Vec<E::Model>, id: impl Fn(&E::Model) -> Id) -> Page<E::Model> {
        let limit = usize::try_from(self.limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        if self.backward {
            rows.reverse();
        }
        let places = rows.iter().map(|row| CursorPosition { key: self.sort.field.key(row), id: id(row) }).collect();
        let continued = self.place.is_some();
        let (backward, list) = (self.backward, self.list);
        Page { items: rows, limit: self.limit, more, continued, backward, total: None, places, list }
    }
}

fn list_hash<E: Listed>(caller: &Caller, identity: &str) -> ListHash {
    let list = Sha256::new().chain_update(E::default().table_name()).chain_update(caller.organization_id.0.as_bytes());
    first_eight(list.chain_update(identity))
}

/// Folded text anywhere in a folded column; `%` and `_` stand for themselves.
pub(crate) fn contains(column: impl ColumnTrait, text: &str) -> SimpleExpr {
    let mut pattern = String::from("%");
    for c in entity::value::fold(text).chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    column.into_expr().like(sea_orm::sea_query::LikeExpr::new(pattern).escape('\\'))
}
