//! Lists: keyset pages, with a cursor that is tied to its list, sort, search and filters.

use std::cell::LazyCell;
use std::collections::HashMap;
use std::fmt::Debug;

use entity::value::{FieldErrors, Id, Text};
use sea_orm::sea_query::{Alias, Asterisk, Expr, ExprTrait, Func, Query, SelectStatement, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select};
use sha2::{Digest, Sha256};

use crate::access::caller::Caller;
use crate::access::scope::Identified;
use crate::contract::error::Error;
use crate::contract::input::{Field, Input};
pub use crate::list::cursor::Key;
use crate::list::cursor::{CursorPosition, ListHash, first_eight};
use crate::list::sort::{Sort, SortField};

/// The first page of each of many parents.
pub type Pages<T> = HashMap<Id, Result<Page<T>, Error>>;

/// Rows in a page when nobody says otherwise.
pub const DEFAULT_LIMIT: i32 = 50;
/// Rows in a page at most.
pub const MAX_LIMIT: i32 = 200;

/// A noun that is listed.
pub(crate) trait Listed: Identified {
    type Sort: SortField<Row = Self::Model>;
    type Filter: Filter;
    /// The folded column that `search` looks into.
    const SEARCH: Option<Self::Column>;
}

/// The filters of one list.
pub trait Filter: Input + Debug + Clone {
    /// What these filters demand. They all must hold.
    fn condition(&self, caller: &Caller) -> Condition;

    /// The same, for filters whose SQL differs between the databases.
    fn condition_on(&self, caller: &Caller, _postgres: bool) -> Condition {
        self.condition(caller)
    }

    /// Refuses what the caller's role may not filter by.
    ///
    /// # Errors
    /// `Forbidden` where the caller's role may not send it.
    fn check(&self, _caller: &Caller) -> Result<(), Error> {
        Ok(())
    }
}

/// What a caller asks of a list: over REST the query, in GraphQL the arguments.
#[derive(Clone, Debug, Default)]
pub struct ListArgs<F, S> {
    /// How many rows, 1 to 200.
    pub limit: Field<i32>,
    /// Where the page before ended.
    pub cursor: Field<Text<4096>>,
    /// Towards the beginning: the rows before the cursor, in the same order.
    pub backward: bool,
    /// By what, and in which direction; by default the newest first.
    pub sort: Field<Sort<S>>,
    /// Part of a text.
    pub search: Field<Text<200>>,
    /// Whether to count all rows of the list.
    pub count: Field<bool>,
    /// With deleted rows.
    pub include_deleted: Field<bool>,
    /// The filters of the noun.
    pub filter: F,
    /// Parameters that were sent and are not taken.
    pub not_taken: FieldErrors,
}

/// A page of rows, each with its place.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows, in the order asked for.
    pub items: Vec<T>,
    /// How many were asked for.
    pub limit: i32,
    /// Whether there are rows beyond the far end.
    pub more: bool,
    /// Whether it began at a cursor.
    pub continued: bool,
    /// Whether it was read towards the beginning.
    pub backward: bool,
    /// How many rows the whole list has, if that was asked for.
    pub total: Option<Total>,
    places: Vec<CursorPosition>,
    list: ListHash,
}

/// How many rows a list has, on all its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// The number of rows, at most `MAX_TOTAL`.
    pub rows: i64,
    /// Whether there are more.
    pub capped: bool,
}

/// The largest number of rows that is counted exactly.
pub const MAX_TOTAL: i64 = 100_000;

impl<T> Page<T> {
    /// The cursor after the row at this index, in this list.
    pub fn cursor(&self, index: usize) -> Option<String> {
        self.places.get(index).map(|place| place.encode(self.list))
    }

    /// The cursor of the next page, if there is one.
    pub fn next_cursor(&self) -> Option<String> {
        if self.more { self.places.len().checked_sub(1).and_then(|last| self.cursor(last)) } else { None }
    }

    /// The same page of what each row becomes.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        let Page { items, limit, more, continued, backward, total, places, list } = self;
        Page { items: items.into_iter().map(f).collect(), limit, more, continued, backward, total, places, list }
    }
}

impl<T> Page<T> {
    /// The same page of what each row becomes, if all become something.
    pub(crate) fn try_map<U, E>(self, f: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        let Page { items, limit, more, continued, backward, total, places, list } = self;
        let items = items.into_iter().map(f).collect::<Result<_, _>>()?;
        Ok(Page { items, limit, more, continued, backward, total, places, list })
    }
}

/// Reports an unknown parameter, and what is allowed.
pub(crate) fn unknown<'a>(errors: &mut FieldErrors, name: &str, allowed: impl FnOnce() -> Vec<&'a str>) {
    if errors.is_full() {
        return errors.add(name, "");
    }
    let reason = match name.strip_suffix("[]") {
        Some(plain) => format!("unknown parameter; for several values repeat it without brackets: {plain}=…&{plain}=…"),
        None => format!("unknown parameter; allowed are {}", allowed().join(", ")),
    };
    errors.add(name, reason);
}

/// The values of each parameter of a query, in the order in which the parameters first occur. An empty value counts as not
/// sent.
pub(crate) fn grouped(pairs: Vec<(String, String)>) -> Vec<(String, Vec<String>)> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut grouped: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in pairs {
        let place = *places.entry(name.clone()).or_insert(grouped.len());
        if place == grouped.len() {
            grouped.push((name, vec![]));
        }
        if !value.is_empty() {
            grouped[place].1.push(value);
        }
    }
    grouped
}

impl<F: Filter, S: SortField> ListArgs<F, S> {
    /// Reads the pairs of a query string. What does not fit is kept as a problem.
    pub fn from_query(pairs: Vec<(String, String)>) -> Self {
        let mut args = Self::default();
        // Made once, and only where it is needed: a query may have thousands of parameters.
        let known = LazyCell::new(Self::parameters);
        for (name, values) in grouped(pairs) {
            if values.is_empty() && known.contains(&name.as_str()) {
                continue;
            }
            match name.as_str() {
                "limit" => args.limit = Field::from_query(&values),
                "cursor" => args.cursor = Field::from_query(&values),
                "sort" => args.sort = Field::from_query(&values),
                "search" if S::SEARCHED => args.search = Field::from_query(&values),
                "includeDeleted" => args.include_deleted = Field::from_query(&values),
                "count" => args.count = Field::from_query(&values),
                _ => {
                    if values.is_empty() || !args.filter.set_query(&name, &values) {
                        unknown(&mut args.not_taken, &name, || known.clone());
                    }
                }
            }
        }
        args
    }

    fn parameters() -> Vec<&'static str> {
        let own = ["limit", "cursor", "sort", "search", "includeDeleted", "count"];
        let own = own.into_iter().filter(|name| S::SEARCHED || *name != "search");
        own.chain(F::fields().into_iter().map(|f| f.name)).collect()
    }

    /// The price of the list, in points: a search costs 2 more, a count 1 more.
    pub(crate) fn points(&self) -> u32 {
        1 + if self.search.get().is_some() { 2 } else { 0 } + u32::from(self.counts())
    }

    /// Whether all rows are to be counted.
    pub(crate) fn counts(&self) -> bool {
        self.count.get().copied().unwrap_or(false)
    }

    fn problems(&self) -> FieldErrors {
        let mut problems = self.not_taken.clone();
        let mut add = |name: &str, inner: Option<FieldErrors>| {
            if let Some(inner) = inner {
                problems.nest(name, inner);
            }
        };
        add("limit", self.limit.problems());
        add("cursor", self.cursor.problems());
        add("sort", self.sort.problems());
        add("search", self.search.problems());
        add("includeDeleted", self.include_deleted.problems());
        add("count", self.count.problems());
        if self.limit.get().is_some_and(|limit| !(1..=MAX_LIMIT).contains(limit)) {
            problems.add("limit", format!("must be between 1 and {MAX_LIMIT}"));
        }
        problems.nest("", self.filter.field_problems());
        problems
    }

    /// What identifies the list, as one text: sort, search, deleted rows and filters.
    pub fn identity(&self) -> String {
        let search = self.search.get().map(Text::as_str);
        format!("{:?} {search:?} {:?} {:?}", self.sort(), self.includes_deleted(), self.filter)
    }

    /// The same with the page: its cursor, limit and direction. An invalid search is part of it, since the answer depends on it.
    pub fn fingerprint(&self) -> String {
        let ListArgs { cursor, limit, backward, search, count, .. } = self;
        format!("{} {cursor:?} {limit:?} {backward} {search:?} {count:?}", self.identity())
    }

    /// Whether a text is searched, which reads much.
    pub(crate) fn is_searched(&self) -> bool {
        self.search.get().is_some()
    }

    pub(crate) fn sort(&self) -> Sort<S> {
        self.sort.get().copied().unwrap_or_default()
    }

    fn includes_deleted(&self) -> bool {
        self.include_deleted.get().copied().unwrap_or(false)
    }

    fn limit(&self) -> i32 {
        self.limit.get().copied().unwrap_or(DEFAULT_LIMIT)
    }
}

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
fn contains(column: impl ColumnTrait, text: &str) -> SimpleExpr {
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
