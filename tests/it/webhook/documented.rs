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

/// How the check of a language is run with a secret, a header and a body: prints whether they fit. `None` where the machine
/// does not have the language.
fn check(language: &str, values: [&str; 3]) -> Option<bool> {
    let program = match language {
        "go" => "go",
        "python" => "python3",
        other => other,
    };
    Command::new(program).arg(if language == "go" { "version" } else { "--version" }).output().ok()?;
    let folder = tests::database::folder().join(format!("verify-{language}"));
    std::fs::create_dir_all(&folder).unwrap();
    let save = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let mut command = Command::new(program);
    command.current_dir(&folder);
    let code = block(language);
    match language {
        "python" => {
            let main = "\nimport sys\nprint(verify(sys.argv[1], sys.argv[2], sys.argv[3].encode()))\n";
            let none = "assert not verify('x', None, b'')\n";
            command.args(["-c", &(code + main + none)]);
        }
        "ruby" => {
            command.args(["-e", &(code + "\nputs verify(*ARGV)\n")]);
        }
        "php" => {
            save("verify.php", &(code + "\necho verify($argv[1], $argv[2], $argv[3]) ? 'true' : 'false';\n"));
            command.arg("verify.php");
        }
        "go" => {
            save("verify.go", &code);
            let main = "func main() { fmt.Println(verify(os.Args[1], os.Args[2], []byte(os.Args[3]))) }";
            save("main.go", &format!("package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\n{main}\n"));
            command.args(["run", "verify.go", "main.go"]).env("GOCACHE", folder.join("cache"));
            command.env("HOME", &folder);
        }
        other => panic!("no way to run {other}"),
    }
    let output = command.args(values).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap().trim().to_lowercase();
    assert!(output.status.success(), "{language}: {printed} {}", String::from_utf8_lossy(&output.stderr));
    Some(printed.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checks_in_every_language_take_what_we_sign_and_nothing_else() {
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
    let signature = sent.header("hoursmith-signature");
    let tampered = sent.body.replace("Globex", "Glopex");
    let sent_at = sent.header("webhook-timestamp").parse::<i64>().unwrap();
    // Signed well, some time ago.
    let signed = |ago: i64| {
        let then = sent_at - ago;
        format!("t={then},v1={}", hmac_of_python(&secret, &format!("{then}.{}", sent.body)))
    };
    let (recent, late) = (signed(60), signed(600));
    // While a secret is rotated, two signatures are sent.
    let two = format!("{},v1={}", signature.replace("v1=", "v1=00"), signature.split("v1=").nth(1).unwrap());
    let strange = format!("t={sent_at},v1=é,v1,=");
    for language in ["python", "ruby", "php", "go"] {
        for (secret, signature, body, fits) in [
            (&*secret, signature, &*sent.body, true),
            (&secret, &two, &sent.body, true),
            (&secret, &recent, &sent.body, true),
            (&secret, &late, &sent.body, false),
            (&secret, signature, &tampered, false),
            ("wsk_other", signature, &sent.body, false),
            (&secret, "", &sent.body, false),
            (&secret, "v1", &sent.body, false),
            (&secret, "t=abc,v1=00", &sent.body, false),
            (&secret, &strange, &sent.body, false),
        ] {
            let found = check(language, [secret, signature, body]);
            assert!(found.is_none_or(|found| found == fits), "{language}: {signature}");
            assert!(found.is_some() || language != "python", "Python is always there");
        }
    }
}
