//! The environment of a test: the real router on a private database, with a clock that is moved by hand, and callers.
//! Every promise holds on both databases: write its test with `on_both!`.
#![expect(clippy::missing_panics_doc, reason = "a test that cannot go on panics")]

mod answer;
pub mod database;
mod fixtures;
mod listening;
mod nouns;
mod receiver;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

pub use answer::{Answer, Call, Opened};
pub use database::{Kind, PrivateDatabase, counted};
pub use fixtures::{Fixtures, Workspace, everything, mint};
pub use listening::{Listening, Raw};
pub use nouns::{NOUNS, NOWHERE, New, Noun, Written, camel};
use poem::endpoint::{BoxEndpoint, EndpointExt};
use poem::http::Method;
pub use receiver::{Names, Received, Receiver, Reply};
use serde_json::Value;
use service::value::Timestamp;
use service::{App, Clock, Config, Operator, SecretKey};

/// When every test begins: 2026-06-11T08:00:00.000Z, a Thursday.
pub const START: Timestamp = Timestamp::from_millis(1_781_164_800_000);

/// What the secrets of a world are sealed with.
pub const SECRET_KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// The program of a profile, `debug` or `faults`, as `tests/run` built it: `target/<profile>/hoursmith`, derived from the
/// test's own place, which is `target/debug/deps/<test>`.
pub fn program(profile: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a test knows its own place");
    let program = own.ancestors().nth(3).expect("tests lie in target/<profile>/deps").join(profile).join("hoursmith");
    assert!(program.exists(), "{} is not built: run `make test`", program.display());
    program
}

/// The real router on a private database.
pub struct World {
    /// The application behind the router.
    pub app: App,
    /// Moves by hand.
    pub clock: Clock,
    /// The database, for looking past the door.
    pub database: Arc<PrivateDatabase>,
    /// The host names that resolve.
    pub names: Names,
    endpoint: Arc<BoxEndpoint<'static>>,
    statements: Arc<Mutex<Vec<String>>>,
    panics_at: Arc<Mutex<Option<&'static str>>>,
    keys: AtomicUsize,
}

impl World {
    /// On a private database of this kind.
    pub async fn on(kind: Kind) -> World {
        World::with(kind, |_| {}).await
    }

    /// The same, with settings of the test's own.
    pub async fn with(kind: Kind, decide: impl FnOnce(&mut Config)) -> World {
        World::at(Arc::new(PrivateDatabase::new(kind).await), Clock::manual(START), decide).await
    }

    /// Another replica: the same database, with an application, a clock and settings of its own.
    pub async fn replica(&self, clock: Clock, decide: impl FnOnce(&mut Config)) -> World {
        World::at(self.database.clone(), clock, decide).await
    }

    async fn at(database: Arc<PrivateDatabase>, clock: Clock, decide: impl FnOnce(&mut Config)) -> World {
        let statements = Arc::new(Mutex::new(Vec::new()));
        let names = Names::default();
        let mut config = Config {
            rate_limit_scale: 10_000,
            secret_keys: SecretKey::from_base64(SECRET_KEY).into_iter().collect(),
            // Receivers of tests are on this machine.
            webhook_allow: vec!["127.0.0.0/8".parse().expect("a network")],
            // Time stands still in a world, so that a rate by real time would only slow its tests.
            webhook_rate: NonZeroU32::MAX,
            resolver: Some(Arc::new(names.clone())),
            seed: Some(7),
            ..Config::new(&database.url)
        };
        decide(&mut config);
        let panics_at = Arc::new(Mutex::new(None));
        let (reported, trap) = (statements.clone(), panics_at.clone());
        let record = move |sql: &str| {
            reported.lock().expect("no test panics while it counts").push(sql.to_owned());
            let sprung = trap.lock().expect("it panics unlocked").take_if(|part| sql.contains(*part));
            assert!(sprung.is_none(), "the password is swordfish");
        };
        let app = App::connect_watched(config, clock.clone(), record).await.expect("the database is there");
        let endpoint = Arc::new(api::server(api::Server::new(app.clone())).boxed());
        World { app, clock, database, names, endpoint, statements, panics_at, keys: AtomicUsize::new(0) }
    }

    /// The same world behind a router with settings of the test's own.
    pub fn serving(mut self, set: impl FnOnce(&mut api::Server)) -> World {
        let mut server = api::Server::new(self.app.clone());
        set(&mut server);
        self.endpoint = Arc::new(api::server(server).boxed());
        self
    }

    /// The operator of this world.
    pub fn operator(&self) -> Operator {
        Operator::of(&self.app)
    }

    /// A request to be made.
    pub fn call(&self, method: Method, path: &str) -> Call {
        Call::new(self.endpoint.clone(), method, path)
    }

    /// GET with a token.
    pub async fn get(&self, token: &str, path: &str) -> Answer {
        self.call(Method::GET, path).token(token).send().await
    }

    /// POST with a token and a key of its own.
    pub async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path).token(token).key(&self.new_key()).json(body).send().await
    }

    /// PATCH with a token.
    pub async fn patch(&self, token: &str, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path).token(token).json(body).send().await
    }

    /// DELETE with a token.
    pub async fn delete(&self, token: &str, path: &str) -> Answer {
        self.call(Method::DELETE, path).token(token).send().await
    }

    /// A GraphQL document with its variables.
    pub async fn graphql(&self, token: &str, query: &str, variables: Value) -> Answer {
        let body = serde_json::json!({ "query": query, "variables": variables });
        self.call(Method::POST, "/graphql").token(token).json(body).send().await
    }

    /// The envelope of every event so far, in order.
    pub async fn events(&self) -> Vec<Value> {
        use sea_orm::{ConnectionTrait, Statement};
        let db = self.database.connect().await;
        let sql = "SELECT body FROM event ORDER BY id";
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.expect("events");
        let body = |row: &sea_orm::QueryResult| row.try_get::<String>("", "body").expect("a body");
        rows.iter().map(|row| serde_json::from_str(&body(row)).expect("an envelope")).collect()
    }

    /// An idempotency key that no request had.
    pub fn new_key(&self) -> String {
        format!("key-{}", self.keys.fetch_add(1, Ordering::Relaxed))
    }

    /// The next statement that contains this text panics, as a bug would.
    pub fn panic_at(&self, part: &'static str) {
        *self.panics_at.lock().expect("it panics unlocked") = Some(part);
    }

    /// Forgets the statements so far.
    pub fn begin_counting(&self) {
        self.statements.lock().expect("no test panics while it counts").clear();
    }

    /// The SQL statements since then.
    pub fn statements(&self) -> Vec<String> {
        self.statements.lock().expect("no test panics while it counts").clone()
    }
}

/// Writes a promise as two tests, one per database.
#[macro_export]
macro_rules! on_both {
    ($(#[doc = $doc:literal])* async fn $name:ident($world:ident: World) $body:block) => {
        $(#[doc = $doc])*
        async fn $name($world: $crate::World) $body

        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$name($crate::World::on($crate::Kind::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                super::$name($crate::World::on($crate::Kind::Postgres).await).await;
            }
        }
    };
}
