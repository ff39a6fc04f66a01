//! The conventions of the wire: envelopes, headers, request ids, compression, cross-origin rules.

use std::collections::BTreeSet;

use poem::http::Method;
use serde_json::{Value, json};
use tests::{Fixtures, on_both};

on_both! {
    /// A record carries every field; what has no value is null; money is canonical text.
    async fn a_record_carries_every_field(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let made = world.post(&fixtures.home.owner, "/api/v1/clients", json!({ "name": "  Globex  ", "defaultRate": 150 })).await;
        let client = made.data(201);
        assert_eq!(client["name"], "Globex");
        assert_eq!(client["defaultRate"], "150.00");
        assert_eq!(client["currency"], "EUR");
        assert_eq!(client["createdAt"], "2026-06-11T08:00:00.000Z");
        assert_eq!(client["version"], 1);
        for field in ["externalId", "email", "notes", "billingLine1", "defaultTaxRate", "deletedAt"] {
            assert_eq!(client.get(field), Some(&Value::Null), "{field}");
        }
        let place = made.header("location").unwrap();
        assert_eq!(place, format!("/api/v1/clients/{}", client["id"].as_str().unwrap()));
        assert_eq!(made.header("etag"), Some("\"1\""));
        let got = world.get(&fixtures.home.owner, place).await;
        assert_eq!(got.data(200), client);
        assert_eq!(got.header("cache-control"), Some("private, no-cache"));
        assert_eq!(got.header("vary"), Some("Authorization, Accept, Origin, Accept-Encoding"));
        let list = world.get(&fixtures.home.owner, "/api/v1/clients").await.json();
        assert_eq!(list, json!({ "data": [client], "pagination": { "nextCursor": null, "limit": 50 } }));
    }
}

on_both! {
    /// The same value comes out as went in, on both databases; what is no amount is a 422.
    async fn money_is_exact(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let raw = async |amount: &str| {
            let body = format!("{{\"name\":\"m\",\"defaultRate\":{amount}}}");
            let call = world.call(Method::POST, "/api/v1/clients").token(&fixtures.home.owner).key(&world.new_key());
            call.header("content-type", "application/json").body(body).send().await
        };
        for (sent, shown) in [
            ("\"0.0001\"", "0.0001"),
            ("\"999999999999.9999\"", "999999999999.9999"),
            ("0.1", "0.10"),
            ("0.30000000000000", "0.30"),
            ("1e2", "100.00"),
            ("12345678901.2345", "12345678901.2345"),
            ("\"0\"", "0.00"),
        ] {
            let client = raw(sent).await.data(201);
            assert_eq!(client["defaultRate"], shown, "{sent}");
            let path = format!("/api/v1/clients/{}", client["id"].as_str().unwrap());
            assert_eq!(world.get(&fixtures.home.owner, &path).await.data(200)["defaultRate"], shown, "{sent}");
        }
        for refused in ["-1", "\"-1\"", "1.23456", "\"1.23456\"", "\"1e2\"", "\"1234567890123\"", "true", "[]", "\"NaN\""] {
            assert!(raw(refused).await.fields()["defaultRate"].is_string(), "{refused}");
        }
        let reported = raw("900719925474.0993").await.fields();
        assert!(reported["defaultRate"].as_str().unwrap().contains("send a string"), "{reported}");
    }
}

on_both! {
    /// A valid request id of the caller is returned; otherwise one is generated.
    async fn every_answer_has_a_request_id(world: World) {
        for path in ["/healthz", "/api/v1/me", "/nowhere", "/graphql", "/"] {
            let own = world.call(Method::GET, path).header("x-request-id", "a.b_c-1").send().await;
            assert_eq!(own.header("x-request-id"), Some("a.b_c-1"), "{path}");
            for odd in ["", "with space", &"x".repeat(129)] {
                let answer = world.call(Method::GET, path).header("x-request-id", odd).send().await;
                assert_eq!(answer.header("x-request-id").map(str::len), Some(36), "{path} {odd:?}");
            }
        }
    }
}

on_both! {
    /// HEAD answers as GET does, without the body; OPTIONS needs no token.
    async fn head_answers_as_get_does(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let client = fixtures.home.client(&world, "c").await;
        for path in ["/api/v1/me", "/api/v1/clients", &format!("/api/v1/clients/{client}")] {
            let get = world.get(&fixtures.home.owner, path).await;
            let head = world.call(Method::HEAD, path).token(&fixtures.home.owner).send().await;
            assert_eq!((head.status, head.bytes.len()), (get.status, 0), "{path}");
            assert_eq!(head.header("etag"), get.header("etag"));
            let length: usize = head.header("content-length").unwrap().parse().unwrap();
            assert_eq!(length, get.bytes.len(), "{path}");
        }
        let allowed = async |path: &str| {
            let options = world.call(Method::OPTIONS, path).send().await;
            options.header("allow").unwrap().to_owned()
        };
        assert_eq!(allowed("/api/v1/clients").await, "GET, POST, HEAD, OPTIONS");
        assert_eq!(allowed("/api/v1/clients/any").await, "GET, PATCH, DELETE, HEAD, OPTIONS");
        assert_eq!(allowed("/api/v1/time-entries/start").await, "POST, OPTIONS");
        assert_eq!(allowed("/graphql").await, "GET, HEAD, POST, OPTIONS");
        assert_eq!(allowed("/mcp/readonly").await, "POST, OPTIONS");
        assert_eq!(allowed("/settings/api/new").await, "GET, HEAD, POST, OPTIONS");
        assert_eq!(allowed("/settings").await, "GET, HEAD, OPTIONS");
        let options = world.call(Method::OPTIONS, "/api/v1/clients").send().await;
        assert_eq!(options.status, 204);
    }
}

/// The names in a header, which know no case.
fn names(header: &str) -> BTreeSet<String> {
    header.split(',').map(|name| name.trim().to_ascii_lowercase()).collect()
}

on_both! {
    /// Cross-origin headers are for the origins that the operator has named, and never with credentials.
    async fn browsers_may_call_from_configured_origins(world: World) {
        let mut server = api::Server::new(world.app.clone());
        server.cors_origins = vec!["https://app.example".into()];
        let endpoint = api::server(server);
        let ask = async |method: Method, origin: &str| {
            use poem::Endpoint;
            let request = poem::Request::builder().method(method).uri_str("/api/v1/me").header("origin", origin).finish();
            Box::pin(endpoint.get_response(request)).await
        };
        let header = |response: &poem::Response, name: &str| {
            response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
        };
        let preflight = ask(Method::OPTIONS, "https://app.example").await;
        assert_eq!(preflight.status(), 204);
        for (name, listed) in [
            ("access-control-allow-headers", "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id, traceparent, \
                apollographql-client-name, apollographql-client-version"),
            ("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
        ] {
            assert_eq!(names(&header(&preflight, name).unwrap()), names(listed), "{name}");
        }
        let known = ask(Method::GET, "https://app.example").await;
        assert_eq!(known.status(), 401);
        let exposed = "ETag, Link, Location, Retry-After, X-Request-Id, Idempotent-Replayed, X-RateLimit-Limit, \
            X-RateLimit-Remaining, X-RateLimit-Reset, RateLimit-Policy, RateLimit";
        assert_eq!(names(&header(&known, "access-control-expose-headers").unwrap()), names(exposed));
        for answer in [&preflight, &known] {
            assert_eq!(header(answer, "access-control-allow-origin").as_deref(), Some("https://app.example"));
            assert_eq!(header(answer, "access-control-allow-credentials"), None);
        }
        for (method, status) in [(Method::GET, 401), (Method::OPTIONS, 204)] {
            let other = ask(method, "https://evil.example").await;
            assert_eq!(other.status(), status);
            assert!(other.headers().keys().all(|name| !name.as_str().starts_with("access-control-")), "{other:?}");
        }
    }
}

on_both! {
    /// Long responses are compressed on request; short ones are not.
    async fn answers_are_compressed_when_asked(world: World) {
        let fixtures = Fixtures::new(&world).await;
        for i in 0..10 {
            fixtures.home.client(&world, &format!("client {i}")).await;
        }
        let plain = world.get(&fixtures.home.owner, "/api/v1/clients").await;
        for (asked, given) in [("gzip", Some("gzip")), ("br, gzip", Some("br")), ("gzip;q=0", None), ("identity", None)] {
            let call = world.call(Method::GET, "/api/v1/clients").token(&fixtures.home.owner);
            let answer = call.header("accept-encoding", asked).send().await;
            assert_eq!(answer.header("content-encoding"), given, "{asked}");
            if given.is_some() {
                assert!(answer.bytes.len() < plain.bytes.len() / 2);
            } else {
                assert_eq!(answer.bytes, plain.bytes);
            }
        }
        let short = world.call(Method::GET, "/api/v1/me").token(&fixtures.home.owner).header("accept-encoding", "gzip").send().await;
        assert_eq!(short.header("content-encoding"), None);
    }
}

on_both! {
    /// A panic reveals nothing, is a normal error response, and rolls its transaction back.
    async fn a_panic_is_a_normal_error_response(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let post = || world.call(Method::POST, "/api/v1/clients").token(&fixtures.home.owner).key("k").json(json!({ "name": "Globex" }));
        let look = "{ clients(first: 1) { nodes { id } } }";
        world.panic_at("FROM \"client\"");
        let got = world.get(&fixtures.home.owner, "/api/v1/clients").await;
        got.error(500, "internal");
        world.panic_at("FROM \"client\"");
        let reported = world.graphql(&fixtures.home.owner, look, json!({})).await;
        assert_eq!((reported.status.as_u16(), reported.json()["errors"][0]["extensions"]["code"].as_str()), (500, Some("internal")));
        world.panic_at("INSERT INTO idempotency_key");
        let posted = post().send().await;
        posted.error(500, "internal");
        for answer in [got, reported, posted] {
            assert!(answer.header("x-ratelimit-remaining").is_some(), "{answer:?}");
            assert!(!answer.text().contains("swordfish"), "{answer:?}");
        }
        let made = post().send().await;
        made.data(201);
        assert_eq!(made.header("idempotent-replayed"), None);
        assert_eq!(world.get(&fixtures.home.owner, "/api/v1/clients").await.data(200).as_array().map(Vec::len), Some(1));
        assert_eq!(world.graphql(&fixtures.home.owner, look, json!({})).await.graphql()["clients"]["nodes"].as_array().map(Vec::len), Some(1));
    }
}

on_both! {
    /// Any origin may ask for a public document, and read its tag; the API answers the origins that are configured.
    async fn public_documents_answer_every_origin(world: World) {
        for path in ["/api/openapi.json", "/api/openapi-3.0.json", "/graphql/schema.graphql"] {
            let ask = |method| world.call(method, path).header("origin", "https://x.example");
            let asked = ask(Method::OPTIONS).header("access-control-request-headers", "if-none-match").send().await;
            assert_eq!(asked.header("access-control-allow-origin"), Some("*"), "{path}");
            assert!(asked.header("access-control-allow-headers").unwrap().contains("If-None-Match"));
            let got = ask(Method::GET).send().await;
            assert_eq!(got.header("access-control-allow-origin"), Some("*"), "{path}");
            assert!(got.header("access-control-expose-headers").unwrap().contains("ETag"));
        }
        for path in ["/api/v1/clients", "/graphql", "/mcp"] {
            let asked = world.call(Method::OPTIONS, path).header("origin", "https://x.example").send().await;
            assert_eq!(asked.header("access-control-allow-origin"), None, "{path}");
        }
    }
}
