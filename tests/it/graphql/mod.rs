//! The GraphQL surface: the same records and rules, with relations, over an endpoint of its own.

mod endpoint;
mod queries;
mod time;
