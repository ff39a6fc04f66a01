//! The billing side: what the operator's invoices bill, what they come to, what becomes of them.

mod amounts;
mod concurrency;
mod creating;
mod paying;
