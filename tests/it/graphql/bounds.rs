//! The limits and the cost of a document: checked before anything is executed, reported with both numbers.

use poem::http::Method;
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::{Value, json};
use service::value::Plan;
use tests::{Answer, Fixtures, Kind, PrivateDatabase, Workspace, World, on_both};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::subscriptions::resident;
use super::third_party_clients::owner_of;
use crate::running::Running;

/// The message of a document that is refused by a rule of ours.
#[track_caller]
fn refused(answer: &Answer) -> String {
    assert_eq!(answer.status, 422, "{}", answer.text());
    let error = answer.graphql_error();
    assert_eq!(error["code"], "validation_error");
    assert!(error["fields"]["query"].is_string(), "{error}");
    answer.json()["errors"][0]["message"].as_str().unwrap().to_owned()
}

on_both! {
    /// Each bound has a message with what was sent and what is taken.
    async fn a_document_over_a_limit_is_refused_with_both_numbers(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let aliases = |n: usize| (0..n).map(|i| format!("a{i}: __typename ")).collect::<String>();
        let directives = |n: usize| format!("{{ viewer {{ name {} }} }}", "@include(if: true) ".repeat(n));
        let chain = |n: usize| {
            let each = (1..n).map(|i| format!("fragment F{i} on Query {{ ...F{} }} ", i + 1)).collect::<String>();
            format!("{{ ...F1 }} {each} fragment F{n} on Query {{ viewer {{ name }} }}")
        };
        for (query, numbers) in [
            (format!("{{ viewer {{ name }} }}{}", " ".repeat(64 * 1024)), ["65555 bytes", "65536"]),
            (format!("{{ viewer {{ {} }} }}", "name ".repeat(4996)), ["5001 tokens", "5000"]),
            (format!("{{ {} }}", aliases(101)), ["101 aliases", "100"]),
            (directives(101), ["101 directives", "100"]),
            (chain(99), ["101 deep", "100"]),
            ("{ clients(first: 100) { nodes { projects(first: 151) { nodes { id } } } } }".into(), ["304 points", "300"]),
        ] {
            let reported = refused(&world.graphql(owner, &query, json!({})).await);
            assert!(numbers.iter().all(|number| reported.contains(number)), "{reported}");
        }
        for query in [format!("{{ {} }}", aliases(100)), directives(1), chain(98)] {
            world.graphql(owner, &query, json!({})).await.graphql();
        }
        let introspection = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/it/graphql/introspection.graphql")).unwrap();
        let schema = world.graphql(owner, &introspection, json!({})).await.graphql();
        assert_eq!(schema["__schema"]["queryType"]["name"], "Query");
    }
}

on_both! {
    /// At most twenty errors are returned, whatever fails.
    async fn errors_are_capped(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let query = (0..50).map(|i| format!("c{i}: client(id: \"x{i}\") {{ id }} ")).collect::<String>();
        let answer = world.graphql(&fixtures.home.owner, &format!("{{ {query} }}"), json!({})).await.json();
        assert_eq!(answer["errors"].as_array().unwrap().len(), 20);
        assert_eq!(answer["data"].as_object().unwrap().len(), 50, "what failed is null, reported or not");
    }
}

/// A workspace on studio with its true budget of 600 points.
async fn with_real_limits(kind: Kind) -> (World, Workspace) {
    let world = World::with(kind, |config| config.rate_limit_scale = 1).await;
    let workspace = Workspace::new(&world, "studio", Plan::Studio).await;
    (world, workspace)
}

async fn cost_is_charged_and_reported(kind: Kind) {
    let (world, workspace) = with_real_limits(kind).await;
    let owner = &workspace.owner;
    let cost = |answer: &Answer| answer.json()["extensions"]["cost"].clone();
    let remaining = |answer: &Answer| cost(answer)["remaining"].as_i64().unwrap();
    let first = world.graphql(owner, "{ viewer { name } }", json!({})).await;
    assert_eq!((&cost(&first)["requested"], remaining(&first)), (&json!(1), 599));
    assert_eq!(cost(&first)["resetAt"], "2026-06-11T08:00:01.000Z");
    let dear = "query($n: Int) { clients(first: $n) { nodes { projects(first: 50) { nodes { id } } } } }";
    let second = world.graphql(owner, dear, json!({ "n": 200 })).await;
    assert_eq!((&cost(&second)["requested"], remaining(&second)), (&json!(204), 395));
    assert_eq!(second.header("x-ratelimit-remaining"), Some("28"), "the smaller of the two buckets");
    // Refused before anything happens, what was not charged stays, and the answer says when to come back.
    world.graphql(owner, dear, json!({ "n": 200 })).await.graphql();
    let over = world.graphql(owner, dear, json!({ "n": 200 })).await;
    assert_eq!((over.status.as_u16(), &over.graphql_error()["code"]), (429, &json!("rate_limited")));
    assert!(over.header("retry-after").is_some_and(|seconds| seconds.parse::<u64>().unwrap() > 0));
    assert_eq!(cost(&over)["requested"], 204);
    let after = world.graphql(owner, "{ viewer { name } }", json!({})).await;
    assert_eq!(remaining(&after), 189, "the door's point, and nothing more");
    // A batch is charged once, an entry each.
    let project = workspace.project(&world, "P").await;
    let entry = json!({ "projectId": project, "durationSeconds": 1, "entryDate": "2026-06-11" });
    let batch = "mutation($i: [CreateTimeEntryInput!]!) { createTimeEntries(input: $i) { timeEntries { id } } }";
    let before = remaining(&world.graphql(owner, "{ viewer { name } }", json!({})).await);
    let made = world.graphql(owner, batch, json!({ "i": vec![&entry; 100] })).await;
    made.graphql();
    assert_eq!((&cost(&made)["requested"], remaining(&made)), (&json!(100), before - 100));
    let huge = world.graphql(owner, batch, json!({ "i": vec![&entry; 301] })).await;
    assert!(refused(&huge).contains("301 points; at most 300"));
    // The same with a key, which is known to be new only while it is executed.
    let keyed = world.call(Method::POST, "/graphql").token(owner).key("k");
    let dear = keyed.json(json!({ "query": batch, "variables": { "i": vec![&entry; 100] } })).send().await;
    assert_eq!((dear.status.as_u16(), dear.header("retry-after").is_some()), (429, true), "{}", dear.text());
    assert_eq!(dear.json().get("data"), None, "nothing has happened");
    // Paid in two steps, for what it selects and for its entries: the wait is enough for both, at once.
    let deep = "mutation($i: [CreateTimeEntryInput!]!) { createTimeEntries(input: $i) { timeEntries { \
        project { tasks(first: 200) { nodes { id } } } } } }";
    let send = async || {
        let call = world.call(Method::POST, "/graphql").token(owner).key("deep");
        call.json(json!({ "query": deep, "variables": { "i": vec![&entry; 90] } })).send().await
    };
    let over = send().await;
    assert_eq!(over.status.as_u16(), 429, "{}", over.text());
    world.clock.advance(over.header("retry-after").unwrap().parse::<i64>().unwrap() * 1000);
    let made = send().await;
    made.graphql();
    assert!(cost(&made)["requested"].as_i64().unwrap() > 100, "{}", cost(&made));
    world.clock.advance(60_000);
    // Refusals of a valid token report it too; without a token there is no budget.
    for broken in [json!({ "query": "{ nonsense }" }), json!({ "query": "{" }), json!({})] {
        let answer = world.call(Method::POST, "/graphql").token(owner).json(broken).send().await;
        assert!(remaining(&answer) > 0, "{}", answer.text());
    }
    let nobody = world.call(Method::POST, "/graphql").json(json!({ "query": "{ viewer { name } }" })).send().await;
    assert_eq!(nobody.json().get("extensions"), None);
}

#[tokio::test]
async fn cost_is_charged_and_reported_on_sqlite() {
    cost_is_charged_and_reported(Kind::Sqlite).await;
}

#[tokio::test]
async fn cost_is_charged_and_reported_on_postgres() {
    cost_is_charged_and_reported(Kind::Postgres).await;
}

/// The processor time of this thread so far, in nanoseconds.
fn spent() -> u64 {
    let reported = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    reported.split_whitespace().next().unwrap().parse().unwrap()
}

/// The classic attacks, each a body.
fn attacks() -> Vec<(&'static str, Value)> {
    let fragments = |n: usize| {
        (0..n).map(|i| format!(" fragment F{i} on Query {{ ...F{} ...F{} }}", i + 1, i + 1)).collect::<String>()
    };
    let nested = |n: usize| "projects { nodes { client { ".repeat(n) + "id" + &" } } }".repeat(n);
    let ids: Vec<_> = (0..20_000).map(|_| "01890a5d-ac96-774b-bcce-b302099a8057").collect();
    let of_ids = "query($f: ClientFilter) { clients(filter: $f) { nodes { id } } }";
    let query = |query: String| json!({ "query": query });
    vec![
        (
            "10,000 aliases",
            query(format!("{{ {} }}", (0..10_000).map(|i| format!("a{i}: viewer {{ name }} ")).collect::<String>())),
        ),
        (
            "1,600 aliases within the tokens",
            query(format!("{{ {} }}", (0..1600).map(|i| format!("a{i}:__typename ")).collect::<String>())),
        ),
        ("20,000 directives", query(format!("{{ viewer {{ name {} }} }}", "@a ".repeat(20_000)))),
        ("2,400 directives within the tokens", query(format!("{{ viewer {{ name {} }} }}", "@a ".repeat(2400)))),
        ("deep nesting", query(format!("{{ {} }}", nested(150)))),
        ("deeper nesting", query("{a".repeat(2400))),
        ("brackets of a value", query(format!("{{ viewer(a: {}", "[".repeat(4900)))),
        (
            "a fragment that spreads itself",
            query("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".into()),
        ),
        ("fragments that double", query(format!("{{ ...F0 }} {}", fragments(350)))),
        ("fragments that double and come to nothing", query(format!("{{ ...F0 }} {}", fragments(30)))),
        (
            "fragments that double in another operation",
            json!({
                "query": format!("query A {{ viewer {{ name }} }} query B {{ ...F0 }} {}", fragments(30)),
                "operationName": "A",
            }),
        ),
        ("huge lists of ids", json!({ "query": of_ids, "variables": { "f": { "id": ids } } })),
        (
            "an introspection bomb",
            query(format!(
                "{{ __schema {{ types {{ {} name {} }} }} }}",
                "fields { type { ".repeat(8),
                " } }".repeat(8)
            )),
        ),
        (
            "a hundred introspections",
            query(format!(
                "{{ {} }}",
                (0..100)
                    .map(|i| format!("a{i}: __schema {{ types {{ fields {{ args {{ name }} }} }} }} "))
                    .collect::<String>()
            )),
        ),
        ("a batch", Value::Array(vec![query("{ viewer { name } }".into()); 1000])),
        ("1 MB of whitespace", query(" ".repeat(1_000_000))),
    ]
}

/// The classic attacks are refused at about the cost of reading them: within 50 ms of processor time, which this
/// unoptimised build may take several times over, and within a few plain requests of the same machine.
#[tokio::test]
async fn attacks_are_refused_cheaply() {
    let world = World::on(Kind::Sqlite).await;
    let fixtures = Fixtures::new(&world).await;
    let owner = &fixtures.home.owner;
    // The second plain request is the measure: the first one warms up.
    let mut plain = 0;
    for _ in 0..2 {
        let before = spent();
        world
            .graphql(owner, "{ clients(first: 1) { nodes { id projects { nodes { id } } } } }", json!({}))
            .await
            .graphql();
        plain = spent() - before;
    }
    for (name, attack) in attacks() {
        let body = attack.to_string();
        let call =
            world.call(Method::POST, "/graphql").token(owner).header("content-type", "application/json").body(body);
        let before = spent();
        let answer = call.send().await;
        let cost = spent() - before;
        println!("{name}: {:.1} ms, {:.1} plain requests", cost as f64 / 1e6, cost as f64 / plain as f64);
        assert!(answer.text().len() < 100_000, "{name} answers {} bytes", answer.text().len());
        assert!(cost < 50_000_000 * SLOWER, "{name} costs {} ms", cost / 1_000_000);
        assert!(REFUSALS.map(Value::from).contains(&answer.graphql_error()["code"]), "{name}: {}", answer.text());
    }
}

/// The codes of what was wrong with a request, and not with us.
const REFUSALS: [&str; 2] = ["bad_request", "validation_error"];

/// How much slower than the released one the build of the tests may be.
const SLOWER: u64 = if cfg!(debug_assertions) { 4 } else { 1 };

/// What was refused leaves nothing behind: the memory of a server that was attacked for long is that of one that was
/// attacked once.
#[tokio::test]
async fn attacks_leave_the_memory_flat() {
    let database = PrivateDatabase::empty(Kind::Sqlite).await;
    let server = Running::start(&database.url, &["--rate-limit-scale", "1000", "--log", "warn"]);
    let token = owner_of(&database.url);
    let round = async || {
        for (name, attack) in attacks() {
            let body = attack.to_string();
            let head = format!(
                "POST /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let mut stream = TcpStream::connect(&server.address).await.unwrap();
            stream.write_all((head + &body).as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            let refused = REFUSALS.iter().any(|code| answer.contains(&format!("\"code\":\"{code}\"")));
            assert!(answer.contains("\"errors\":[") && refused, "{name}: {answer}");
        }
    };
    // The buffers that an allocator retains per thread exist after the first rounds.
    for _ in 0..12 {
        round().await;
    }
    let before = resident(server.pid());
    for _ in 0..20 {
        round().await;
    }
    let grown = resident(server.pid()).saturating_sub(before);
    println!("20 rounds of attacks: {:.1} MiB", grown as f64 / 1_048_576.0);
    assert!(grown < 8 * 1_048_576, "{grown}");
}

/// An operation that takes longer than 15 s is cancelled, reported as such, and has no effect.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_has_a_deadline() {
    let world = World::on(Kind::Postgres).await;
    let fixtures = Fixtures::new(&world).await;
    let look = || world.graphql(&fixtures.home.owner, "{ clients { nodes { id } } }", json!({}));
    let create = || {
        let document = json!({ "query": "mutation { createClient(input: { name: \"Globex\" }) { client { id } } }" });
        world.call(Method::POST, "/graphql").token(&fixtures.home.owner).key("k").json(document).send()
    };
    let db = world.database.connect().await;
    let lock = db.begin().await.unwrap();
    lock.execute_unprepared("LOCK TABLE client IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let began = std::time::Instant::now();
    for answer in <[Answer; 2]>::from(tokio::join!(look(), create())) {
        assert_eq!(
            (answer.status.as_u16(), answer.graphql_error()["code"].as_str()),
            (503, Some("internal")),
            "{}",
            answer.text()
        );
        assert_eq!(answer.graphql_error()["reason"], "unavailable");
        assert!(
            answer.text().contains("longer than 15 s") && answer.header("retry-after").is_some(),
            "{}",
            answer.text()
        );
        assert!(answer.header("x-ratelimit-remaining").is_some());
    }
    assert!(began.elapsed() >= service::OPERATION_TIMEOUT);
    lock.rollback().await.unwrap();
    assert_eq!(look().await.graphql()["clients"]["nodes"], json!([]));
    let made = create().await;
    assert_eq!(made.header("idempotent-replayed"), None);
    assert_eq!(look().await.graphql()["clients"]["nodes"], json!([made.graphql()["createClient"]["client"]]));
}
