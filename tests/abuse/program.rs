//! The released program with default limits, a workspace that attacks it and has much data, and one that only works.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use sea_orm::ConnectionTrait;
use serde_json::Value;
use tests::{Kind, PrivateDatabase, Receiver, counted, database, program};
use tokio::time::{Instant, sleep};

/// Ticks of the kernel's clock per second, in which it counts processor time.
const TICKS: f64 = 100.0;
/// How long what an attack has opened may take to be closed.
const RETURN: Duration = Duration::from_secs(8);

/// What attacks know of their target.
#[derive(Clone)]
pub struct Target {
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// Tokens of an Owner of the workspace that attacks.
    pub tokens: Arc<Vec<String>>,
    /// A token of a Member that only reads.
    pub reader: String,
    /// A project and a client of that workspace.
    pub project: String,
    pub client: String,
}

/// The program, until it is stopped.
pub struct Attacked {
    child: Child,
    pub target: Target,
    /// Tokens of the workspace that only works.
    pub working: Vec<String>,
    /// Where its metrics are.
    metrics: String,
    log: PathBuf,
    _receiver: Receiver,
    _database: PrivateDatabase,
}

fn command(url: &str) -> Command {
    let mut command = Command::new(program("faults"));
    command.env_clear().env("HOURSMITH_DATABASE_URL", url).env("HOURSMITH_LOG", "warn,api::cli=info");
    // As the unit in packaging/ sets it.
    command.env("MALLOC_ARENA_MAX", "2");
    command.env("HOURSMITH_SECRET_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=").stdin(Stdio::null());
    command
}

fn json(url: &str, arguments: &[&str]) -> Value {
    let output = command(url).args(arguments).arg("--json").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Workspaces and tokens, made by the commands beside the server.
struct Made {
    workspace: String,
    mail: String,
}

impl Made {
    fn new(url: &str, name: &str) -> Made {
        let mail = format!("o@{name}.example");
        let owner = ["--owner-email", &mail, "--owner-name", "O"];
        let made = json(url, &[&["workspace", "create", "--name", name, "--plan", "agency"], &owner[..]].concat());
        Made { workspace: text(&made["id"]), mail }
    }

    fn token(&self, url: &str, mail: &str, scope: &str) -> String {
        let mint =
            ["token", "create", "--workspace", &self.workspace, "--member", mail, "--name", "t", "--scope", scope];
        text(&json(url, &mint)["token"])
    }

    fn tokens(&self, url: &str, count: usize) -> Vec<String> {
        (0..count).map(|_| self.token(url, &self.mail, "write")).collect()
    }
}

impl Attacked {
    /// A server of its own, on a database with much data.
    pub async fn new(kind: Kind) -> Attacked {
        Attacked::with(kind, &[], 8).await
    }

    /// The same with flags of `serve` and so many tokens for the attack.
    pub async fn with(kind: Kind, flags: &[&str], tokens: usize) -> Attacked {
        let database = PrivateDatabase::new(kind).await;
        let url = &database.url;
        let attacker = Made::new(url, "attacker");
        let tokens = attacker.tokens(url, tokens);
        let member = ["member", "add", "--workspace", &attacker.workspace, "--email", "m@attacker.example"];
        json(url, &[&member[..], &["--name", "M", "--role", "member"]].concat());
        let reader = attacker.token(url, "m@attacker.example", "read");
        let working = Made::new(url, "worker").tokens(url, 6);

        let log = database::folder().join(format!("attacked-{kind:?}.log"));
        let mut serve = command(url);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--webhook-allow", "127.0.0.0/8"]).args(flags);
        serve.args(["--admin-listen", "127.0.0.1:0"]);
        let mut child = serve.stdout(Stdio::piped()).stderr(File::create(&log).unwrap()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{line}")).to_owned();

        let started = std::fs::read_to_string(&log).unwrap();
        let metrics = started.split("metrics on ").nth(1).and_then(|rest| rest.split_whitespace().next());
        let metrics = metrics.unwrap_or_else(|| panic!("no metrics: {started}")).to_owned();

        let receiver = Receiver::answering(200).await;
        let mut target =
            Target { address, tokens: Arc::new(tokens), reader, project: String::new(), client: String::new() };
        target.fill(&database, &receiver).await;
        Attacked { child, target, working, metrics, log, _receiver: receiver, _database: database }
    }

    fn proc(&self, name: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).unwrap()
    }

    /// What it has used of the processors so far, in seconds.
    pub fn processor_seconds(&self) -> f64 {
        let stat = self.proc("stat");
        let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        let ticks: u32 = fields[11..13].iter().map(|field| field.parse::<u32>().unwrap()).sum();
        f64::from(ticks) / TICKS
    }

    fn memory(&self, line: &str) -> u64 {
        let status = self.proc("status");
        let found = status.lines().find_map(|text| text.strip_prefix(line)).unwrap();
        found.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    /// The most memory that it has had since `forget_peak`, in MiB.
    pub fn peak_memory(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// The memory that it has now, in MiB.
    pub fn present_memory(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The peak begins at what it has now.
    pub fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }

    /// How many descriptors it has open.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// How many tasks it has.
    pub async fn tasks(&self) -> usize {
        let text = reqwest::get(&self.metrics).await.unwrap().text().await.unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix("hoursmith_tasks "));
        value.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
    }

    /// How many descriptors and tasks there are more than before, once those of closed connections are gone. A few are of the
    /// pool of the database and of webhooks.
    pub async fn left(&self, files: usize, tasks: usize) -> (usize, usize) {
        const POOLS: usize = 40;
        let until = Instant::now() + RETURN;
        loop {
            let files_left = self.open_files().saturating_sub(files + POOLS);
            let tasks_left = self.tasks().await.saturating_sub(tasks + POOLS);
            if (files_left, tasks_left) == (0, 0) || Instant::now() > until {
                return (files_left, tasks_left);
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Stops it, which must work as ever.
    pub async fn stop(mut self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let until = Instant::now() + Duration::from_secs(40);
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < until, "it does not stop");
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{}", std::fs::read_to_string(&self.log).unwrap());
    }
}

impl Drop for Attacked {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Target {
    /// A POST that succeeds: the record.
    pub async fn create(&self, path: &str, body: Value) -> Value {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let key = format!("{path}{body}").chars().filter(char::is_ascii_alphanumeric).take(120).collect::<String>();
        let post = client.post(format!("http://{}{path}", self.address)).bearer_auth(&self.tokens[0]);
        let post = post.header("content-type", "application/json").header("idempotency-key", key);
        let answer = post.body(body.to_string()).send().await.unwrap();
        let (status, bytes) = (answer.status(), answer.bytes().await.unwrap());
        assert!(status.is_success(), "{path}: {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice::<Value>(&bytes).unwrap()["data"].clone()
    }

    /// A client with long notes, 200 projects, 30,000 time entries, an endpoint with deliveries, and an entry of the year 9999.
    async fn fill(&mut self, database: &PrivateDatabase, receiver: &Receiver) {
        use serde_json::json;
        let notes = "é".repeat(10_000);
        self.client = text(&self.create("/api/v1/clients", json!({ "name": "Large", "notes": notes })).await["id"]);
        self.project =
            text(&self.create("/api/v1/projects", json!({ "clientId": self.client, "name": "P0" })).await["id"]);
        let (id, db) = (database.kind.new_id(), database.connect().await);
        let projects = format!(
            "{} INSERT INTO project (id, organization_id, client_id, name, name_key, search_key, status, rate_type, version,
                created_at, updated_at)
             SELECT {id}, organization_id, client_id, 'P' || CAST(i AS TEXT), 'p', 'p', status, rate_type, 1, created_at + i,
                updated_at + i FROM n, project WHERE name = 'P0'",
            counted(199)
        );
        db.execute_unprepared(&projects).await.unwrap();
        let day = match database.kind {
            Kind::Sqlite => "date('2026-01-01', (i % 150) || ' days')",
            Kind::Postgres => "DATE '2026-01-01' + CAST(i % 150 AS INT)",
        };
        let entries = format!(
            "{} INSERT INTO time_entry (id, organization_id, user_id, project_id, duration_seconds, billable, search_key,
                entry_date, version, created_at, updated_at)
             SELECT {id}, p.organization_id, m.user_id, p.id, 60 * (1 + i % 600), true, '', {day}, 1, p.created_at + i,
                p.created_at + i FROM n, project p, member m WHERE m.organization_id = p.organization_id AND m.name = 'O'",
            counted(150)
        );
        db.execute_unprepared(&entries).await.unwrap();
        db.close().await.unwrap();
        self.create("/api/v1/webhook-endpoints", json!({ "url": receiver.url, "events": ["client.created"] })).await;
        for i in 0..20 {
            self.create("/api/v1/clients", json!({ "name": format!("Small {i}") })).await;
        }
        receiver.wait_for(20).await;
        let last = json!({ "projectId": self.project, "startedAt": "9999-12-31T20:00:00Z", "stoppedAt": "9999-12-31T21:00:00Z" });
        self.create("/api/v1/time-entries", last).await;
    }
}
