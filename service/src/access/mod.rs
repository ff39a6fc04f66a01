//! Who may do what: callers and their tokens, the policy, and where a query begins.

pub(crate) mod action;
pub(crate) mod audience;
pub(crate) mod auth;
mod conflicts;
pub mod policy;
pub(crate) mod scope;
pub(crate) mod session;
pub(crate) mod texts;
mod who;

pub(crate) use crate::contract::caller;
