//! From SQLite to PostgreSQL and back, with everything in it.

use std::collections::BTreeMap;

use sea_orm::ConnectionTrait;
use serde_json::json;
use tests::{Fixtures, Kind, PrivateDatabase, World, counted};

use super::refused;
use crate::running::{command, json};

const LISTS: [&str; 16] = [
    "clients?sort=name",
    "clients?search=c",
    "projects?sort=-updatedAt",
    "tasks?sort=dueDate",
    "time-entries?sort=-durationSeconds",
    "time-entries?sort=entryDate",
    "expenses?sort=amount",
    "invoices?sort=number",
    "members",
    "tokens",
    "webhook-endpoints?includeDeleted=true",
    "webhook-deliveries",
    "events?sort=createdAt",
    "reports/time?groupBy=project,month&timeZone=Europe/Berlin",
    "reports/expenses?groupBy=category",
    "reports/invoices?groupBy=status",
];

/// Every page of every list, and the reports, byte by byte.
async fn shown(world: &World, token: &str) -> BTreeMap<String, Vec<String>> {
    let mut shown = BTreeMap::new();
    for list in LISTS {
        let mut pages = Vec::new();
        let mut cursor = String::new();
        loop {
            let more = if list.contains('?') { "&" } else { "?" };
            let paged = if list.starts_with("reports") { String::new() } else { format!("{more}limit=200{cursor}") };
            let answer = world.get(token, &format!("/api/v1/{list}{paged}")).await;
            assert_eq!(answer.status, 200, "{list}: {}", answer.text());
            pages.push(answer.text());
            match answer.json()["pagination"]["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        shown.insert(list.to_owned(), pages);
    }
    shown
}

/// A world with something in every table, and some thousands of entries.
async fn filled(kind: Kind) -> (World, Fixtures) {
    let world = World::on(kind).await;
    let fixtures = Fixtures::new(&world).await;
    let home = &fixtures.home;
    let owner = &home.owner;
    let body = json!({ "url": "https://hooks.example.com/in", "events": ["client.created", "task.created"] });
    world.post(owner, "/api/v1/webhook-endpoints", body).await.data(201);
    let project = home.project_with_member(&world, "Tab\tand\nline \\N 'quoted' \u{1f600} Ünï").await;
    let task = home.task(&world, "T").await;
    home.entry(&world, owner, &project).await;
    let start = json!({ "projectId": project });
    world.post(&home.member, "/api/v1/time-entries/start", start).await.data(201);
    let client = home.client(&world, "Gone").await;
    home.expense(&world, &client, "12.3456").await;
    home.invoice(&world, &client).await;
    assert_eq!(world.delete(owner, &format!("/api/v1/tasks/{task}")).await.status, 204);
    world.app.deliver_due().await.unwrap();
    let bytes = match kind {
        Kind::Sqlite => "randomblob(32)",
        Kind::Postgres => "sha256(convert_to(gen_random_uuid()::text, 'UTF8'))",
    };
    let new = kind.new_id();
    let signed_in = format!(
        "INSERT INTO login_link (id, organization_id, member_id, hash, created_at, expires_at) \
         SELECT {new}, organization_id, id, {bytes}, 1, 2 FROM member; \
         INSERT INTO session (id, organization_id, member_id, hash, sign_in_method, address, created_at, seen_at, expires_at, ends_at) \
         SELECT {new}, organization_id, id, {bytes}, 'link', '127.0.0.1', 1, 1, 2, 3 FROM member; \
         INSERT INTO passkey (id, organization_id, member_id, name, credential_id, credential, created_at) \
         SELECT {new}, organization_id, id, 'Key', {bytes}, '{{}}', 1 FROM member; \
         INSERT INTO spent_challenge (hash, expires_at) VALUES ({bytes}, 2)"
    );
    world.database.connect().await.execute_unprepared(&signed_in).await.unwrap();
    let (series, id) = (counted(4_000), kind.new_id());
    let sql = format!(
        "{series} INSERT INTO time_entry (id, organization_id, user_id, project_id, duration_seconds, billable, search_key, note, \
         entry_date, version, created_at, updated_at) SELECT {id}, organization_id, user_id, project_id, 60 * (i % 500), i % 3 = 0, \
         'n' || i, 'N' || i, entry_date, 1, created_at + i % 97, updated_at + i FROM n, time_entry WHERE note = 'an hour'"
    );
    world.database.connect().await.execute_unprepared(&sql).await.unwrap();
    (world, fixtures)
}

async fn on_another(world: &World, url: &str) -> World {
    let url = url.to_owned();
    world.replica(world.clock.clone(), |config| config.database_url = url).await
}

/// Byte-equal lists and reports, the same tokens, keys and secrets; and back again.
async fn everything_is_copied(from: Kind, to: Kind) {
    let (world, fixtures) = filled(from).await;
    let home = &fixtures.home;
    let keyed = |name: &str| json!({ "name": name });
    let send = async |world: &World| {
        let call = world.call(poem::http::Method::POST, "/api/v1/clients").token(&home.owner).key("a-key-of-before");
        call.json(keyed("Once")).send().await
    };
    let first = send(&world).await;
    first.data(201);
    let (target, back) = (PrivateDatabase::empty(to).await, PrivateDatabase::empty(from).await);
    let before = shown(&world, &home.owner).await;
    let copied = json("sqlite://unused.db", &["copy", "--from", &world.database.url, "--to", &target.url]);
    assert!(copied["rows"].as_u64().unwrap() > 4_000, "{copied}");
    for table in copied["tables"].as_array().unwrap() {
        let empty = ["webhook_attempt"].iter().any(|name| table["name"] == *name);
        assert!(empty || table["rows"].as_u64().unwrap() > 0, "nothing in {table} was tried");
    }
    let moved = on_another(&world, &target.url).await;
    assert_eq!(shown(&moved, &home.owner).await, before);
    assert_eq!(moved.get(&home.member, "/api/v1/me").await.data(200)["role"], "MEMBER", "old tokens work");
    let replayed = send(&moved).await;
    assert_eq!((replayed.header("idempotent-replayed"), replayed.text()), (Some("true"), first.text()));
    // Its secret can be opened, so that deliveries are signed.
    let rotated =
        moved.get(&home.owner, "/api/v1/webhook-endpoints").await.data(200)[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/webhook-endpoints/{rotated}/test");
    let call = moved.call(poem::http::Method::POST, &path).token(&home.owner);
    // The keys of before are taken over too, so that this one must be new.
    call.key("a-key-of-afterwards").json(json!({})).send().await.data(201);
    moved.app.deliver_due().await.unwrap();
    moved.app.close().await.unwrap();

    let full = refused(command("sqlite://unused.db", &["copy", "--from", &world.database.url, "--to", &target.url]));
    assert!(full.contains("not empty"), "{full}");
    let source = on_another(&world, &target.url).await;
    let now = shown(&source, &home.owner).await;
    json("sqlite://unused.db", &["copy", "--from", &target.url, "--to", &back.url]);
    assert_eq!(shown(&on_another(&world, &back.url).await, &home.owner).await, now);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_copied_from_sqlite_to_postgres_and_back() {
    everything_is_copied(Kind::Sqlite, Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_copied_from_postgres_to_sqlite_and_back() {
    everything_is_copied(Kind::Postgres, Kind::Sqlite).await;
}

/// What cannot be copied whole is not begun.
#[tokio::test]
async fn a_copy_refuses_what_it_should() {
    let (from, to) = (PrivateDatabase::new(Kind::Sqlite).await, PrivateDatabase::empty(Kind::Postgres).await);
    let try_it = |from: &str, to: &str| refused(command("sqlite://unused.db", &["copy", "--from", from, "--to", to]));
    assert!(try_it(&from.url, &from.url).contains("same database"));
    assert!(try_it("sqlite:///nowhere/x.db", &to.url).contains("there is no database"));
    assert!(try_it("mysql://x", &to.url).contains("--from must begin with"));
    let db = from.connect().await;
    db.execute_unprepared("CREATE TABLE of_another_release (id INTEGER PRIMARY KEY)").await.unwrap();
    assert!(try_it(&from.url, &to.url).contains("of_another_release"));
    db.execute_unprepared("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_later', 0)")
        .await
        .unwrap();
    assert!(try_it(&from.url, &to.url).contains("m9999_later"));
}
