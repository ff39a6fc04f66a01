//! Every rejection reaches its sender, whatever was left unread, and in the envelope, also where the HTTP library makes it.

use std::process::{Command, Stdio};
use std::time::Duration;

use api::Limits;
use serde_json::Value;
use tests::{Fixtures, Kind, Listening, World};
use tokio::time::{Instant, sleep};

const SOON: Duration = Duration::from_secs(10);

async fn listening() -> (World, Listening) {
    let world = World::on(Kind::Sqlite).await;
    let listening = Listening::start(&world, Limits::default());
    (world, listening)
}

fn post(length: usize, more: &str) -> String {
    format!("POST /api/v1/clients HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{more}\r\n")
}

/// The envelope of an answer, and its request id.
#[track_caller]
fn envelope(answer: &(String, String)) -> Value {
    let json: Value = serde_json::from_str(&answer.1).unwrap_or_else(|_| panic!("{answer:?}"));
    let id = answer.0.lines().find_map(|line| line.strip_prefix("x-request-id: "));
    assert_eq!(json["error"]["requestId"].as_str(), id, "{answer:?}");
    json["error"].clone()
}

/// A body that nobody wants is read up to 1 MiB, and the connection goes on with the next request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_body_is_read_and_the_connection_goes_on() {
    let (_world, listening) = listening().await;
    let mut raw = listening.connect().await;
    for length in [10, 30_000, 300_000, 1_000_000] {
        raw.send(post(length, "")).await;
        raw.send("x".repeat(length)).await;
        let answer = raw.answer().await;
        assert!(answer.0.starts_with("http/1.1 401"), "{answer:?}");
        assert!(!answer.0.contains("connection: close"), "{answer:?}");
        assert_eq!(envelope(&answer)["code"], "unauthenticated");
    }
}

/// A larger one is answered with `Connection: close`, and read on for a while, so that the answer is not lost in a reset.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_too_large_is_answered_and_not_reset() {
    let (_world, listening) = listening().await;
    for length in [1_100_000, 8_000_000] {
        let mut raw = listening.connect().await;
        raw.send(post(length, "")).await;
        raw.send("x".repeat(length)).await;
        let answer = raw.answer().await;
        assert!(answer.0.starts_with("http/1.1 401") && answer.0.contains("connection: close"), "{answer:?}");
        assert_eq!(raw.closed(SOON).await, "");
    }
    // In chunks, without an announcement.
    let mut raw = listening.connect().await;
    raw.send("POST /api/v1/clients HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for _ in 0..40 {
        raw.send(format!("{:x}\r\n{}\r\n", 100_000, "x".repeat(100_000))).await;
    }
    raw.send("0\r\n\r\n").await;
    assert!(raw.answer().await.0.starts_with("http/1.1 401"));
}

/// A client that asks first whether a body is welcome is refused before it sends the body.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_asks_first_sends_no_body() {
    let (_world, listening) = listening().await;
    let mut raw = listening.connect().await;
    let began = Instant::now();
    raw.send(post(500_000, "Expect: 100-continue\r\n")).await;
    let answer = raw.answer().await;
    assert!(answer.0.starts_with("http/1.1 401"), "{answer:?}");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

/// What the HTTP library refuses has the envelope and a request id as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_request_is_answered_in_the_envelope() {
    let (_world, listening) = listening().await;
    let many = (0..200).map(|i| format!("a{i}: b\r\n")).collect::<String>();
    for (sent, status) in [
        ("nonsense\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n"), "431"),
        ("GET /healthz HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n".to_owned(), "400"),
    ] {
        let mut raw = listening.connect().await;
        raw.send(&sent).await;
        let answer = raw.answer().await;
        assert!(answer.0.starts_with(&format!("http/1.1 {status}")), "{sent:?}: {answer:?}");
        assert_eq!(envelope(&answer)["code"], "bad_request", "{sent:?}");
        assert!(answer.0.contains("vary: authorization, accept, origin, accept-encoding"), "{answer:?}");
    }
    let mut old = listening.connect().await;
    old.send("GET /healthz HTTP/1.0\r\n\r\n").await;
    assert!(old.answer().await.0.contains("200"), "HTTP/1.0 needs no Host");
}

/// A proxy, killed when this is dropped.
struct Nginx(std::process::Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// Behind nginx as the system installs it, every rejection arrives as it is, and none as 502.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_nginx_no_rejection_becomes_a_502() {
    let (_world, listening) = listening().await;
    let folder = std::env::temp_dir().join(format!("hoursmith-nginx-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (at, upstream) = (folder.display(), listening.address);
    let temporary =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {at}/{kind};"));
    let config = format!(
        "daemon off; pid {at}/pid; error_log {at}/error.log; events {{}} http {{ access_log off; {} \
         client_max_body_size 20m; server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{upstream}; }} }} }}",
        temporary.join(" ")
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, config).unwrap();
    let nginx = Command::new("nginx").arg("-c").arg(&file).stderr(Stdio::null()).spawn();
    let _nginx = Nginx(nginx.expect("tests need their tools: run `make test`"));
    let until = Instant::now() + SOON;
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "nginx does not listen");
        sleep(Duration::from_millis(50)).await;
    }
    let client = reqwest::Client::new();
    let url = format!("http://127.0.0.1:{port}/api/v1/clients");
    for (method, path, length, status, count) in [
        ("POST", "", 20_000, 401, 40),
        ("POST", "", 300_000, 401, 40),
        ("POST", "/nowhere/at/all", 100_000, 404, 40),
        ("PUT", "", 100_000, 405, 40),
        ("POST", "", 2_000_000, 401, 10),
        ("POST", "", 8_000_000, 401, 5),
    ] {
        for _ in 0..count {
            let request = client.request(method.parse().unwrap(), format!("{url}{path}")).body(vec![b'x'; length]);
            let answer = request.send().await.unwrap();
            // Many bad credentials from one address are answered 429.
            let expected = [status, if status == 401 { 429 } else { status }];
            assert!(expected.contains(&answer.status().as_u16()), "{method} {path} {length}: {}", answer.status());
        }
    }
    drop(_nginx);
    let _ = std::fs::remove_dir_all(&folder);
}

/// A body of no chunks is no body: what takes none is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_no_chunks_is_no_body() {
    let (world, listening) = listening().await;
    let fixtures = Fixtures::new(&world).await;
    let project = fixtures.home.project(&world, "P").await;
    for (key, kind) in [("a", ""), ("b", "Content-Type: application/json\r\n"), ("c", "Content-Type: text/plain\r\n")] {
        let mut raw = listening.connect().await;
        let token = &fixtures.home.owner;
        raw.send(format!(
            "POST /api/v1/projects/{project}/archive HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
             Idempotency-Key: {key}\r\n{kind}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ))
        .await;
        let answer = raw.answer().await;
        assert!(answer.0.starts_with("http/1.1 200"), "{kind}: {answer:?}");
    }
}
