//! A client that retries with an idempotency key creates one record.

use poem::http::Method;
use sea_orm::ConnectionTrait;
use serde_json::json;
use service::value::{Plan, Role, TokenScope};
use tests::{Answer, Fixtures, World, counted, mint, on_both};

use super::limits::rate_limit;
use super::time_entries::events;

async fn post(world: &World, token: &str, key: &str, body: &str) -> Answer {
    let call = world.call(Method::POST, "/api/v1/clients").token(token).key(key);
    call.header("content-type", "application/json").body(body.to_owned()).send().await
}

on_both! {
    /// The first response is returned again, byte for byte, and marked; another request with the key is refused.
    async fn a_retry_gets_the_first_response(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
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
        post(&world, &fixtures.home.manager, "k", body).await.data(201);
        post(&world, owner, "free", r#"{"name":""}"#).await.fields();
        post(&world, owner, "free", body).await.data(201);
        assert_eq!(events(&world, "client.created").await, 3);
        // A day later the key has expired.
        world.clock.advance(24 * 3_600_000);
        let later = post(&world, owner, "k", body).await;
        assert_ne!(later.id(), first.id());
    }
}

on_both! {
    /// A replay checks role and scope first; after a change of role the reply is not returned again.
    async fn a_replay_is_for_the_same_role(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let admin = &fixtures.home.admin;
        post(&world, admin, "k", r#"{"name":"A"}"#).await.data(201);
        let set = async |role| service::member::set_role(&world.operator(), fixtures.home.id, "admin@home.example", role).await;
        set(Role::Manager).await.unwrap();
        // Whether this process remembers it or not.
        for world in [&world, &world.replica(world.clock.clone(), |_| {}).await] {
            let refused = post(world, admin, "k", r#"{"name":"A"}"#).await;
            assert_eq!(refused.error(409, "conflict")["reason"], "idempotency_role_changed");
            assert!(!refused.text().contains("\"data\""), "{}", refused.text());
        }
        assert_eq!(events(&world, "client.created").await, 1);
        set(Role::Member).await.unwrap();
        post(&world, admin, "k", r#"{"name":"A"}"#).await.error(403, "forbidden_scope");
    }
}

on_both! {
    /// A key belongs to a person, not to a token: a retry with a new token is a replay, if that token has permission.
    async fn a_replay_checks_token_scope_and_plan(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, body) = (&fixtures.home, r#"{"name":"A"}"#);
        let first = post(&world, &home.admin, "k", body).await;
        first.data(201);
        let email = "admin@home.example";
        let rotated = mint(&world, home.id, email, TokenScope::Write).await;
        let again = post(&world, &rotated, "k", body).await;
        assert_eq!((again.header("idempotent-replayed"), &again.bytes), (Some("true"), &first.bytes));
        let reads = mint(&world, home.id, email, TokenScope::Read).await;
        post(&world, &reads, "k", body).await.error(403, "forbidden_scope");
        let prefix = rotated.split('_').nth(2).unwrap();
        service::token::revoke_by_prefix(&world.operator(), prefix).await.unwrap();
        post(&world, &rotated, "k", body).await.error(401, "unauthenticated");
        service::organization::set_plan(&world.operator(), home.id, Plan::Free).await.unwrap();
        post(&world, &home.admin, "k", body).await.error(402, "forbidden_plan");
        assert_eq!(events(&world, "client.created").await, 1);
    }
}

on_both! {
    /// A key has 1 to 255 characters, bare or in quotes; both forms are the same key.
    async fn keys_are_validated(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (owner, longest) = (&fixtures.home.owner, "k".repeat(255));
        post(&world, owner, &longest, r#"{"name":"A"}"#).await.data(201);
        let again = post(&world, owner, &format!("\"{longest}\""), r#"{"name":"A"}"#).await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        for bad in ["", "\"\"", "\"open", "\"", "two words", &"k".repeat(256), &format!("\"{}\"", "k".repeat(256))] {
            let fields = post(&world, owner, bad, r#"{"name":"A"}"#).await.fields();
            assert!(fields["Idempotency-Key"].is_string(), "{bad}: {fields}");
        }
        for path in ["/api/v1/clients", "/graphql"] {
            let body = json!({ "name": "A", "query": "mutation { createClient(input: { name: \"A\" }) { client { id } } }" });
            let call = world.call(Method::POST, path).token(owner).header("idempotency-key", "a").header("idempotency-key", "b");
            let two = call.json(body).send().await;
            assert!(two.text().contains("send a header `Idempotency-Key`"), "{path}: {}", two.text());
        }
    }
}

on_both! {
    /// PATCH and DELETE take a key too.
    async fn changes_and_deletes_are_replayed(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let path = format!("/api/v1/clients/{}", fixtures.home.client(&world, "C").await);
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
    /// A write of another process is replayed by a process that does not know it, even where executing it twice would be
    /// refused: a name that is taken by now, a timer that has stopped, a version that is no more, a record that is gone.
    async fn requests_of_another_process_are_replayed(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        let client = fixtures.home.client(&world, "C").await;
        let entry = json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11" });
        let (mut timer, mut endpoint) = (String::new(), String::new());
        let hook = json!({ "url": "https://hooks.example/", "events": ["task.created"] });
        for (i, what) in ["external", "start", "stop", "archive", "batch", "stale", "delete", "hook", "rotate", "unhook"].iter().enumerate() {
            let (method, path, body) = match *what {
                "external" => (Method::POST, "/clients".into(), json!({ "name": "E", "externalId": "e-1" })),
                "start" => (Method::POST, "/time-entries/start".into(), json!({ "projectId": project })),
                "stop" => (Method::POST, format!("/time-entries/{timer}/stop"), json!({})),
                "archive" => (Method::POST, format!("/projects/{project}/archive"), json!({})),
                "batch" => (Method::POST, "/time-entries/batch".into(), json!({ "timeEntries": [entry, entry] })),
                "stale" => (Method::PATCH, format!("/clients/{client}"), json!({ "name": "D" })),
                "delete" => (Method::DELETE, format!("/clients/{client}"), json!({})),
                "hook" => (Method::POST, "/webhook-endpoints".into(), hook.clone()),
                "rotate" => (Method::POST, format!("/webhook-endpoints/{endpoint}/rotate-secret"), json!({})),
                _ => (Method::DELETE, format!("/webhook-endpoints/{endpoint}"), json!({})),
            };
            if *what == "batch" {
                world.post(owner, &format!("/api/v1/projects/{project}/restore"), json!({})).await.data(200);
            }
            let key = format!("{i}");
            let send = async |world: &World| {
                let call = world.call(method.clone(), &format!("/api/v1{path}")).token(owner).key(&key);
                let call = if *what == "stale" { call.header("if-match", "\"1\"") } else { call };
                let call = if method == Method::DELETE { call } else { call.json(body.clone()) };
                call.send().await
            };
            let first = send(&world).await;
            assert!(first.status.is_success() && first.header("idempotent-replayed").is_none(), "{what}: {}", first.text());
            match *what {
                "start" => timer = first.id(),
                "hook" => endpoint = first.id(),
                _ => {}
            }
            let reported = world.events().await.len();
            let other = world.replica(world.clock.clone(), |_| {}).await;
            let again = send(&other).await;
            assert_eq!((again.status, &again.bytes), (first.status, &first.bytes), "{what}: {}", again.text());
            for header in ["location", "etag", "content-type"] {
                assert_eq!(again.header(header), first.header(header), "{what}: {header}");
            }
            assert_eq!(again.header("idempotent-replayed"), Some("true"), "{what}");
            // Nor does the key do something else there, be it possible or not.
            let other = world.replica(world.clock.clone(), |_| {}).await;
            for name in ["N", ""] {
                let refused = post(&other, owner, &key, &json!({ "name": name }).to_string()).await;
                match name {
                    "" => drop(refused.fields()),
                    _ => assert_eq!(refused.error(409, "conflict")["reason"], "idempotency_mismatch", "{what}"),
                }
            }
            assert_eq!(world.events().await.len(), reported, "{what}");
        }
    }
}

on_both! {
    /// In GraphQL the header goes with exactly one mutation; the stored record is selected again.
    async fn graphql_takes_the_same_key(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let send = async |query: &str| {
            let call = world.call(Method::POST, "/graphql").token(owner).key("g");
            call.json(json!({ "query": query })).send().await
        };
        let query = "mutation { createClient(input: { name: \"G\" }) { client { id name version } } }";
        let (first, again) = (send(query).await, send(query).await);
        assert_eq!(first.graphql(), again.graphql());
        let marks = [&first, &again].map(|answer| answer.header("idempotent-replayed").map(str::to_owned));
        assert_eq!(marks, [None, Some("true".to_owned())]);
        let other = send("mutation { createClient(input: { name: \"H\" }) { client { id } } }").await;
        assert_eq!(other.graphql_error()["reason"], "idempotency_mismatch");
        let two = "mutation { a: createClient(input: { name: \"A\" }) { client { id } } b: createClient(input: { name: \"B\" }) { client { id } } }";
        let refused = send(two).await;
        assert_eq!((refused.status.as_u16(), &refused.graphql_error()["code"]), (422, &json!("validation_error")));
        // `__typename` is no mutation.
        let typed = "mutation { __typename createClient(input: { name: \"T\" }) { client { id } } kind: __typename }";
        let call = world.call(Method::POST, "/graphql").token(owner).key("typed").json(json!({ "query": typed }));
        let typed = call.send().await;
        assert_eq!(typed.graphql()["__typename"], "Mutation", "{}", typed.text());
        assert_eq!(typed.json()["extensions"]["cost"]["requested"], 1);
        world.delete(owner, &format!("/api/v1/clients/{}", typed.graphql()["createClient"]["client"]["id"].as_str().unwrap())).await;
        let rest = post(&world, owner, "g", r#"{"name":"G"}"#).await.error(409, "conflict");
        assert_eq!(rest["reason"], "idempotency_mismatch");
        assert_eq!(world.get(owner, "/api/v1/clients").await.data(200).as_array().map(Vec::len), Some(1));
        // A replayed batch costs one point, plus what is selected of it.
        let project = fixtures.home.project(&world, "P").await;
        let entry = json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11" });
        let batch = json!({
            "query": "mutation($i: [CreateTimeEntryInput!]!) { createTimeEntries(input: $i) { timeEntries { id } } }",
            "variables": { "i": vec![entry; 40] }
        });
        let mut left = rate_limit(&world.get(owner, "/api/v1/me").await).sustained.0;
        let mut spent = Vec::new();
        for _ in 0..2 {
            let answer = world.call(Method::POST, "/graphql").token(owner).key("b").json(batch.clone()).send().await;
            assert_eq!(answer.graphql()["createTimeEntries"]["timeEntries"].as_array().map(Vec::len), Some(40));
            let now = rate_limit(&answer).sustained.0;
            spent.push(left - now);
            left = now;
        }
        assert_eq!(spent, [40, 1]);
    }
}

on_both! {
    /// A key costs the statement that stores the answer; the lock comes with the transaction.
    async fn a_key_costs_no_extra_query(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let path = format!("/api/v1/clients/{}", fixtures.home.client(&world, "C").await);
        let mut counts = Vec::new();
        for key in [None, Some("k")] {
            let call = world.call(Method::PATCH, &path).token(&fixtures.home.owner);
            let call = key.into_iter().fold(call, |call, key| call.key(key));
            world.begin_counting();
            call.json(json!({ "name": format!("{key:?}") })).send().await.data(200);
            counts.push(world.statements().len());
        }
        assert_eq!(counts[1], counts[0] + 1, "{:?}", world.statements());
    }
}

on_both! {
    /// A replay reads nothing but its token from the database, and costs one point, whatever the first cost.
    async fn a_replay_is_cheap(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        let entry = json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11" });
        let body = json!({ "timeEntries": vec![entry; 40] });
        let send = async || {
            let call = world.call(Method::POST, "/api/v1/time-entries/batch").token(owner).key("b");
            call.json(body.clone()).send().await
        };
        let left = |answer: &Answer| rate_limit(answer).sustained.0;
        let before = left(&world.get(owner, "/api/v1/me").await);
        let first = send().await;
        first.data(201);
        assert_eq!(before - left(&first), 40, "one point an entry");
        world.begin_counting();
        let again = send().await;
        assert_eq!((world.statements().len(), again.header("idempotent-replayed")), (1, Some("true")));
        assert_eq!(left(&first) - left(&again), 1);
        // A process that has not seen the first finds it in the table, and then knows it too.
        let other = world.replica(world.clock.clone(), |_| {}).await;
        for statements in [false, true] {
            other.begin_counting();
            let call = other.call(Method::POST, "/api/v1/time-entries/batch").token(owner).key("b");
            let replayed = call.json(body.clone()).send().await;
            assert_eq!((&replayed.bytes, replayed.header("idempotent-replayed")), (&first.bytes, Some("true")));
            assert_eq!(other.statements().len() == 1, statements);
        }
    }
}

on_both! {
    /// The worker deletes expired keys in batches, and leaves the others.
    async fn expired_keys_are_deleted(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let db = world.database.connect().await;
        let count = async || world.database.number("SELECT count(*) AS n FROM idempotency_key").await;
        for i in 0..3 {
            post(&world, &fixtures.home.owner, &format!("old-{i}"), r#"{"name":"A"}"#).await.data(201);
        }
        // More of them than one batch takes.
        let copy = format!(
            "{} INSERT INTO idempotency_key SELECT k.organization_id, k.user_id, k.key || '-' || n.i, k.fingerprint, k.role,
                k.record_id, k.record_version, k.created, k.body, k.expires_at FROM idempotency_key k, n",
            counted(400)
        );
        db.execute_unprepared(&copy).await.unwrap();
        assert_eq!(count().await, 3 * 401);
        world.clock.advance(24 * 3_600_000 - 1);
        post(&world, &fixtures.home.owner, "new", r#"{"name":"B"}"#).await.data(201);
        let jobs = async || {
            let (stop, stopped) = tokio::sync::watch::channel(false);
            let app = world.app.clone();
            world.begin_counting();
            let jobs = tokio::spawn(async move { app.run_jobs(true, stopped).await });
            // The next job of the round: this one is done.
            let next = |sql: &String| sql.contains("FROM webhook_delivery WHERE due_at IS NULL");
            let reported = tokio::time::Instant::now();
            while !world.statements().iter().any(next) && reported.elapsed() < std::time::Duration::from_secs(20) {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            stop.send_replace(true);
            jobs.await.unwrap();
        };
        jobs().await;
        assert_eq!(count().await, 3 * 401 + 1, "nothing was over yet");
        world.clock.advance(1);
        jobs().await;
        assert_eq!(count().await, 1);
        let deletes = world.statements().into_iter().filter(|sql| sql.starts_with("DELETE FROM idempotency_key")).count();
        assert!(deletes >= 3, "{deletes} for 1203 keys");
        let again = post(&world, &fixtures.home.owner, "new", r#"{"name":"B"}"#).await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
    }
}
