//! The search across nouns: clients, projects, tasks, members and invoices whose texts contain some words, by one statement.

use entity::value::{FieldErrors, Id, fold};
use entity::{client, invoice, member, project, task};
use sea_orm::sea_query::{Alias, Expr, Order, Query, SelectStatement, UnionType};
use sea_orm::{QueryFilter, QuerySelect, QueryTrait};

use crate::access::action::Action;
use crate::contract::error::Error;
use crate::door::{Cx, Read};
use crate::list::page::Listed;
use crate::list::question::contains;

/// The price of a search, in points: 2 more than other requests.
const POINTS: u32 = 3;
/// The most characters that are searched for.
const MAX_TEXT: usize = 200;
/// The most records that are found at once.
pub const MAX_FOUND: u32 = 50;
/// How many are found by default.
pub const DEFAULT_FOUND: u32 = 20;

/// The kind of a record that the search finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, async_graphql::Enum)]
pub enum SearchType {
    /// A client, by name, contact or e-mail address.
    Client,
    /// A project, by name or description.
    Project,
    /// A task, by name or description.
    Task,
    /// A member, by name or e-mail address.
    Member,
    /// An invoice, by number.
    Invoice,
}

impl SearchType {
    /// All of them, in the order in which equally good ones are shown.
    pub const ALL: [SearchType; 5] =
        [SearchType::Client, SearchType::Project, SearchType::Task, SearchType::Member, SearchType::Invoice];

    /// What a caller must be allowed to do to find records of this kind.
    const fn action(self) -> Action {
        match self {
            SearchType::Client => Action::ListClients,
            SearchType::Project => Action::ListProjects,
            SearchType::Task => Action::ListTasks,
            SearchType::Member => Action::ListMembers,
            SearchType::Invoice => Action::ListInvoices,
        }
    }

    fn look(self, read: &Read<'_>, text: &str, first: u32) -> SelectStatement {
        let number = SearchType::ALL.iter().zip(0..).find(|(kind, _)| **kind == self).map_or(0, |(_, number)| number);
        match self {
            SearchType::Client => look::<client::Entity>(read, text, client::Column::Name, number, first),
            SearchType::Project => look::<project::Entity>(read, text, project::Column::Name, number, first),
            SearchType::Task => look::<task::Entity>(read, text, task::Column::Name, number, first),
            SearchType::Member => look::<member::Entity>(read, text, member::Column::Name, number, first),
            SearchType::Invoice => look::<invoice::Entity>(read, text, invoice::Column::Number, number, first),
        }
    }
}

/// A record that was found.
#[derive(Clone, Debug)]
pub struct SearchHit {
    /// Its kind.
    pub kind: SearchType,
    /// Its id.
    pub id: Id,
    /// Its name, or the number of an invoice.
    pub title: String,
}

/// The newest matching records of a kind, as many as are asked for of all kinds together.
fn look<E: Listed>(read: &Read<'_>, text: &str, title: E::Column, number: i32, first: u32) -> SelectStatement {
    use sea_orm::ColumnTrait;
    let found = read.query::<E>(|query| {
        let live = E::live(query.select_only());
        match E::SEARCH {
            Some(column) => live.filter(contains(column, text, read.is_postgres())),
            None => live,
        }
    });
    let mut found = found.into_query();
    found.expr_as(Expr::val(number), Alias::new("kind_found"));
    found.expr_as(E::ID.into_expr(), Alias::new("id_found"));
    found.expr_as(title.into_expr(), Alias::new("title_found"));
    found.order_by(E::ID.as_column_ref(), Order::Desc).limit(first.into());
    // In a statement of its own: SQLite takes neither an order nor a limit in a part of a union.
    let columns = ["kind_found", "id_found", "title_found"].map(Alias::new);
    Query::select().columns(columns).from_subquery(found, Alias::new("found")).take()
}

/// Records of these kinds that contain a text, of those that the caller sees; kinds that the role may not list are left
/// out. Titles that begin with the text come first, then the newest.
///
/// # Errors
/// `Invalid` (text or number), `RateLimited`, or `Internal` (database).
#[crate::boxed]
pub async fn find(cx: &Cx, text: &str, kinds: &[SearchType], first: u32) -> Result<Vec<SearchHit>, Error> {
    let read = cx.read(Action::GetMe)?.heavy();
    let text = fold(text.trim());
    let mut problems = FieldErrors::none();
    if text.is_empty() {
        problems.add("query", "required");
    } else if text.chars().count() > MAX_TEXT {
        problems.add("query", format!("must have at most {MAX_TEXT} characters"));
    }
    if !(1..=MAX_FOUND).contains(&first) {
        problems.add("first", format!("must be from 1 to {MAX_FOUND}"));
    }
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    cx.charge_points(POINTS).await?;
    let kinds = SearchType::ALL.into_iter().filter(|kind| kinds.is_empty() || kinds.contains(kind));
    let mut looks = kinds.filter(|kind| cx.may(kind.action())).map(|kind| kind.look(&read, &text, first));
    let Some(mut statement) = looks.next() else { return Ok(vec![]) };
    looks.for_each(|look| {
        statement.union(UnionType::All, look);
    });
    let mut found = Vec::new();
    for row in read.rows(&statement).await? {
        let number: i32 = row.try_get("", "kind_found")?;
        let kind = usize::try_from(number).ok().and_then(|number| SearchType::ALL.get(number)).copied();
        let kind = kind.ok_or_else(|| Error::bug("a search gave a kind that was not asked for"))?;
        found.push(SearchHit { kind, id: row.try_get("", "id_found")?, title: row.try_get("", "title_found")? });
    }
    // A sort keeps the order of equals: kind by kind, the newest first.
    found.sort_by_key(|hit| !fold(&hit.title).starts_with(&text));
    found.truncate(usize::try_from(first).unwrap_or_default());
    Ok(found)
}
