//! The operations of Hoursmith, and the door that every one of them goes through. The only crate that holds a
//! connection to the database.
//!
//! In reading order: who acts, what they may do, how they get in, what is listed, then the nouns.

mod app;
mod auth;
mod caller;
mod clock;
mod database;
mod vault;

mod action;
mod error;
pub mod policy;
mod reason;
mod scope;

mod door;
mod event;
pub mod feed;
mod jobs;
mod limit;
mod metrics;
mod once;
mod operator;
mod outcome;
mod write;

mod camel;
mod filter;
pub mod input;
mod nested;
mod page;
pub mod sort;
mod visible;

pub mod client;
pub mod expense;
pub mod invoice;
pub mod member;
pub mod node;
pub mod organization;
pub mod project;
pub mod project_member;
pub mod report;
pub mod task;
pub mod time_entry;
pub mod token;

pub mod event_log;
pub mod webhook;

pub use action::{Access, Action};
pub use app::{App, Config, Environment};
pub use auth::{Admission, Pass, no_token};
pub use caller::Caller;
pub use clock::Clock;
pub use door::{Cx, RequestFacts};
pub use error::{Cause, Code, Error, ErrorBody, Feature};
pub use event::Event;
pub use limit::{Budget, Sizes};
pub use once::{IdempotencyKey, Stored};
pub use operator::Operator;
pub use outcome::{Done, Expected, Gone, Record};
pub use page::{DEFAULT_LIMIT, Filter, Key, ListArgs, MAX_LIMIT, Page};
pub use reason::Reason;
pub use scope::SCOPED_TABLES;
pub use vault::SecretKey;
pub use visible::{MAY_BE_ABSENT, Visible};

/// The values that inputs and records are made of.
pub use entity::value;

/// The first page of each of many parents.
pub type Pages<T> = std::collections::HashMap<entity::value::Id, Result<Page<T>, Error>>;
