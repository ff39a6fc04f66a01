//! Processor time and memory of processes, from `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// The processor time of a process so far: of every thread, in nanoseconds, where the kernel counts them so; else in
/// ticks.
pub fn time_of(pid: u32) -> Duration {
    let exact = fs::read_dir(format!("/proc/{pid}/task")).ok().map(|tasks| {
        let of = |task: fs::DirEntry| fs::read_to_string(task.path().join("schedstat")).ok().and_then(|s| first(&s));
        tasks.filter_map(Result::ok).filter_map(of).sum::<u64>()
    });
    match exact {
        Some(nanos) if nanos > 0 => Duration::from_nanos(nanos),
        _ => ticks(pid),
    }
}

fn first(text: &str) -> Option<u64> {
    text.split(' ').next()?.parse().ok()
}

/// `utime` and `stime`, which a kernel counts in hundredths of a second.
fn ticks(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let field = |i: usize| fields.get(i).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((field(11) + field(12)) * 10)
}

/// The processor time of a process and of all its children, one by one: a PostgreSQL server with its backends.
pub fn times_of_family(parent: u32) -> BTreeMap<u32, Duration> {
    children(parent).into_iter().chain([parent]).map(|pid| (pid, time_of(pid))).collect()
}

/// What these have used since then. A process that has ended meanwhile, such as a parallel worker, takes its last part with
/// it.
pub fn used_since(before: &BTreeMap<u32, Duration>, after: &BTreeMap<u32, Duration>) -> Duration {
    let since = |(pid, now): (&u32, &Duration)| now.saturating_sub(before.get(pid).copied().unwrap_or_default());
    after.iter().map(since).sum()
}

/// The processes that a process has started.
pub fn children(parent: u32) -> Vec<u32> {
    let pids = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| status(*pid, "PPid:").is_some_and(|found| found == u64::from(parent))).collect()
}

/// The process that started one.
pub fn parent(pid: u32) -> Option<u32> {
    status(pid, "PPid:").and_then(|pid| pid.try_into().ok())
}

/// A number of `/proc/PID/status`.
fn status(pid: u32, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Megabytes of memory that a process has now.
pub fn memory(pid: u32) -> f64 {
    megabytes(status(pid, "VmRSS:"))
}

/// The most that it had since it was started, or since `forget_peak`.
pub fn peak_memory(pid: u32) -> f64 {
    megabytes(status(pid, "VmHWM:"))
}

/// Makes the present memory of a process its peak, where the kernel lets us.
pub fn forget_peak(pid: u32) {
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

fn megabytes(kilobytes: Option<u64>) -> f64 {
    kilobytes.unwrap_or(0) as f64 / 1024.0
}

/// Binds a process, with all its threads, to one core.
pub fn pin(pid: u32, core: usize) {
    let arguments = ["-a", "-c", "-p", &core.to_string(), &pid.to_string()].map(str::to_owned);
    let _ = std::process::Command::new("taskset").args(arguments).output();
}

/// The cores of the laboratory: one for the server that is measured, one for the database, one for the load; the last
/// two are the same where there are no more.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// The server's.
    pub server: usize,
    /// The database's.
    pub database: usize,
    /// That of `wrk`.
    pub load: usize,
}

impl Cores {
    /// Of this machine.
    pub fn here() -> Cores {
        let all = std::thread::available_parallelism().map_or(1, usize::from);
        Cores { server: 0, database: 1.min(all - 1), load: 2.min(all - 1) }
    }
}
