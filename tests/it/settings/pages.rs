//! The pages of tokens, and what all pages have in common.

use poem::http::Method;
use serde_json::json;
use service::value::TokenScope;
use tests::{Fixtures, on_both};

use super::{Browser, leads_to, page, value_of};

const MINUTE: i64 = 60_000;

on_both! {
    /// Settings → API → New token: it is shown once, works, and is refused once it is revoked.
    async fn a_token_is_made_used_and_revoked(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let browser = Browser::signed_in(&world, fixtures.home.id, "manager@home.example").await;
        page(&browser.get("/settings/api/new").await, 200);
        let fields = [("name", "My <laptop>"), ("scope", "write"), ("expiresAt", "90")];
        let answer = browser.post("/settings/api/new", &fields).await;
        let token = value_of(&page(&answer, 200), "token");
        assert!(token.starts_with("hsk_live_"), "{token}");
        let me = world.get(&token, "/api/v1/me").await.data(200);
        assert_eq!((&me["tokenName"], &me["role"]), (&json!("My <laptop>"), &json!("MANAGER")));
        assert_eq!(me["scopes"], json!(["read", "write"]));

        let list = page(&browser.get("/settings/api").await, 200);
        assert!(list.contains("My &lt;laptop&gt;") && list.contains("read and write"), "{list}");
        let secret = token.rsplit('_').next().unwrap();
        assert!(!list.contains(secret), "it is shown once");
        let prefix = token.split('_').nth(2).unwrap();
        let row = list.split("<tr ").find(|row| row.contains(prefix)).unwrap();
        let revoke = row.split("href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let sure = page(&browser.get(&revoke).await, 200);
        assert!(sure.contains("My &lt;laptop&gt;") && sure.contains("Last used"), "{sure}");
        world.get(&token, "/api/v1/me").await.data(200);
        leads_to(&browser.post(&revoke, &[]).await, "/settings/api?done=token-revoked");
        world.get(&token, "/api/v1/me").await.error(401, "unauthenticated");
        assert!(!page(&browser.get("/settings/api").await, 200).contains(prefix));
    }
}

on_both! {
    /// A double click makes one token, and both answers show it; the same form with other contents is refused.
    async fn a_double_click_is_one_effect(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let browser = Browser::signed_in(&world, fixtures.home.id, "owner@home.example").await;
        let fields = [("name", "twice"), ("scope", "read"), ("expiresAt", "never")];
        let send = || browser.post_with("the-key", "/settings/api/new", &fields);
        let (one, other) = tokio::join!(send(), send());
        let tokens = [one, other].map(|answer| value_of(&page(&answer, 200), "token"));
        assert_eq!(tokens[0], tokens[1]);
        assert_eq!(world.database.number("SELECT count(*) AS n FROM token WHERE name = 'twice'").await, 1);
        let changed = [("name", "thrice"), ("scope", "read"), ("expiresAt", "never")];
        let refused = browser.post_with("the-key", "/settings/api/new", &changed).await;
        let shown = page(&refused, 409);
        assert!(shown.contains("sent before with other contents") && shown.contains("value=\"thrice\""), "{shown}");
        let sealed = "SELECT count(*) AS n FROM idempotency_key WHERE key = 'the-key' AND body LIKE 'sealed:%'";
        assert_eq!(world.database.number(sealed).await, 1);
    }
}

on_both! {
    /// What is wrong stands beside its field, with what was typed; the summary leads to the fields.
    async fn errors_stand_beside_their_fields(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let browser = Browser::signed_in(&world, fixtures.home.id, "owner@home.example").await;
        let fields = [("name", " \u{200b} "), ("scope", "everything"), ("expiresAt", "soon")];
        let shown = page(&browser.post("/settings/api/new", &fields).await, 422);
        for field in ["name", "scope", "expiresAt"] {
            assert!(shown.contains(&format!("href=\"#{field}\"")), "{field}: {shown}");
            assert!(shown.contains(&format!("id=\"{field}-error\"")), "{field}: {shown}");
        }
        assert!(shown.contains("role=\"alert\"") && shown.contains("aria-invalid=\"true\""));
        let missing = browser.post("/settings/api/new", &[("name", "<script>alert(1)</script>")]).await;
        let shown = page(&missing, 422);
        assert!(shown.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !shown.contains("<script>alert"), "{shown}");
        assert_eq!(world.database.number("SELECT count(*) AS n FROM token WHERE name LIKE '%script%'").await, 0);
    }
}

on_both! {
    /// Making a token takes a sign-in of the last five minutes; without one the page leads to it, and back.
    async fn making_a_token_takes_a_recent_sign_in(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let browser = Browser::signed_in(&world, fixtures.home.id, "owner@home.example").await;
        let fields = [("name", "late"), ("scope", "read"), ("expiresAt", "30")];
        world.clock.advance(5 * MINUTE - 1);
        page(&browser.get("/settings/api/new").await, 200);
        world.clock.advance(1);
        for answer in [browser.get("/settings/api/new").await, browser.post("/settings/api/new", &fields).await] {
            let shown = page(&answer, 403);
            assert!(shown.contains("/settings/sign-in?next=%2Fsettings%2Fapi%2Fnew"), "{shown}");
        }
        assert_eq!(world.database.number("SELECT count(*) AS n FROM token WHERE name = 'late'").await, 0);
        let code = super::link(&world, fixtures.home.id, "owner@home.example").await;
        let back = browser.post("/settings/sign-in/link", &[("code", &code), ("next", "/settings/api/new")]).await;
        leads_to(&back, "/settings/api/new?done=signed-in");
        page(&browser.post("/settings/api/new", &fields).await, 200);
    }
}

on_both! {
    /// Owner and Admin see and revoke everybody's tokens; the others their own.
    async fn roles_see_the_tokens_that_are_theirs(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = fixtures.home.id;
        tests::mint(&world, home, "manager@home.example", TokenScope::Read).await;
        let list = |browser: &Browser<'_>| {
            let path = "/settings/api";
            browser.call(Method::GET, path).send()
        };
        for (email, rows) in [("owner@home.example", 5), ("admin@home.example", 5), ("manager@home.example", 2), ("member@home.example", 1)] {
            let browser = Browser::signed_in(&world, home, email).await;
            let shown = page(&list(&browser).await, 200);
            assert_eq!(shown.matches("/revoke\"").count(), rows, "{email}: {shown}");
        }
        let owners = world.get(&fixtures.home.owner, "/api/v1/tokens").await.data(200);
        let own = owners.as_array().unwrap().iter().find(|token| token["scopes"] == json!(["read"])).unwrap()["id"].clone();
        let member = Browser::signed_in(&world, home, "member@home.example").await;
        let path = format!("/settings/api/{}/revoke", own.as_str().unwrap());
        page(&member.get(&path).await, 404);
        page(&member.post(&path, &[]).await, 404);
    }
}

on_both! {
    /// Lists page towards either end by the same cursors as over the API.
    async fn lists_page_both_ways(world: World) {
        let fixtures = Fixtures::new(&world).await;
        for _ in 0..40 {
            world.clock.advance(1);
            tests::mint(&world, fixtures.home.id, "member@home.example", TokenScope::Read).await;
        }
        let browser = Browser::signed_in(&world, fixtures.home.id, "member@home.example").await;
        let way = |page: &str, rel: &str| {
            let part = page.split("<a href=\"").find(|part| part.contains(&format!("rel=\"{rel}\"")))?;
            Some(part.split('"').next()?.replace("&amp;", "&"))
        };
        let prefixes = |page: &str| page.matches("/revoke\"").count();
        let first = page(&browser.get("/settings/api").await, 200);
        assert_eq!((prefixes(&first), way(&first, "prev")), (25, None));
        let second = page(&browser.get(&way(&first, "next").unwrap()).await, 200);
        assert_eq!((prefixes(&second), way(&second, "next")), (16, None));
        let back = page(&browser.get(&way(&second, "prev").unwrap()).await, 200);
        let rows = |page: &str| page.split("<tbody").nth(1).unwrap().split("</tbody>").next().unwrap().to_owned();
        assert_eq!(rows(&back), rows(&first));
        assert_eq!(way(&back, "prev"), None);
        page(&browser.get("/settings/api?cursor=nonsense").await, 400);
    }
}

on_both! {
    /// Every page and every error is HTML with the same protection; HEAD is GET without its body.
    async fn every_page_is_protected(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let browser = Browser::signed_in(&world, fixtures.home.id, "owner@home.example").await;
        for (path, status) in [
            ("/settings", 200), ("/settings/", 200), ("/settings/api", 200), ("/settings/api/new", 200),
            ("/settings/webhooks", 200), ("/settings/webhooks/new", 200), ("/settings/webhooks/deliveries", 200),
            ("/settings/sessions", 200), ("/settings/sessions/end-all", 200), ("/settings/sign-in", 200),
            ("/settings/nothing", 404), ("/settings/sign-out", 405), ("/settings/api/x/revoke", 404),
        ] {
            let answer = browser.get(path).await;
            let shown = page(&answer, status);
            assert_eq!(
                answer.header("content-security-policy").unwrap(),
                "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                 form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
            );
            for (name, value) in [("referrer-policy", "same-origin"), ("x-frame-options", "DENY"), ("x-content-type-options", "nosniff")] {
                assert_eq!(answer.header(name), Some(value), "{path} {name}");
            }
            assert!(answer.header("x-request-id").is_some() && answer.header("www-authenticate").is_none());
            assert!(shown.starts_with("<!DOCTYPE html>") && shown.contains("<html lang=\"en\">"), "{path}");
            assert!(!shown.contains("style=") && !shown.contains("<script>") && !shown.contains("onclick"), "{path}");
            assert!(!shown.contains("src=\"http") && !shown.contains("href=\"http"), "{path} asks elsewhere");
            assert_eq!(shown.matches("<h1>").count(), 1, "{path}");
            assert!(shown.contains("href=\"/docs\""), "{path} leads to the guides");
            assert!(path != "/settings/sign-in" || shown.contains("hoursmith workspace list"), "what the ID of a workspace is");
            let head = browser.call(Method::HEAD, path).send().await;
            assert_eq!((head.status.as_u16(), head.bytes.len()), (status, 0), "{path}");
        }
        let refused = browser.get("/settings/sign-out").await;
        assert_eq!(refused.header("allow"), Some("POST, OPTIONS"));
        let [style, script] = ["settings.css", "settings.js"].map(|file| format!("/assets/{file}"));
        assert_eq!(world.call(Method::GET, &style).send().await.status, 200);
        let script = world.call(Method::GET, &script).send().await;
        assert_eq!(script.status, 200);
        assert!(script.bytes.len() < 5 * 1024, "{}", script.bytes.len());
    }
}

on_both! {
    /// All sessions of a member share one budget, which is not that of a token.
    async fn a_member_has_a_budget(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let replica = world.replica(world.clock.clone(), |config| config.rate_limit_scale = 1).await;
        let (one, other) = (
            Browser::signed_in(&replica, fixtures.home.id, "owner@home.example").await,
            Browser::signed_in(&replica, fixtures.home.id, "owner@home.example").await,
        );
        for _ in 0..30 {
            page(&one.get("/settings/sessions").await, 200);
            page(&other.get("/settings/sessions").await, 200);
        }
        let refused = one.get("/settings/sessions").await;
        page(&refused, 429);
        assert!(refused.header("retry-after").is_some());
        replica.get(&fixtures.home.owner, "/api/v1/me").await.data(200);
    }
}

on_both! {
    /// A filter that is refused is shown in its form, with what is wrong beside it.
    async fn a_refused_filter_stands_in_its_form(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let browser = Browser::signed_in(&world, fixtures.home.id, "owner@home.example").await;
        let long = "x".repeat(201);
        for (path, field, label, query) in [
            ("/settings/members", "search", "Name or email address", format!("search={long}")),
            ("/settings/members", "search", "Name or email address", "search=a%00b".into()),
            ("/settings/members", "role", "Role", "role=KING".into()),
            ("/settings/webhooks/deliveries", "status", "Status", "status=zz".into()),
            ("/settings/webhooks/deliveries", "endpointId", "Endpoint", "endpointId=nope".into()),
            ("/settings/invoices", "search", "Number", format!("search={long}")),
        ] {
            let shown = page(&browser.get(&format!("{path}?{query}")).await, 422);
            assert!(shown.contains("class=\"filters\"") && shown.contains(&format!("id=\"{field}-error\"")), "{query}: {shown}");
            assert!(shown.contains(&format!("href=\"#{field}\">{label}: ")), "{query}: {shown}");
        }
    }
}
