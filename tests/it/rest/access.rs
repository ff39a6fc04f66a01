//! What a caller may is what they may now: a change counts from the next request, on every replica, however it was made.

use std::time::Duration;

use poem::http::Method;
use sea_orm::ConnectionTrait;
use serde_json::json;
use service::value::{Plan, Role, TokenScope};
use service::{member, organization, token};
use tests::{Fixtures, World, mint, on_both};
use tokio::time::Instant;

/// Runs a statement past the program.
async fn by_hand(world: &World, sql: &str) {
    let db = world.database.connect().await;
    db.execute_unprepared(sql).await.unwrap();
    db.close().await.unwrap();
}

on_both! {
    /// A token that was revoked, by the program or by hand, lets in nowhere from the next request on.
    async fn a_revoked_token_lets_in_nowhere(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let replica = world.replica(world.clock.clone(), |_| {}).await;
        let client = home.client(&world, "C").await;
        let paths = ["/api/v1/clients".to_owned(), format!("/api/v1/clients/{client}"), "/api/v1/me".to_owned()];
        let (began, mut round) = (Instant::now(), 0);
        // A thousand rounds where the machine makes them in that time.
        while round < 1000 && (round < 40 || began.elapsed() < Duration::from_secs(10)) {
            let token = mint(&world, home.id, "admin@home.example", TokenScope::Write).await;
            let path = &paths[round % 3];
            for world in [&world, &replica, &replica] {
                assert_eq!(world.get(&token, path).await.status, 200);
            }
            let prefix = token.split('_').nth(2).unwrap().to_owned();
            match round % 3 {
                0 => { token::revoke_by_prefix(&world.operator(), &prefix).await.unwrap(); }
                1 => by_hand(&world, &format!("UPDATE token SET revoked_at = 1 WHERE prefix = '{prefix}'")).await,
                _ => by_hand(&world, &format!("DELETE FROM token WHERE prefix = '{prefix}'")).await,
            }
            for world in [&replica, &world] {
                world.get(&token, path).await.error(401, "unauthenticated");
                world.get(&token, &paths[0]).await.error(401, "unauthenticated");
                // Neither is anything else said to it.
                world.get(&token, "/api/v1/clients?limit=0").await.error(401, "unauthenticated");
                world.get(&token, "/api/v1/clients/none").await.error(401, "unauthenticated");
                world.get(&token, "/api/v1/me?x=1").await.error(401, "unauthenticated");
                world.post(&token, "/api/v1/clients", json!({ "name": "no" })).await.error(401, "unauthenticated");
                for document in ["{ __typename }", "{ clients { nodes { id projects { nodes { id } } } } }"] {
                    assert_eq!(world.graphql(&token, document, json!({})).await.status, 401);
                }
            }
            round += 1;
        }
    }
}

on_both! {
    /// Role, plan and membership count from the next request on, both when they give and when they take.
    async fn a_changed_role_counts_from_the_next_request(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, operator) = (&fixtures.home, world.operator());
        let replica = world.replica(world.clock.clone(), |_| {}).await;
        let project = home.project_with_member(&world, "P").await;
        home.project(&world, "Q").await;
        let (token, email) = (&home.member, "member@home.example");
        for round in 0..10 {
            for world in [&world, &replica] {
                world.get(token, "/api/v1/clients").await.error(403, "forbidden_scope");
                let projects = world.get(token, "/api/v1/projects").await.data(200);
                assert_eq!(projects.as_array().unwrap().len(), 1);
                assert!(!projects.to_string().contains("hourlyRate"), "a Member sees no money");
                world.get(token, "/api/v1/projects?includeDeleted=true").await.error(403, "forbidden_scope");
            }
            match round % 2 {
                0 => { member::set_role(&operator, home.id, email, Role::Manager).await.unwrap(); }
                _ => by_hand(&world, "UPDATE member SET role = (SELECT role FROM member WHERE email = 'manager@home.example' LIMIT 1) WHERE email = 'member@home.example'").await,
            }
            for world in [&replica, &world] {
                assert_eq!(world.get(token, "/api/v1/projects?includeDeleted=true").await.status, 200);
                let projects = world.get(token, "/api/v1/projects").await.data(200);
                assert_eq!(projects.as_array().unwrap().len(), 2);
                assert!(world.get(token, &format!("/api/v1/projects/{project}")).await.data(200).get("hourlyRate").is_some());
                assert_eq!(world.get(token, "/api/v1/clients").await.status, 200);
            }
            member::set_role(&operator, home.id, email, Role::Member).await.unwrap();
            for world in [&world, &replica] {
                assert!(world.get(token, &format!("/api/v1/projects/{project}")).await.data(200).get("hourlyRate").is_none());
            }
        }
        organization::set_plan(&operator, home.id, Plan::Free).await.unwrap();
        for world in [&replica, &world] {
            world.get(token, "/api/v1/projects").await.error(402, "forbidden_plan");
        }
        organization::set_plan(&operator, home.id, Plan::Studio).await.unwrap();
        for world in [&replica, &world] {
            assert_eq!(world.get(token, "/api/v1/projects").await.status, 200);
        }
        member::remove(&operator, home.id, email).await.unwrap();
        for world in [&replica, &world] {
            world.get(token, "/api/v1/projects").await.error(401, "unauthenticated");
        }
    }
}

on_both! {
    /// A get and a list are one round trip to the database each, and a deep page too.
    async fn a_read_is_one_round_trip(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = fixtures.home.client(&world, "C").await;
        for i in 0..5 {
            fixtures.home.client(&world, &format!("C{i}")).await;
        }
        let cursor = world.get(owner, "/api/v1/clients?limit=2").await.json()["pagination"]["nextCursor"].clone();
        let deep = format!("/api/v1/clients?limit=2&cursor={}", cursor.as_str().unwrap());
        for path in [format!("/api/v1/clients/{client}"), "/api/v1/clients?limit=2".to_owned(), deep] {
            assert_eq!(world.get(owner, &path).await.status, 200);
            let before = world.app.database_round_trips();
            assert_eq!(world.get(owner, &path).await.status, 200);
            assert_eq!(world.app.database_round_trips() - before, 1, "{path}");
        }
        // Not found, and nothing in a list, are answers of the same statement.
        let other = fixtures.other.client(&world, "D").await;
        for (path, status) in [(format!("/api/v1/clients/{other}"), 404), ("/api/v1/clients?id=00000000-0000-7000-8000-000000000000".to_owned(), 200)] {
            let before = world.app.database_round_trips();
            assert_eq!(world.call(Method::GET, &path).token(owner).send().await.status, status);
            assert_eq!(world.app.database_round_trips() - before, 1, "{path}");
        }
    }
}

/// The same over GraphQL: who asks is confirmed by the statement that reads what is asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_graphql_read_is_one_round_trip_a_level() {
    for kind in [tests::Kind::Postgres, tests::Kind::Sqlite] {
        let world = World::on(kind).await;
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = fixtures.home.client(&world, "C").await;
        fixtures.home.project(&world, "P").await;
        for (query, trips) in [
            (format!("{{ client(id: \"{client}\") {{ id name }} }}"), 1),
            ("{ clients(first: 2) { nodes { id } } }".to_owned(), 1),
            ("{ clients(first: 2) { nodes { id projects(first: 2) { nodes { id } } } } }".to_owned(), 2),
            ("{ __typename }".to_owned(), 1),
        ] {
            world.graphql(owner, &query, json!({})).await;
            let before = world.app.database_round_trips();
            world.graphql(owner, &query, json!({})).await;
            assert_eq!(world.app.database_round_trips() - before, trips, "{query}");
        }
    }
}
