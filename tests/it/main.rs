//! The promises of Hoursmith, in one binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod billing;
mod cli;
mod conformance;
mod documents;
mod graphql;
mod linear;
mod mcp;
mod openapi_changes;
mod pages;
mod policy;
mod properties;
mod rest;
mod roles;
mod schema_changes;
mod tidy;
mod webhook;
mod workflow;
