//! Lists: pages with cursors, sorts, filters, and the first rows of each of many parents.

pub(crate) mod cursor;
pub(crate) mod filter;
pub(crate) mod nested;
pub(crate) mod page;
pub(crate) mod question;
pub mod sort;
