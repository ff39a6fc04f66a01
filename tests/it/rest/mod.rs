//! The REST surface, as its callers meet it.

mod bad_input;
mod clients;
mod concurrency;
mod idempotency;
mod lists;
mod projects;
mod refusals;
mod time_entries;
mod timers;
mod tokens;
mod wire;
