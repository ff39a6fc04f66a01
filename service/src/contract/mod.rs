//! What callers are, send and get back: errors, inputs, records. It imports no other folder.

pub(crate) mod caller;
pub(crate) mod camel;
pub(crate) mod error;
pub(crate) mod examples;
pub(crate) mod field;
pub mod input;
pub(crate) mod outcome;
pub(crate) mod reason;
pub(crate) mod record;
pub mod selected;
pub(crate) mod visible;
