//! The released program as a process, and several of them on one database.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};

use serde_json::Value;
use tests::{Kind, PrivateDatabase, database, program};

/// Makes the file names of servers unique.
static FILES: AtomicUsize = AtomicUsize::new(0);

/// A workspace with a token and a project, on a private database.
pub struct Environment {
    pub kind: Kind,
    pub database: PrivateDatabase,
    pub token: String,
}

impl Environment {
    pub async fn new(kind: Kind) -> Environment {
        let database = PrivateDatabase::new(kind).await;
        let json = |arguments: &[&str]| {
            let output = command(&database.url, program("faults")).args(arguments).arg("--json").output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            serde_json::from_slice::<Value>(&output.stdout).unwrap()
        };
        let made = json(&[
            "workspace",
            "create",
            "--name",
            "Acme",
            "--plan",
            "agency",
            "--owner-email",
            "a@acme.example",
            "--owner-name",
            "Ann",
        ]);
        let id = made["id"].as_str().unwrap();
        let minted = json(&[
            "token",
            "create",
            "--workspace",
            id,
            "--member",
            "a@acme.example",
            "--name",
            "faults",
            "--scope",
            "write",
        ]);
        let token = minted["token"].as_str().unwrap().to_owned();
        Environment { kind, database, token }
    }
}

fn command(url: &str, program: PathBuf) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOURSMITH_DATABASE_URL", url).env("HOURSMITH_LOG", "warn,service::limit=info");
    command.env("HOURSMITH_SECRET_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=").stdin(Stdio::null());
    command
}

/// What differs from one server to another.
#[derive(Clone, Default)]
pub struct Settings {
    /// Bytes that a file may have, as if the disk were full then.
    pub largest_file: Option<u64>,
    /// Flags of `serve`.
    pub flags: Vec<String>,
    /// What moves the clock of the process.
    pub clock: Option<ProcessClock>,
}

/// The clock of processes: that of the machine, moved by what a file says.
#[derive(Clone)]
pub struct ProcessClock(PathBuf);

impl ProcessClock {
    /// The machine's, until it is set.
    pub fn new() -> ProcessClock {
        let clock = ProcessClock(database::folder().join(format!("clock-{}", FILES.fetch_add(1, Ordering::Relaxed))));
        clock.set(0);
        clock
    }

    /// So many seconds from the machine's, at once.
    pub fn set(&self, seconds: i64) {
        // Renamed, since it is read at any time.
        let next = self.0.with_extension("next");
        std::fs::write(&next, format!("{seconds:+}s")).unwrap();
        std::fs::rename(next, &self.0).unwrap();
    }

    /// Puts libfaketime between a program and its clock. Elapsed time stays correct: only the time of day changes.
    fn give_to(&self, command: &mut Command) {
        let library = std::env::var("HOURSMITH_TEST_FAKETIME").expect("run `make test` or `make test-faults`");
        command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &self.0).env("FAKETIME_NO_CACHE", "1");
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    }
}

/// A server that ends with the test.
pub struct Server {
    child: Child,
    pub address: String,
    log: PathBuf,
}

impl Server {
    pub fn start(url: &str, settings: &Settings) -> Server {
        let mut command = match settings.largest_file {
            None => command(url, program("faults")),
            Some(bytes) => {
                // Ignored, the signal of a file that grows too large becomes an error of the write.
                let mut limited = command(url, "/bin/sh".into());
                limited.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh", "/usr/bin/prlimit"]);
                limited.arg(format!("--fsize={bytes}:unlimited")).arg(program("faults"));
                limited
            }
        };
        if let Some(clock) = &settings.clock {
            clock.give_to(&mut command);
        }
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let log = database::folder().join(format!("server-{number}.log"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--rate-limit-scale", "100000"]).args(&settings.flags);
        let mut child = command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").map(str::to_owned);
        let reported = || std::fs::read_to_string(&log).unwrap_or_default();
        let address = address.unwrap_or_else(|| panic!("it did not listen: {line} {}", reported()));
        Server { child, address, log }
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process is still there.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// SIGKILL, and nothing else.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.log);
    }
}

/// Servers on one database; clients find those that are up.
pub struct Fleet {
    url: String,
    settings: Settings,
    servers: Vec<Mutex<Option<Server>>>,
    addresses: Vec<RwLock<Option<String>>>,
}

impl Fleet {
    pub fn start(url: &str, replicas: usize, settings: Settings) -> Fleet {
        let empty = Fleet {
            url: url.to_owned(),
            settings,
            servers: (0..replicas).map(|_| Mutex::new(None)).collect(),
            addresses: (0..replicas).map(|_| RwLock::new(None)).collect(),
        };
        (0..replicas).for_each(|i| empty.start_one(i));
        empty
    }

    fn start_one(&self, i: usize) {
        let server = Server::start(&self.url, &self.settings);
        *self.addresses[i].write().unwrap() = Some(server.address.clone());
        *self.servers[i].lock().unwrap() = Some(server);
    }

    /// Kills one and starts it again, on another port.
    pub fn crash(&self, i: usize) {
        let server = self.servers[i].lock().unwrap().take().unwrap();
        server.kill();
        *self.addresses[i].write().unwrap() = None;
        self.start_one(i);
    }

    /// An address that was up when it was last seen; any of them by `choice`.
    pub fn address(&self, choice: u64) -> Option<String> {
        let up: Vec<String> = self.addresses.iter().filter_map(|address| address.read().unwrap().clone()).collect();
        if up.is_empty() { None } else { Some(up[choice as usize % up.len()].clone()) }
    }

    pub fn replicas(&self) -> usize {
        self.servers.len()
    }

    /// Looks at one of them.
    pub fn with<T>(&self, i: usize, look: impl FnOnce(&mut Server) -> T) -> T {
        look(self.servers[i].lock().unwrap().as_mut().unwrap())
    }
}
