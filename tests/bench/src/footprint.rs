//! What the program takes besides time: start-up, memory, size.

use crate::cpu::{self, Cores};
use crate::lab::Ground;
use crate::load::{self, Load};
use crate::measured::{Footprint, Loaded};
use crate::rounds::spread;
use crate::servers::{Programs, Who};
use crate::workloads::Workload;

/// What it is on a database.
///
/// # Errors
/// If something cannot be measured.
pub fn of(
    ground: &Ground,
    programs: &Programs,
    cores: Cores,
    workloads: &[Workload],
    deep: &str,
) -> Result<Footprint, String> {
    let mut starts = Vec::new();
    for _ in 0..5 {
        starts.push(programs.ours(&ground.url, "warn")?.ready_after.as_secs_f64() * 1000.0);
    }
    let ours = programs.ours(&ground.url, "warn")?;
    std::thread::sleep(std::time::Duration::from_secs(2));
    let size = std::fs::metadata(&programs.hoursmith).map_err(|e| e.to_string())?.len() as f64 / 1e6;
    let idle = cpu::memory(ours.pid());
    let mut footprint = Footprint { start: spread(starts).median, idle, size, loaded: vec![] };
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
        let (name, rate) = (workload.name().to_owned(), eased.rate / seen.rate);
        println!(
            "{:10} {name:14} | peak {peak:.0} MiB, p50 {:.2} ms, p99 {:.2} ms",
            ground.database.name(),
            eased.p50,
            eased.p99
        );
        footprint.loaded.push(Loaded { workload: name, peak, rate, p50: eased.p50, p99: eased.p99 });
    }
    Ok(footprint)
}
