//! The servers that are measured, each a process of its own on its core, ended with the laboratory.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::cpu;

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// The least that can serve the rows.
    Bare,
    /// The released program.
    Ours,
    /// Fastify and pg, by hand.
    Peer,
}

impl Who {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Who::Bare => "bare",
            Who::Ours => "Hoursmith",
            Who::Peer => "Fastify",
        }
    }
}

/// A running server.
pub struct Server {
    child: Child,
    /// Which one it is.
    pub who: Who,
    /// Where it listens.
    pub port: u16,
    /// From its start to its first answer.
    pub ready_after: Duration,
}

impl Server {
    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it answers a request at all.
    fn started(child: Child, who: Who, port: u16, begun: Instant, core: usize) -> Result<Server, String> {
        let mut server = Server { child, who, port, ready_after: Duration::ZERO };
        let until = begun + Duration::from_secs(60);
        while !answers(port) {
            if let Ok(Some(status)) = server.child.try_wait() {
                return Err(format!("{} has stopped: {status}", who.name()));
            }
            if Instant::now() > until {
                return Err(format!("{} does not answer", who.name()));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        server.ready_after = begun.elapsed();
        cpu::pin(server.pid(), core);
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether something is answered there, whatever it is.
fn answers(port: u16) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let sent = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    let mut first = [0; 5];
    sent.is_ok() && stream.read_exact(&mut first).is_ok() && first == *b"HTTP/"
}

/// Where the programs are, and where logs go.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The released program.
    pub hoursmith: PathBuf,
    /// The folder with the peer and its packages, if there is Node.
    pub peer: Option<PathBuf>,
    /// A folder of this run.
    pub folder: PathBuf,
    /// The servers' core.
    pub core: usize,
}

/// A command that begins on one core, so that it counts one core.
fn on_core(core: usize, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    command
}

impl Programs {
    /// A command of the product, on a database.
    pub fn hoursmith(&self, url: &str) -> Command {
        let mut command = on_core(self.core, &self.hoursmith);
        let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOURSMITH_DATABASE_URL", url).env("HOURSMITH_SECRET_KEY", key).stdin(Stdio::null());
        for (name, value) in std::env::vars().filter(|(name, _)| name.starts_with("BENCH_SET_")) {
            command.env(name.trim_start_matches("BENCH_SET_"), value);
        }
        command
    }

    /// Brings a database up to the release.
    ///
    /// # Errors
    /// What the program has to say.
    pub fn migrate(&self, url: &str) -> Result<(), String> {
        let output = self.hoursmith(url).arg("migrate").output().map_err(|e| e.to_string())?;
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }

    /// The product as it is deployed: everything on, limits too wide to refuse anything.
    ///
    /// # Errors
    /// If it does not start.
    pub fn ours(&self, url: &str, log: &str) -> Result<Server, String> {
        let begun = Instant::now();
        let file = std::fs::File::create(self.folder.join("hoursmith.log")).map_err(|e| e.to_string())?;
        let mut child = self
            .hoursmith(url)
            .env("HOURSMITH_LOG", log)
            .args(["serve", "--listen", "127.0.0.1:0", "--rate-limit-scale", "1000000"])
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .map_err(|e| format!("{}: {e}", self.hoursmith.display()))?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line).map_err(|e| e.to_string())?;
        }
        let port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok());
        let port = port.ok_or_else(|| format!("hoursmith did not listen: {line}"))?;
        Server::started(child, Who::Ours, port, begun, self.core)
    }

    /// The bare server: this program again.
    ///
    /// # Errors
    /// If it does not start.
    pub fn bare(&self, url: &str) -> Result<Server, String> {
        let begun = Instant::now();
        let own = std::env::current_exe().map_err(|e| e.to_string())?;
        let port = free_port()?;
        let child =
            on_core(self.core, &own).args(["bare", url, &port.to_string()]).spawn().map_err(|e| e.to_string())?;
        Server::started(child, Who::Bare, port, begun, self.core)
    }

    /// The peer; none without Node.
    ///
    /// # Errors
    /// If it does not start.
    pub fn peer(&self, url: &str) -> Result<Option<Server>, String> {
        let Some(folder) = &self.peer else { return Ok(None) };
        let begun = Instant::now();
        let port = free_port()?;
        let child = on_core(self.core, Path::new("node"))
            .arg(folder.join("server.mjs"))
            .args([url, &port.to_string()])
            .spawn()
            .map_err(|e| format!("node: {e}"))?;
        Server::started(child, Who::Peer, port, begun, self.core).map(Some)
    }
}

/// A port that nobody has.
fn free_port() -> Result<u16, String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    Ok(listener.local_addr().map_err(|e| e.to_string())?.port())
}
