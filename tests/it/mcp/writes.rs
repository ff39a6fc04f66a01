//! Writes over MCP: one effect per key, also over REST; names, dry runs, confirmations, next steps.

use poem::http::Method;
use serde_json::json;
use tests::{Fixtures, on_both};

use super::{call, parsed, refused, result, value};

on_both! {
    /// A retry gives the first result and says so; the same key over REST replays it, and the other way round.
    async fn one_effect_per_key_on_both_surfaces(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let arguments = json!({ "name": "Acme", "idempotencyKey": "one" });
        let made = value(&world, owner, "create_client", arguments.clone()).await;
        assert!(made["replayed"].is_null() && made["phone"].is_null() && made["version"] == 1, "{made}");
        let again = value(&world, owner, "create_client", arguments).await;
        assert_eq!((&again["id"], &again["replayed"]), (&made["id"], &json!(true)));
        let post = world.call(Method::POST, "/api/v1/clients").token(owner).key("one");
        let rest = post.json(json!({ "name": "Acme" })).send().await;
        assert_eq!(rest.data(201)["id"], made["id"]);
        assert_eq!(rest.header("idempotent-replayed"), Some("true"));

        let post = world.call(Method::POST, "/api/v1/clients").token(owner).key("two");
        let first = post.json(json!({ "name": "Globex" })).send().await.data(201);
        let over_mcp = value(&world, owner, "create_client", json!({ "name": "Globex", "idempotencyKey": "two" })).await;
        assert_eq!((&over_mcp["id"], &over_mcp["replayed"]), (&first["id"], &json!(true)));
        let other = refused(&world, owner, "create_client", json!({ "name": "Initech", "idempotencyKey": "two" })).await;
        assert_eq!(other["reason"], "idempotency_mismatch");
        assert!(other["next"].as_str().unwrap().contains("new idempotencyKey"), "{other}");
    }
}

on_both! {
    /// A dry run checks everything, changes nothing and leaves its key free.
    async fn a_dry_run_leaves_nothing(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let tried = json!({ "name": "Acme", "idempotencyKey": "k", "dryRun": true });
        assert_eq!(value(&world, owner, "create_client", tried).await["dryRun"], true);
        assert_eq!(world.get(owner, "/api/v1/clients").await.data(200), json!([]));
        assert_eq!(world.events().await, Vec::<serde_json::Value>::new());
        let bad = json!({ "name": " ", "idempotencyKey": "k", "dryRun": true });
        assert!(refused(&world, owner, "create_client", bad).await["fields"]["name"].is_string());
        let made = value(&world, owner, "create_client", json!({ "name": "Acme", "idempotencyKey": "k" })).await;
        assert!(made["replayed"].is_null(), "{made}");
    }
}

on_both! {
    /// Clients, projects and tasks are given by name; an ambiguous name is answered with the candidates.
    async fn names_stand_for_ids(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let website = fixtures.home.project(&world, "Website").await;
        let body = json!({ "projectId": "website", "duration": "1h30m", "entryDate": "2026-06-10", "idempotencyKey": "a" });
        let entry = value(&world, owner, "create_time_entry", body).await;
        assert_eq!((&entry["projectId"], &entry["durationSeconds"]), (&json!(website), &json!(5400)));
        let same_name = fixtures.home.project(&world, "Website").await;
        let body = json!({ "projectId": "Website", "duration": "1h", "entryDate": "2026-06-10", "idempotencyKey": "b" });
        let why = refused(&world, owner, "create_time_entry", body).await["fields"]["projectId"].to_string();
        assert!(why.contains(&website) && why.contains(&same_name), "{why}");
        let body = json!({ "projectId": "Intranet", "duration": "1h", "entryDate": "2026-06-10", "idempotencyKey": "b" });
        let none = refused(&world, owner, "create_time_entry", body).await;
        assert_eq!(none["code"], "validation_error");
        let found = value(&world, owner, "get_project", json!({ "id": website })).await;
        assert_eq!(found["name"], "Website");
    }
}

/// The call of `delete_client` once more, with what the person has answered to its question.
fn answer_to(question: &serde_json::Value, arguments: &serde_json::Value, action: &str) -> serde_json::Value {
    json!({
        "name": "delete_client", "arguments": arguments, "requestState": question["requestState"],
        "inputResponses": { "confirm": { "action": action, "content": { "confirm": true } } },
    })
}

on_both! {
    /// A destructive tool asks the person once: the sealed question is good for the same call alone and for five minutes.
    async fn what_destroys_asks_once(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let id = fixtures.home.client(&world, "Acme").await;
        let arguments = json!({ "id": "Acme", "idempotencyKey": "d" });
        let question = call(&world, owner, "delete_client", arguments.clone()).await;
        assert_eq!(question["resultType"], "input_required", "{question}");
        let shown = question["inputRequests"]["confirm"]["params"]["message"].as_str().unwrap().to_owned();
        assert!(shown.contains("Acme") && shown.contains(&id), "{shown}");
        world.get(owner, &format!("/api/v1/clients/{id}")).await.data(200);
        let confirm = |arguments: serde_json::Value, action: &str| answer_to(&question, &arguments, action);
        let send = async |params| result(&world, owner, "/mcp/x/all", "tools/call", params).await;
        assert_eq!(send(confirm(arguments.clone(), "decline")).await["isError"], true);
        let other = json!({ "id": "Acme", "idempotencyKey": "other" });
        assert_eq!(send(confirm(other, "accept")).await["isError"], true, "another call");
        let gone = send(confirm(arguments.clone(), "accept")).await;
        assert_eq!(parsed(&gone)["id"], json!(id), "{gone}");
        world.get(owner, &format!("/api/v1/clients/{id}")).await.error(404, "not_found");

        let id = fixtures.home.client(&world, "Globex").await;
        let arguments = json!({ "id": id, "idempotencyKey": "e" });
        let question = call(&world, owner, "delete_client", arguments.clone()).await;
        world.clock.advance(5 * 60 * 1000 + 1);
        let late = json!({
            "name": "delete_client", "arguments": arguments, "requestState": question["requestState"],
            "inputResponses": { "confirm": { "action": "accept" } },
        });
        assert_eq!(send(late).await["isError"], true, "too late");
        let confirmed = json!({ "id": id, "idempotencyKey": "e", "confirm": true });
        value(&world, owner, "delete_client", confirmed).await;
    }
}

on_both! {
    /// The person agrees to one record: when the name that was sent leads to another one by then, they are asked about that one.
    async fn a_confirmation_is_for_the_record_that_was_shown(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let shown = fixtures.home.client(&world, "Acme").await;
        let arguments = json!({ "id": "Acme", "idempotencyKey": "d" });
        let question = call(&world, owner, "delete_client", arguments.clone()).await;
        world.patch(owner, &format!("/api/v1/clients/{shown}"), json!({ "name": "Old" })).await.data(200);
        let other = fixtures.home.client(&world, "Acme").await;
        let accepted = |question: &serde_json::Value| answer_to(question, &arguments, "accept");
        let again = result(&world, owner, "/mcp/x/all", "tools/call", accepted(&question)).await;
        assert_eq!(again["resultType"], "input_required", "{again}");
        let message = again["inputRequests"]["confirm"]["params"]["message"].as_str().unwrap();
        assert!(message.contains(&other), "{message}");
        for id in [&shown, &other] {
            world.get(owner, &format!("/api/v1/clients/{id}")).await.data(200);
        }
        let gone = result(&world, owner, "/mcp/x/all", "tools/call", accepted(&again)).await;
        assert_eq!(parsed(&gone)["id"], json!(other), "{gone}");
    }
}

on_both! {
    /// A version that is expected counts for every tool that changes a record, archiving included; a tool that makes one takes none.
    async fn an_expected_version_counts_wherever_it_is_taken(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = &fixtures.home.project(&world, "Website").await;
        let stale = json!({ "id": project, "idempotencyKey": "a", "expectedVersion": 7 });
        let refused = call(&world, owner, "archive_project", stale).await;
        assert_eq!(refused["isError"], true, "{refused}");
        assert_eq!(world.get(owner, &format!("/api/v1/projects/{project}")).await.data(200)["status"], "ACTIVE");
        let archived = json!({ "id": project, "idempotencyKey": "b", "expectedVersion": 1 });
        assert_eq!(value(&world, owner, "archive_project", archived).await["status"], "ARCHIVED");
        for (name, control) in [("expectedVersion", json!(1)), ("confirm", json!(true))] {
            let mut arguments = json!({ "name": "T", "idempotencyKey": name });
            arguments[name] = control;
            let refused = call(&world, owner, "create_client", arguments).await;
            assert!(refused.to_string().contains("unknown"), "{refused}");
        }
    }
}

on_both! {
    /// What a role, a scope or a plan does not allow is refused as over REST, and a stale version too.
    async fn the_door_refuses_as_over_rest(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let refusal = refused(&world, &fixtures.home.member, "create_client", json!({ "name": "A", "idempotencyKey": "a" })).await;
        assert_eq!(refusal["code"], "forbidden_scope");
        let reader = fixtures.home.reader(&world, service::value::Role::Owner).await;
        let refusal = refused(&world, &reader, "create_client", json!({ "name": "A", "idempotencyKey": "a" })).await;
        assert_eq!(refusal["code"], "forbidden_scope");
        let id = fixtures.home.client(&world, "Acme").await;
        let stale = json!({ "id": id, "name": "B", "expectedVersion": 7, "idempotencyKey": "b" });
        let refusal = refused(&world, &fixtures.home.owner, "update_client", stale).await;
        assert_eq!((&refusal["code"], &refusal["reason"]), (&json!("conflict"), &json!("stale")));
        let missing = refused(&world, &fixtures.home.owner, "create_client", json!({ "name": "A" })).await;
        assert!(missing["fields"]["idempotencyKey"].is_string(), "{missing}");
        let foreign = refused(&world, &fixtures.other.owner, "get_client", json!({ "id": id })).await;
        assert_eq!(foreign["code"], "not_found");
    }
}

on_both! {
    /// A timer is started by the project's name and stopped without an id.
    async fn a_timer_needs_no_id(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        fixtures.home.project(&world, "Website").await;
        value(&world, owner, "start_timer", json!({ "projectId": "Website", "idempotencyKey": "s" })).await;
        world.clock.advance(90_000);
        let stopped = value(&world, owner, "stop_timer", json!({ "idempotencyKey": "t" })).await;
        assert_eq!(stopped["durationSeconds"], 90);
        let why = refused(&world, owner, "stop_timer", json!({ "idempotencyKey": "u" })).await;
        assert_eq!((&why["code"], &why["reason"]), (&json!("conflict"), &json!("not_running")), "{why}");
    }
}
