//! Small parts that many pages share.

use maud::{Markup, html};
use service::value::Timestamp;

use super::form::KEY;
use super::visit::{Facts, Visit};

/// The hidden idempotency key of a form.
pub(super) fn key(facts: &Facts) -> Markup {
    html! { input type="hidden" name=(KEY) value=(facts.new_key()); }
}

/// A text by which a list is filtered; `kind` is the type of the input.
pub(super) fn filter(kind: &str, name: &str, label: &str, value: &str) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            input type=(kind) id=(name) name=(name) value=(value);
        }
    }
}

/// An instant in UTC, which the script shows in the zone of the visitor.
pub(super) fn time(at: Timestamp) -> Markup {
    let text = at.to_string();
    let minute = text.get(..16).unwrap_or(&text).replace('T', " ");
    html! { time datetime=(text) title={ (minute) " UTC" } { (minute) " UTC" } }
}

/// An instant, or what stands for none.
pub(super) fn time_or(at: Option<Timestamp>, none: &str) -> Markup {
    match at {
        Some(at) => time(at),
        None => html! { span.soft { (none) } },
    }
}

/// A column of a table.
#[derive(Clone, Copy)]
pub(super) enum Column {
    /// Of texts, under this heading.
    Text(&'static str),
    /// Of numbers, which stand at its right edge.
    Number(&'static str),
    /// Of links, whose heading only screen readers need.
    Actions,
}

/// A row of a table: what stands in each column. The first is the heading of the row.
pub(super) struct Row {
    id: Option<String>,
    cells: Vec<Markup>,
}

impl Row {
    /// Of these cells, one for each column.
    pub(super) fn of<const N: usize>(cells: [Markup; N]) -> Row {
        Row { id: None, cells: cells.into() }
    }

    /// With an id on its page, by which it stays the same row when the page is refreshed.
    pub(super) fn named(self, id: String) -> Row {
        Row { id: Some(id), ..self }
    }
}

/// A table, of which each row is a card where the screen is narrow, with the names of the columns in it; what is too wide all
/// the same scrolls, by keyboard too. `label` says what is in it. A style that makes cards of rows takes their meaning from
/// them, so that the roles say it.
pub(super) fn table(label: &str, columns: &[Column], rows: impl IntoIterator<Item = Row>) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(label) {
            table role="table" {
                thead role="rowgroup" {
                    tr role="row" {
                        @for column in columns {
                            @match *column {
                                Column::Text(name) => { th role="columnheader" scope="col" { (name) } }
                                Column::Number(name) => { th.number role="columnheader" scope="col" { (name) } }
                                Column::Actions => { th role="columnheader" scope="col" { span.hidden { "Actions" } } }
                            }
                        }
                    }
                }
                tbody role="rowgroup" {
                    @for row in rows {
                        tr role="row" id=[row.id] {
                            @for (i, (column, cell)) in columns.iter().zip(row.cells).enumerate() {
                                @match (i, *column) {
                                    (0, _) => { th role="rowheader" scope="row" { (cell) } }
                                    (_, Column::Text(name)) => { td role="cell" data-label=(name) { (cell) } }
                                    (_, Column::Number(name)) => { td.number role="cell" data-label=(name) { (cell) } }
                                    (_, Column::Actions) => { td role="cell" { (cell) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A part of the page at `path` that the script loads again when the stream at `path/live` says that it has changed. Elements
/// with an id stay the same ones.
pub(super) fn live(visit: &Visit<'_>, path: &str, content: Markup) -> Markup {
    let query = visit.facts.query.iter().filter(|(name, _)| name != "done");
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    html! { div data-live={ (path) "/live?" (query) } { (content) } }
}

/// A form that asks for confirmation, with a way back. `sure` says what will happen.
pub(super) fn confirmation(visit: &Visit<'_>, sure: Markup, button: &str, back: &str) -> Markup {
    html! {
        (sure)
        form method="post" action=(visit.facts.path()) {
            (key(visit.facts))
            div.actions {
                button.danger type="submit" { (button) }
                a href=(back) { "Cancel" }
            }
        }
    }
}

/// A text to be copied: with script a button does it.
pub(super) fn copied(id: &str, label: &str, text: &str) -> Markup {
    html! {
        div.copy {
            label for=(id) { (label) }
            div {
                input id=(id) type="text" value=(text) readonly autocomplete="off" spellcheck="false";
                button type="button" data-copy=(id) hidden { "Copy" }
            }
            p.soft role="status" data-copied=(id) {}
        }
    }
}
