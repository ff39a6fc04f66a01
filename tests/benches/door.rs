//! What the limiter and idempotency cost: the processor time of requests with and without them, side by side in one run.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints, and ends where it cannot go on")]

use std::time::Duration;

use poem::endpoint::{BoxEndpoint, Endpoint, EndpointExt};
use poem::http::Method;
use poem::{Request, Response};
use service::input::FromBody;
use service::member::NewMember;
use service::organization::{self, NewOrganization};
use service::token::{self, NewToken};
use service::value::{Json, Plan, Role, TokenScope, Wire};
use service::{App, Clock, Config, Cx, IdempotencyKey, Operator, RequestFacts};

/// Many short rounds in turn. Of each way the quickest tenth counts: whoever else uses the machine only makes it slower.
const ROUNDS: usize = 300;
const PER_ROUND: u32 = 25;

/// Processor time of every thread of this process so far: the first number of `schedstat`, in nanoseconds.
fn processor_time() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let of = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|spent| spent.parse().ok()).unwrap_or(0)
    };
    Duration::from_nanos(tasks.map(Result::unwrap).map(of).sum())
}

/// An application with a router, with limits or without.
struct Side {
    app: App,
    endpoint: BoxEndpoint<'static, Response>,
    header: String,
}

impl Side {
    async fn new(url: &str, token: &str, rate_limit_scale: u32) -> Side {
        let config = Config { rate_limit_scale, ..Config::new(url) };
        let app = App::connect(config, Clock::system()).await.unwrap();
        let endpoint = api::server(api::Server::new(app.clone())).boxed();
        Side { app, endpoint, header: format!("Bearer {token}") }
    }

    async fn get(&self, path: &str) {
        let request = Request::builder().uri(path.parse().unwrap()).header("authorization", &self.header).finish();
        let response = self.endpoint.get_response(request).await;
        assert_eq!(response.status(), 200);
        response.into_body().into_vec().await.unwrap();
    }

    /// The path of what was made.
    async fn post(&self, key: &str) -> String {
        let request = Request::builder().method(Method::POST).uri("/api/v1/clients".parse().unwrap());
        let request = request.header("authorization", &self.header).header("idempotency-key", key);
        let request = request.header("content-type", "application/json").header("content-length", BODY.len());
        let response = self.endpoint.get_response(request.body(BODY)).await;
        assert_eq!(response.status(), 201);
        let place = response.headers()["location"].to_str().unwrap().to_owned();
        response.into_body().into_vec().await.unwrap();
        place
    }

    async fn enter(&self, key: IdempotencyKey) -> Cx {
        let admission = self.app.admit(Some(&self.header), [127, 0, 0, 1].into()).await.unwrap();
        let facts = RequestFacts { key, limited: true, ..RequestFacts::default() };
        admission.pass.ok().unwrap().enter(facts)
    }

    /// The same create below HTTP, with a key or without.
    async fn create(&self, key: IdempotencyKey) {
        let input = FromBody::from_json(Json::parse(BODY.as_bytes()).unwrap());
        service::client::create(&self.enter(key).await, input).await.unwrap();
    }

    /// A create that its body refuses: the key is looked up, and nothing is stored.
    async fn refused(&self, key: IdempotencyKey) {
        let input = FromBody::from_json(Json::parse(NO_SUCH_CLIENT.as_bytes()).unwrap());
        service::project::create(&self.enter(key).await, input).await.unwrap_err();
    }
}

const BODY: &str = r#"{"name":"Globex","email":"office@globex.example","currency":"EUR","defaultRate":"150.00","billingCity":"Springfield"}"#;

const NO_SUCH_CLIENT: &str = r#"{"clientId":"01890a5d-ac96-774b-bcce-b302099a8057","name":"P"}"#;

/// The processor time of one call, in microseconds, for each of several ways that take turns.
async fn measure<const N: usize>(mut one: impl AsyncFnMut(usize)) -> [f64; N] {
    let mut spent: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(ROUNDS));
    for round in 0..ROUNDS + 20 {
        for turn in 0..N {
            // Who comes first changes, so that none is always after another's garbage.
            let way = (turn + round) % N;
            let before = processor_time();
            for _ in 0..PER_ROUND {
                one(way).await;
            }
            let used = (processor_time() - before).as_secs_f64() * 1e6 / f64::from(PER_ROUND);
            // The first rounds fill caches and plans.
            if round >= 20 {
                spent[way].push(used);
            }
        }
    }
    spent.map(|mut of_way| {
        of_way.sort_by(f64::total_cmp);
        of_way[of_way.len() / 10]
    })
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
    let mut keys = 0_u64;
    let mut key = || {
        keys += 1;
        format!("key-{keys}")
    };
    let path = with.post(&key()).await;
    let [get, get_without, post, keyed, bare, refused_keyed, refused_bare] = measure(async |way| match way {
        0 => with.get(&path).await,
        1 => without.get(&path).await,
        2 => drop(with.post(&key()).await),
        3 => with.create(IdempotencyKey::Key(key())).await,
        4 => with.create(IdempotencyKey::None).await,
        5 => with.refused(IdempotencyKey::Key(key())).await,
        _ => with.refused(IdempotencyKey::None).await,
    })
    .await;
    let limits = get - get_without;
    let look_up = refused_keyed - refused_bare;
    let storing = keyed - bare - look_up;
    let plain = post - limits - look_up - storing;
    let tell = |what: &str, time: f64, of: f64| println!("{what:<42}{time:8.1}{:9.1} %", 100.0 * time / of);
    println!("{database}: microseconds of processor time a request, and in percent of it without");
    tell("GET of a record, without limits", get_without, get_without);
    tell("  the limits and their headers", limits, get_without);
    tell("POST of a client, without limits and key", plain, plain);
    tell("  the limits and the look-up of the key", limits + look_up, plain);
    tell("  the storing of the answer", storing, plain);
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
