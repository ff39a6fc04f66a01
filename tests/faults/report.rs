//! The table of a run: on standard error, and in `tests/artefacts/faults.md`.

use std::io::Write;
use std::path::Path;
use std::sync::Once;
use std::sync::atomic::Ordering;

use crate::ledger::Counted;
use crate::load::Tally;

static HEAD: Once = Once::new();

const TITLES: &str = "| what fails | database | servers | times | keyed POSTs | requests | cut | hung up | 500 | effects | events | duplicates | losses | differing answers | seconds | seed |\n\
    | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";

pub struct Line<'a> {
    pub fault: &'a str,
    pub database: &'a str,
    pub servers: usize,
    pub times: usize,
    pub tally: &'a Tally,
    pub counted: &'a Counted,
    pub seconds: f64,
    pub seed: u64,
}

pub fn write_row(line: &Line<'_>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artefacts");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("faults.md");
    let write = |text: &str, anew: bool| {
        let mut options = std::fs::OpenOptions::new();
        options.create(true).append(!anew).truncate(anew).write(true);
        options.open(&file).unwrap().write_all(text.as_bytes()).unwrap();
        std::io::stderr().write_all(text.as_bytes()).unwrap();
    };
    HEAD.call_once(|| write(TITLES, true));
    let Line { fault, database, servers, times, tally, counted, seconds, seed } = line;
    let of = |number: &std::sync::atomic::AtomicUsize| number.load(Ordering::Relaxed);
    let differing = counted.differing + of(&tally.differing);
    let row = format!(
        "| {fault} | {database} | {servers} | {times} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {differing} | {seconds:.1} | {seed} |\n",
        counted.keys,
        of(&tally.requests),
        of(&tally.cut),
        of(&tally.hung_up),
        of(&tally.server_errors),
        counted.effects,
        counted.events,
        counted.duplicates,
        counted.losses,
    );
    write(&row, false);
}
