//! The types of events that webhooks deliver, without wildcards.

use std::fmt;
use std::str::FromStr;

use poem_openapi::registry::MetaSchema;

use super::Json;
use super::wire::{FieldErrors, Wire, component, on_every_surface, openapi_schema};

/// The types of events, in one entry each: what it means, its spelling, and the records of its data by their keys. The
/// documents, the test call and the settings pages follow.
macro_rules! event_types {
    ($($(#[doc = $doc:literal])* $name:ident $wire:literal { $($key:literal: $record:ident),+ })+) => {
        /// The type of an event: a `String` in GraphQL, since more may come.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventType {
            $($(#[doc = $doc])* $name),+
        }

        impl EventType {
            /// All of them.
            pub const ALL: &'static [EventType] = &[$(EventType::$name),+];

            /// What each of them means.
            const ABOUT: &'static [(&'static str, &'static str)] = &[$(($wire, concat!($($doc),*))),+];

            /// What it means, in a sentence.
            pub fn about(self) -> &'static str {
                match self { $(EventType::$name => concat!($($doc),*).trim_ascii()),+ }
            }

            /// The records of its data: the key of each, and the name of its schema. The first is what it is about.
            pub const fn records(self) -> &'static [(&'static str, &'static str)] {
                match self { $(EventType::$name => &[$(($key, stringify!($record))),+]),+ }
            }

            /// Its spelling.
            pub const fn as_str(self) -> &'static str {
                match self { $(EventType::$name => $wire),+ }
            }
        }
    };
}

event_types! {
    /// An invoice was sent to the client.
    InvoiceSent "invoice.sent" { "invoice": InvoiceWithLines }
    /// An invoice was paid in full.
    InvoicePaid "invoice.paid" { "invoice": InvoiceWithLines, "payment": Payment }
    /// A payment of an invoice failed.
    InvoicePaymentFailed "invoice.payment_failed" { "invoice": InvoiceWithLines, "payment": Payment }
    /// A time entry got its duration: it was logged, or its timer was stopped.
    TimeEntryCreated "time_entry.created" { "timeEntry": TimeEntry }
    /// A task was created.
    TaskCreated "task.created" { "task": Task }
    /// A task became `DONE`; once per transition.
    TaskCompleted "task.completed" { "task": Task }
    /// A client was created.
    ClientCreated "client.created" { "client": Client }
    /// A project was created.
    ProjectCreated "project.created" { "project": Project }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventType {
    type Err = FieldErrors;

    fn from_str(text: &str) -> Result<EventType, FieldErrors> {
        let known = EventType::ALL.iter().find(|kind| kind.as_str() == text.trim());
        known.copied().ok_or_else(|| {
            let spellings: Vec<_> = EventType::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("must be one of {}", spellings.join(", ")).into()
        })
    }
}

impl Wire for EventType {
    const GRAPHQL: &'static str = "String";

    fn describe(registry: &mut async_graphql::registry::Registry) {
        <String as async_graphql::InputType>::create_type_info(registry);
    }

    fn openapi() -> MetaSchema {
        let enum_items = EventType::ALL.iter().map(|kind| kind.as_str().into()).collect();
        MetaSchema {
            title: Some(component("EventType", "Type of an event. New types may be added.", EventType::ABOUT)),
            enum_items,
            ..openapi_schema("string", "")
        }
    }

    fn parse(json: Json) -> Result<EventType, FieldErrors> {
        match json {
            Json::Text(text) => text.parse(),
            other => Err(format!("must be an event type in a string, not {}", other.kind()).into()),
        }
    }
}

on_every_surface!(EventType);
