//! The receivers of `docs/webhooks.md`, run unchanged.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tests::{Fixtures, Kind, Receiver, World};

use super::signatures::hmac_of_python;
use super::{deliveries, new_endpoint};

/// The block of the page in this language.
fn block(language: &str) -> String {
    let page = include_str!("../../../docs/webhooks.md");
    let rest = page.split(&format!("```{language}\n")).nth(1).expect("the page has such a block");
    rest.split("```").next().unwrap().to_owned()
}

/// A program that ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A world at this machine's time, which is what receivers compare with.
async fn world_at_current_time() -> World {
    let world = World::on(Kind::Sqlite).await;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64;
    world.clock.advance(now - tests::START.millis());
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_receiver_in_javascript_takes_what_we_sign_and_nothing_else() {
    let world = world_at_current_time().await;
    let fixtures = Fixtures::new(&world).await;
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/");
    let secret =
        new_endpoint(&world, &fixtures.home, &url, &["client.created"]).await["secret"].as_str().unwrap().to_owned();
    let file = tests::database::folder().join("receiver.mjs");
    std::fs::write(&file, block("js")).unwrap();
    let node = Command::new("node")
        .arg(&file)
        .env("PORT", port.to_string())
        .env("WEBHOOK_SECRET", &secret)
        .stdout(Stdio::null())
        .spawn();
    let _node = Program(node.unwrap());
    let until = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "the receiver does not listen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    fixtures.home.client(&world, "Globex").await;
    world.app.deliver_due().await.unwrap();
    let taken = deliveries(&world, &fixtures.home).await.pop().unwrap();
    assert_eq!((&taken["status"], &taken["lastResponseStatus"]), (&"succeeded".into(), &204.into()));

    // Another secret, and a signature of another time.
    let stranger = new_endpoint(&world, &fixtures.home, &url, &["project.created"]).await["id"].clone();
    fixtures.home.project(&world, "P").await;
    world.app.deliver_due().await.unwrap();
    world.clock.advance(600_000);
    fixtures.home.client(&world, "Initech").await;
    world.app.deliver_due().await.unwrap();
    let refused: Vec<_> =
        deliveries(&world, &fixtures.home).await.into_iter().filter(|d| d["lastResponseStatus"] == 400).collect();
    assert_eq!(refused.len(), 2);
    assert!(refused.iter().any(|delivery| delivery["endpointId"] == stranger));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_check_in_python_takes_what_we_sign_and_nothing_else() {
    let world = world_at_current_time().await;
    let fixtures = Fixtures::new(&world).await;
    let receiver = Receiver::answering(200).await;
    let secret = new_endpoint(&world, &fixtures.home, &receiver.url, &["client.created"]).await["secret"]
        .as_str()
        .unwrap()
        .to_owned();
    fixtures.home.client(&world, "Globex").await;
    world.app.deliver_due().await.unwrap();
    let sent = receiver.received().pop().unwrap();
    let program = block("python") + "\nimport sys\nprint(verify(sys.argv[1], sys.argv[2], sys.argv[3].encode()))\n";
    let check = |secret: &str, signature: &str, body: &str| {
        let output = Command::new("python3").args(["-c", &program, secret, signature, body]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let signature = sent.header("hoursmith-signature");
    assert_eq!(check(&secret, signature, &sent.body), "True");
    assert_eq!(check(&secret, signature, &sent.body.replace("Globex", "Glopex")), "False");
    assert_eq!(check("wsk_other", signature, &sent.body), "False");
    // Signed well, some time ago.
    for (ago, counts) in [(60, "True"), (600, "False")] {
        let then = sent.header("webhook-timestamp").parse::<i64>().unwrap() - ago;
        let late = format!("t={then},v1={}", hmac_of_python(&secret, &format!("{then}.{}", sent.body)));
        assert_eq!(check(&secret, &late, &sent.body), counts, "{ago} s ago");
    }
    assert_eq!(check(&secret, "", &sent.body), "False");
}
