//! The order of refusals: of several errors in one request, the first in the contract's list is returned.

use poem::http::Method;
use serde_json::{Value, json};
use service::value::Plan;
use tests::{Fixtures, Workspace, World, on_both};

on_both! {
    /// 404 path, 405, 401, 402, 413, 415, 400, 403, 422, 404 row, 412, 409.
    async fn errors_have_a_fixed_order(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let free = Workspace::new(&world, "solo", Plan::Free).await;
        let call = |method: Method, path: &str| world.call(method, path);
        let json_type = "application/json";

        call(Method::PUT, "/api/v1/nowhere").send().await.error(404, "not_found");
        for no_text in ["/api/v1/%ff", "/api/v1/clients/%ff", "/api/v1/time-entries/%c3%28/stop", "/assets/%ff", "/%ff"] {
            call(Method::GET, no_text).send().await.error(404, "not_found");
        }
        let wrong_method = call(Method::PUT, "/api/v1/clients").token("nonsense").send().await;
        wrong_method.error(405, "bad_request");
        assert_eq!(wrong_method.header("allow"), Some("GET, POST, HEAD, OPTIONS"));

        let huge = "x".repeat(2 * 1024 * 1024);
        let nobody = call(Method::POST, "/api/v1/clients").body(huge.clone()).send().await;
        nobody.error(401, "unauthenticated");
        assert_eq!(nobody.header("www-authenticate"), Some("Bearer"));

        let plan = call(Method::POST, "/api/v1/clients").token(&free.owner).body(huge.clone()).send().await;
        let reported = plan.error(402, "forbidden_plan");
        assert_eq!((&reported["requiredPlan"], &reported["feature"]), (&json!("studio"), &json!("apiAccess")));

        let member = &fixtures.home.member;
        call(Method::POST, "/api/v1/clients").token(member).body(huge).send().await.error(413, "bad_request");
        let text = call(Method::POST, "/api/v1/clients").token(member).header("content-type", "text/plain");
        text.body("not json").send().await.error(415, "bad_request");
        let broken = call(Method::POST, "/api/v1/clients").token(member).header("content-type", json_type);
        broken.body("{").send().await.error(400, "bad_request");
        let not_allowed = call(Method::POST, "/api/v1/clients").token(member).json(json!({ "name": 7 })).send().await;
        not_allowed.error(403, "forbidden_scope");

        // Key and body together, and both before the row is looked for.
        let owner = &fixtures.home.owner;
        let both = call(Method::POST, "/api/v1/clients").token(owner).json(json!({ "name": 7 })).send().await.fields();
        assert!(both["name"].is_string() && both["Idempotency-Key"].is_string(), "{both}");
        let nobody_has = "/api/v1/clients/01890a5d-ac96-774b-bcce-b302099a8057";
        world.patch(owner, nobody_has, json!({ "name": 7 })).await.fields();
        let stale = call(Method::PATCH, nobody_has).token(owner).header("if-match", "\"9\"").json(json!({ "name": "x" }));
        stale.send().await.error(404, "not_found");
        world.get(owner, "/api/v1/clients/not-a-uuid").await.error(404, "not_found");

        // 412 before 409.
        let project = fixtures.home.project(&world, "p").await;
        let client = world.get(owner, &format!("/api/v1/projects/{project}")).await.data(200)["clientId"].clone();
        let path = format!("/api/v1/clients/{}", client.as_str().unwrap());
        let stale = call(Method::DELETE, &path).token(owner).header("if-match", "\"9\"").send().await;
        let reported = stale.error(412, "conflict");
        assert_eq!(reported["reason"], "stale");
        assert_eq!(stale.header("etag"), Some("\"1\""));
        let blocked = call(Method::DELETE, &path).token(owner).header("if-match", "\"1\"").send().await;
        assert_eq!(blocked.error(409, "conflict")["reason"], "active_projects");
    }
}

on_both! {
    /// An address that guesses tokens is limited; a valid token from the same address is not.
    async fn guessing_is_limited_by_address(world: World) {
        let world = World::with(world.database.kind, |config| config.rate_limit_scale = 1).await;
        let fixtures = Fixtures::new(&world).await;
        let guess = "hsk_live_000000000000_00000000000000000000000000000000";
        for _ in 0..10 {
            world.get(guess, "/api/v1/me").await.error(401, "unauthenticated");
        }
        let refused = world.get(guess, "/api/v1/me").await;
        refused.error(429, "rate_limited");
        let wait: i64 = refused.header("retry-after").unwrap().parse().unwrap();
        world.get(&fixtures.home.owner, "/api/v1/me").await.data(200);
        world.clock.advance(wait * 1000);
        world.get(guess, "/api/v1/me").await.error(401, "unauthenticated");
    }
}

on_both! {
    /// The budget is reported with every response; beyond it the response is 429 with a sufficient wait.
    async fn a_budget_is_used_up_and_refills(world: World) {
        let world = World::with(world.database.kind, |config| config.rate_limit_scale = 1).await;
        let studio = Workspace::new(&world, "studio", Plan::Studio).await;
        for left in (0..30).rev() {
            let answer = world.get(&studio.owner, "/api/v1/me").await;
            answer.data(200);
            assert_eq!(answer.header("x-ratelimit-limit"), Some("600"));
            assert_eq!(answer.header("x-ratelimit-remaining"), Some(left.to_string().as_str()));
            assert_eq!(answer.header("ratelimit-policy"), Some("\"burst\";q=30;w=10, \"sustained\";q=600;w=60"));
        }
        let refused = world.get(&studio.owner, "/api/v1/me").await;
        refused.error(429, "rate_limited");
        assert_eq!(refused.header("x-ratelimit-remaining"), Some("0"));
        let wait: i64 = refused.header("retry-after").unwrap().parse().unwrap();
        world.clock.advance(wait * 1000);
        world.get(&studio.owner, "/api/v1/me").await.data(200);
        // Another token has a budget of its own.
        world.get(&studio.admin, "/api/v1/me").await.data(200);
    }
}

on_both! {
    /// An unknown parameter is reported with all other problems; a refusal of the role comes first.
    async fn unknown_parameters_are_reported(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = fixtures.home.client(&world, "C").await;
        let path = format!("/api/v1/clients/{client}?expand=projects&page=2");
        let fields = world.get(owner, &path).await.fields();
        assert!(fields["expand"].is_string() && fields["page"].is_string(), "{fields}");
        let fields = world.patch(owner, &path, json!({ "name": 7 })).await.fields();
        assert!(fields["expand"].is_string() && fields["name"].is_string(), "{fields}");
        let fields = world.post(owner, "/api/v1/clients?dryRun=true", json!({ "name": "C" })).await.fields();
        assert!(fields["dryRun"].is_string(), "{fields}");
        assert!(world.delete(owner, &path).await.fields()["page"].is_string());
        assert!(world.get(owner, "/api/v1/me?x").await.fields()["x"].is_string());
        world.get(&fixtures.home.member, &path).await.error(403, "forbidden_scope");
        assert_eq!(world.get(owner, "/api/v1/clients?limit=1").await.status, 200);
        assert_eq!(world.get(owner, &format!("/api/v1/clients/{client}")).await.status, 200);
    }
}

on_both! {
    /// Where no body is expected, its content is reported in order: after the role, with all other problems.
    async fn an_unexpected_body_is_refused(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let path = format!("/api/v1/projects/{}/archive", fixtures.home.project(&world, "P").await);
        let send = |token: &str, body: Value| world.call(Method::POST, &path).token(token).json(body);
        send(&fixtures.home.member, json!({ "x": 1 })).send().await.error(403, "forbidden_scope");
        let reported = send(owner, json!({ "x": 1, "y": 2 })).send().await.fields();
        assert_eq!((&reported["x"], &reported["y"]), (&json!("unknown"), &json!("unknown")));
        assert!(reported["Idempotency-Key"].is_string(), "{reported}");
        let reported = send(owner, json!([])).send().await.fields();
        assert!(reported["body"].is_string() && reported["Idempotency-Key"].is_string(), "{reported}");
        send(owner, json!({})).key("k").send().await.data(200);
        // `{}` is none, so this is the same request.
        let again = world.call(Method::POST, &path).token(owner).key("k").send().await;
        assert_eq!((again.status.as_u16(), again.header("idempotent-replayed")), (200, Some("true")));
    }
}
