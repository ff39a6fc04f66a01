//! Ten thousand rows, every sort, both directions, nulls and ties, while somebody else writes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::{Cast, Kind, on_both};

const ROWS: usize = 10_000;

/// Copies of a project, past the door: a third without a due date, a hundred names, three states.
fn copies(kind: Kind) -> String {
    let (series, id, date) = match kind {
        Kind::Sqlite => (
            format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) "),
            "randomblob(16)",
            "CASE WHEN i % 3 = 0 THEN NULL ELSE date('2026-01-01', '+' || (i % 50) || ' days') END",
        ),
        Kind::Postgres => (
            format!("WITH n(i) AS (SELECT generate_series(1, {ROWS})) "),
            "gen_random_uuid()",
            "CASE WHEN i % 3 = 0 THEN NULL ELSE DATE '2026-01-01' + (i % 50) END",
        ),
    };
    format!(
        "{series} INSERT INTO project (id, organization_id, client_id, name, name_key, search_key, status, rate_type,
            due_date, version, created_at, updated_at)
         SELECT {id}, p.organization_id, p.client_id, 'n' || (i % 100), 'n' || (i % 100), 'still', 10 + 10 * (i % 3), 10,
            {date}, 1, 1000 + i / 7, 1000 + i / 5 FROM project p, n"
    )
}

on_both! {
    /// Every unchanged row comes exactly once.
    async fn every_unchanged_row_comes_once(world: World) {
        let cast = Cast::new(&world).await;
        let owner = cast.home.owner.clone();
        let first = cast.home.project(&world, "first").await;
        let client = world.get(&owner, &format!("/api/v1/projects/{first}")).await.data(200)["clientId"].clone();
        world.database.connect().await.execute_unprepared(&copies(world.database.kind)).await.unwrap();

        let world = Arc::new(world);
        let done = Arc::new(AtomicBool::new(false));
        let (other, ended, token) = (world.clone(), done.clone(), owner.clone());
        // Somebody else: makes a project, renames one, deletes one, over and over.
        let writer = tokio::spawn(async move {
            let mut own: Vec<String> = Vec::new();
            let mut round = 0;
            while !ended.load(Ordering::Relaxed) {
                round += 1;
                let new = json!({ "clientId": client, "name": format!("n{}", round % 100), "dueDate": "2026-01-20" });
                own.push(other.post(&token, "/api/v1/projects", new).await.id());
                let path = |id: &str| format!("/api/v1/projects/{id}");
                let renamed = json!({ "name": format!("n{}", (round * 7) % 100), "dueDate": null });
                other.patch(&token, &path(&own[round % own.len()]), renamed).await.data(200);
                if own.len() > 20 {
                    let gone = own.swap_remove(round % own.len());
                    assert_eq!(other.delete(&token, &path(&gone)).await.status, 204);
                }
            }
            round
        });
        for sort in ["createdAt", "dueDate", "id", "name", "startDate", "status", "updatedAt"] {
            for direction in ["", "-"] {
                let mut seen: HashMap<String, usize> = HashMap::new();
                let mut cursor = String::new();
                for page in 0.. {
                    assert!(page < 200, "{direction}{sort} has no end");
                    let path = format!("/api/v1/projects?limit=200&sort={direction}{sort}{cursor}");
                    let answer = world.get(&owner, &path).await;
                    let json = answer.json();
                    for row in json["data"].as_array().unwrap_or_else(|| panic!("{json}")) {
                        // Rows of the copies were made long before the clock of this world begins.
                        if row["createdAt"].as_str().unwrap().starts_with("1970") {
                            *seen.entry(row["id"].as_str().unwrap().to_owned()).or_default() += 1;
                        }
                    }
                    match &json["pagination"]["nextCursor"] {
                        Value::String(next) => cursor = format!("&cursor={next}"),
                        _ => break,
                    }
                }
                assert_eq!(seen.len(), ROWS, "{direction}{sort}");
                assert!(seen.values().all(|times| *times == 1), "{direction}{sort} repeats rows");
            }
        }
        done.store(true, Ordering::Relaxed);
        assert!(writer.await.unwrap() > 20, "nobody wrote meanwhile");
    }
}
