//! The GraphQL surface: the same records and rules, with relations, over an endpoint of its own.

mod bounds;
mod endpoint;
mod queries;
mod relations;
mod rights;
mod sockets;
mod subscriptions;
mod surfaces;
mod third_party_clients;
mod time;
