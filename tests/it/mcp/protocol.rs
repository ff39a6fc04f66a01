//! The protocol itself: versions, discovery, admission, limits, resources, prompts and the tools that read.

use poem::http::Method;
use serde_json::{Value, json};
use service::value::Plan;
use tests::{Fixtures, Workspace, on_both};

use super::{call, parsed, refused, result, send, value};

on_both! {
    /// The current version is discovered without a session; the older ones are answered statelessly.
    async fn every_version_is_answered(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let found = result(&world, &fixtures.home.owner, "/mcp", "server/discover", json!({})).await;
        assert!(found["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{found}");
        for version in ["2025-11-25", "2025-06-18", "2025-03-26"] {
            let params = json!({
                "protocolVersion": version, "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
            });
            let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
            let post = |body: Value| {
                world.call(Method::POST, "/mcp").token(&fixtures.home.owner).header("host", "localhost")
                    .header("accept", "application/json, text/event-stream")
                    .header("mcp-protocol-version", version).json(body)
            };
            let answer = post(body).send().await;
            assert_eq!(answer.json()["result"]["protocolVersion"], version, "{}", answer.text());
            assert!(answer.header("mcp-session-id").is_none());
            let listed = post(json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" })).send().await;
            assert!(!listed.json()["result"]["tools"].as_array().unwrap().is_empty(), "{}", listed.text());
        }
    }
}

on_both! {
    /// Without a good token nothing is answered; below Studio the plan lacks it; a foreign origin is refused.
    async fn admission_is_that_of_rest(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let bad = send(&world, "hsk_live_000000000000_00000000000000000000000000000000", "/mcp", "tools/list", json!({})).await;
        bad.error(401, "unauthenticated");
        let free = Workspace::new(&world, "free", Plan::Free).await;
        send(&world, &free.owner, "/mcp", "tools/list", json!({})).await.error(402, "forbidden_plan");
        let get = world.call(Method::GET, "/mcp").token(&fixtures.home.owner).send().await;
        assert_eq!((get.status.as_u16(), get.header("allow").is_some()), (405, true));
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
        let foreign = world.call(Method::POST, "/mcp").token(&fixtures.home.owner).header("host", "localhost")
            .header("accept", "application/json, text/event-stream").header("origin", "https://evil.example");
        assert_eq!(foreign.json(body).send().await.status.as_u16(), 403);
    }
}

on_both! {
    /// A call costs one point of the same buckets as REST, a query its cost, and the headers show it.
    async fn one_quota_for_all_surfaces(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let left = |answer: &tests::Answer| {
            let sustained = answer.header("ratelimit").unwrap().split("\"sustained\";r=").nth(1).unwrap().to_owned();
            sustained.split(';').next().unwrap().parse::<u64>().unwrap()
        };
        let before = left(&world.get(owner, "/api/v1/me").await);
        let params = json!({ "name": "get_me", "arguments": {} });
        let one = send(&world, owner, "/mcp", "tools/call", params).await;
        assert_eq!(left(&one), before - 1);
        let query = "{ clients(first: 200) { nodes { name projects(first: 10) { nodes { name } } } } }";
        let params = json!({ "name": "query", "arguments": { "query": query } });
        let dear = send(&world, owner, "/mcp", "tools/call", params).await;
        let spent = left(&one) - left(&dear);
        assert!((40..=60).contains(&spent), "{spent} points");
    }
}

on_both! {
    /// What only reads answers compact JSON without nulls, once, with links that lead to the record.
    async fn reading(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let id = fixtures.home.client(&world, "Acme").await;
        let answer = call(&world, owner, "get_client", json!({ "id": id })).await;
        assert!(answer["structuredContent"].is_null(), "{answer}");
        assert!(!parsed(&answer).as_object().unwrap().values().any(Value::is_null), "{answer}");
        let uri = answer["content"][1]["uri"].as_str().unwrap().to_owned();
        assert_eq!(uri, format!("hoursmith://client/{id}"));
        let read = result(&world, owner, "/mcp", "resources/read", json!({ "uri": uri })).await;
        assert!(read["contents"][0]["text"].as_str().unwrap().contains("Acme"), "{read}");

        let project = fixtures.home.project_with_member(&world, "Website").await;
        fixtures.home.entry(&world, owner, &project).await;
        let params = json!({ "name": "time_report", "arguments": { "groupBy": ["project"], "projectId": "Website" } });
        let report = parsed(&result(&world, owner, "/mcp", "tools/call", params).await);
        assert_eq!(report["total"]["seconds"], 3600, "{report}");
        let params = json!({ "name": "find", "arguments": { "text": "webs" } });
        let found = parsed(&result(&world, owner, "/mcp", "tools/call", params).await);
        assert!(found["items"].as_array().unwrap().iter().any(|item| item["id"] == json!(project)), "{found}");
        let params = json!({ "name": "schema", "arguments": { "word": "TimeEntry" } });
        let sdl = parsed(&result(&world, owner, "/mcp", "tools/call", params).await);
        assert!(sdl["sdl"].as_str().unwrap().contains("durationSeconds"), "{sdl}");
        let listed = value(&world, owner, "list_time_entries", json!({ "projectId": "Website", "limit": 1 })).await;
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        let member = parsed(&result(&world, &fixtures.home.member, "/mcp", "tools/call",
            json!({ "name": "find", "arguments": { "text": "e" } })).await);
        assert!(member["items"].as_array().unwrap().iter().all(|item| item["noun"] != "client"), "{member}");
    }
}

on_both! {
    /// The tool `query` runs queries alone, within its cost.
    async fn query_only_reads(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let ask = async |query: &str| {
            let params = json!({ "name": "query", "arguments": { "query": query } });
            result(&world, &fixtures.home.owner, "/mcp", "tools/call", params).await
        };
        assert_eq!(parsed(&ask("{ viewer { role } }").await)["data"]["viewer"]["role"], "OWNER");
        assert_eq!(ask("mutation { deleteClient(id: \"x\") { __typename } }").await["isError"], true);
        assert_eq!(ask("{ nonsense").await["isError"], true);
        let dear = "{ clients(first: 200) { nodes { projects(first: 200) { nodes { id } } } } }";
        assert_eq!(ask(dear).await["isError"], true);
    }
}

on_both! {
    /// The prompts fill their arguments in; an unknown tool, prompt or resource is an error of the protocol.
    async fn prompts_and_unknown_names(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let prompts = result(&world, owner, "/mcp", "prompts/list", json!({})).await;
        assert_eq!(prompts["prompts"].as_array().unwrap().len(), 3);
        let params = json!({ "name": "weekly_timesheet", "arguments": { "week": "2026-06-08" } });
        let prompt = result(&world, owner, "/mcp", "prompts/get", params).await;
        assert!(prompt["messages"][0]["content"]["text"].as_str().unwrap().contains("2026-06-08"), "{prompt}");
        for (method, params) in [
            ("tools/call", json!({ "name": "drop_tables", "arguments": {} })),
            ("prompts/get", json!({ "name": "nothing" })),
            ("resources/read", json!({ "uri": "file:///etc/passwd" })),
        ] {
            let answer = send(&world, owner, "/mcp", method, params).await.json();
            assert!(answer["error"]["code"].is_i64(), "{method}: {answer}");
        }
        let why = refused(&world, owner, "get_task", json!({ "id": 7 })).await;
        assert!(why["fields"]["id"].is_string(), "{why}");
    }
}

on_both! {
    /// A known method with params that it does not take is not an unknown method.
    async fn wrong_params_are_no_unknown_method(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for (method, params, code) in [
            ("tools/call", json!({ "name": "get_me", "arguments": [] }), -32602),
            ("prompts/get", json!({ "arguments": 7 }), -32602),
            ("tools/nothing", json!({}), -32601),
        ] {
            let answer = send(&world, owner, "/mcp", method, params).await.json();
            assert_eq!(answer["error"]["code"], code, "{method}: {answer}");
        }
    }
}
