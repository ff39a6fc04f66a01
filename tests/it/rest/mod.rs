//! The REST surface, tested over HTTP.

mod access;
mod amount_reports;
mod bad_input;
mod clients;
mod concurrency;
mod concurrent_duplicates;
mod conventions;
mod deep_lists;
mod expenses;
mod idempotency;
mod invoices;
pub(crate) mod limits;
mod lists;
mod orders;
mod projects;
mod races;
mod redis_tls;
mod refusals;
mod reports;
mod tables;
mod tasks;
mod time_entries;
mod timers;
mod tokens;
mod wire;
