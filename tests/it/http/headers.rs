//! Headers of answers, and what is read leniently in requests.

use std::time::Duration;

use poem::http::Method;
use serde_json::json;
use tests::{Fixtures, on_both};
use tokio::time::Instant;

on_both! {
    /// The header `Link` leads from page to page, with the same filters; the last page has none.
    async fn lists_link_to_the_next_page(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for i in 0..5 {
            fixtures.home.client(&world, &format!("client {i}")).await;
        }
        let (mut path, mut seen) = ("/api/v1/clients?limit=2&search=client%20&sort=name".to_owned(), vec![]);
        loop {
            let page = world.get(owner, &path).await;
            seen.extend(page.data(200).as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()));
            let Some(link) = page.header("link") else { break };
            path = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap().to_owned();
            assert!(path.starts_with("/api/v1/clients?limit=2&search=client") && path.contains("&cursor="), "{path}");
        }
        assert_eq!(seen, ["client 0", "client 1", "client 2", "client 3", "client 4"]);
    }
}

on_both! {
    /// An empty parameter counts as not sent; an unknown one is named even so, and one without a name as well. Clients that
    /// send several values in one, or with brackets, get a hint at the right form.
    async fn parameters_are_read_leniently(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        fixtures.home.project(&world, "P").await;
        let listed = world.get(owner, "/api/v1/projects?cursor=&limit=&status=&search=&sort=&startDateFrom=").await;
        assert_eq!(listed.data(200).as_array().unwrap().len(), 1);
        world.get(owner, "/api/v1/reports/time?groupBy=project&timeZone=&projectId=").await.data(200);
        let fields = world.get(owner, "/api/v1/projects?expand=").await.fields();
        assert!(fields["expand"].is_string(), "{fields}");
        for path in ["/api/v1/projects?=x", "/api/v1/me?=x"] {
            let fields = world.get(owner, path).await.fields();
            assert!(fields["(no name)"].is_string(), "{fields}");
        }
        let fields = world.get(owner, "/api/v1/projects?status=ACTIVE,ARCHIVED").await.fields();
        assert!(fields.to_string().contains("repeat the parameter"), "{fields}");
        let fields = world.get(owner, "/api/v1/projects?status[]=ACTIVE").await.fields();
        let hint = fields["status[]"].as_str().unwrap();
        assert!(hint.contains("without brackets: status=") && hint.contains("allowed are"), "{fields}");
    }
}

on_both! {
    /// A byte order mark, the charset `utf8` and the coding `identity` change nothing about JSON.
    async fn bodies_are_read_leniently(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let post = || world.call(Method::POST, "/api/v1/clients").token(&fixtures.home.owner).key(&world.new_key());
        let json = r#"{"name":"Globex"}"#;
        for kind in ["application/json", "application/json; charset=utf8", "application/json;charset=\"UTF-8\""] {
            post().header("content-type", kind).body(json).send().await.data(201);
        }
        let typed = || post().header("content-type", "application/json");
        typed().body([b"\xef\xbb\xbf", json.as_bytes()].concat()).send().await.data(201);
        typed().header("content-encoding", "identity").body(json).send().await.data(201);
        typed().header("content-encoding", "gzip").body(json).send().await.error(415, "bad_request");
        post().header("content-type", "application/json; charset=latin1").body(json).send().await.error(415, "bad_request");
    }
}

on_both! {
    /// Letters that a path need not encode mean the same encoded.
    async fn an_encoded_letter_is_that_letter(world: World) {
        let fixtures = Fixtures::new(&world).await;
        world.get(&fixtures.home.owner, "/api/v1/%63lients").await.data(200);
        world.get(&fixtures.home.owner, "/api/v1/clients%2F").await.error(404, "not_found");
    }
}

on_both! {
    /// Of two `Authorization` headers neither counts, whichever is good.
    async fn two_credentials_are_none(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (good, bad) = (&fixtures.home.owner, "hsk_live_000000000000_00000000000000000000000000000000");
        for (first, second) in [(good.as_str(), bad), (bad, good.as_str()), (good, good)] {
            for path in ["/api/v1/me", "/graphql?query={viewer{name}}"] {
                let answer = world.call(Method::GET, path).token(first).token(second).send().await;
                assert_eq!(answer.status, 401, "{}", answer.text());
            }
        }
    }
}

on_both! {
    /// Answers with a secret are stored nowhere: when it is made, when it is repeated, when it is changed, over GraphQL.
    async fn secrets_are_not_stored(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let body = json!({ "url": "https://hooks.example/in", "events": ["client.created"] });
        let create = || world.call(Method::POST, "/api/v1/webhook-endpoints").token(owner).key("k").json(body.clone());
        let made = create().send().await;
        assert!(made.data(201)["secret"].is_string());
        let again = create().send().await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        let path = format!("/api/v1/webhook-endpoints/{}", made.id());
        let rotated = world.post(owner, &format!("{path}/rotate-secret"), json!({})).await;
        assert!(rotated.data(200)["secret"].is_string());
        let mutation = "mutation { createClient(input: { name: \"C\" }) { client { id } } }";
        let mutated = world.graphql(owner, mutation, json!({})).await;
        for answer in [&made, &again, &rotated, &mutated] {
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.text());
        }
        assert_eq!(world.get(owner, &path).await.header("cache-control"), Some("private, no-cache"));
    }
}

on_both! {
    /// A token that may not write is refused before its body is looked at, however much it holds.
    async fn the_policy_comes_before_the_fields(world: World) {
        let fixtures = Fixtures::new(&world).await;
        for (keys, status, code) in [(1_000, 403, "forbidden_scope"), (60_000, 400, "bad_request")] {
            let body = format!("{{{}}}", (0..keys).map(|i| format!("\"{i}\":0")).collect::<Vec<_>>().join(","));
            let began = Instant::now();
            let call = world.call(Method::POST, "/api/v1/clients").token(&fixtures.home.member).key("k");
            let answer = call.header("content-type", "application/json").body(body).send().await;
            answer.error(status, code);
            assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        }
    }
}

on_both! {
    /// Pages and documents are sent as they were compressed once, each coding with a tag of its own, and any origin may read
    /// them. The usual spellings of their addresses lead to them.
    async fn static_bytes_are_compressed_once(world: World) {
        let get = |path: &str, coding: &str| world.call(Method::GET, path).header("accept-encoding", coding);
        for path in ["/assets/graphiql.js", "/api/openapi.json", "/api/openapi.yaml", "/graphql/schema.graphql", "/"] {
            let plain = get(path, "identity").send().await;
            assert_eq!((plain.status.as_u16(), plain.header("content-encoding")), (200, None), "{path}");
            let mut tags = vec![plain.header("etag").unwrap().to_owned()];
            for (asked, given) in [("gzip", "gzip"), ("gzip, br", "br")] {
                let coded = get(path, asked).send().await;
                assert_eq!(coded.header("content-encoding"), Some(given), "{path}");
                assert!(coded.bytes.len() < plain.bytes.len(), "{path}");
                assert_eq!(coded.header("access-control-allow-origin"), Some("*"), "{path}");
                assert!(coded.header("vary").unwrap().contains("Accept-Encoding"), "{path}");
                let tag = coded.header("etag").unwrap().to_owned();
                assert!(!tag.starts_with("W/") && !tags.contains(&tag), "{path} {tag}");
                let again = get(path, asked).header("if-none-match", &tag).send().await;
                assert_eq!((again.status.as_u16(), again.bytes.len()), (304, 0), "{path}");
                tags.push(tag);
            }
        }
        let began = Instant::now();
        for _ in 0..200 {
            get("/assets/graphiql.js", "br").send().await;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        for path in ["/api-docs/", "/graphiql/", "/favicon.ico"] {
            assert_eq!(world.call(Method::GET, path).send().await.status, 200, "{path}");
        }
    }
}

on_both! {
    /// HEAD names the length that GET has, in the coding that was asked for, and sends no body.
    async fn head_names_the_length_of_get(world: World) {
        let fixtures = Fixtures::new(&world).await;
        for i in 0..10 {
            fixtures.home.client(&world, &format!("client {i}")).await;
        }
        for path in ["/api/v1/clients", "/api/v1/me", "/api/v1/reports/time?groupBy=client&format=csv", "/readyz", "/settings/sign-in"] {
            for coding in ["identity", "gzip", "br"] {
                let call = |method| world.call(method, path).token(&fixtures.home.owner).header("accept-encoding", coding);
                let (get, head) = (call(Method::GET).send().await, call(Method::HEAD).send().await);
                assert_eq!((get.status, head.bytes.len()), (head.status, 0), "{path} {coding}");
                assert_eq!(head.header("content-encoding"), get.header("content-encoding"), "{path} {coding}");
                assert_eq!(head.header("content-length"), Some(get.bytes.len().to_string().as_str()), "{path} {coding}");
                let is_long = ["/api/v1/clients", "/settings/sign-in"].contains(&path);
                assert_eq!(get.header("content-encoding").is_some(), is_long && coding != "identity", "{path} {coding}");
            }
        }
    }
}

on_both! {
    /// A good token is sent its rate headers by every refusal below `/mcp`, too; without one, an unknown path and a wrong method
    /// come first, as everywhere.
    async fn what_is_not_served_below_mcp_has_rate_headers(world: World) {
        let fixtures = Fixtures::new(&world).await;
        for (method, path, status) in [
            (Method::GET, "/mcp", 405), (Method::PUT, "/mcp/x/all", 405), (Method::POST, "/mcp/nope", 404),
            (Method::GET, "/mcp/x/nope", 404), (Method::POST, "/mcp/readonly/more", 404),
        ] {
            let answer = world.call(method.clone(), path).token(&fixtures.home.owner).send().await;
            answer.error(status, if status == 404 { "not_found" } else { "bad_request" });
            assert!(answer.header("x-ratelimit-limit").is_some() && answer.header("ratelimit").is_some(), "{path}");
            let answer = world.call(method, path).send().await;
            assert_eq!((answer.status.as_u16(), answer.header("x-ratelimit-limit")), (status, None), "{path}");
        }
    }
}
