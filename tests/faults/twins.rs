//! Sixty-four connections send one key at once: one of them makes the record, the others are told the same.

use std::sync::Arc;

use serde_json::json;
use tests::Kind;

use crate::load::Client;
use crate::server::{Fleet, Ground, Settings};

const TWINS: u64 = 64;
const ROUNDS: i64 = 50;

/// The replicas take turns; whichever is asked, the answer is the same.
async fn twins(kind: Kind, replicas: usize) {
    let _turn = crate::TURN.lock().await;
    let ground = Ground::new(kind).await;
    let fleet = Arc::new(Fleet::start(&ground.database.url, replicas, Settings::default()));
    let client = Arc::new(Client::new(fleet, &ground).await);
    for round in 0..ROUNDS {
        let calls: Vec<_> = (0..TWINS)
            .map(|choice| {
                let client = client.clone();
                let (key, body) = (format!("twin-{round}"), json!({ "name": "Twin" }));
                tokio::spawn(async move { client.post_once("/api/v1/clients", &body, &key, choice).await })
            })
            .collect();
        let mut heard = Vec::new();
        for call in calls {
            heard.push(call.await.unwrap().expect("a connection broke, or it was no 201"));
        }
        assert!(heard.iter().all(|(one, _)| *one == heard[0].0 && one.status == 201), "round {round}");
        assert_eq!(heard.iter().filter(|(_, replayed)| !replayed).count(), 1, "round {round}");
    }
    let counted = async |sql: &str| ground.database.number(sql).await;
    assert_eq!(counted("SELECT COUNT(*) AS n FROM client WHERE name = 'Twin'").await, ROUNDS);
    assert_eq!(counted("SELECT COUNT(*) AS n FROM event WHERE body LIKE '%\"Twin\"%'").await, ROUNDS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn sixty_four_connections_make_one_on_sqlite() {
    twins(Kind::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn sixty_four_connections_make_one_on_postgres() {
    twins(Kind::Postgres, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn sixty_four_connections_to_three_servers_make_one() {
    twins(Kind::Postgres, 3).await;
}
