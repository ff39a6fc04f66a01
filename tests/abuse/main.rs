//! What one client can do to all others: the released program is attacked in every known way at full rate, while another
//! tenant reads and writes. Nothing of theirs may fail or wait, and afterwards nothing may be left.
//!
//! `make test` runs a short form of a second or two for each attack; `make abuse` the whole one of 30 s.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod attacks;
mod bystander;
mod connections;
mod crowd;
mod floods;
mod program;
mod rows;
mod sockets;
mod table;

use std::time::Duration;

use tests::Kind;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use bystander::Bystander;
use program::Attacked;
use table::Row;

/// One test at a time: each needs the machine for itself.
static SERIAL: Mutex<()> = Mutex::const_new(());

/// What an attack may take of memory, in MiB.
const MEMORY: u64 = 256;
/// What the other tenant may wait for 99 of 100 answers, while the attack runs.
const WAIT: Duration = Duration::from_millis(500);

/// Whether the whole form was asked for.
fn whole() -> bool {
    std::env::var("HOURSMITH_ABUSE").is_ok_and(|form| form == "whole")
}

/// How long each attack runs.
fn duration() -> Duration {
    if whole() { Duration::from_secs(30) } else { Duration::from_millis(1_500) }
}

/// Runs every attack on one server after another.
#[expect(clippy::print_stdout, reason = "the figures are for people")]
async fn attacks_harm_nobody_else(kind: Kind) {
    let _turn = SERIAL.lock().await;
    let attacked = Attacked::new(kind).await;
    let bystander = Bystander::new(&attacked).await;
    let (mut rows, mut wrong) = (vec![], vec![]);
    let wanted = std::env::var("HOURSMITH_ABUSE_ROW").ok();
    for attack in rows::all().into_iter().filter(|attack| wanted.as_deref().is_none_or(|row| attack.name.contains(row)))
    {
        attacked.forget_peak();
        let (files, tasks) = (attacked.open_files(), attacked.tasks().await);
        let cpu = attacked.processor_seconds();
        let until = Instant::now() + duration();
        let attacking = (attack.run)(attacked.target.clone(), until);
        let (felt, ()) = tokio::join!(bystander.work(until), attacking);
        let spent = attacked.processor_seconds() - cpu;
        let row = Row { kind, name: attack.name, felt, spent, peak: attacked.peak_memory() };
        println!("{row}");
        let left = attacked.left(files, tasks).await;
        if left != (0, 0) {
            wrong.push(format!("{}: {} descriptors and {} tasks are left", attack.name, left.0, left.1));
        }
        wrong.extend(row.wrong(MEMORY, WAIT));
        rows.push(row);
        // What is closing does not count for the next attack.
        sleep(Duration::from_millis(200)).await;
    }
    table::print(&rows);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    attacked.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attacks_harm_nobody_else_on_sqlite() {
    attacks_harm_nobody_else(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attacks_harm_nobody_else_on_postgres() {
    attacks_harm_nobody_else(Kind::Postgres).await;
}
