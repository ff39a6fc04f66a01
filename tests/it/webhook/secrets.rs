//! Secrets: shown once and stored encrypted, in stored replies too.

use poem::http::Method;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;
use service::{App, Clock, Config, SecretKey};
use tests::{Fixtures, Receiver, World, on_both};

use super::{deliveries, new_endpoint};

/// Everything that is stored in the tables that a secret may have come into, as text.
async fn stored(world: &World) -> String {
    let db = world.database.connect().await;
    let mut all = String::new();
    for sql in [
        "SELECT body AS t FROM idempotency_key",
        "SELECT url || events || secret_prefix AS t FROM webhook_endpoint",
        "SELECT body AS t FROM event",
    ] {
        for row in db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap() {
            all += &row.try_get::<String>("", "t").unwrap();
        }
    }
    for row in db
        .query_all_raw(Statement::from_string(db.get_database_backend(), "SELECT secret AS t FROM webhook_endpoint"))
        .await
        .unwrap()
    {
        all += &String::from_utf8_lossy(&row.try_get::<Vec<u8>>("", "t").unwrap());
    }
    all
}

on_both! {
    /// A secret is in the answer that made it and in its replays, and nowhere else: neither in other answers nor in the
    /// database, where even the stored answer is sealed.
    async fn a_secret_is_shown_once_and_stored_sealed(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let body = json!({ "url": "https://hooks.example.com/", "events": ["client.created"] });
        let create = async || world.call(Method::POST, "/api/v1/webhook-endpoints").token(owner).key("c").json(body.clone()).send().await;
        let (first, again) = (create().await, create().await);
        assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
        assert_eq!((first.bytes.clone(), again.header("idempotent-replayed")), (again.bytes.clone(), Some("true")));
        let secret = first.data(201)["secret"].as_str().unwrap().to_owned();
        assert!(secret.starts_with("wsk_") && secret.len() == 48, "{secret}");
        let standard = secret.replacen("wsk_", "whsec_", 1);
        assert_eq!(first.data(201)["standardSecret"], standard, "as libraries of Standard Webhooks take it");
        let path = format!("/api/v1/webhook-endpoints/{}", first.id());
        let rotate = async || {
            let call = world.call(Method::POST, &format!("{path}/rotate-secret")).token(owner).key("r");
            call.json(json!({ "overlapSeconds": 3600 })).send().await
        };
        let (rotated, rotated_again) = (rotate().await, rotate().await);
        assert_eq!(rotated.bytes, rotated_again.bytes);
        let next = rotated.data(200)["secret"].as_str().unwrap().to_owned();
        assert_eq!(rotated.data(200)["standardSecret"], next.replacen("wsk_", "whsec_", 1));

        for path in [path.as_str(), "/api/v1/webhook-endpoints"] {
            let shown = world.get(owner, path).await;
            assert!(!shown.text().contains("\"secret\"") && !shown.text().contains("whsec_"), "{}", shown.text());
        }
        let changed = world.patch(owner, &path, json!({ "description": "d" })).await.data(200);
        assert!(changed.get("secret").is_none());
        let query = "{ webhookEndpoints { nodes { secret secretPrefix } } }";
        assert_eq!(world.graphql(owner, query, json!({})).await.graphql()["webhookEndpoints"]["nodes"][0]["secret"], json!(null));
        let all = stored(&world).await;
        assert!(all.contains("sealed:"));
        for secret in [secret, next] {
            assert!(!all.contains(&secret[10..]), "a secret lies open in the database");
        }
    }
}

on_both! {
    /// In GraphQL the same, with the secret beside the endpoint too.
    async fn graphql_shows_a_secret_once_too(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let query = "mutation($i: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $i) { secret standardSecret webhookEndpoint { id secret standardSecret events } } }";
        let input = json!({ "i": { "url": "https://hooks.example.com/", "events": ["task.completed", "client.created"] } });
        let call = async || {
            let body = json!({ "query": query, "variables": input });
            world.call(Method::POST, "/graphql").token(&fixtures.home.owner).key("g").json(body).send().await.graphql()
        };
        let (made, again) = (call().await, call().await);
        assert_eq!(made, again);
        let made = &made["createWebhookEndpoint"];
        assert_eq!(made["secret"], made["webhookEndpoint"]["secret"]);
        assert!(made["standardSecret"].as_str().unwrap().starts_with("whsec_"));
        assert_eq!(made["standardSecret"], made["webhookEndpoint"]["standardSecret"]);
        assert_eq!(made["webhookEndpoint"]["events"], json!(["task.completed", "client.created"]));
    }
}

on_both! {
    /// A key that was put behind a new one still opens; a server that has lost it loses nothing: what it cannot sign stays
    /// pending, and is sent when the key is back.
    async fn keys_are_rotated_and_a_lost_key_loses_no_delivery(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::answering(200).await;
        new_endpoint(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        fixtures.home.client(&world, "Globex").await;
        let with = async |keys: &[&str]| {
            let config = Config {
                secret_keys: keys.iter().filter_map(|key| SecretKey::from_base64(key)).collect(),
                webhook_allow: vec!["127.0.0.0/8".parse().unwrap()],
                ..Config::new(&world.database.url)
            };
            let clock: Clock = world.clock.clone();
            App::connect(config, clock).await.unwrap()
        };
        let other = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
        with(&[other]).await.deliver_due().await.unwrap();
        assert_eq!(receiver.received().len(), 0);
        let lost = with(&[other]).await;
        assert_eq!(lost.deliver_due().await.unwrap(), 0, "what it cannot sign it does not attempt");
        let waiting = deliveries(&world, &fixtures.home).await.pop().unwrap();
        assert_eq!((waiting["status"].as_str(), waiting["attemptCount"].as_i64()), (Some("pending"), Some(0)));
        // At once: a process that lacks the key has no lease on what waits for it.
        assert_eq!(with(&[other, tests::SECRET_KEY]).await.deliver_due().await.unwrap(), 1);
        assert_eq!(receiver.received().len(), 1);
    }
}
