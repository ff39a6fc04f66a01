//! What the program takes besides time: start-up, memory, size.

use std::fmt::Write;

use crate::cpu::{self, Cores};
use crate::lab::Ground;
use crate::load::{self, Load};
use crate::rounds::spread;
use crate::servers::{Programs, Who};
use crate::workloads::Workload;

/// The table of a database.
///
/// # Errors
/// If something cannot be measured.
pub fn table(
    ground: &Ground,
    programs: &Programs,
    cores: Cores,
    workloads: &[Workload],
    deep: &str,
) -> Result<String, String> {
    let mut text = format!("On {}:\n\n| what | figure |\n| --- | --- |\n", ground.database.name());
    let mut starts = Vec::new();
    for _ in 0..5 {
        starts.push(programs.ours(&ground.url, "warn")?.ready_after.as_secs_f64() * 1000.0);
    }
    let ours = programs.ours(&ground.url, "warn")?;
    std::thread::sleep(std::time::Duration::from_secs(2));
    let size = std::fs::metadata(&programs.hoursmith).map_err(|e| e.to_string())?.len() as f64 / 1e6;
    let _ = writeln!(text, "| from start to first answer, median of 5 | {:.0} ms |", spread(starts).median);
    let _ = writeln!(text, "| memory when idle | {:.0} MiB |", cpu::memory(ours.pid()));
    let _ = writeln!(text, "| size of the program as built | {size:.1} MB |");
    for workload in workloads {
        let requests = workload.requests(Who::Ours, ground.size, deep);
        let full = Load { connections: 64, seconds: 2, pause: None, core: cores.load };
        cpu::forget_peak(ours.pid());
        let seen = load::run(&programs.folder, ours.port, &requests, full)?;
        let peak = cpu::peak_memory(ours.pid());
        // Connections that pause so long, at random, that seven tenths of the top rate come.
        let pause = 64.0 / (0.7 * seen.rate.max(1.0)) * 1000.0;
        let paced = Load { pause: Some(pause), seconds: 3, ..full };
        let eased = load::run(&programs.folder, ours.port, &requests, paced)?;
        let _ = writeln!(
            text,
            "| {} | peak {peak:.0} MiB at 64 connections; at {:.0} % of the top rate p50 {:.2} ms, p99 {:.2} ms |",
            workload.title(),
            eased.rate / seen.rate * 100.0,
            eased.p50,
            eased.p99
        );
    }
    Ok(text)
}
