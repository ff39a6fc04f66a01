//! The GraphQL surface: one endpoint over HTTP, server-sent events and WebSockets.

mod endpoint;
mod request;
mod socket;
mod sse;

pub(crate) use endpoint::Graphql;
