//! Lists: keyset pages, with a cursor that is tied to its list, sort, search and filters.

use std::fmt::Debug;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::value::{Date, FieldErrors, Id, Text, Timestamp};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, SimpleExpr, Value};
use sea_orm::{ColumnTrait, Condition, Order, QueryFilter, QueryOrder, QuerySelect, Select};
use sha2::{Digest, Sha256};

use crate::access::caller::Caller;
use crate::access::scope::Identified;
use crate::contract::error::Error;
use crate::contract::input::{Field, Input};
use crate::list::sort::{Sort, SortField};

/// The first page of each of many parents.
pub type Pages<T> = std::collections::HashMap<Id, Result<Page<T>, Error>>;

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

    /// Refuses what the caller's role may not filter by.
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
    places: Vec<CursorPosition>,
    list: ListHash,
}

type ListHash = [u8; 8];

/// The place of a row in a list: what it is sorted by, and its id.
#[derive(Clone, Debug, PartialEq)]
struct CursorPosition {
    key: Key,
    id: Id,
}

/// A value that rows are sorted by. Never null: columns that may be have a key column with the least value instead.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    /// Numbers, ranks and instants.
    Number(i64),
    /// A folded text.
    Text(String),
    /// A day.
    Date(Date),
    /// The id, which breaks ties by itself.
    Id,
}

impl From<Timestamp> for Key {
    fn from(instant: Timestamp) -> Key {
        Key::Number(instant.millis())
    }
}

impl From<Option<Date>> for Key {
    /// Nothing is before everything.
    fn from(date: Option<Date>) -> Key {
        Key::Date(date.unwrap_or(Date(chrono::NaiveDate::from_ymd_opt(1, 1, 1).unwrap_or_default())))
    }
}

impl Key {
    fn value(&self, id: Id) -> Value {
        match self {
            Key::Number(number) => (*number).into(),
            Key::Text(text) => text.clone().into(),
            Key::Date(date) => (*date).into(),
            Key::Id => id.into(),
        }
    }
}

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
        let Page { items, limit, more, continued, backward, places, list } = self;
        Page { items: items.into_iter().map(f).collect(), limit, more, continued, backward, places, list }
    }
}

impl<T> Page<T> {
    /// The same page of what each row becomes, if all become something.
    pub(crate) fn try_map<U, E>(self, f: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        let Page { items, limit, more, continued, backward, places, list } = self;
        let items = items.into_iter().map(f).collect::<Result<_, _>>()?;
        Ok(Page { items, limit, more, continued, backward, places, list })
    }
}

impl CursorPosition {
    fn encode(&self, list: ListHash) -> String {
        let mut bytes = self.id.0.as_bytes().to_vec();
        match &self.key {
            Key::Number(number) => {
                bytes.push(b'n');
                bytes.extend(number.to_be_bytes());
            }
            Key::Text(text) => {
                bytes.push(b't');
                bytes.extend(text.as_bytes());
            }
            Key::Date(date) => {
                bytes.push(b'd');
                bytes.extend(date.to_string().as_bytes());
            }
            Key::Id => bytes.push(b'i'),
        }
        URL_SAFE_NO_PAD.encode([&sum(list, &bytes)[..], &bytes].concat())
    }

    /// The place, and whether the cursor is of a list.
    fn decode(text: &str) -> Option<(CursorPosition, impl Fn(ListHash) -> bool + use<>)> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (sent, place) = bytes.split_first_chunk::<8>()?;
        let (sent, covered) = (*sent, place.to_vec());
        let is_of = move |list| sum(list, &covered) == sent;
        let (id, rest) = place.split_first_chunk::<16>()?;
        let (tag, rest) = rest.split_first()?;
        let key = match tag {
            b'n' => Key::Number(i64::from_be_bytes(rest.try_into().ok()?)),
            b't' => Key::Text(String::from_utf8(rest.to_vec()).ok()?),
            b'd' => Key::Date(std::str::from_utf8(rest).ok()?.parse().ok()?),
            b'i' if rest.is_empty() => Key::Id,
            _ => return None,
        };
        Some((CursorPosition { key, id: Id(uuid::Uuid::from_bytes(*id)) }, is_of))
    }
}

/// Ties a place to its list: a cursor that was edited is of no list.
fn sum(list: ListHash, place: &[u8]) -> ListHash {
    first_eight(Sha256::new().chain_update(list).chain_update(place))
}

fn first_eight(hash: Sha256) -> ListHash {
    let mut first = ListHash::default();
    first.copy_from_slice(&hash.finalize()[..8]);
    first
}

impl<F: Filter, S: SortField> ListArgs<F, S> {
    /// Reads the pairs of a query string. What does not fit is kept as a problem.
    pub fn from_query(pairs: Vec<(String, String)>) -> Self {
        let mut args = Self::default();
        let mut grouped: Vec<(String, Vec<String>)> = Vec::new();
        for (name, value) in pairs {
            match grouped.iter_mut().find(|(known, _)| *known == name) {
                Some((_, values)) => values.push(value),
                None => grouped.push((name, vec![value])),
            }
        }
        for (name, values) in grouped {
            match name.as_str() {
                "limit" => args.limit = Field::from_query(&values),
                "cursor" => args.cursor = Field::from_query(&values),
                "sort" => args.sort = Field::from_query(&values),
                "search" if S::SEARCHED => args.search = Field::from_query(&values),
                "includeDeleted" => args.include_deleted = Field::from_query(&values),
                _ => {
                    if !args.filter.set_query(&name, &values) {
                        let hint = match name.strip_suffix("[]") {
                            Some(plain) => format!("for several values, repeat the parameter: {plain}=A&{plain}=B"),
                            None => format!("allowed are {}", Self::parameters()),
                        };
                        args.not_taken.add(name, format!("unknown parameter; {hint}"));
                    }
                }
            }
        }
        args
    }

    fn parameters() -> String {
        let own = ["limit", "cursor", "sort", "search", "includeDeleted"];
        let own = own.into_iter().filter(|name| S::SEARCHED || *name != "search");
        let filters = F::fields();
        own.chain(filters.iter().map(|f| f.name)).collect::<Vec<_>>().join(", ")
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
        if self.limit.get().is_some_and(|limit| !(1..=MAX_LIMIT).contains(limit)) {
            problems.add("limit", format!("must be between 1 and {MAX_LIMIT}"));
        }
        problems.nest("", self.filter.field_problems());
        problems
    }

    /// Everything that makes this list this list, as one text.
    pub fn identity(&self) -> String {
        let search = self.search.get().map(Text::as_str);
        format!("{:?} {search:?} {:?} {:?}", self.sort(), self.includes_deleted(), self.filter)
    }

    /// The same, and where in it, and how much. A search that is bad tells no list apart, but what is answered.
    pub fn fingerprint(&self) -> String {
        let ListArgs { cursor, limit, backward, search, .. } = self;
        format!("{} {cursor:?} {limit:?} {backward} {search:?}", self.identity())
    }

    fn sort(&self) -> Sort<S> {
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
            // Of bad arguments no list is known; they are told first.
            Some((place, is_of)) if !problems.is_empty() || is_of(list) => Some(place),
            Some(_) => {
                let told = "the cursor belongs to another list, sort or filter; begin again without one";
                return Err(Error::BadRequest(told.into()));
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
        let mut condition = Condition::all().add(args.filter.condition(caller));
        if let (Some(column), false) = (E::DELETED_AT, args.includes_deleted()) {
            condition = condition.add(column.is_null());
        }
        if let (Some(column), Some(search)) = (E::SEARCH, args.search.get()) {
            condition = condition.add(contains(column, search.as_str()));
        }
        Ok(Question { sort, limit: args.limit(), backward: args.backward, place, condition, list })
    }

    /// Narrows a query to this page and one row more.
    pub(crate) fn select(&self, query: Select<E>) -> Select<E> {
        let limit = u64::try_from(self.limit).unwrap_or(0) + 1;
        self.ordered(self.narrowed(query)).limit(limit)
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
        Page { items: rows, limit: self.limit, more, continued, backward: self.backward, places, list: self.list }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_as_it_was() {
        let id = Id(uuid::Uuid::from_u128(7));
        for key in [
            Key::Number(i64::MIN),
            Key::Text("straße\u{1f}".into()),
            Key::from(Some("2024-02-29".parse::<Date>().expect("a date"))),
            Key::from(None),
            Key::Id,
        ] {
            let place = CursorPosition { key, id };
            let (read, is_of) = CursorPosition::decode(&place.encode([9; 8])).expect("a cursor");
            assert!(read == place && is_of([9; 8]) && !is_of([8; 8]));
        }
        for wrong in ["", "x", "AAAA", "====", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(CursorPosition::decode(wrong).is_none(), "{wrong}");
        }
    }
}
