//! The fields of a form: each with its label, its hint and what is wrong with it, tied together for screen readers.

use maud::{Markup, html};

use super::form::{Form, Problems};

/// Draws fields with what was typed and what is wrong with it.
pub(super) struct Fields<'a> {
    pub(super) form: &'a Form,
    pub(super) problems: &'a Problems,
}

/// What a field is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Field<'a> {
    /// Its name in the form, which is the name in the operation's input.
    pub(super) name: &'a str,
    /// Its label.
    pub(super) label: &'a str,
    /// What helps to fill it in; empty for nothing.
    pub(super) hint: &'a str,
    /// What stands in it before anything was typed.
    pub(super) value: &'a str,
    /// Whether it must be filled in.
    pub(super) required: bool,
    /// What a browser may fill in; empty for nothing.
    pub(super) autocomplete: &'a str,
}

impl Fields<'_> {
    /// What is wrong, with a link to each field; nothing if nothing is. It takes the focus when the page opens.
    pub(super) fn summary(&self) -> Markup {
        self.summary_of(&[])
    }

    /// The same, where these fields are called by their labels.
    pub(super) fn summary_of(&self, labelled: &[Field<'_>]) -> Markup {
        let label = |path: &str| {
            let known = labelled.iter().find(|field| field.name == base(path));
            known.map_or_else(|| path.to_owned(), |field| field.label.to_owned())
        };
        let Problems { general, fields, .. } = self.problems;
        html! {
            @if general.is_some() || !fields.is_empty() {
                div.problem role="alert" tabindex="-1" autofocus {
                    h2 { "This did not work" }
                    @if let Some(general) = general { p { (general) } }
                    @if !fields.is_empty() {
                        ul {
                            @for (path, reason) in fields {
                                li { a href=(format!("#{}", base(path))) { (label(path)) ": " (reason) } }
                            }
                        }
                    }
                }
            }
        }
    }

    fn value<'b>(&'b self, field: &'b Field<'_>) -> &'b str {
        self.form.sent(field.name).unwrap_or(field.value)
    }

    fn described_by(&self, field: &Field<'_>) -> Option<String> {
        let hint = (!field.hint.is_empty()).then(|| format!("{}-hint", field.name));
        let error = self.problems.at(field.name).map(|_| format!("{}-error", field.name));
        let ids: Vec<String> = hint.into_iter().chain(error).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    /// Hint and error of a field.
    fn notes(&self, field: &Field<'_>) -> Markup {
        html! {
            @if !field.hint.is_empty() { p.hint id={ (field.name) "-hint" } { (field.hint) } }
            @if let Some(reason) = self.problems.at(field.name) {
                p.error id={ (field.name) "-error" } { "Error: " (reason) }
            }
        }
    }

    fn invalid(&self, field: &Field<'_>) -> Option<&'static str> {
        self.problems.at(field.name).map(|_| "true")
    }

    /// A line of text; `kind` is the type of the input.
    pub(super) fn text(&self, kind: &str, field: &Field<'_>) -> Markup {
        html! {
            div.field {
                label for=(field.name) { (field.label) @if !field.required { span.soft { " (optional)" } } }
                (self.notes(field))
                input type=(kind) id=(field.name) name=(field.name) value=(self.value(field)) required[field.required]
                    aria-invalid=[self.invalid(field)] aria-describedby=[self.described_by(field)]
                    autocomplete=(if field.autocomplete.is_empty() { "off" } else { field.autocomplete });
            }
        }
    }

    /// A filter of a list, which may always be left empty.
    pub(super) fn filter(&self, kind: &str, field: &Field<'_>) -> Markup {
        html! {
            div.field {
                label for=(field.name) { (field.label) }
                (self.notes(field))
                input type=(kind) id=(field.name) name=(field.name) value=(self.value(field))
                    aria-invalid=[self.invalid(field)] aria-describedby=[self.described_by(field)];
            }
        }
    }

    /// Several lines of text.
    pub(super) fn area(&self, field: &Field<'_>) -> Markup {
        html! {
            div.field {
                label for=(field.name) { (field.label) @if !field.required { span.soft { " (optional)" } } }
                (self.notes(field))
                textarea id=(field.name) name=(field.name) rows="3" required[field.required]
                    aria-invalid=[self.invalid(field)] aria-describedby=[self.described_by(field)] { (self.value(field)) }
            }
        }
    }

    /// One of several values, each with what it is called.
    pub(super) fn choice(&self, field: &Field<'_>, options: &[(&str, &str)]) -> Markup {
        let chosen = self.value(field);
        html! {
            div.field {
                label for=(field.name) { (field.label) }
                (self.notes(field))
                select id=(field.name) name=(field.name)
                    aria-invalid=[self.invalid(field)] aria-describedby=[self.described_by(field)] {
                    @for (value, label) in options {
                        option value=(value) selected[*value == chosen] { (label) }
                    }
                }
            }
        }
    }

    /// Any of several values. `chosen` says which are chosen before anything was sent.
    pub(super) fn choices(&self, field: &Field<'_>, options: &[(&str, &str)], chosen: &[&str]) -> Markup {
        let sent = self.form.sent(&format!("{}-sent", field.name)).is_some();
        let is_chosen = |value: &str| if sent { self.form.has(field.name, value) } else { chosen.contains(&value) };
        html! {
            fieldset.field id=(field.name) aria-describedby=[self.described_by(field)] tabindex="-1" {
                legend { (field.label) }
                (self.notes(field))
                input type="hidden" name={ (field.name) "-sent" } value="1";
                @for (value, label) in options {
                    label.check {
                        input type="checkbox" name=(field.name) value=(value) checked[is_chosen(value)];
                        span { (label) }
                    }
                }
            }
        }
    }
}

/// The field that a path begins with.
fn base(path: &str) -> &str {
    path.split(['[', '.']).next().unwrap_or(path)
}
