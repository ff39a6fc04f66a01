//! Sixty-four connections send one key at once: one of them creates the record, the others receive the same response.

use std::sync::Arc;

use serde_json::json;
use tests::Kind;

use crate::load::Client;
use crate::server::{Environment, Fleet, Settings};

const DUPLICATES: u64 = 64;
const ROUNDS: i64 = 50;

/// The replicas take turns; whichever is asked, the answer is the same.
async fn concurrent_duplicates(kind: Kind, replicas: usize) {
    let _turn = crate::SERIAL.lock().await;
    let environment = Environment::new(kind).await;
    let fleet = Arc::new(Fleet::start(&environment.database.url, replicas, Settings::default()));
    let client = Arc::new(Client::new(fleet, &environment).await);
    for round in 0..ROUNDS {
        let calls: Vec<_> = (0..DUPLICATES)
            .map(|choice| {
                let client = client.clone();
                let (key, body) = (format!("duplicate-{round}"), json!({ "name": "Duplicate" }));
                tokio::spawn(async move { client.post_once("/api/v1/clients", &body, &key, choice).await })
            })
            .collect();
        let mut reply = Vec::new();
        for call in calls {
            reply.push(call.await.unwrap().expect("a connection broke, or it was no 201"));
        }
        assert!(reply.iter().all(|(one, _)| *one == reply[0].0 && one.status == 201), "round {round}");
        assert_eq!(reply.iter().filter(|(_, replayed)| !replayed).count(), 1, "round {round}");
    }
    let counted = async |sql: &str| environment.database.number(sql).await;
    assert_eq!(counted("SELECT COUNT(*) AS n FROM client WHERE name = 'Duplicate'").await, ROUNDS);
    assert_eq!(counted("SELECT COUNT(*) AS n FROM event WHERE body LIKE '%\"Duplicate\"%'").await, ROUNDS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn sixty_four_connections_create_one_on_sqlite() {
    concurrent_duplicates(Kind::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn sixty_four_connections_create_one_on_postgres() {
    concurrent_duplicates(Kind::Postgres, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn sixty_four_connections_to_three_servers_create_one() {
    concurrent_duplicates(Kind::Postgres, 3).await;
}
