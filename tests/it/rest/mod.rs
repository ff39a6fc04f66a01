//! The REST surface, as its callers meet it.

mod bad_input;
mod clients;
mod concurrency;
mod deep_lists;
mod idempotency;
mod lists;
mod projects;
mod races;
mod refusals;
mod time_entries;
mod timers;
mod tokens;
mod wire;
