//! Lists on pages: by the same cursor as over the API, towards either end, with the filters in the address.

use maud::{Markup, html};
use service::value::Text;
use service::{Filter, ListArgs, Page, input::Field, sort::SortField};

use super::visit::Visit;

/// Rows on a page.
const ROWS: i32 = 25;

/// The arguments of a list from the address: the cursor, and these filters.
pub(super) fn args<F: Filter, S: SortField>(visit: &Visit<'_>, filters: &[&str]) -> ListArgs<F, S> {
    let is_filter = |name: &str| name == "cursor" || filters.contains(&name);
    let pairs = visit.facts.query.iter().filter(|(name, _)| is_filter(name)).cloned().collect();
    let mut args: ListArgs<F, S> = ListArgs::from_query(pairs);
    args.limit = Field::Value(ROWS);
    args.backward = visit.facts.parameter("back") == "1" && args.cursor.get().map(Text::as_str).is_some();
    args
}

/// The ways to the pages before and after this one.
pub(super) fn ways<T>(visit: &Visit<'_>, page: &Page<T>) -> Markup {
    let (before, after) = match page.backward {
        true => (page.more, page.continued),
        false => (page.continued, page.more),
    };
    let last = page.items.len().checked_sub(1);
    let before = page.cursor(0).filter(|_| before).map(|cursor| link(visit, &cursor, true));
    let after = last.and_then(|last| page.cursor(last)).filter(|_| after).map(|cursor| link(visit, &cursor, false));
    html! {
        @if before.is_some() || after.is_some() {
            nav.pager aria-label="Pages" {
                @if let Some(before) = before { a href=(before) rel="prev" { "← Newer" } }
                @if let Some(after) = after { a href=(after) rel="next" { "Older →" } }
            }
        }
        @if page.items.is_empty() && page.continued {
            p { "There is nothing further on this page. " a href=(visit.facts.path()) { "Begin again" } }
        }
    }
}

/// The same list at another place: all other parameters of the address stay.
fn link(visit: &Visit<'_>, cursor: &str, back: bool) -> String {
    let others = visit.facts.query.iter().filter(|(name, _)| !matches!(name.as_str(), "cursor" | "back" | "done"));
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(others).append_pair("cursor", cursor);
    if back {
        query.append_pair("back", "1");
    }
    format!("{}?{}", visit.facts.path(), query.finish())
}
