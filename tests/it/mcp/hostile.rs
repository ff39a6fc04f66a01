//! A hostile member with a good token: huge, deep and ambiguous messages, foreign pages, answers that nobody can read,
//! connections that are cut. Each is bounded and answered.

use std::fmt::Write;
use std::time::Duration;

use poem::http::Method;
use serde_json::{Value, json};
use tests::{Answer, Fixtures, Listening, World, on_both};

use super::{VERSION, meta, parsed, refused, result, send, value};

/// One request as an older client sends it, with a body as it is.
async fn raw(world: &World, token: &str, headers: &[(&'static str, &str)], body: impl Into<Vec<u8>>) -> Answer {
    let mut call = world.call(Method::POST, "/mcp").token(token).header("host", "localhost");
    for (name, default) in
        [("accept", "application/json, text/event-stream"), ("content-type", "application/json"), ("origin", "")]
    {
        let sent = headers.iter().find(|(own, _)| *own == name).map_or(default, |(_, value)| value);
        if !sent.is_empty() {
            call = call.header(name, sent);
        }
    }
    call.body(body).send().await
}

/// What the token has left of its points.
fn left(answer: &Answer) -> u64 {
    let sustained = answer.header("ratelimit").unwrap().split("\"sustained\";r=").nth(1).unwrap();
    sustained.split(';').next().unwrap().parse().unwrap()
}

on_both! {
    /// What is no single, unambiguous message is refused as by REST, in the envelope and before it costs anything.
    async fn what_is_no_message_is_refused(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let call = |arguments: &str| format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"create_client","arguments":{arguments}}}}}"#
        );
        let batch: Vec<_> = (0..10_000).map(|id| json!({ "jsonrpc": "2.0", "id": id, "method": "tools/list" })).collect();
        for (what, body) in [
            ("10,000 calls in one batch", json!(batch).to_string()),
            ("nothing", String::new()),
            ("half a message", r#"{"jsonrpc":"2.0","#.to_owned()),
            ("a number", "7".to_owned()),
            ("another object", r#"{"a":1}"#.to_owned()),
            ("deep JSON", call(&format!(r#"{{"name":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000)))),
            ("a key that occurs twice", call(r#"{"name":"A","name":"B","idempotencyKey":"k"}"#)),
            ("too many keys", call(&json!((0..5_000).map(|n| (format!("k{n}"), json!(n))).collect::<serde_json::Map<_, _>>()).to_string())),
        ] {
            let refusal = raw(&world, owner, &[], body).await;
            assert_eq!(refusal.status.as_u16(), 400, "{what}: {}", refusal.text());
            refusal.error(400, "bad_request");
        }
        let long = call(&json!({ "name": "a".repeat(1024 * 1024), "idempotencyKey": "k" }).to_string());
        raw(&world, owner, &[], long).await.error(413, "bad_request");
        let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        raw(&world, owner, &[("content-type", "text/plain")], ping).await.error(415, "bad_request");
        raw(&world, owner, &[("accept", "application/json")], ping).await.error(406, "bad_request");
        for origin in ["https://evil.example", "null"] {
            raw(&world, owner, &[("origin", origin)], ping).await.error(403, "bad_request");
        }
        raw(&world, owner, &[], [0xff, 0xfe]).await.error(400, "bad_request");
        assert_eq!(raw(&world, owner, &[], ping).await.status.as_u16(), 200);
        assert_eq!(world.get(owner, "/api/v1/clients").await.data(200), json!([]), "nothing was made");
    }
}

on_both! {
    /// Long arguments are refused by name, and none of them makes an answer that is longer than itself.
    async fn arguments_are_bounded(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let long = "a".repeat(900_000);
        let why = refused(&world, owner, "create_client", json!({ "name": long, "idempotencyKey": "k" })).await;
        assert!(why["fields"]["name"].is_string(), "{why}");
        let body = json!({ "projectId": long, "duration": "1h", "entryDate": "2026-06-10", "idempotencyKey": "k" });
        let why = refused(&world, owner, "create_time_entry", body).await;
        assert_eq!(why["fields"]["projectId"], "no project has this name or id");
        let find = json!({ "name": "find", "arguments": { "text": long } });
        let why = parsed(&result(&world, owner, "/mcp", "tools/call", find).await);
        assert!(why["fields"]["text"].is_string(), "{why}");
        let find = json!({ "name": "find", "arguments": { "text": " " } });
        let why = parsed(&result(&world, owner, "/mcp", "tools/call", find).await);
        assert_eq!(why["fields"]["text"], "required");
        let query = json!({ "name": "query", "arguments": { "query": format!("{{{}", "a{".repeat(30_000)) } });
        assert_eq!(result(&world, owner, "/mcp", "tools/call", query).await["isError"], true);

        // Braces in one argument do not stand for another: 60,000 times 20,000 characters would be 1.2 GB.
        let braces = json!({ "client": "{month}".repeat(60_000), "month": "x".repeat(20_000) });
        let params = json!({ "name": "prepare_invoice", "arguments": braces });
        let refusal = send(&world, owner, "/mcp", "prompts/get", params).await;
        assert!(refusal.json()["error"]["message"].as_str().unwrap().contains("at most 200"), "{}", refusal.text());
        let params = json!({ "name": "prepare_invoice", "arguments": { "client": "{month}", "month": "2026-05" } });
        let prompt = result(&world, owner, "/mcp", "prompts/get", params).await;
        let text = prompt["messages"][0]["content"]["text"].as_str().unwrap();
        assert!(text.starts_with("Prepare the invoice of {month} for 2026-05."), "{text}");
    }
}

on_both! {
    /// A batch that says one name a hundred times looks it up once, and pays for it once; a search is paid for once, too,
    /// whatever number of nouns it looks through.
    async fn look_ups_are_priced(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        fixtures.home.project(&world, "Website").await;
        let before = left(&world.get(owner, "/api/v1/me").await);
        let entry = json!({ "projectId": "Website", "duration": "6m", "entryDate": "2026-06-10" });
        let arguments = json!({ "timeEntries": vec![entry; 100], "idempotencyKey": "many" });
        let params = json!({ "name": "create_time_entries", "arguments": arguments });
        let made = send(&world, owner, "/mcp", "tools/call", params).await;
        assert_eq!(parsed(&made.json()["result"])["items"].as_array().unwrap().len(), 100);
        assert_eq!(before - left(&made), 102);
        let params = json!({ "name": "find", "arguments": { "text": "web" } });
        let found = send(&world, owner, "/mcp", "tools/call", params).await;
        assert_eq!(left(&made) - left(&found), 2);

        // Names that lead nowhere are looked up until there are as many as are reported, two points for the name and two for
        // the like of it.
        let entry = |n: usize| json!({ "projectId": format!("P{n}"), "duration": "6m", "entryDate": "2026-06-10" });
        let arguments = json!({ "timeEntries": (0..5_000).map(entry).collect::<Vec<_>>(), "idempotencyKey": "none" });
        let params = json!({ "name": "create_time_entries", "arguments": arguments });
        let refusal = send(&world, owner, "/mcp", "tools/call", params).await;
        assert_eq!(parsed(&refusal.json()["result"])["code"], "validation_error");
        assert_eq!(left(&found) - left(&refusal), 401);
    }
}

on_both! {
    /// An answer that is longer than anybody can read is refused with a way out; what a write has done is always reported.
    async fn answers_are_bounded(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "Website").await;
        let note = "n".repeat(9_000);
        for batch in ["a", "b"] {
            let entry = json!({ "projectId": project, "duration": "6m", "entryDate": "2026-06-10", "note": note });
            let arguments = json!({ "timeEntries": vec![entry; 90], "idempotencyKey": batch });
            let made = value(&world, owner, "create_time_entries", arguments).await;
            assert_eq!(made["items"].as_array().unwrap().len(), 90);
        }
        let why = refused(&world, owner, "list_time_entries", json!({ "limit": 200 })).await;
        assert!(why["message"].as_str().unwrap().contains("limit"), "{why}");
        let page = value(&world, owner, "list_time_entries", json!({ "limit": 50 })).await;
        assert_eq!(page["items"].as_array().unwrap().len(), 50);
        let query = "{ timeEntries(first: 200) { nodes { note } } }";
        let params = json!({ "name": "query", "arguments": { "query": query } });
        let whole = result(&world, owner, "/mcp", "tools/call", params).await;
        assert_eq!((&whole["isError"], &parsed(&whole)["code"]), (&json!(true), &json!("bad_request")));
        let params = json!({ "name": "query", "arguments": { "query": "{ client(id: \"x\") { id } }" } });
        let partial = result(&world, owner, "/mcp", "tools/call", params).await;
        assert!(parsed(&partial)["errors"].is_array() && partial["isError"] != true, "{partial}");
        let params = json!({ "name": "query", "arguments": { "query": "{ nope }" } });
        let invalid = result(&world, owner, "/mcp", "tools/call", params).await;
        assert_eq!((&invalid["isError"], parsed(&invalid)["fields"]["query"].is_string()), (&json!(true), true), "{invalid}");
    }
}

on_both! {
    /// A client that hangs up in the middle of its call and tries again has made one thing, and the server goes on.
    async fn a_cut_call_is_retried_safely(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let listening = Listening::start(&world, api::Limits::default());
        let arguments = |n: usize| json!({ "name": format!("Client {n}"), "idempotencyKey": format!("cut-{n}") });
        for n in 0..40 {
            let mut params = json!({ "name": "create_client", "arguments": arguments(n) });
            params["_meta"] = meta();
            let body = json!({ "jsonrpc": "2.0", "id": n, "method": "tools/call", "params": params }).to_string();
            let mut head = format!("POST /mcp HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {owner}\r\n");
            write!(head, "accept: application/json, text/event-stream\r\ncontent-type: application/json\r\n").unwrap();
            write!(head, "mcp-protocol-version: {VERSION}\r\nmcp-method: tools/call\r\nmcp-name: create_client\r\n").unwrap();
            write!(head, "content-length: {}\r\n\r\n", body.len()).unwrap();
            let mut connection = listening.connect().await;
            connection.send(head).await;
            // Some are cut before the body is whole, some right after it, and some while it is worked on.
            let sent = if n % 4 == 0 { &body[..body.len() / 2] } else { &body };
            connection.send(sent).await;
            if n % 4 == 3 {
                tokio::time::timeout(Duration::from_millis(n as u64 % 5), connection.0.readable()).await.ok();
            }
            drop(connection);
        }
        let mut ids = Vec::new();
        for n in 0..40 {
            let made = value(&world, owner, "create_client", arguments(n)).await;
            ids.push(made["id"].clone());
        }
        let listed = world.get(owner, "/api/v1/clients?limit=200&sort=createdAt").await.data(200);
        let mut rows: Vec<Value> = listed.as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
        for list in [&mut ids, &mut rows] {
            list.sort_by_key(ToString::to_string);
        }
        assert_eq!(ids, rows, "one client for each key");
        listening.stop().await;
    }
}

on_both! {
    /// A page of an origin that the operator has named may send what the protocol asks for; to other paths it may not.
    async fn pages_of_named_origins_may_call(world: World) {
        let mut server = api::Server::new(world.app.clone());
        server.cors_origins = vec!["https://app.example".into()];
        let endpoint = api::server(server);
        for (path, may) in [("/mcp", true), ("/mcp/readonly", true), ("/api/v1/me", false)] {
            let request = poem::Request::builder().method(Method::OPTIONS).uri_str(path).header("origin", "https://app.example");
            let response = Box::pin(poem::Endpoint::get_response(&endpoint, request.finish())).await;
            let allowed = response.headers()["access-control-allow-headers"].to_str().unwrap();
            for header in ["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"] {
                assert_eq!(allowed.contains(header), may, "{path}: {allowed}");
            }
        }
        let fixtures = Fixtures::new(&world).await;
        let call = |origin: &str| {
            let request = poem::Request::builder().method(Method::POST).uri_str("/mcp").header("origin", origin);
            request.header("host", "localhost").header("authorization", format!("Bearer {}", fixtures.home.owner))
                .header("accept", "application/json, text/event-stream").content_type("application/json")
                .body(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)
        };
        assert_eq!(Box::pin(poem::Endpoint::get_response(&endpoint, call("https://app.example"))).await.status(), 200);
        assert_eq!(Box::pin(poem::Endpoint::get_response(&endpoint, call("https://app.example.evil.example"))).await.status(), 403);
    }
}
