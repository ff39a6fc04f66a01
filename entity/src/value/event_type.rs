//! The types of events that webhooks deliver: exactly eight, without wildcards.

use std::fmt;
use std::str::FromStr;

use poem_openapi::registry::MetaSchema;

use super::Json;
use super::wire::{FieldErrors, Wire, component, on_every_surface, openapi_schema};

macro_rules! event_types {
    ($($(#[doc = $doc:literal])* $name:ident $wire:literal,)+) => {
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

            /// Its spelling.
            pub const fn as_str(self) -> &'static str {
                match self { $(EventType::$name => $wire),+ }
            }
        }
    };
}

event_types! {
    /// An invoice was sent to the client.
    InvoiceSent "invoice.sent",
    /// An invoice was paid in full.
    InvoicePaid "invoice.paid",
    /// A payment of an invoice failed.
    InvoicePaymentFailed "invoice.payment_failed",
    /// A time entry got its duration: it was logged, or its timer was stopped.
    TimeEntryCreated "time_entry.created",
    /// A task was created.
    TaskCreated "task.created",
    /// A task became `DONE`; once per transition.
    TaskCompleted "task.completed",
    /// A client was created.
    ClientCreated "client.created",
    /// A project was created.
    ProjectCreated "project.created",
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
