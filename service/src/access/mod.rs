//! Who may do what: callers and their tokens, the policy, and where a query begins.

pub(crate) mod action;
pub(crate) mod auth;
pub(crate) mod caller;
pub mod policy;
pub(crate) mod scope;
