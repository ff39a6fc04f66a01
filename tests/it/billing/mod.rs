//! The operator's invoices: creation, arithmetic, payment and concurrency.

mod amounts;
mod concurrency;
mod creating;
mod paying;
