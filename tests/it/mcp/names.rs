//! Names in place of ids: where they are looked up, and what an ambiguous one is answered with.

use serde_json::json;
use tests::{Fixtures, on_both};

use super::{refused, result, value};

on_both! {
    /// A task that is named beside the id of an entry is one of the entry's project, whatever others have the name.
    async fn a_task_is_looked_for_on_the_project_of_its_entry(world: World) {
        let home = Fixtures::new(&world).await.home;
        let owner = &home.owner;
        let (app, site) = (home.project(&world, "App").await, home.project(&world, "Site").await);
        for project in [&app, &site] {
            world.post(owner, "/api/v1/tasks", json!({ "projectId": project, "name": "Design" })).await.data(201);
        }
        let entry = home.entry(&world, owner, &app).await["id"].clone();
        let named = json!({ "id": entry, "taskId": "design", "idempotencyKey": "a" });
        let changed = value(&world, owner, "update_time_entry", named).await;
        let task = value(&world, owner, "get_task", json!({ "id": changed["taskId"] })).await;
        assert_eq!(task["projectId"], json!(app), "{task}");
        // Where the call moves the entry, the task is one of where it goes.
        let moved = json!({ "id": entry, "projectId": "Site", "taskId": "Design", "idempotencyKey": "b" });
        let changed = value(&world, owner, "update_time_entry", moved).await;
        let task = value(&world, owner, "get_task", json!({ "id": changed["taskId"] })).await;
        assert_eq!(task["projectId"], json!(site), "{task}");
        let nobodys = json!({ "id": app, "taskId": "Design", "idempotencyKey": "c" });
        let why = refused(&world, owner, "update_time_entry", nobodys).await;
        assert!(why["code"] == "not_found" || why["fields"]["taskId"].is_string(), "{why}");
    }
}

on_both! {
    /// Candidates have equal names: what they belong to distinguishes them, as far as the caller sees it.
    async fn candidates_say_what_they_belong_to(world: World) {
        let home = Fixtures::new(&world).await.home;
        let owner = &home.owner;
        let mut projects = Vec::new();
        for client in ["Acme", "Globex"] {
            let client = home.client(&world, client).await;
            let project = world.post(owner, "/api/v1/projects", json!({ "clientId": client, "name": "Web" })).await.id();
            let path = format!("/api/v1/projects/{project}/members/{}", home.member_user);
            world.call(poem::http::Method::PUT, &path).token(owner).send().await.data(200);
            projects.push(project);
        }
        let entry = |project: &str, key: &str| json!({ "projectId": project, "duration": "1h", "entryDate": "2026-06-10", "idempotencyKey": key });
        let why = refused(&world, owner, "create_time_entry", entry("Web", "a")).await["fields"]["projectId"].to_string();
        for (project, client) in projects.iter().zip(["Acme", "Globex"]) {
            assert!(why.contains(&format!("{project} (Web, of {client})")), "{why}");
        }
        let member = &home.member;
        let why = refused(&world, member, "create_time_entry", entry("Web", "a")).await["fields"]["projectId"].to_string();
        assert!(why.contains(&format!("{} (Web)", projects[0])) && !why.contains("Acme"), "{why}");
        let (app, site) = (home.project(&world, "App").await, home.project(&world, "Site").await);
        for project in [&app, &site] {
            world.post(owner, "/api/v1/tasks", json!({ "projectId": project, "name": "Design" })).await.data(201);
        }
        let why = refused(&world, owner, "update_task", json!({ "id": "Design", "name": "D", "idempotencyKey": "b" })).await;
        let why = why["fields"]["id"].to_string();
        assert!(why.contains("(Design, of App)") && why.contains("(Design, of Site)"), "{why}");
    }
}

on_both! {
    /// A query over the points of the tool is refused with the tool's bound, however far over it is.
    async fn a_dear_query_is_refused_with_the_bound_of_the_tool(world: World) {
        let home = Fixtures::new(&world).await.home;
        for first in [20, 100, 200] {
            let query = format!("{{ clients(first: 200) {{ nodes {{ id projects(first: {first}) {{ nodes {{ id }} }} }} }} }}");
            let params = json!({ "name": "query", "arguments": { "query": query } });
            let answer = result(&world, &home.owner, "/mcp", "tools/call", params).await.to_string();
            let cost = 4 + 4 * first;
            match cost <= 100 {
                true => assert!(!answer.contains("isError\":true"), "{answer}"),
                false => assert!(answer.contains(&format!("costs {cost} points; at most 100 are taken")), "{answer}"),
            }
        }
    }
}

on_both! {
    /// What the server says of itself names only tools that the list holds.
    async fn the_instructions_name_what_is_listed(world: World) {
        let home = Fixtures::new(&world).await.home;
        for (path, named, others) in [
            ("/mcp", &["`find`", "`query`", "`schema`", "idempotencyKey"][..], &[][..]),
            ("/mcp/x/all", &["idempotencyKey"], &["`find`", "`query`", "`schema`"]),
            ("/mcp/readonly", &["`find`", "`query`", "`schema`"], &["idempotencyKey"]),
        ] {
            let said = result(&world, &home.owner, path, "server/discover", json!({})).await;
            let said = said["instructions"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned();
            assert!(named.iter().all(|tool| said.contains(tool)), "{path}: {said}");
            assert!(!others.iter().any(|tool| said.contains(tool)), "{path}: {said}");
        }
    }
}
