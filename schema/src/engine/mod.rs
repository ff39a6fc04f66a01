//! From a document to its answer, whatever the nouns are.

pub(crate) mod answer;
pub(crate) mod audience;
pub(crate) mod batch;
pub mod bounds;
pub(crate) mod completion;
pub(crate) mod connection;
pub(crate) mod cost;
pub(crate) mod documents;
pub(crate) mod error;
pub(crate) mod gateway;
pub(crate) mod in_flight;
pub(crate) mod literals;
pub(crate) mod loader;
pub(crate) mod long;
pub(crate) mod merged;
pub(crate) mod merging;
pub(crate) mod object;
pub(crate) mod operation_root;
pub(crate) mod plan;
pub(crate) mod price_list;
pub(crate) mod root;
pub(crate) mod session;
pub(crate) mod tokens;
pub(crate) mod trusted;
pub(crate) mod type_rules;
pub(crate) mod written;
