//! What callers send and get back: errors, inputs, records. Imports nothing of the folders above it but values.

pub(crate) mod camel;
pub(crate) mod error;
pub mod input;
pub(crate) mod outcome;
pub(crate) mod reason;
pub(crate) mod visible;
