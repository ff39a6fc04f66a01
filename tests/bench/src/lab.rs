//! One laboratory: a seeded database with the servers on it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_postgres::{Client, NoTls};

use crate::cpu::{self, Cores};
use crate::rows::Size;
use crate::servers::{Programs, Server, Who};
use crate::workloads::Workload;
use crate::{client, seed};

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Database {
    /// A server.
    Postgres,
    /// Embedded.
    Sqlite,
}

impl Database {
    /// Both, in the order of the tables.
    pub const ALL: [Database; 2] = [Database::Postgres, Database::Sqlite];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Database::Postgres => "PostgreSQL",
            Database::Sqlite => "SQLite",
        }
    }
}

/// A seeded database. It goes with this.
pub struct Ground {
    /// Which kind.
    pub database: Database,
    /// What it holds.
    pub size: Size,
    /// Where it is.
    pub url: String,
    /// PostgreSQL's server process.
    pub process: Option<u32>,
    admin: Option<Client>,
    name: String,
    file: Option<PathBuf>,
}

/// PostgreSQL as `tests/run` has started it.
///
/// # Errors
/// If it has not.
pub fn postgres() -> Result<String, String> {
    std::env::var("HOURSMITH_TEST_POSTGRES").map_err(|_| "run `make bench`: it starts a private PostgreSQL".to_owned())
}

async fn connect(url: &str) -> Result<Client, String> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(|e| format!("PostgreSQL: {e}"))?;
    tokio::spawn(connection);
    Ok(client)
}

impl Ground {
    /// Makes, migrates and fills a database.
    ///
    /// # Errors
    /// If one of these fails.
    pub async fn new(programs: &Programs, cores: Cores, database: Database, size: Size) -> Result<Ground, String> {
        match database {
            Database::Postgres => Ground::on_postgres(programs, cores, size).await,
            Database::Sqlite => {
                let file = programs.folder.join(format!("{}.db", size.large));
                let url = format!("sqlite://{}?mode=rwc", file.display());
                programs.migrate(&url)?;
                seed::sqlite::fill(&file, size).map_err(|e| format!("seeding SQLite: {e}"))?;
                let name = file.display().to_string();
                Ok(Ground { database, size, url, process: None, admin: None, name, file: Some(file) })
            }
        }
    }

    async fn on_postgres(programs: &Programs, cores: Cores, size: Size) -> Result<Ground, String> {
        let server = postgres()?;
        let admin = connect(&format!("{server}/postgres")).await?;
        let failed = |e: tokio_postgres::Error| format!("PostgreSQL: {e:?}");
        // What it would do besides is no cost of a request.
        admin.batch_execute("ALTER SYSTEM SET autovacuum = off").await.map_err(failed)?;
        admin.batch_execute("ALTER SYSTEM SET max_wal_size = '8GB'").await.map_err(failed)?;
        admin.batch_execute("ALTER SYSTEM SET checkpoint_timeout = '1h'").await.map_err(failed)?;
        admin.batch_execute("SELECT pg_reload_conf()").await.map_err(failed)?;
        let backend: i32 = admin.query_one("SELECT pg_backend_pid()", &[]).await.map_err(failed)?.get(0);
        let process = cpu::parent(backend.unsigned_abs()).ok_or("PostgreSQL's process is not of this machine")?;
        for pid in cpu::children(process).into_iter().chain([process]) {
            cpu::pin(pid, cores.database);
        }
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bench_{}_{number}", std::process::id());
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.map_err(failed)?;
        let url = format!("{server}/{name}");
        programs.migrate(&url)?;
        let db = connect(&url).await?;
        seed::postgres::fill(&db, size).await.map_err(|e| format!("seeding PostgreSQL: {e:?}"))?;
        let database = Database::Postgres;
        Ok(Ground { database, size, url, process: Some(process), admin: Some(admin), name, file: None })
    }

    /// The servers of this database that are to be measured.
    ///
    /// # Errors
    /// If one does not start.
    pub fn servers(&self, programs: &Programs) -> Result<Vec<Server>, String> {
        let mut servers = vec![programs.bare(&self.url)?, programs.ours(&self.url, "warn")?];
        if self.database == Database::Postgres {
            servers.extend(programs.peer(&self.url)?);
        }
        Ok(servers)
    }

    /// Runs statements past the product, on PostgreSQL.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn execute(&self, statements: &str) -> Result<(), String> {
        let db = connect(&self.url).await?;
        db.batch_execute(statements).await.map_err(|e| format!("PostgreSQL: {e:?}"))
    }

    /// Ends connections to the database and removes it.
    ///
    /// # Errors
    /// If the database does not let go.
    pub async fn remove(self) -> Result<(), String> {
        if let Some(admin) = &self.admin {
            let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
            admin.batch_execute(&drop).await.map_err(|e| format!("PostgreSQL: {e}"))?;
        }
        if let Some(file) = &self.file {
            for ending in ["", "-wal", "-shm", ".lock", ".key"] {
                let _ = std::fs::remove_file(format!("{}{ending}", file.display()));
            }
        }
        Ok(())
    }
}

/// Where the deep page begins in the product: its own cursor, reached page by page.
///
/// # Errors
/// If a page is refused.
pub async fn deep_cursor(ours: &Server, size: Size) -> Result<String, String> {
    let mut client = client::Client::connect(ours.port).await.map_err(|e| e.to_string())?;
    let mut cursor = String::new();
    let pages = (size.large - size.deep()) / 200;
    for _ in 0..pages {
        let mut request = Workload::DeepPage.requests(Who::Ours, size, "limit=200").remove(0);
        if !cursor.is_empty() {
            request.path = format!("{}&cursor={cursor}", request.path);
        }
        let answer = client.send(&request).await.map_err(|e| e.to_string())?;
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
        cursor =
            body["pagination"]["nextCursor"].as_str().ok_or_else(|| format!("no cursor: {}", answer.body))?.to_owned();
    }
    Ok(format!("cursor={cursor}"))
}

/// Refuses to measure servers that do not give the same answers.
///
/// # Errors
/// The first difference.
pub async fn same_answers(servers: &[Server], workloads: &[Workload], size: Size, deep: &str) -> Result<(), String> {
    let creates = [Workload::Create, Workload::CreateOne, Workload::Mix];
    for workload in workloads.iter().filter(|workload| !creates.contains(workload)) {
        let mut first: Option<String> = None;
        for server in servers.iter().filter(|server| server.who != Who::Peer || workload.has_peer()) {
            let request = &workload.requests(server.who, size, deep)[0];
            let mut client = client::Client::connect(server.port).await.map_err(|e| e.to_string())?;
            let answer = client.send(request).await.map_err(|e| format!("{}: {e}", server.who.name()))?;
            let shown = format!("{} {}", answer.status, client::comparable(&answer.body));
            match &first {
                Some(first) if *first != shown => {
                    let (name, who) = (workload.name(), server.who.name());
                    let head = |text: &str| text.chars().take(600).collect::<String>();
                    let (shown, first) = (head(&shown), head(first));
                    return Err(format!("{name}: {who} answers\n{shown}\nand the bare server\n{first}"));
                }
                _ => first = Some(shown),
            }
        }
    }
    Ok(())
}
