//! Two replicas of two releases behind what a proxy would be: it gives a replica that stops no requests any more.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

/// Which of the two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Release {
    /// The one before this.
    Previous,
    /// This one.
    Own,
}

struct Running {
    child: Child,
    release: Release,
    url: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request that runs holds the lock of its replica for reading; a restart waits for it, then takes the replica out.
type Place = std::sync::Arc<RwLock<Option<Running>>>;

pub(super) struct Fleet {
    database: String,
    replicas: [Place; 2],
    turn: AtomicUsize,
}

/// A replica's URL, until the request to it has its answer.
pub(super) struct Picked(OwnedRwLockReadGuard<Option<Running>, String>);

impl std::ops::Deref for Picked {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Fleet {
    pub(super) fn new(database: &str) -> Fleet {
        Fleet { database: database.to_owned(), replicas: Default::default(), turn: AtomicUsize::new(0) }
    }

    /// Whether there is another program for the release before this one.
    pub(super) fn has_previous() -> bool {
        std::env::var_os("HOURSMITH_TEST_PREVIOUS").is_some()
    }

    fn program(release: Release) -> PathBuf {
        let previous = std::env::var_os("HOURSMITH_TEST_PREVIOUS").filter(|_| release == Release::Previous);
        previous.map_or_else(|| tests::program("debug"), PathBuf::from)
    }

    fn prepared(&self, release: Release, arguments: &[&str]) -> Command {
        let mut command = Command::new(Fleet::program(release));
        command.args(arguments).env_clear().env("HOURSMITH_DATABASE_URL", &self.database).stdin(Stdio::null());
        command
            .env("HOURSMITH_SECRET_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
            .env("HOURSMITH_LOG", "warn");
        command
    }

    /// What a command of a release prints with `--json`.
    pub(super) fn command(&self, release: Release, arguments: &[&str]) -> Value {
        let output = self.prepared(release, &[arguments, &["--json"]].concat()).output().unwrap();
        let reported = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?} of {release:?}: {reported}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The next replica that serves.
    pub(super) async fn pick(&self) -> (Picked, Release) {
        loop {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            if let Ok(guard) = self.replicas[turn % 2].clone().try_read_owned()
                && let Some(release) = guard.as_ref().map(|running| running.release)
            {
                let url = OwnedRwLockReadGuard::map(guard, |running| match running {
                    Some(running) => &running.url,
                    None => unreachable!("it was there a line ago"),
                });
                return (Picked(url), release);
            }
            tokio::task::yield_now().await;
        }
    }

    pub(super) async fn start(&self, replica: usize, release: Release) {
        let mut place = self.replicas[replica].write().await;
        assert!(place.is_none());
        *place = Some(self.spawn(release));
    }

    fn spawn(&self, release: Release) -> Running {
        let flags =
            ["serve", "--listen", "127.0.0.1:0", "--webhook-allow", "127.0.0.0/8", "--rate-limit-scale", "1000"];
        let mut child = self.prepared(release, &flags).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ");
        let url = url.unwrap_or_else(|| panic!("{release:?} does not serve: {line}")).to_owned();
        Running { child, release, url }
    }

    /// Stops a replica as an operator does, and starts it as this release. The other one serves meanwhile.
    pub(super) async fn restart(&self, replica: usize, release: Release) {
        let mut place = self.replicas[replica].write().await;
        if let Some(running) = place.take() {
            Fleet::terminate(running);
        }
        *place = Some(self.spawn(release));
    }

    fn terminate(mut running: Running) {
        let sent = Command::new("kill").args(["-TERM", &running.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let ended = running.child.wait().unwrap();
        assert_eq!(ended.code(), Some(0), "{:?} ends well", running.release);
    }

    pub(super) async fn stop(&self) {
        for replica in &self.replicas {
            if let Some(running) = replica.write().await.take() {
                Fleet::terminate(running);
            }
        }
    }
}
