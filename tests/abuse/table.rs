//! The figures of an attack, as a line of the table in docs/reliability.md.

use std::fmt;
use std::time::Duration;

use tests::Kind;

use crate::bystander::Felt;
use crate::{duration, whole};

/// What one attack did.
pub struct Row {
    pub kind: Kind,
    pub name: &'static str,
    /// What the other tenant felt.
    pub felt: Felt,
    /// Processor seconds of the server.
    pub spent: f64,
    /// The most memory of the server, in MiB.
    pub peak: u64,
}

impl Row {
    /// What of it is not as promised.
    pub fn wrong(&self, memory: u64, wait: Duration) -> Vec<String> {
        let mut wrong = vec![];
        let name = format!("{} ({:?})", self.name, self.kind);
        if let Some(failure) = self.felt.failures.first() {
            wrong.push(format!(
                "{name}: {} requests of the other tenant failed, such as {failure}",
                self.felt.failures.len()
            ));
        }
        // In a second or two there are too few answers for one of a hundred; half of them are then what can be relied on.
        let (part, most) = if whole() { (99, wait) } else { (50, wait / 2) };
        if self.felt.of_hundred(part) > most {
            wrong.push(format!("{name}: {part} of 100 waited {:?}", self.felt.of_hundred(part)));
        }
        if self.peak > memory {
            wrong.push(format!("{name}: {} MiB", self.peak));
        }
        wrong
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |wait: Duration| wait.as_secs_f64() * 1000.0;
        let Row { kind, name, felt, spent, peak } = self;
        let cores = spent / duration().as_secs_f64();
        write!(
            f,
            "| {name} | {kind:?} | {} | {} | {:.1} | {:.1} | {:.1} | {cores:.2} | {peak} |",
            felt.waits.len(),
            felt.failures.len(),
            ms(felt.of_hundred(50)),
            ms(felt.of_hundred(99)),
            ms(felt.of_hundred(100)),
        )
    }
}

/// Prints all of them.
#[expect(clippy::print_stdout, reason = "the figures are for people")]
pub fn print(rows: &[Row]) {
    println!("\n| attack | database | answers | failed | p50 ms | p99 ms | longest ms | cores | peak MiB |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    rows.iter().for_each(|row| println!("{row}"));
}
