//! The nouns of the product: each file or folder holds the record, its inputs, its lists and its operations.

pub mod client;
pub mod event;
pub mod expense;
pub mod invoice;
pub mod member;
pub mod named;
pub mod organization;
pub mod passkey;
pub mod project;
pub mod project_member;
pub mod record_kind;
pub mod report;
pub mod search;
pub mod session;
pub mod task;
pub mod time_entry;
pub mod token;
