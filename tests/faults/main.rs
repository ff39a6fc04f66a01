//! The promises about crashes, tested on the released program: processes are killed, databases crash, disks fill up,
//! while clients retry as documented. Afterwards all records are counted.
//!
//! `make test` runs a short form; `make test-faults` the whole one.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod clock;
mod concurrent_duplicates;
mod crash;
mod disk;
mod kills;
mod ledger;
mod load;
mod mcp;
mod redis;
mod report;
mod rng;
mod server;

use tokio::sync::Mutex;

/// One test at a time: each needs the machine, and some the database server, for itself.
static SERIAL: Mutex<()> = Mutex::const_new(());

/// Whether the whole form was asked for.
fn whole() -> bool {
    std::env::var("HOURSMITH_FAULTS").is_ok_and(|form| form == "whole")
}
