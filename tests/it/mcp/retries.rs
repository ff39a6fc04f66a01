//! A retry gives the first result, whatever its words lead to by then; names are exact, and every one that leads nowhere is
//! reported.

use serde_json::{Value, json};
use service::value::Role;
use tests::{Fixtures, World, on_both};

use super::{call, parsed, refused, result, value};

/// A call of a tool twice, which must give the same record and say so; the replica has to find it in the table.
async fn twice(world: &World, token: &str, tool: &str, arguments: Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments });
    let path = if tool == "delete_record" { "/mcp" } else { "/mcp/x/all" };
    let first = parsed(&result(world, token, path, "tools/call", params.clone()).await);
    assert!(first["code"].is_null() && first["replayed"].is_null(), "{tool}: {first}");
    let replica = world.replica(world.clock.clone(), |_| {}).await;
    for again in [world, &replica] {
        let again = parsed(&result(again, token, path, "tools/call", params.clone()).await);
        assert_eq!((&again["id"], &again["replayed"]), (&first["id"], &json!(true)), "{tool}: {again}");
    }
    first
}

on_both! {
    /// Names that a call has changed itself, a timer that it has stopped and a record that it has deleted do not stand in the
    /// way of its retry.
    async fn a_retry_is_known_by_its_words(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        fixtures.home.project(&world, "Website").await;
        fixtures.home.client(&world, "Old").await;
        twice(&world, owner, "update_client", json!({ "id": "Old", "name": "New", "idempotencyKey": "rename" })).await;
        twice(&world, owner, "delete_record", json!({ "noun": "client", "id": "New", "confirm": true, "idempotencyKey": "delete" })).await;

        value(&world, owner, "start_timer", json!({ "projectId": "Website", "idempotencyKey": "start" })).await;
        world.clock.advance(60_000);
        let stopped = twice(&world, owner, "stop_timer", json!({ "idempotencyKey": "stop" })).await;
        value(&world, owner, "start_timer", json!({ "projectId": "Website", "idempotencyKey": "start-again" })).await;
        let again = value(&world, owner, "stop_timer", json!({ "idempotencyKey": "stop" })).await;
        assert_eq!((&again["id"], &again["replayed"]), (&stopped["id"], &json!(true)), "another timer runs by then");
        assert_ne!(value(&world, owner, "get_running_timer", json!({})).await["id"], stopped["id"]);

        fixtures.home.client(&world, "Gamma").await;
        let project = json!({ "clientId": "Gamma", "name": "One", "idempotencyKey": "project" });
        let made = twice(&world, owner, "create_project", project.clone()).await;
        fixtures.home.client(&world, "Gamma").await;
        assert_eq!(value(&world, owner, "create_project", project).await["id"], made["id"], "two have the name by then");
        let other = json!({ "clientId": made["clientId"], "name": "Two", "idempotencyKey": "project" });
        assert_eq!(refused(&world, owner, "create_project", other).await["reason"], "idempotency_mismatch");
    }
}

on_both! {
    /// A person who has said yes once is not asked again by a retry, and the record is gone once.
    async fn a_confirmed_call_is_retried(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let id = fixtures.home.client(&world, "Acme").await;
        let arguments = json!({ "id": id, "idempotencyKey": "d" });
        let question = call(&world, owner, "delete_client", arguments.clone()).await;
        let confirmed = json!({
            "name": "delete_client", "arguments": arguments, "requestState": question["requestState"],
            "inputResponses": { "confirm": { "action": "accept", "content": { "confirm": true } } },
        });
        for replayed in [Value::Null, json!(true)] {
            let gone = result(&world, owner, "/mcp/x/all", "tools/call", confirmed.clone()).await;
            assert_eq!(parsed(&gone)["replayed"], replayed, "{gone}");
        }
        assert_eq!(value(&world, owner, "delete_client", arguments).await["replayed"], true);
    }
}

on_both! {
    /// A repeated answer is for who may still have it: a lowered role is refused, a changed one is not shown it.
    async fn a_retry_passes_the_door(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let arguments = json!({ "name": "Acme", "idempotencyKey": "k" });
        let made = value(&world, &fixtures.home.admin, "create_client", arguments.clone()).await;
        let set = async |role| service::member::set_role(&world.operator(), fixtures.home.id, "admin@home.example", role).await.unwrap();
        set(Role::Manager).await;
        let refusal = refused(&world, &fixtures.home.admin, "create_client", arguments.clone()).await;
        assert_eq!((&refusal["code"], &refusal["reason"]), (&json!("conflict"), &json!("idempotency_role_changed")));
        set(Role::Member).await;
        let refusal = refused(&world, &fixtures.home.admin, "create_client", arguments.clone()).await;
        assert_eq!(refusal["code"], "forbidden_scope");
        set(Role::Admin).await;
        assert_eq!(value(&world, &fixtures.home.admin, "create_client", arguments.clone()).await["id"], made["id"]);
        world.clock.advance(24 * 60 * 60 * 1000);
        let anew = value(&world, &fixtures.home.admin, "create_client", arguments).await;
        assert!(anew["id"] != made["id"] && anew["replayed"].is_null(), "a key is dead after a day: {anew}");
    }
}

on_both! {
    /// An exact name is found among any number of longer ones, and in any case that Unicode folds.
    async fn names_are_exact(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let acme = fixtures.home.client(&world, "acme").await;
        for n in 0..=200 {
            fixtures.home.client(&world, &format!("acme {n}")).await;
        }
        let made = value(&world, owner, "create_project", json!({ "clientId": "Acme", "name": "P", "idempotencyKey": "a" })).await;
        assert_eq!(made["clientId"], json!(acme));
        let street = fixtures.home.client(&world, "Straße").await;
        assert_eq!(value(&world, owner, "get_client", json!({ "id": "STRASSE" })).await["id"], json!(street));
        let why = refused(&world, owner, "get_client", json!({ "id": "cme 1" })).await["fields"]["id"].to_string();
        assert!(why.contains("no record has exactly this name") && why.contains("and more"), "{why}");
        let page = value(&world, owner, "list_clients", json!({ "limit": 1, "count": true })).await;
        assert_eq!((&page["total"], page["totalIsCapped"].is_null()), (&json!(203), true), "{page}");
    }
}

on_both! {
    /// Every name that leads nowhere is reported by its path, beside everything else that is wrong.
    async fn every_bad_name_is_reported(world: World) {
        let fixtures = Fixtures::new(&world).await;
        fixtures.home.project(&world, "Website").await;
        let entry = |project: &str, duration: &str| json!({ "projectId": project, "duration": duration, "entryDate": "2026-06-10" });
        let entries = [entry("Nope", "1h"), entry("Website", "x"), entry("Neither", "y"), entry("Website", "1h")];
        let batch = json!({ "timeEntries": entries, "idempotencyKey": "b" });
        let why = refused(&world, &fixtures.home.owner, "create_time_entries", batch).await;
        let mut fields: Vec<_> = why["fields"].as_object().unwrap().keys().cloned().collect();
        fields.sort();
        let wanted = ["timeEntries[0].projectId", "timeEntries[1].duration", "timeEntries[2].duration", "timeEntries[2].projectId"];
        assert_eq!(fields, wanted, "{why}");
        assert_eq!(why["fields"]["timeEntries[0].projectId"], "no project has this name or id");
        let filter = json!({ "projectId": ["Website", "Nope"] });
        let why = refused(&world, &fixtures.home.owner, "list_time_entries", filter).await;
        assert_eq!(why["fields"]["projectId[1]"], "no project has this name or id", "{why}");
    }
}
