//! The GraphQL surface: one endpoint over HTTP, server-sent events and WebSockets.

mod endpoint;
mod message;
mod operations;
mod quota;
mod request;
mod socket;
mod sse;
mod upgrade;

pub(crate) use endpoint::{Graphql, METHODS};
