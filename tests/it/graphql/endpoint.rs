//! The endpoint, by the GraphQL-over-HTTP text.

use poem::http::Method;
use serde_json::json;
use service::value::Plan;
use tests::{Fixtures, Workspace, on_both};

on_both! {
    /// POST with JSON, GET for queries only; nothing that a form can send.
    async fn post_takes_json_and_get_takes_queries(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let call = |method: Method, path: &str| world.call(method, path).token(owner);
        let got = call(Method::GET, "/graphql?query=%7Bviewer%7Bname%7D%7D").send().await;
        assert_eq!(got.graphql(), json!({ "viewer": { "name": "owner of home" } }));
        let path = "/graphql?query=query(%24i:ID!)%7Bclient(id:%24i)%7Bid%7D%7D&variables=%7B%22i%22:%22x%22%7D";
        assert_eq!(call(Method::GET, path).send().await.graphql_error()["code"], "not_found");
        let twice = "/graphql?query=%7Bviewer%7Bname%7D%7D&query=%7Bviewer%7Brole%7D%7D";
        let twice = call(Method::GET, twice).send().await;
        assert_eq!((twice.status.as_u16(), &twice.graphql_error()["code"]), (400, &json!("bad_request")));
        let change = "/graphql?query=mutation%7BcreateClient(input:%7Bname:%22x%22%7D)%7Bclient%7Bid%7D%7D%7D";
        let refused = call(Method::GET, change).send().await;
        assert_eq!((refused.status.as_u16(), refused.header("allow")), (405, Some("POST")));
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/graphql"] {
            let sent = call(Method::POST, "/graphql").header("content-type", kind).body("{\"query\":\"{viewer{name}}\"}").send().await;
            assert_eq!((sent.status.as_u16(), &sent.graphql_error()["code"]), (415, &json!("bad_request")), "{kind}");
        }
        for body in [json!([{ "query": "{viewer{name}}" }]), json!({}), json!({ "query": 7 }), json!({ "query": "{viewer{name}}", "variables": [] }), json!({ "query": "{viewer{name}}", "operationName": 1 })] {
            let sent = call(Method::POST, "/graphql").json(body.clone()).send().await;
            assert_eq!((sent.status.as_u16(), &sent.graphql_error()["code"]), (400, &json!("bad_request")), "{body}");
        }
        let put = call(Method::PUT, "/graphql").json(json!({ "query": "{viewer{name}}" })).send().await;
        assert_eq!((put.status.as_u16(), put.header("allow")), (405, Some("GET, HEAD, POST, OPTIONS")));
        assert_eq!(world.get(owner, "/api/v1/clients").await.data(200), json!([]), "nothing was written");
    }
}

on_both! {
    /// Refusals before execution keep their status; the media type is what the client takes.
    async fn errors_before_execution_keep_their_status(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let free = Workspace::new(&world, "solo", Plan::Free).await;
        let query = json!({ "query": "{ viewer { name } }" });
        let nobody = world.call(Method::POST, "/graphql").json(query.clone()).send().await;
        assert_eq!((nobody.status.as_u16(), nobody.header("www-authenticate")), (401, Some("Bearer")));
        assert_eq!(nobody.graphql_error()["code"], "unauthenticated");
        let plan = world.call(Method::POST, "/graphql").token(&free.owner).json(query.clone()).send().await;
        assert_eq!(plan.status, 402);
        let reported = plan.graphql_error();
        assert_eq!((&reported["requiredPlan"], &reported["feature"]), (&json!("studio"), &json!("apiAccess")));
        let send = async |accept: &str, query: &str| {
            let call = world.call(Method::POST, "/graphql").token(&fixtures.home.owner).header("accept", accept);
            call.json(json!({ "query": query })).send().await
        };
        let (classic, modern) = ("application/json", "application/graphql-response+json");
        for (accept, query, status, kind) in [
            (modern, "{ viewer { name } }", 200, modern),
            (classic, "{ viewer { name } }", 200, classic),
            ("*/*", "{ viewer { name } }", 200, classic),
            (modern, "{ nonsense }", 400, modern),
            (classic, "{ nonsense }", 200, classic),
            (modern, "{ viewer {", 400, modern),
            (modern, "{ client(id: \"x\") { id } }", 200, modern),
            ("text/html", "{ viewer { name } }", 406, classic),
        ] {
            let answer = send(accept, query).await;
            assert_eq!((answer.status.as_u16(), answer.header("content-type")), (status, Some(kind)), "{accept} {query}");
        }
        let unknown = send(modern, "{ nonsense }").await;
        assert_eq!(unknown.graphql_error()["code"], "bad_request");
        assert!(unknown.json().get("data").is_none(), "a request error has no data");
        assert!(unknown.header("x-ratelimit-limit").is_some());
        assert_eq!(unknown.graphql_error()["requestId"].as_str(), unknown.header("x-request-id"));
    }
}

on_both! {
    /// Method, token, body, `Accept`, in this order. A valid token is charged for each, and the response reports it.
    async fn errors_have_a_fixed_order(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = fixtures.home.owner.as_str();
        let mut left = None;
        for (method, token, kind, status) in [
            (Method::PUT, None, "text/plain", 405),
            (Method::PUT, Some("nobody"), "text/plain", 405),
            (Method::PUT, Some(owner), "text/plain", 405),
            (Method::POST, None, "text/plain", 401),
            (Method::POST, Some("nobody"), "text/plain", 401),
            (Method::POST, Some(owner), "text/plain", 415),
            (Method::POST, Some(owner), "application/json", 406),
            (Method::GET, None, "text/plain", 401),
            (Method::GET, Some(owner), "text/plain", 406),
        ] {
            let place = format!("{method} {kind} {token:?}");
            let mut call = world.call(method, "/graphql?query=%7Bviewer%7Bname%7D%7D").header("accept", "text/html");
            if let Some(token) = token {
                call = call.token(token);
            }
            let answer = call.header("content-type", kind).body("{\"query\":\"{viewer{name}}\"}").send().await;
            assert_eq!(answer.status, status, "{place}");
            let now = answer.json()["extensions"]["cost"]["remaining"].as_i64();
            let good = token == Some(owner);
            assert_eq!((now.is_some(), answer.header("ratelimit").is_some()), (good, good), "{place}: {}", answer.text());
            if let (Some(before), Some(now)) = (left, now) {
                assert_eq!(before - now, 1, "{place}");
            }
            left = now.or(left);
        }
    }
}

on_both! {
    /// A query nests 15 deep and no deeper.
    async fn depth_is_bounded(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let deep = |levels: usize| {
            let (mut query, mut end) = (String::from("{ projects(first: 1) { nodes {"), String::from(" } } }"));
            for _ in 0..levels {
                query.push_str(" client { projects(first: 1) { nodes {");
                end.push_str(" } } }");
            }
            format!("{query} id{end}")
        };
        world.graphql(&fixtures.home.owner, &deep(4), json!({})).await.graphql();
        let refused = world.graphql(&fixtures.home.owner, &deep(5), json!({})).await;
        assert_eq!((refused.status.as_u16(), &refused.graphql_error()["code"]), (422, &json!("validation_error")));
        let reported = refused.json()["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(reported.contains("18 fields deep; at most 15"), "{reported}");
    }
}

on_both! {
    /// What the type system refuses is refused before anything is executed: `bad_request`, once, with its place and no data.
    async fn the_type_system_refuses_before_execution(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let send = async |accept: &str, body: &serde_json::Value| {
            let call = world.call(Method::POST, "/graphql").token(&fixtures.home.owner).header("accept", accept);
            call.json(body.clone()).send().await
        };
        let query = |query: &str, variables: serde_json::Value| json!({ "query": query, "variables": variables });
        for body in [
            query("mutation { createClient(input: { name: \"A\", name: \"B\" }) { client { id } } }", json!({})),
            query("query($n: String) { clients(first: $n) { nodes { id } } }", json!({})),
            query("query($id: ID) { client(id: $id) { id } }", json!({ "id": "x" })),
            query("{ clients(first: 2147483648) { nodes { id } } }", json!({})),
            query("query($n: Int) { clients(first: $n) { nodes { id } } }", json!({ "n": 2_147_483_648_u64 })),
            query(
                "mutation($i: CreateTimeEntryInput!) { createTimeEntry(input: $i) { timeEntry { id } } }",
                json!({ "i": { "projectId": "x", "durationSeconds": 99_999_999_999_u64 } }),
            ),
            query("{ clients(sort: \"NAME_ASC\") { nodes { id } } }", json!({})),
            query("{ ...F } fragment F on Query { ...F }", json!({})),
            query("query($a: Foo) { viewer { role } }", json!({})),
            query("{ nonsense }", json!({})),
        ] {
            let (classic, modern) = ("application/json", "application/graphql-response+json");
            for (accept, status) in [(classic, 200), (modern, 400)] {
                let answer = send(accept, &body).await;
                assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.text());
                let answer = answer.json();
                assert!(answer.get("data").is_none_or(serde_json::Value::is_null), "{answer}");
                let errors = answer["errors"].as_array().unwrap();
                assert!(errors.iter().all(|error| error["extensions"]["code"] == "bad_request"), "{answer}");
                assert!(errors.iter().all(|error| error["locations"][0]["line"] == 1), "{answer}");
                let distinct: std::collections::HashSet<_> = errors.iter().map(|error| error.to_string()).collect();
                assert_eq!(distinct.len(), errors.len(), "{answer}");
            }
        }
        assert_eq!(world.get(&fixtures.home.owner, "/api/v1/clients").await.data(200), json!([]), "nothing was written");
    }
}

on_both! {
    /// A document named by its hash alone, with `query` absent or null, is asked for in full.
    async fn a_hash_alone_is_answered_as_apollo_expects(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": "00" } });
        for body in [json!({ "extensions": extensions }), json!({ "query": null, "extensions": extensions })] {
            let answer = world.call(Method::POST, "/graphql").token(&fixtures.home.owner).json(body).send().await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.json()["errors"][0]["message"], "PersistedQueryNotSupported");
        }
    }
}
