//! A list's arguments, checked, as a statement; and its rows as a page.

use std::fmt::{self, Debug};
use std::sync::{Arc, LazyLock};

use entity::value::{Id, OrganizationId};
use sea_orm::sea_query::{Alias, Asterisk, BinOper, Expr, ExprTrait, Func, Query, SelectStatement, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, DbBackend, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select};
use sha2::{Digest, Sha256};

use crate::access::caller::Caller;
use crate::access::texts::{self, PLACEHOLDER_ID, Ready, Shape, shown};
use crate::contract::error::Error;
use crate::list::cursor::{CursorPosition, Key, ListHash, first_eight};
use crate::list::page::{Filter, ListArgs, Listed, MAX_TOTAL, Page};
use crate::list::sort::{Sort, SortField};

/// Computes what identifies a list.
type ComputeHash = Box<dyn FnOnce() -> ListHash + Send + Sync>;

/// Which list it is, for its cursors.
#[derive(Clone)]
pub(crate) enum List {
    /// Computed already.
    Known(ListHash),
    /// Computed when the first cursor is asked for: most of the lists below parents have none.
    Later(Arc<LazyLock<ListHash, ComputeHash>>),
}

impl Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "List({:?})", self.hash())
    }
}

impl List {
    /// The list of a noun in a workspace that differs from others by its identity.
    pub(crate) fn of<E: Listed>(organization: OrganizationId, identity: &str) -> List {
        List::Known(list_hash::<E>(organization, identity))
    }

    /// The list of a noun in a workspace, whose identity is computed when it is first needed.
    pub(crate) fn later<E: Listed>(
        organization: OrganizationId,
        identity: impl FnOnce() -> String + Send + Sync + 'static,
    ) -> List {
        List::Later(Arc::new(LazyLock::new(Box::new(move || list_hash::<E>(organization, &identity())))))
    }

    pub(crate) fn hash(&self) -> ListHash {
        match self {
            List::Known(hash) => *hash,
            List::Later(hash) => ***hash,
        }
    }
}

/// How many rows are asked for: one more than the page has, and more where that makes few texts of statements of many
/// pages. As a number in the text it is known when the database plans the statement; a value would be planned anew each time.
fn rows_asked(limit: i32) -> u64 {
    const USUAL: [u64; 9] = [2, 6, 11, 21, 26, 31, 51, 101, 201];
    let rows = u64::try_from(limit).unwrap_or(0) + 1;
    USUAL.into_iter().find(|usual| rows <= *usual).unwrap_or(rows)
}

/// A checked question to a list.
pub(crate) struct Question<E: Listed> {
    sort: Sort<E::Sort>,
    pub(crate) limit: i32,
    backward: bool,
    position: Option<CursorPosition>,
    /// Shared by the questions to the lists below many parents.
    condition: Arc<Condition>,
    deleted: bool,
    list: List,
}

/// The refusal of a cursor that is no text of ours.
pub fn bad_cursor() -> Error {
    Error::BadRequest("the cursor does not decode; begin again without one".into())
}

impl<E: Listed> Question<E> {
    /// Checks the arguments, in the order of refusals: a cursor that is unreadable or of another list, what the role may
    /// not ask, bad values.
    pub(crate) fn check(
        caller: &Caller,
        allowed: Result<(), Error>,
        args: &ListArgs<E::Filter, E::Sort>,
        list: List,
        postgres: bool,
    ) -> Result<Question<E>, Error> {
        let cursor = match args.cursor.get() {
            Some(text) => Some(CursorPosition::decode(text.as_str()).ok_or_else(bad_cursor)?),
            None if args.cursor.is_sent() => return Err(bad_cursor()),
            None => None,
        };
        let mut problems = args.problems();
        if E::SEARCH.is_none() && args.search.is_sent() {
            problems.add("search", "unknown parameter; this list is not searched");
        }
        let position = match cursor {
            // With invalid arguments the list is unknown, so those errors come first.
            Some((position, is_of)) if !problems.is_empty() || is_of(list.hash()) => Some(position),
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
        let deleted = args.includes_deleted();
        let mut condition = Self::filtered_by(&args.filter, caller, deleted, postgres);
        if let (Some(column), Some(search)) = (E::SEARCH, args.search.get()) {
            condition = condition.add(contains(column, search.as_str(), postgres));
        }
        Ok(Question {
            sort,
            limit: args.limit(),
            backward: args.backward,
            position,
            condition: Arc::new(condition),
            deleted,
            list,
        })
    }

    fn filtered_by(filter: &E::Filter, caller: &Caller, deleted: bool, postgres: bool) -> Condition {
        let condition = Condition::all().add(filter.condition_on(caller, postgres));
        match (E::DELETED_AT, deleted) {
            (Some(column), false) => condition.add(column.is_null()),
            _ => condition,
        }
    }

    /// Asks the question of another list.
    pub(crate) fn of_list(&self, list: List) -> Question<E> {
        let Question { sort, limit, backward, position, condition, deleted, .. } = self;
        let (position, condition) = (position.clone(), condition.clone());
        Question { sort: *sort, limit: *limit, backward: *backward, position, condition, deleted: *deleted, list }
    }

    /// The statement of the page, if the list has no filter: its text is made once. `beside` is what is put around it.
    pub(crate) fn ready(
        &self,
        caller: &Caller,
        backend: DbBackend,
        confirms: bool,
        beside: impl FnOnce(&Caller, SelectStatement) -> SelectStatement,
    ) -> Ready {
        let Question { sort, limit, backward, position, deleted, .. } = self;
        let mut arguments = vec![];
        let stand_in = position.as_ref().map(|position| {
            let key = position.key.stand_in();
            if key != Key::Id {
                arguments.push((key.value(PLACEHOLDER_ID), position.key.value(position.id)));
            }
            arguments.push((PLACEHOLDER_ID.into(), position.id.into()));
            CursorPosition { key, id: PLACEHOLDER_ID }
        });
        let shape = Shape::Page {
            sort: sort.field.column(),
            descending: sort.descending != *backward,
            continued: position.is_some(),
            deleted: *deleted,
            rows: rows_asked(*limit),
            confirms,
        };
        texts::ready::<E>(shape, backend, caller, &arguments, |caller| {
            let question = Question { position: stand_in, ..self.without_filter(caller, backend) };
            beside(caller, question.select(E::within(caller)).into_query())
        })
    }

    /// The question as another caller asks it, without a filter and a position.
    pub(crate) fn without_filter(&self, caller: &Caller, backend: DbBackend) -> Question<E> {
        let postgres = backend == DbBackend::Postgres;
        let condition = Self::filtered_by(&E::Filter::default(), caller, self.deleted, postgres);
        Question { position: None, condition: Arc::new(condition), ..self.of_list(self.list.clone()) }
    }

    /// Narrows a query to the rows of the whole list.
    pub(crate) fn filtered(&self, query: Select<E>) -> Select<E> {
        query.filter((*self.condition).clone())
    }

    /// What the text of the statement for a first page depends on, where nothing filters the list: the column that it is sorted
    /// by, whether the greatest comes first, whether it has deleted rows too, and how many rows it asks for.
    pub(crate) fn first_page_shape(&self) -> Option<(&'static str, bool, bool, u64)> {
        let descending = self.order() == Order::Desc;
        self.position.is_none().then(|| (self.sort.field.column(), descending, self.deleted, rows_asked(self.limit)))
    }

    /// Narrows a query to this page and at least one row more.
    pub(crate) fn select(&self, query: Select<E>) -> Select<E> {
        self.ordered(self.narrowed(shown(query))).limit(rows_asked(self.limit))
    }

    /// Narrows a query to this page of the rows below a parent, on SQLite: they are found by their parent and then sorted, where no index has them
    /// in that order. Otherwise SQLite would go through the rows of the whole workspace in that order, since it has an
    /// index for that.
    pub(crate) fn select_below(&self, query: Select<E>) -> Select<E> {
        let column = self.sort.field.column();
        if column == "created_at" {
            return self.select(query);
        }
        // The plus keeps SQLite from using an index on the column.
        let key = Expr::cust(format!("+\"{}\".\"{column}\"", E::default().table_name()));
        let sorted = self.narrowed(shown(query)).order_by(key, self.order()).order_by(E::ID, self.order());
        sorted.limit(rows_asked(self.limit))
    }

    /// Counts the rows of the whole list, and no more than are reported.
    pub(crate) fn counted(&self, query: Select<E>) -> SelectStatement {
        let limit = u64::try_from(MAX_TOTAL).unwrap_or(0) + 1;
        let rows = query.filter((*self.condition).clone()).select_only().column(E::ID).limit(limit).into_query();
        let count = Func::count(Expr::col(Asterisk));
        Query::select().expr_as(count, Alias::new("rows")).from_subquery(rows, Alias::new("list")).take()
    }

    /// Filters and the position after which it goes on.
    pub(crate) fn narrowed(&self, query: Select<E>) -> Select<E> {
        let query = query.filter((*self.condition).clone());
        match &self.position {
            Some(position) => query.filter(self.beyond(position)),
            None => query,
        }
    }

    fn ordered(&self, query: Select<E>) -> Select<E> {
        let order = self.order();
        let query = if self.sort.field.column() == "id" { query } else { query.order_by(self.expr(), order.clone()) };
        query.order_by(E::ID, order)
    }

    /// The direction that the rows are read in.
    fn order(&self) -> Order {
        if self.sort.descending != self.backward { Order::Desc } else { Order::Asc }
    }

    /// Puts rows into the order that they are asked for in.
    pub(crate) fn sort(&self, rows: &mut [E::Model], id: impl Fn(&E::Model) -> Id) {
        let key = |row: &E::Model| (self.sort.field.key(row), id(row));
        let descending = self.order() == Order::Desc;
        // Mostly they were read by an index that has them in this order.
        if rows.is_sorted_by(|one, next| if descending { key(one) >= key(next) } else { key(one) <= key(next) }) {
            return;
        }
        rows.sort_by_cached_key(key);
        if descending {
            rows.reverse();
        }
    }

    /// What the rows are sorted by.
    fn expr(&self) -> SimpleExpr {
        Expr::col((E::default(), Alias::new(self.sort.field.column())))
    }

    /// A row comparison, which an index on (organization, key, id) answers from any depth.
    fn beyond(&self, position: &CursorPosition) -> SimpleExpr {
        let id = E::ID.into_expr();
        let descending = self.order() == Order::Desc;
        if position.key == Key::Id {
            return if descending { id.lt(position.id) } else { id.gt(position.id) };
        }
        let here = Expr::tuple([self.expr(), id]);
        let there = Expr::tuple([Expr::val(position.key.value(position.id)), Expr::val(position.id)]);
        if descending { here.lt(there) } else { here.gt(there) }
    }

    /// The page that these rows make, which may be too many.
    pub(crate) fn page(&self, mut rows: Vec<E::Model>, id: impl Fn(&E::Model) -> Id) -> Page<E::Model> {
        let limit = usize::try_from(self.limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        if self.backward {
            rows.reverse();
        }
        let positions = rows.iter().map(|row| CursorPosition { key: self.sort.field.key(row), id: id(row) }).collect();
        let continued = self.position.is_some();
        let (backward, list) = (self.backward, self.list.clone());
        Page { items: rows, limit: self.limit, more, continued, backward, total: None, positions, list }
    }
}

fn list_hash<E: Listed>(organization: OrganizationId, identity: &str) -> ListHash {
    let list = Sha256::new().chain_update(E::default().table_name()).chain_update(organization.0.as_bytes());
    first_eight(list.chain_update(identity))
}

/// Folded text anywhere in a folded column; `%` and `_` stand for themselves.
pub(crate) fn contains(column: impl ColumnTrait, text: &str, postgres: bool) -> SimpleExpr {
    if !postgres {
        // LIKE compares character by character, which a text such as `aaa…b` makes a hundred times slower.
        let at = Func::cust("instr").arg(column.into_expr()).arg(entity::value::fold(text));
        return SimpleExpr::from(at).gt(0);
    }
    let folded = entity::value::fold(text);
    if repeats_itself(&folded) {
        // A regular expression of the text alone reads each character once; it is slower than LIKE for all others.
        let column = column.into_expr().binary(BinOper::Custom("||"), Expr::cust("''"));
        return column.binary(BinOper::Custom("~"), Expr::value(format!("***={folded}")));
    }
    let mut pattern = String::from("%");
    for c in folded.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    // An index of trigrams is no help for a text without three letters in a row, but PostgreSQL would go through the whole of
    // it. Of an expression it has no index.
    let column = match has_trigram(&pattern) {
        true => column.into_expr(),
        false => column.into_expr().binary(BinOper::Custom("||"), Expr::cust("''")),
    };
    column.like(sea_orm::sea_query::LikeExpr::new(pattern).escape('\\'))
}

/// Whether a text begins with many repetitions, such as `aaa…b`. LIKE compares anew from each character that a match may begin
/// at, and of such a text every comparison is long.
fn repeats_itself(text: &str) -> bool {
    const MOST: usize = 16;
    let chars: Vec<char> = text.chars().collect();
    // How long the longest beginning is that also ends at a character, as in Knuth, Morris and Pratt.
    let mut borders = vec![0; chars.len()];
    for end in 1..chars.len() {
        let mut border: usize = borders[end - 1];
        while border > 0 && chars[end] != chars[border] {
            border = borders[border - 1];
        }
        borders[end] = border + usize::from(chars[end] == chars[border]);
        let (length, period) = (end + 1, end + 1 - borders[end]);
        if length > MOST * period {
            return true;
        }
    }
    false
}

/// Whether a text has three letters or digits in a row.
fn has_trigram(text: &str) -> bool {
    let mut run = 0;
    text.chars().any(|c| {
        run = if c.is_alphanumeric() { run + 1 } else { 0 };
        run == 3
    })
}

#[cfg(test)]
mod tests {
    use super::{has_trigram, repeats_itself};

    #[test]
    fn a_text_that_repeats_itself_is_known() {
        for (text, repeats) in [
            ("", false),
            ("hello", false),
            (&"a".repeat(16), false),
            (&"a".repeat(17), true),
            (&format!("{}b", "a".repeat(199)), true),
            (&format!("b{}", "a".repeat(199)), false),
            (&format!("{}c", "ab".repeat(50)), true),
            (&"überall".repeat(20), true),
            (&"abcdefghij klmnop".repeat(3), false),
        ] {
            assert_eq!(repeats_itself(text), repeats, "{text}");
        }
    }

    #[test]
    fn three_letters_in_a_row_make_a_trigram() {
        for (text, has) in
            [("%abc%", true), ("%ab cd%", false), ("%дом%", true), ("%a1b%", true), ("%zz%", false), ("%%", false)]
        {
            assert_eq!(has_trigram(text), has, "{text}");
        }
    }
}
