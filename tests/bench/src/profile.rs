//! Where a request's processor time goes, by `perf`: the functions of our server that have most of it by themselves, and
//! with all that they call.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::cpu::Cores;
use crate::load::{self, Load, Request};
use crate::rounds::CONNECTIONS;
use crate::servers::Server;

/// Seconds of a recording.
const SECONDS: u32 = 6;

/// Prints the shares of a workload.
///
/// # Errors
/// If `perf` or `wrk` does not run.
pub fn show(folder: &Path, cores: Cores, name: &str, server: &Server, requests: &[Request]) -> Result<(), String> {
    let load = |seconds| Load { connections: CONNECTIONS, seconds, pause: None, core: cores.load };
    load::run(folder, server.port, requests, load(1))?;
    println!("\n## {name}");
    // Stacks cost far more to record than what is measured, so they are recorded seldom, and the functions by themselves
    // in a run without them.
    for (title, how, rate, stacks) in [
        ("by themselves", "--no-children", "1999", &[][..]),
        ("with all that they call", "--children", "97", &["--call-graph", "dwarf,65528"][..]),
    ] {
        let file = folder.join("perf.data");
        let mut perf = Command::new("perf")
            .args(["record", "-q", "-e", "cpu-clock", "-F", rate])
            .args(stacks)
            .arg("-o")
            .arg(&file)
            .args(["-p", &server.pid().to_string(), "--", "sleep", &(SECONDS - 1).to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("perf does not run: {e}"))?;
        let seen = load::run(folder, server.port, requests, load(SECONDS))?;
        perf.wait().map_err(|e| e.to_string())?;
        let output = Command::new("perf")
            .args(["report", "--stdio", "--no-inline", how, "-g", "none", "--percent-limit", "0.7"])
            .args(["--sort", "symbol", "-i"])
            .arg(&file)
            .output()
            .map_err(|e| format!("perf does not run: {e}"))?;
        println!("\n### {title}, at {:.0} requests/s\n", seen.rate);
        let text = String::from_utf8_lossy(&output.stdout);
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).take(110) {
            println!("    {}", line.trim().chars().take(190).collect::<String>().trim_end());
        }
    }
    Ok(())
}
