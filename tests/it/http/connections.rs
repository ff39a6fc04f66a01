//! No connection is kept that makes no progress, and no client has more of them than its share.

use std::time::Duration;

use api::Limits;
use poem::http::Method;
use tests::{Kind, Listening, World};
use tokio::time::{Instant, sleep, timeout};

const SOON: Duration = Duration::from_secs(10);

/// Limits that a test can wait for.
fn short() -> Limits {
    let millis = Duration::from_millis;
    Limits {
        head_timeout: millis(400),
        idle_timeout: millis(1200),
        write_timeout: millis(800),
        drain_timeout: SOON,
        ..Limits::default()
    }
}

async fn listening(limits: Limits) -> (World, Listening) {
    let world = World::on(Kind::Sqlite).await;
    let listening = Listening::start(&world, limits);
    (world, listening)
}

/// A number of the metrics.
async fn metric(world: &World, line: &str) -> f64 {
    let page = world.app.metrics().await.unwrap();
    let found = page.lines().find_map(|text| text.strip_prefix(line)?.trim().parse().ok());
    found.unwrap_or(0.0)
}

/// Waits for a number of the metrics.
async fn wait_for(world: &World, line: &str, wanted: impl Fn(f64) -> bool) {
    let until = Instant::now() + SOON;
    while !wanted(metric(world, line).await) {
        assert!(Instant::now() < until, "{line}: {}", metric(world, line).await);
        sleep(Duration::from_millis(20)).await;
    }
}

/// Half a head is cut at its deadline, however it arrives: one byte, a part, a part in drips, the preface of HTTP/2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unfinished_head_is_cut() {
    let (world, listening) = listening(short()).await;
    for part in ["G", "GET /healthz HTTP/1.1\r\nHost: x\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut raw = listening.connect().await;
        raw.send(part).await;
        raw.closed(SOON).await;
    }
    // After an answer as well.
    let mut raw = listening.connect().await;
    raw.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(raw.answer().await.0.starts_with("http/1.1 200"));
    raw.send("GET /healthz HTTP").await;
    raw.closed(SOON).await;
    // A byte every now and then does not help.
    let mut dripped = listening.connect().await;
    dripped.send("GET /healthz HTTP/1.1\r\n").await;
    let began = Instant::now();
    while timeout(Duration::from_millis(100), dripped.0.readable()).await.is_err() {
        assert!(began.elapsed() < SOON, "dripped for ever");
        let _ = dripped.0.try_write(b"a: b\r\n");
    }
    dripped.closed(SOON).await;
    assert_eq!(metric(&world, "hoursmith_http_connections_closed_total{reason=\"head\"}").await, 5.0);
}

/// A connection without a request is kept for the idle timeout, before and after an answer, over both versions of HTTP.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_is_closed() {
    let (world, listening) = listening(short()).await;
    let mut silent = listening.connect().await;
    let mut kept = listening.connect().await;
    for _ in 0..3 {
        kept.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(kept.answer().await.0.starts_with("http/1.1 200"));
        sleep(Duration::from_millis(600)).await;
    }
    assert_eq!(silent.closed(SOON).await, "");
    assert_eq!(kept.closed(SOON).await, "");
    assert_eq!(metric(&world, "hoursmith_http_connections_closed_total{reason=\"idle\"}").await, 2.0);
    wait_for(&world, "hoursmith_http_connections ", |open| open == 0.0).await;
}

/// A client that does not read its answers has its connection closed, and the server's memory back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unread_answer_is_given_up() {
    let (world, listening) = listening(short()).await;
    let mut raw = listening.connect_small().await;
    // Pipelined, so that the answers are larger than what the kernel takes.
    let asked = "GET /assets/graphiql.js HTTP/1.1\r\nHost: x\r\n\r\n".repeat(4);
    raw.send(asked).await;
    wait_for(&world, "hoursmith_http_connections_closed_total{reason=\"unread\"}", |closed| closed == 1.0).await;
    // One that reads slowly, but reads, gets all of it.
    let mut slow = listening.connect_small().await;
    slow.send("GET /api/openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let (mut read, began) = (0, Instant::now());
    let mut part = vec![0; 32 * 1024];
    loop {
        use tokio::io::AsyncReadExt;
        let got = timeout(SOON, slow.0.read(&mut part)).await.unwrap().unwrap();
        read += got;
        if got == 0 {
            break;
        }
        if began.elapsed() < Duration::from_millis(1500) {
            sleep(Duration::from_millis(100)).await;
        }
    }
    assert!(read > 300_000, "{read}");
}

/// Hundreds of half heads leave everybody else alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_heads_disturb_nobody() {
    let (_world, listening) = listening(Limits { head_timeout: SOON, ..short() }).await;
    let mut half = Vec::new();
    for _ in 0..400 {
        let mut raw = listening.connect().await;
        raw.send("GET / HTTP/1.1\r\n").await;
        half.push(raw);
    }
    let mut times = Vec::new();
    for _ in 0..50 {
        let began = Instant::now();
        let mut raw = listening.connect().await;
        raw.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(raw.closed(SOON).await.ends_with("ok\n"));
        times.push(began.elapsed());
    }
    times.sort();
    assert!(times[25] < Duration::from_millis(50), "{times:?}");
}

/// One address has a bounded number of connections: the next one is answered 429, and another address is not affected.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_has_its_share_of_connections() {
    let (world, listening) = listening(Limits { per_address: 3, idle_timeout: SOON, ..short() }).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(listening.connect().await);
    }
    let mut refused = listening.connect().await;
    let answer = refused.closed(SOON).await;
    assert!(answer.starts_with("HTTP/1.1 429") && answer.contains("\"code\":\"rate_limited\""), "{answer}");
    assert!(answer.contains("retry-after: ") && answer.contains("x-request-id: "), "{answer}");
    assert_eq!(metric(&world, "hoursmith_http_connections_refused_total{reason=\"address\"}").await, 1.0);
    // Another address, which on Linux is as local as the first.
    let other = tokio::net::TcpSocket::new_v4().unwrap();
    other.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = tests::Raw(other.connect(listening.address).await.unwrap());
    other.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(other.answer().await.0.starts_with("http/1.1 200"));
    // Places are given back.
    open.clear();
    wait_for(&world, "hoursmith_http_connections ", |open| open == 1.0).await;
    let mut again = listening.connect().await;
    again.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(again.answer().await.0.starts_with("http/1.1 200"));
}

/// With all places taken new connections wait, and idle ones are closed sooner to free some.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_closes_idle_connections() {
    let limits = Limits { connections: 16, per_address: 16, idle_timeout: Duration::from_secs(60), ..short() };
    let (world, listening) = listening(limits).await;
    let mut idle = Vec::new();
    for _ in 0..16 {
        idle.push(listening.connect().await);
    }
    let mut waiting = listening.connect().await;
    waiting.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(waiting.answer().await.0.starts_with("http/1.1 200"));
    assert!(metric(&world, "hoursmith_http_connections_refused_total{reason=\"all\"}").await >= 1.0);
}

/// A stop waits for the requests that run, and for nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_half_heads() {
    let limits = Limits { head_timeout: SOON, idle_timeout: 6 * SOON, ..short() };
    let (world, listening) = listening(limits).await;
    let (mut half, mut idle) = (listening.connect().await, listening.connect().await);
    half.send("GET /healthz HTTP/1.1\r\n").await;
    idle.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    idle.answer().await;
    let began = Instant::now();
    timeout(SOON, listening.stop()).await.expect("it stops");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    half.closed(SOON).await;
    idle.closed(SOON).await;
    assert_eq!(world.call(Method::GET, "/healthz").send().await.status, 200);
}

/// The time of an operation begins when its body is there. A body that comes slowly is one client's matter: its request is
/// answered, and the database is not taken for away, so that other requests go on.
async fn a_slow_body(kind: Kind) {
    let limit = Duration::from_millis(700);
    let world = World::with(kind, |config| config.operation_timeout = limit).await;
    let fixtures = tests::Fixtures::new(&world).await;
    let listening = Listening::start(&world, Limits::default());
    let body = r#"{"name":"Slow"}"#;
    let mut waiting = Vec::new();
    for i in 0..20 {
        let mut raw = listening.connect().await;
        let head = format!(
            "POST /api/v1/clients HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nIdempotency-Key: k{i}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            fixtures.home.owner,
            body.len()
        );
        raw.send(head).await;
        waiting.push(raw);
    }
    tokio::time::sleep_until(Instant::now() + limit + Duration::from_millis(300)).await;
    for raw in &mut waiting {
        raw.send(body).await;
        assert_eq!(world.get(&fixtures.other.owner, "/api/v1/clients?limit=1").await.status.as_u16(), 200);
        assert_eq!(world.call(Method::GET, "/readyz").send().await.status.as_u16(), 200);
    }
    for mut raw in waiting {
        let (head, _) = raw.answer().await;
        assert!(head.starts_with("http/1.1 201"), "{head}");
    }
}

#[tokio::test]
async fn a_slow_body_is_answered_and_delays_nobody_on_sqlite() {
    a_slow_body(Kind::Sqlite).await;
}

#[tokio::test]
async fn a_slow_body_is_answered_and_delays_nobody_on_postgres() {
    a_slow_body(Kind::Postgres).await;
}

/// One connection serves any number of requests, one after the other.
#[tokio::test]
async fn a_connection_is_used_for_thousands_of_requests() {
    let (_world, listening) = listening(Limits::default()).await;
    let mut raw = listening.connect().await;
    for number in 0..3_000 {
        raw.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let (head, _) = raw.answer().await;
        assert!(head.starts_with("http/1.1 200"), "request {number}: {head}");
    }
}

/// Sends a request and the beginning of the next one together, reads the answer, sends the rest, and so on.
async fn asks_in_pieces(listening: &Listening) {
    let mut raw = listening.connect().await;
    raw.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /hea").await;
    for turn in 0..3 {
        assert!(raw.answer().await.0.starts_with("http/1.1 200"), "turn {turn}");
        raw.send("lthz HTTP/1.1\r\nHost: x\r\n").await;
        raw.send("\r\nGET /hea").await;
    }
    assert!(raw.answer().await.0.starts_with("http/1.1 200"));
    raw.send("lthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(raw.closed(SOON).await.starts_with("HTTP/1.1 200"));
    let mut posts = listening.connect().await;
    let post = "POST /api/v1/clients HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n";
    for _ in 0..3 {
        posts.send(post).await;
        posts.send("{\"name\":1}\n").await;
        assert!(posts.answer().await.0.starts_with("http/1.1 401"));
    }
}

/// A connection without a request has no buffers: when many are open at once, and else after a second. Requests are served all
/// the same, however their heads arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_arrives_in_any_pieces_among_few_and_many_connections() {
    let (_world, listening) = listening(Limits::default()).await;
    asks_in_pieces(&listening).await;
    let mut many = vec![];
    for _ in 0..300 {
        many.push(listening.connect().await);
    }
    asks_in_pieces(&listening).await;
    for raw in &mut many {
        raw.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(raw.answer().await.0.starts_with("http/1.1 200"));
    }
}

/// Long heads share a bounded space, of which one address has a part. One that finds none is answered 503; short ones always
/// find a place, and the space is given back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_heads_share_their_space() {
    let (world, listening) = listening(Limits::default()).await;
    let long = format!("GET /healthz HTTP/1.1\r\nHost: x\r\na: {}\r\n", "x".repeat(40_000));
    let refused = "hoursmith_http_connections_refused_total{reason=\"head\"}";
    let mut held = vec![];
    while metric(&world, refused).await == 0.0 {
        assert!(held.len() < 200, "the space has no end");
        let mut raw = listening.connect().await;
        raw.send(&long).await;
        held.push(raw);
    }
    assert!(held.len() > 60, "{}", held.len());
    let mut last = listening.connect().await;
    last.send(&long).await;
    let (head, body) = last.answer().await;
    assert!(head.starts_with("http/1.1 503") && head.contains("retry-after: 1"), "{head}");
    assert!(body.contains("unavailable"), "{body}");
    let mut short = listening.connect().await;
    short.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(short.answer().await.0.starts_with("http/1.1 200"));
    drop(held);
    wait_for(&world, "hoursmith_http_connections ", |open| open <= 2.0).await;
    let mut again = listening.connect().await;
    again.send(format!("{long}\r\n")).await;
    assert!(again.answer().await.0.starts_with("http/1.1 200"));
}
