//! A client that retries makes one of everything.

use poem::http::Method;
use serde_json::{Value, json};
use service::value::Role;
use tests::{Answer, Cast, World, on_both};

use super::time_entries::events;

async fn post(world: &World, token: &str, key: &str, body: &str) -> Answer {
    let call = world.call(Method::POST, "/api/v1/clients").token(token).key(key);
    call.header("content-type", "application/json").body(body.to_owned()).send().await
}

on_both! {
    /// The first answer comes again, byte for byte, and is marked; another request under the key is refused.
    async fn a_retry_is_answered_as_the_first_was(world: World) {
        let cast = Cast::new(&world).await;
        let owner = &cast.home.owner;
        let body = r#"{"name":"Globex","defaultRate":1.50}"#;
        let first = post(&world, owner, "k 1".trim_end_matches(" 1"), body).await;
        first.data(201);
        assert_eq!(first.header("idempotent-replayed"), None);
        for same in [body, r#"{ "defaultRate": 15e-1, "name": "Globex" }"#] {
            let again = post(&world, owner, "\"k\"", same).await;
            assert_eq!((again.status, &again.bytes), (first.status, &first.bytes));
            for header in ["location", "etag", "content-type"] {
                assert_eq!(again.header(header), first.header(header), "{header}");
            }
            assert_eq!(again.header("idempotent-replayed"), Some("true"));
            assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
        }
        let other = post(&world, owner, "k", r#"{"name":"Initech"}"#).await.error(409, "conflict");
        assert_eq!(other["reason"], "idempotency_mismatch");
        let elsewhere = world.call(Method::POST, "/api/v1/projects").token(owner).key("k").json(json!({ "name": "x", "clientId": first.id() }));
        assert_eq!(elsewhere.send().await.error(409, "conflict")["reason"], "idempotency_mismatch");
        // Another member's key is another key; an error leaves a key free.
        post(&world, &cast.home.manager, "k", body).await.data(201);
        post(&world, owner, "free", r#"{"name":""}"#).await.fields();
        post(&world, owner, "free", body).await.data(201);
        assert_eq!(events(&world, "client.created").await, 3);
        // A day later the key is dead.
        world.clock.advance(24 * 3_600_000);
        let later = post(&world, owner, "k", body).await;
        assert_ne!(later.id(), first.id());
    }
}

on_both! {
    /// A replay passes role and scope first; after a change of role the answer is not shown again.
    async fn a_replay_is_for_the_same_role(world: World) {
        let cast = Cast::new(&world).await;
        let admin = &cast.home.admin;
        post(&world, admin, "k", r#"{"name":"A"}"#).await.data(201);
        let set = async |role| service::member::set_role(&world.operator(), cast.home.id, "admin@home.example", role).await;
        set(Role::Manager).await.unwrap();
        post(&world, admin, "k", r#"{"name":"A"}"#).await.error(409, "conflict");
        set(Role::Member).await.unwrap();
        post(&world, admin, "k", r#"{"name":"A"}"#).await.error(403, "forbidden_scope");
    }
}

on_both! {
    /// PATCH and DELETE take a key too.
    async fn changes_and_deletes_are_replayed(world: World) {
        let cast = Cast::new(&world).await;
        let owner = &cast.home.owner;
        let path = format!("/api/v1/clients/{}", cast.home.client(&world, "C").await);
        let patch = async || {
            let call = world.call(Method::PATCH, &path).token(owner).key("p").header("if-match", "\"1\"");
            call.json(json!({ "name": "D" })).send().await
        };
        let (first, again) = (patch().await, patch().await);
        assert_eq!((first.data(200), first.header("etag")), (again.data(200), again.header("etag")));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        for replayed in [None, Some("true")] {
            let gone = world.call(Method::DELETE, &path).token(owner).key("d").send().await;
            assert_eq!((gone.status.as_u16(), gone.header("idempotent-replayed")), (204, replayed));
        }
    }
}

on_both! {
    /// Sixty-four at once under one key: one is made, the others are given the same bytes.
    async fn twins_make_one(world: World) {
        let cast = Cast::new(&world).await;
        let owner = &cast.home.owner;
        let mut all = Vec::new();
        for _ in 0..64 {
            let call = world.call(Method::POST, "/api/v1/clients").token(owner).key("twin").json(json!({ "name": "T" }));
            all.push(tokio::spawn(call.send()));
        }
        let mut answers = Vec::new();
        for call in all {
            answers.push(call.await.unwrap());
        }
        assert!(answers.iter().all(|answer| answer.status == 201), "{:?}", answers.iter().map(|a| a.status).collect::<Vec<_>>());
        assert!(answers.iter().all(|answer| answer.bytes == answers[0].bytes));
        let fresh = answers.iter().filter(|answer| answer.header("idempotent-replayed").is_none()).count();
        assert_eq!(fresh, 1);
        assert_eq!(events(&world, "client.created").await, 1);
        let rows = world.get(owner, "/api/v1/clients").await.data(200);
        assert_eq!(rows.as_array().map(Vec::len), Some(1));
    }
}

on_both! {
    /// In GraphQL the header goes with exactly one mutation; the stored record is selected again.
    async fn graphql_takes_the_same_key(world: World) {
        let cast = Cast::new(&world).await;
        let owner = &cast.home.owner;
        let send = async |query: &str| {
            let call = world.call(Method::POST, "/graphql").token(owner).key("g");
            call.json(json!({ "query": query })).send().await
        };
        let query = "mutation { createClient(input: { name: \"G\" }) { client { id name version } } }";
        let (first, again) = (send(query).await.graphql(), send(query).await.graphql());
        assert_eq!(first, again);
        let other = send("mutation { createClient(input: { name: \"H\" }) { client { id } } }").await;
        assert_eq!(other.graphql_error()["reason"], "idempotency_mismatch");
        let two = "mutation { a: createClient(input: { name: \"A\" }) { client { id } } b: createClient(input: { name: \"B\" }) { client { id } } }";
        let refused = send(two).await;
        assert_eq!((refused.status.as_u16(), &refused.graphql_error()["code"]), (422, &json!("validation_error")));
        let rest = post(&world, owner, "g", r#"{"name":"G"}"#).await.error(409, "conflict");
        assert_eq!(rest["reason"], "idempotency_mismatch");
        assert_eq!(world.get(owner, "/api/v1/clients").await.data(200).as_array().map(Vec::len), Some(1));
        let _: Value = first;
    }
}
