//! From a document to its answer, whatever the nouns are.

pub(crate) mod audience;
pub(crate) mod batch;
pub mod bounds;
pub(crate) mod completion;
pub(crate) mod connection;
pub(crate) mod cost;
pub(crate) mod error;
pub(crate) mod gateway;
pub(crate) mod loader;
