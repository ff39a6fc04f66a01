//! The request to a receiver: the envelope, the headers, and signatures that independent code verifies.

use poem::http::{HeaderMap, HeaderValue};
use serde_json::json;
use standardwebhooks::Webhook;
use tests::{Fixtures, Received, Receiver, on_both};

use super::new_endpoint;

/// The library of Standard Webhooks, as its users have it: the secret with its own prefix.
fn library(secret: &str) -> Webhook {
    Webhook::new(&secret.replacen("wsk_", "whsec_", 1)).unwrap()
}

/// The headers of a delivery that was signed this many seconds ago.
fn headers(received: &Received) -> HeaderMap {
    received.headers.clone()
}

on_both! {
    /// The envelope says what happened, with the record as GET gives it to an Owner; the headers say who sent it.
    async fn an_event_arrives_as_it_is_documented(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::answering(200).await;
        let endpoint = new_endpoint(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        let created = world.post(&fixtures.home.owner, "/api/v1/clients", json!({ "name": "Globex", "defaultRate": "150.00" })).await;
        assert_eq!(world.app.deliver_due().await.unwrap(), 1);

        let received = receiver.received();
        let (sent, event) = (&received[0], received[0].json());
        let id = event["id"].as_str().unwrap();
        let (client, seconds) = (created.data(201), world.clock.now().seconds());
        assert_eq!(
            event,
            json!({ "id": id, "type": "client.created", "created": seconds, "orgId": fixtures.home.id, "livemode": true,
                "data": { "client": client } })
        );
        assert_eq!(sent.path, "/hook");
        assert_eq!(sent.header("content-type"), "application/json");
        assert_eq!(sent.header("user-agent"), format!("Hoursmith/{}", env!("CARGO_PKG_VERSION")));
        assert_eq!((sent.header("webhook-id"), sent.header("webhook-timestamp")), (id, seconds.to_string().as_str()));
        let secret = endpoint["secret"].as_str().unwrap();
        let digest = hmac_of_python(secret, &format!("{seconds}.{}", sent.body));
        assert_eq!(sent.header("hoursmith-signature"), format!("t={seconds},v1={digest}"));
        let listed = world.get(&fixtures.home.owner, &format!("/api/v1/events/{id}")).await;
        assert!(listed.text().contains(&sent.body), "the envelope as sent: {}", listed.text());
    }
}

/// HMAC-SHA256 in hexadecimal, by a program that shares no code with ours: Python, as the documentation shows it.
pub(super) fn hmac_of_python(key: &str, message: &str) -> String {
    let program = "import hashlib, hmac, sys; print(hmac.new(sys.argv[1].encode(), sys.argv[2].encode(), hashlib.sha256).hexdigest())";
    let output = std::process::Command::new("python3").args(["-c", program, key, message]).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn the_standard_webhooks_library_accepts_our_deliveries_and_nothing_else() {
    // The library asks the machine for the time.
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64;
    let world = tests::World::on(tests::Kind::Sqlite).await;
    world.clock.advance(now - tests::START.millis());
    let fixtures = Fixtures::new(&world).await;
    let receiver = Receiver::answering(204).await;
    let secret = new_endpoint(&world, &fixtures.home, &receiver.url, &["client.created"]).await["secret"].clone();
    fixtures.home.client(&world, "Globex").await;
    world.app.deliver_due().await.unwrap();
    let received = receiver.received();
    let (sent, ours) = (&received[0], library(secret.as_str().unwrap()));
    ours.verify(sent.body.as_bytes(), &headers(sent)).expect("the library accepts what we send");

    let tampered = sent.body.replace("Globex", "Glopex");
    assert!(ours.verify(tampered.as_bytes(), &headers(sent)).is_err());
    let other = service::webhook::Secret::random().unwrap().text();
    assert!(library(&other).verify(sent.body.as_bytes(), &headers(sent)).is_err());
    // Signed well, some time ago: what was recorded a minute ago still counts, what was ten minutes ago does not.
    for (ago, counts) in [(60, true), (600, false)] {
        let then = sent.header("webhook-timestamp").parse::<i64>().unwrap() - ago;
        let mut late = headers(sent);
        let signature = ours.sign(sent.header("webhook-id"), then, sent.body.as_bytes()).unwrap();
        late.insert("webhook-timestamp", HeaderValue::from(then));
        late.insert("webhook-signature", HeaderValue::from_str(&signature).unwrap());
        assert_eq!(ours.verify(sent.body.as_bytes(), &late).is_ok(), counts, "{ago} s ago");
    }
    let mut renamed = headers(sent);
    renamed.insert("webhook-id", HeaderValue::from_static("another"));
    assert!(ours.verify(sent.body.as_bytes(), &renamed).is_err());
}

on_both! {
    /// Each attempt is signed afresh, with the id and the body of the first; a rotated secret signs from then on, and the
    /// old one beside it for as long as was chosen.
    async fn every_attempt_is_signed_for_its_own_instant(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::answering(500).await;
        let endpoint = new_endpoint(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        let (id, old) = (endpoint["id"].as_str().unwrap(), endpoint["secret"].as_str().unwrap());
        fixtures.home.client(&world, "Globex").await;
        world.app.deliver_due().await.unwrap();
        let path = format!("/api/v1/webhook-endpoints/{id}/rotate-secret");
        let rotated = world.post(&fixtures.home.owner, &path, json!({ "overlapSeconds": 60 })).await.data(200);
        let new = rotated["secret"].as_str().unwrap();
        assert_ne!(new, old);
        assert!(new.starts_with(rotated["secretPrefix"].as_str().unwrap()));
        for wait in [6_000, 61_000] {
            world.clock.advance(wait);
            assert_eq!(world.app.deliver_due().await.unwrap(), 1);
        }
        let received = receiver.received();
        let digest = |secret: &str, sent: &Received| {
            let timestamp = sent.header("webhook-timestamp");
            format!(",v1={}", hmac_of_python(secret, &format!("{timestamp}.{}", sent.body)))
        };
        let signature = |i: usize| received[i].header("hoursmith-signature").split_once(',').map(|(_, rest)| format!(",{rest}")).unwrap();
        assert_eq!(signature(0), digest(old, &received[0]));
        assert_eq!(signature(1), digest(new, &received[1]) + &digest(old, &received[1]));
        assert_eq!(received[1].header("webhook-signature").split(' ').count(), 2);
        assert_eq!(signature(2), digest(new, &received[2]));
        assert!(received.iter().all(|sent| sent.body == received[0].body && sent.header("webhook-id") == received[0].header("webhook-id")));
        let times: std::collections::BTreeSet<_> = received.iter().map(|sent| sent.header("webhook-timestamp").to_owned()).collect();
        assert_eq!(times.len(), 3);
    }
}
