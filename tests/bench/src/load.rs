//! `wrk`, with requests of ours: it sends them over kept connections for a while, and reports what came back.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where a key of its own stands in a request.
pub const KEY: &str = "@@KEY@@";

/// A request of a workload.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Path and query.
    pub path: String,
    /// The bearer token.
    pub token: String,
    /// A body of JSON.
    pub body: Option<String>,
    /// Whether it has an idempotency key, new each time.
    pub keyed: bool,
}

impl Request {
    /// Its bytes, with `KEY` in the place of the key.
    pub fn bytes(&self) -> String {
        let Request { method, path, token, body, keyed } = self;
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n");
        if *keyed {
            let _ = write!(text, "Idempotency-Key: {KEY}\r\n");
        }
        if let Some(body) = body {
            let _ = write!(text, "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        } else {
            text.push_str("\r\n");
        }
        text
    }
}

/// How `wrk` loads a server.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Connections, each with one request at a time.
    pub connections: u32,
    /// For how many seconds; `wrk` knows whole ones alone.
    pub seconds: u32,
    /// Milliseconds that a connection pauses before each request, on average; none means at once.
    pub pause: Option<f64>,
    /// Its core.
    pub core: usize,
}

/// What `wrk` has seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Answers.
    pub requests: f64,
    /// Answers per second.
    pub rate: f64,
    /// The median latency in milliseconds.
    pub p50: f64,
    /// That which one of a hundred exceeds.
    pub p99: f64,
    /// Answers that were refusals, and connections that broke.
    pub failed: u64,
}

/// Sends these requests, one after the other and over again.
///
/// # Errors
/// If `wrk` does not run or says something else than was expected.
pub fn run(folder: &Path, port: u16, requests: &[Request], load: Load) -> Result<Seen, String> {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let script = folder.join("load.lua");
    std::fs::write(&script, lua(requests, run, load)).map_err(|e| format!("{}: {e}", script.display()))?;
    // On two cores the load stands beside the database. It waits for nothing there, as if it came from another machine; without
    // the right to that it runs all the same.
    let output = Command::new("nice")
        .args(["-n", "-15", "taskset"])
        .args(["-c", &load.core.to_string(), "wrk", "-t1", &format!("-c{}", load.connections), "--timeout", "20s"])
        .args([
            &format!("-d{}s", load.seconds),
            "-s",
            &script.display().to_string(),
            &format!("http://127.0.0.1:{port}/"),
        ])
        .output()
        .map_err(|e| format!("wrk does not run: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("RESULT "));
    let numbers: Vec<f64> = line.unwrap_or_default().split(' ').filter_map(|n| n.parse().ok()).collect();
    let [requests, micros, p50, p99, refused, broken] = numbers[..] else {
        return Err(format!("wrk said: {text} {}", String::from_utf8_lossy(&output.stderr)));
    };
    // What was under way at the end was worked on too; on average half of each.
    let worked = requests + f64::from(load.connections) / 2.0;
    let failed = (refused + broken) as u64;
    Ok(Seen { requests: worked, rate: requests / micros * 1e6, p50: p50 / 1000.0, p99: p99 / 1000.0, failed })
}

/// The script of a run. Keys are new on every run.
fn lua(requests: &[Request], run: u64, load: Load) -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut text = String::from("local list = {\n");
    for request in requests {
        let bytes = request.bytes();
        let (before, after) = bytes.split_once(KEY).map_or((bytes.as_str(), None), |(b, a)| (b, Some(a)));
        let after = after.map_or(String::new(), |after| format!(", {}", quoted(after)));
        let _ = writeln!(text, "{{ {}{after} }},", quoted(before));
    }
    let _ = write!(
        text,
        "}}\nlocal n = 0\nrequest = function()\n  n = n + 1\n  local it = list[n % #list + 1]\n  \
         if it[2] then return it[1] .. string.format('{since:x}-{run:04x}-%08x', n) .. it[2] end\n  return it[1]\nend\n"
    );
    if let Some(pause) = load.pause {
        let _ =
            writeln!(text, "delay = function() return math.floor(-math.log(1 - math.random()) * {pause:.3} + 0.5) end");
    }
    text.push_str(
        "done = function(summary, latency, requests)\n  local e = summary.errors\n  \
         io.write(string.format('RESULT %d %d %d %d %d %d\\n', summary.requests, summary.duration, \
         latency:percentile(50), latency:percentile(99), e.status, e.connect + e.read + e.write + e.timeout))\nend\n",
    );
    text
}

/// A text of Lua.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '\r' => quoted.push_str("\\r"),
            '\n' => quoted.push_str("\\n"),
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
