//! The tables of Hoursmith, one file each, and the value types of their columns.
#![expect(missing_docs, reason = "columns are explained where the contract types of `service` name them")]

#[warn(missing_docs)]
pub mod cells;
#[warn(missing_docs)]
pub mod table;
#[warn(missing_docs)]
pub mod value;

pub mod organization;
pub mod user;

pub mod member;
pub mod token;

pub mod login_link;
pub mod passkey;
pub mod session;

pub mod client;
pub mod project;
pub mod project_member;
pub mod task;
pub mod task_assignee;
pub mod time_entry;

pub mod expense;
pub mod invoice;
pub mod invoice_line;

pub mod event;
pub mod idempotency_key;

pub mod webhook_attempt;
pub mod webhook_delivery;
pub mod webhook_endpoint;
