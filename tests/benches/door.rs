//! What the limiter and idempotency cost: the processor time of requests with and without them, side by side in one run.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints, and ends where it cannot go on")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use poem::endpoint::{BoxEndpoint, Endpoint, EndpointExt};
use poem::http::Method;
use poem::{Request, RequestBuilder, Response};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, FromQueryResult, SqliteTransactionMode, Statement, TransactionOptions,
    TransactionTrait,
};
use service::member::NewMember;
use service::organization::{self, NewOrganization};
use service::token::{self, NewToken};
use service::value::{Id, OrganizationId, Plan, Role, Timestamp, TokenScope, UserId, Wire};
use service::{App, Clock, Config, Operator};

/// Many short rounds. Of what is compared the median counts, of the differences within a round: what the machine does
/// besides changes from one round to another, and is the same for both.
const ROUNDS: usize = 150;
/// Requests at once, as on a server that has something to do: threads that sleep after each request cost more to wake than
/// what is measured.
const AT_ONCE: usize = 8;
/// How often so many, in each round and order.
const PER_ROUND: usize = 3;
/// The first rounds fill caches and plans.
const WARM_UP: usize = 20;

/// Processor time of every thread of this process so far: the first number of `schedstat`, in nanoseconds.
fn processor_time() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let of = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|spent| spent.parse().ok()).unwrap_or(0)
    };
    Duration::from_nanos(tasks.map(Result::unwrap).map(of).sum())
}

/// A router, with limits or without.
struct Side {
    endpoint: BoxEndpoint<'static, Response>,
    header: String,
    /// Bodies sent so far.
    sent: AtomicU32,
}

impl Side {
    async fn new(url: &str, token: &str, rate_limit_scale: u32) -> Side {
        let config = Config { rate_limit_scale, ..Config::new(url) };
        let app = App::connect(config, Clock::system()).await.unwrap();
        let endpoint = api::server(api::Server::new(app)).boxed();
        Side { endpoint, header: format!("Bearer {token}"), sent: AtomicU32::new(0) }
    }

    /// Sends a request, and reads the answer to its end; its `Location`, if there is one.
    async fn send(&self, request: Request, status: u16) -> String {
        let response = self.endpoint.get_response(request).await;
        assert_eq!(response.status().as_u16(), status);
        let place = response.headers().get("location").map(|place| place.to_str().unwrap().to_owned());
        response.into_body().into_vec().await.unwrap();
        place.unwrap_or_default()
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        Request::builder().method(method).uri(path.parse().unwrap()).header("authorization", &self.header)
    }

    async fn get(&self, path: &str) {
        self.send(self.request(Method::GET, path).finish(), 200).await;
    }

    /// A body of the same size on every way, so that what is done with its bytes costs the same, and each time another: a
    /// change to what is there already would change nothing.
    fn with_body(&self, request: RequestBuilder, key: Option<&str>) -> Request {
        let body = body(self.sent.fetch_add(1, Ordering::Relaxed));
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        request.header("content-type", "application/json").header("content-length", body.len()).body(body)
    }

    /// The path of what was made.
    async fn post(&self, key: &str) -> String {
        self.send(self.with_body(self.request(Method::POST, "/api/v1/clients"), Some(key)), 201).await
    }

    /// A change, with a key or without: PATCH takes both.
    async fn patch(&self, path: &str, key: Option<&str>) {
        self.send(self.with_body(self.request(Method::PATCH, path), key), 200).await;
    }
}

/// What is stored of an answer besides its key.
#[derive(Clone, FromQueryResult)]
struct Row {
    organization_id: OrganizationId,
    user_id: UserId,
    fingerprint: Vec<u8>,
    role: Role,
    record_id: Id,
    record_version: Option<i32>,
    created: bool,
    body: String,
    expires_at: Timestamp,
}

/// The storing of an answer by itself: the row of a key, in a transaction that changes another row anyway.
struct Storing {
    db: DatabaseConnection,
    rows: Vec<Row>,
}

impl Storing {
    /// With rows like those that there are, each of another record.
    async fn new(url: &str) -> Storing {
        let mut options = sea_orm::ConnectOptions::new(url);
        // As the server has it: SQLite has one writer.
        options.max_connections(if url.starts_with("sqlite") { 1 } else { 16 });
        let db = sea_orm::Database::connect(options).await.unwrap();
        let all = Statement::from_string(db.get_database_backend(), "SELECT * FROM idempotency_key");
        let rows = Row::find_by_statement(all).all(&db).await.unwrap();
        Storing { db, rows }
    }

    async fn store(&self, key: Option<String>, lane: usize) {
        let row = &self.rows[lane];
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let tx = self.db.begin_with_options(options).await.unwrap();
        let sql = "UPDATE client SET version = version + 1 WHERE organization_id = $1 AND id = $2";
        let values = [row.organization_id.into(), row.record_id.into()];
        tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await.unwrap();
        if let Some(key) = key {
            let sql = "INSERT INTO idempotency_key (organization_id, user_id, key, fingerprint, role, record_id, \
                record_version, created, body, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
                ON CONFLICT (organization_id, user_id, key) DO UPDATE SET body = excluded.body \
                WHERE idempotency_key.expires_at <= $10";
            let row = row.clone();
            let values = [
                row.organization_id.into(),
                row.user_id.into(),
                key.into(),
                row.fingerprint.into(),
                row.role.into(),
                row.record_id.into(),
                row.record_version.into(),
                row.created.into(),
                row.body.into(),
                row.expires_at.into(),
            ];
            tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
}

/// A client, of which each number has another name.
fn body(number: u32) -> String {
    let name = 1_000_000 + number;
    format!(
        r#"{{"name":"Globex {name}","email":"office@globex.example","currency":"EUR","defaultRate":"150.00","billingCity":"Springfield"}}"#
    )
}

/// What is promised of the limiter, in percent of a GET of one record.
const LIMITS_AT_MOST: f64 = 5.0;
/// What is promised of the limiter and all that idempotency does before it stores the answer, in percent of a create.
const CLAIM_AT_MOST: f64 = 15.0;

/// The processor time of one call, in microseconds, for each of several ways that take turns: a row for each two rounds,
/// one in this order and one in the other, since after a write readers read anew.
async fn measure<const N: usize>(one: impl AsyncFn(usize, usize)) -> Vec<[f64; N]> {
    let mut rows = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS + WARM_UP {
        let mut row = [0.0; N];
        for turn in 0..2 * N {
            let way = (if turn < N { turn } else { 2 * N - 1 - turn } + round) % N;
            let before = processor_time();
            for _ in 0..PER_ROUND {
                join_all((0..AT_ONCE).map(|lane| one(way, lane))).await;
            }
            row[way] += (processor_time() - before).as_secs_f64() * 1e6 / (2 * PER_ROUND * AT_ONCE) as f64;
        }
        if round >= WARM_UP {
            rows.push(row);
        }
    }
    rows
}

/// A workspace on this database: the token of its Owner.
async fn workspace(url: &str) -> String {
    migration::up(url).await.unwrap();
    let app = App::connect(Config::new(url), Clock::system()).await.unwrap();
    let operator = Operator::of(&app);
    let email = format!("{}@bench.example", app.new_request_id());
    let owner = NewMember {
        email: Wire::parse_text(&email).unwrap(),
        name: Wire::parse_text("Ann").unwrap(),
        role: Role::Owner,
    };
    let currency = Wire::parse_text("EUR").unwrap();
    let input = NewOrganization { name: Wire::parse_text("Bench").unwrap(), plan: Plan::Agency, currency, owner };
    let id = organization::create(&operator, input).await.unwrap().id;
    let name = Wire::parse_text("bench").unwrap();
    let input = NewToken { member: email, name, scope: TokenScope::Write, expires_at: None };
    token::create(&operator, id, input).await.unwrap().token
}

async fn on(database: &str, url: &str) {
    let token = workspace(url).await;
    let with = Side::new(url, &token, 1_000_000).await;
    let without = Side::new(url, &token, 0).await;
    let keys = AtomicU32::new(0);
    let key = || format!("key-{}", keys.fetch_add(1, Ordering::Relaxed));
    let mut paths = Vec::new();
    for _ in 0..AT_ONCE {
        paths.push(with.post(&key()).await);
    }
    let storing = Storing::new(url).await;
    let rounds = measure::<7>(async |way, lane| match way {
        0 => without.get(&paths[lane]).await,
        1 => with.get(&paths[lane]).await,
        2 => drop(with.post(&key()).await),
        3 => without.patch(&paths[lane], Some(&key())).await,
        4 => without.patch(&paths[lane], None).await,
        5 => storing.store(Some(key()), lane).await,
        _ => storing.store(None, lane).await,
    })
    .await;
    let median = |of: fn(&[f64; 7]) -> f64| {
        let mut all: Vec<f64> = rounds.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let get = median(|[get, ..]| *get);
    let limits = median(|[without, with, ..]| with - without);
    let storing = median(|[.., with, without]| with - without);
    let claim = median(|[_, _, _, with, without, ..]| with - without) - storing;
    let create = median(|[_, _, create, ..]| *create) - limits - claim - storing;
    let report = |what: &str, time: f64, of: f64| {
        let percent = 100.0 * time / of;
        println!("| {what} | {time:.0} | {percent:.1} % |");
        percent
    };
    println!("| {database} | µs | |\n| --- | --- | --- |");
    report("GET of a record, without limits", get, get);
    let of_get = report("limits and their headers", limits, get);
    report("POST of a client, without limits and key", create, create);
    let of_create = report("limits, and the fingerprint and claim of the key", limits + claim, create);
    report("the storing of the answer", storing, create);
    assert!(of_get < LIMITS_AT_MOST && of_create < CLAIM_AT_MOST, "{database}: more than is promised");
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let file = std::env::temp_dir().join(format!("hoursmith-bench-{}.db", std::process::id()));
    on("SQLite", &format!("sqlite://{}?mode=rwc", file.display())).await;
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", file.display()));
    }
    if let Ok(server) = std::env::var("HOURSMITH_TEST_POSTGRES") {
        on("PostgreSQL", &format!("{server}/postgres")).await;
    }
}
