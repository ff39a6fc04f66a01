//! Lists: keyset pages, with a cursor that is tied to its list, sort, search and filters.

use std::cell::LazyCell;
use std::collections::HashMap;
use std::fmt::Debug;

use entity::cells::Columns;
use entity::value::{FieldErrors, Text};
use sea_orm::Condition;

use crate::access::caller::Caller;
use crate::access::scope::Identified;
use crate::contract::error::Error;
use crate::contract::input::{Field, Input};
use crate::list::cursor::CursorPosition;
pub use crate::list::cursor::Key;
use crate::list::question::List;
use crate::list::sort::{Sort, SortField};

/// The first page of each of many parents, in their order.
pub type Pages<T> = Vec<Result<Page<T>, Error>>;

/// Rows in a page when nobody says otherwise.
pub const DEFAULT_LIMIT: i32 = 50;
/// Rows in a page at most.
pub const MAX_LIMIT: i32 = 200;

/// Filters that an index narrows, in the default order.
const BY_INDEX: &[&str] = &["id", "external_id", "client_id", "project_id", "task_id", "user_id"];

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

    /// What these filters demand on one database, for filters whose SQL differs between the two.
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
    /// For lists below records: the columns that the answer needs. The others are not read, and hold default values.
    pub columns: Columns,
}

/// A page of rows, each with its position in the list.
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
    pub(crate) positions: Vec<CursorPosition>,
    pub(crate) list: List,
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
        self.positions.get(index).map(|position| position.encode(self.list.hash()))
    }

    /// The cursor of the next page, if there is one.
    pub fn next_cursor(&self) -> Option<String> {
        if self.more { self.positions.len().checked_sub(1).and_then(|last| self.cursor(last)) } else { None }
    }

    /// Changes each row, and leaves the page as it is otherwise.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        let Page { items, limit, more, continued, backward, total, positions, list } = self;
        Page { items: items.into_iter().map(f).collect(), limit, more, continued, backward, total, positions, list }
    }
}

impl<T> Page<T> {
    /// Changes each row, and leaves the page as it is otherwise; the first error ends it.
    pub(crate) fn try_map<U, E>(self, f: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        let Page { items, limit, more, continued, backward, total, positions, list } = self;
        let items = items.into_iter().map(f).collect::<Result<_, _>>()?;
        Ok(Page { items, limit, more, continued, backward, total, positions, list })
    }
}

/// Reports an unknown parameter, and what is allowed.
pub(crate) fn unknown<'a>(errors: &mut FieldErrors, name: &str, allowed: impl FnOnce() -> Vec<&'a str>) {
    if errors.is_full() {
        return errors.add(name, "");
    }
    let hint = match name.strip_suffix("[]") {
        Some(plain) => {
            format!("; write it without brackets: {plain}=… (several values of a filter: {plain}=…&{plain}=…)")
        }
        None => String::new(),
    };
    errors.add(name, format!("unknown parameter{hint}; allowed are {}", allowed().join(", ")));
}

/// The values of each parameter of a query, in the order in which the parameters first occur. An empty value counts as not
/// sent.
pub(crate) fn grouped(pairs: Vec<(String, String)>) -> Vec<(String, Vec<String>)> {
    let mut indexes: HashMap<String, usize> = HashMap::new();
    let mut grouped: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in pairs {
        let index = *indexes.entry(name.clone()).or_insert(grouped.len());
        if index == grouped.len() {
            grouped.push((name, vec![]));
        }
        if !value.is_empty() {
            grouped[index].1.push(value);
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

    /// For lists below records: reads only the columns of these fields.
    pub fn narrow_to(&mut self, fields: &[&str]) {
        self.columns = self.sort().field.columns(fields).unwrap_or_default();
    }

    /// The price of the list, in points: a search costs 2 more, a count 1 more.
    pub(crate) fn points(&self) -> u32 {
        1 + if self.search.get().is_some() { 2 } else { 0 } + u32::from(self.counts())
    }

    /// Whether all rows are to be counted.
    pub(crate) fn counts(&self) -> bool {
        self.count.get().copied().unwrap_or(false)
    }

    pub(crate) fn problems(&self) -> FieldErrors {
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
        format!("{:?} {search:?} {:?} {}", self.sort(), self.includes_deleted(), self.filter.sent())
    }

    /// What identifies one page of the list, as one text: the list, cursor, limit, direction and columns. An invalid search is
    /// part of it, since the answer depends on it.
    pub fn fingerprint(&self) -> String {
        let ListArgs { cursor, limit, backward, search, count, columns, .. } = self;
        format!("{} {cursor:?} {limit:?} {backward} {search:?} {count:?} {columns:?}", self.identity())
    }

    pub(crate) fn sort(&self) -> Sort<S> {
        self.sort.get().copied().unwrap_or_default()
    }

    /// Whether nothing narrows it: no filter and no search.
    pub(crate) fn is_plain(&self) -> bool {
        !self.search.is_sent() && self.filter.has_only(&[])
    }

    /// Whether it is in the default order.
    pub(crate) fn is_newest_first(&self) -> bool {
        self.sort() == Sort::default()
    }

    /// Whether its rows are found by an index, so that few are read for a page. Otherwise all rows of the workspace may be.
    pub(crate) fn is_narrow(&self) -> bool {
        let by_parent = self.filter.has_only(BY_INDEX) && self.sort() == Sort::default();
        !self.search.is_sent() && (by_parent || self.filter.has_only(&["id"]) || self.filter.has_only(&[]))
    }

    pub(crate) fn includes_deleted(&self) -> bool {
        self.include_deleted.get().copied().unwrap_or(false)
    }

    pub(crate) fn limit(&self) -> i32 {
        self.limit.get().copied().unwrap_or(DEFAULT_LIMIT)
    }
}
