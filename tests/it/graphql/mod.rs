//! The GraphQL surface: the same records and rules, with relations, over an endpoint of its own.

mod bounds;
mod documents;
mod endpoint;
mod nested_lists;
mod over_http;
mod prices;
mod queries;
mod records;
mod relations;
mod rights;
mod screens;
pub(crate) mod socket;
mod sockets;
pub(crate) mod subscriptions;
mod surfaces;
pub(crate) mod third_party_clients;
mod time;
mod trusted;
