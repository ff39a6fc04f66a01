//! Redis fails, hangs and returns: requests go on, each change is logged once, and buckets are shared again.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tests::Kind;

use crate::load::Client;
use crate::server::{Environment, Fleet, Settings};

/// A Redis of this test's own.
struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    fn start(port: u16) -> Redis {
        let program = std::env::var("HOURSMITH_TEST_REDIS_SERVER").expect("run `make test` or `make test-faults`");
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--requirepass", "pass-word"]);
        let child = command.current_dir(tests::database::folder()).stdout(Stdio::null()).spawn().unwrap();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::yield_now();
        }
        Redis { child, port }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn requests_go_on_without_redis() {
    let _turn = crate::SERIAL.lock().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let environment = Environment::new(Kind::Sqlite).await;
    let flags = vec!["--redis-url".to_owned(), format!("redis://:pass-word@127.0.0.1:{free}/0")];
    let settings = Settings { flags, ..Settings::default() };
    // It is not there yet when the server starts.
    let fleet = Arc::new(Fleet::start(&environment.database.url, 1, settings));
    let client = Client::new(fleet.clone(), &environment).await;
    let reported = |words: &str| fleet.with(0, |server| server.log().matches(words).count());
    let (away, back) = ("Redis does not answer", "Redis answers again");
    let ask = async |times: usize| {
        for _ in 0..times {
            assert_eq!(client.get("/api/v1/me").await, 200);
        }
    };
    let until_back = async |times: usize| {
        let began = Instant::now();
        while reported(back) < times {
            ask(1).await;
            assert!(began.elapsed() < Duration::from_secs(20), "it did not come back: {}", fleet.with(0, |s| s.log()));
        }
    };
    ask(50).await;
    assert_eq!((reported(away), reported(back)), (1, 0));

    let redis = Redis::start(free);
    until_back(1).await;
    ask(50).await;
    assert_eq!((reported(away), reported(back)), (1, 1));

    // It hangs: one request waits for it now and then, the others do not.
    redis.signal("STOP");
    let began = Instant::now();
    ask(200).await;
    assert!(began.elapsed() < Duration::from_secs(10), "each request waited: {:?}", began.elapsed());
    assert_eq!((reported(away), reported(back)), (2, 1));
    redis.signal("CONT");
    until_back(2).await;

    // It dies, and comes back empty.
    let port = redis.port;
    drop(redis);
    ask(50).await;
    assert_eq!(reported(away), 3);
    let _redis = Redis::start(port);
    until_back(3).await;
    ask(50).await;
    assert_eq!((reported(away), reported(back)), (3, 3));
    assert!(!fleet.with(0, |server| server.log()).contains("pass-word"));
}
