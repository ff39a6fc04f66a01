//! The promises of Hoursmith, in one binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod axe;
mod billing;
mod cli;
mod conformance;
mod database;
mod documents;
mod graphql;
mod growth;
mod guides;
mod http;
mod linear;
mod low_code;
mod mcp;
mod openapi_changes;
mod operations;
mod operator;
mod pages;
mod policy;
mod properties;
mod rest;
mod roles;
mod running;
mod schema_changes;
mod settings;
mod signed_in;
mod tidy;
mod webhook;
mod workflow;
