//! A private database for each test, copied from a template that is migrated once.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use sea_orm::{
    ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};
use tokio::sync::{Mutex, OnceCell};

/// Which of the two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Embedded.
    Sqlite,
    /// A server, started for the tests alone.
    Postgres,
}

impl Kind {
    /// A new id, in SQL, for rows that are made past the door.
    pub fn new_id(self) -> &'static str {
        match self {
            Kind::Sqlite => "randomblob(16)",
            Kind::Postgres => "gen_random_uuid()",
        }
    }
}

/// The beginning of a statement that creates many rows: the table `n`, whose `i` counts from 1 to this number.
pub fn counted(rows: usize) -> String {
    format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})")
}

/// A migrated database that nobody else uses. Its file goes with it; the server's go with the server.
pub struct PrivateDatabase {
    /// Which kind.
    pub kind: Kind,
    /// Where it is.
    pub url: String,
    file: Option<PathBuf>,
}

static NEXT: AtomicUsize = AtomicUsize::new(0);
static SQLITE_TEMPLATE: OnceCell<PathBuf> = OnceCell::const_new();
static POSTGRES_TEMPLATE: OnceCell<String> = OnceCell::const_new();
/// PostgreSQL copies a template only while nobody is connected to it.
static COPYING: Mutex<()> = Mutex::const_new(());

impl PrivateDatabase {
    /// A copy of the template.
    pub async fn new(kind: Kind) -> PrivateDatabase {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        match kind {
            Kind::Sqlite => {
                let template = SQLITE_TEMPLATE.get_or_init(sqlite_template).await;
                let file = folder().join(format!("{number}.db"));
                std::fs::copy(template, &file).expect("the template can be copied");
                PrivateDatabase { kind, url: format!("sqlite://{}?mode=rwc", file.display()), file: Some(file) }
            }
            Kind::Postgres => {
                let template = POSTGRES_TEMPLATE.get_or_init(postgres_template).await;
                let name = format!("test_{}_{number}", std::process::id());
                let _turn = COPYING.lock().await;
                admin(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
                PrivateDatabase { kind, url: postgres_url(&name), file: None }
            }
        }
    }

    /// An empty database, not migrated.
    pub async fn empty(kind: Kind) -> PrivateDatabase {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        match kind {
            Kind::Sqlite => {
                let file = folder().join(format!("{number}.db"));
                PrivateDatabase { kind, url: format!("sqlite://{}?mode=rwc", file.display()), file: Some(file) }
            }
            Kind::Postgres => {
                let name = format!("test_{}_{number}", std::process::id());
                admin(&format!("CREATE DATABASE {name}")).await;
                PrivateDatabase { kind, url: postgres_url(&name), file: None }
            }
        }
    }

    /// A connection past the door, for looking at what is stored.
    pub async fn connect(&self) -> DatabaseConnection {
        Database::connect(&self.url).await.expect("the private database is there")
    }

    /// One stored number, named `n`, read past the door.
    pub async fn number(&self, sql: &str) -> i64 {
        let db = self.connect().await;
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
        let row = row.expect("a statement").expect("a row");
        db.close().await.expect("it closes");
        row.try_get("", "n").expect("a number")
    }

    /// A transaction that blocks every write of a client until it is rolled back.
    pub async fn obstacle(&self) -> DatabaseTransaction {
        let mode = Some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode: mode, ..Default::default() };
        let tx = self.connect().await.begin_with_options(options).await.expect("nobody else writes");
        if self.kind == Kind::Postgres {
            tx.execute_unprepared("LOCK TABLE client IN EXCLUSIVE MODE").await.expect("nobody else has the lock");
        }
        tx
    }
}

impl Drop for PrivateDatabase {
    fn drop(&mut self) {
        let Some(file) = &self.file else { return };
        for ending in ["", "-wal", "-shm", ".lock", ".key"] {
            let mut name = file.clone().into_os_string();
            name.push(ending);
            let _ = std::fs::remove_file(name);
        }
    }
}

/// A folder of this process for what tests leave behind while they run.
pub fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("hoursmith-tests-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder can be made");
    folder
}

fn postgres_url(name: &str) -> String {
    let server = std::env::var("HOURSMITH_TEST_POSTGRES").expect("tests need a PostgreSQL server: run `make test`");
    format!("{server}/{name}")
}

async fn admin(sql: &str) {
    let db = Database::connect(postgres_url("postgres")).await.expect("the tests' PostgreSQL server answers");
    db.execute_unprepared(sql).await.expect("databases can be made");
    db.close().await.expect("connections close");
}

async fn sqlite_template() -> PathBuf {
    let file = folder().join("template.db");
    migration::up(&format!("sqlite://{}?mode=rwc", file.display())).await.expect("an empty database migrates");
    file
}

async fn postgres_template() -> String {
    let name = format!("template_{}", std::process::id());
    admin(&format!("CREATE DATABASE {name}")).await;
    migration::up(&postgres_url(&name)).await.expect("an empty database migrates");
    name
}
