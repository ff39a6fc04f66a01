//! Hostile requests: each is refused, and nothing has changed afterwards.

use poem::http::Method;
use service::member;
use tests::{Answer, Call, Fixtures, Kind, World, on_both};

use super::{Browser, HOST, ORIGIN, form, leads_to, link, page};

/// How other sites can make a browser send a form, by what its headers then say. `None` stands for an absent header.
const FOREIGN: [(&str, &[&str], &[&str]); 19] = [
    ("a form of another site", &["https://evil.example"], &["cross-site"]),
    ("a form of another site, in an old browser", &["https://evil.example"], &[]),
    ("a form that hides its origin", &[], &["cross-site"]),
    ("a form of a sister domain", &["https://evil.hours.example"], &["same-site"]),
    ("a sister domain without an origin", &[], &["same-site"]),
    ("neither header", &[], &[]),
    ("a sandboxed frame", &["null"], &["cross-site"]),
    ("a sandboxed frame in an old browser", &["null"], &[]),
    ("a null origin by the user's hand", &["null"], &["none"]),
    ("by the user's hand, without an origin", &[], &["none"]),
    ("an own origin, sent from elsewhere", &[ORIGIN], &["cross-site"]),
    ("a foreign origin that claims to be here", &["https://evil.example"], &["same-origin"]),
    ("another port", &["http://127.0.0.1:8081"], &["same-site"]),
    ("another port, in an old browser", &["http://127.0.0.1:8081"], &[]),
    ("our origin as the beginning of another", &["http://127.0.0.1:8080.evil.example"], &[]),
    ("our origin as a part of another", &["http://evil.example/http://127.0.0.1:8080"], &[]),
    ("two origins", &["https://evil.example", ORIGIN], &["same-origin"]),
    ("two places", &[ORIGIN], &["same-origin", "cross-site"]),
    ("an empty origin", &[""], &[]),
];

/// What stands in the database after all of it.
async fn effects(world: &World) -> [i64; 5] {
    let counts = [
        "SELECT count(*) AS n FROM token WHERE revoked_at IS NULL",
        "SELECT count(*) AS n FROM session WHERE ended_at IS NULL",
        "SELECT count(*) AS n FROM webhook_endpoint",
        "SELECT count(*) AS n FROM login_link WHERE used_at IS NULL",
        "SELECT count(*) AS n FROM client",
    ];
    let mut found = [0; 5];
    for (count, sql) in found.iter_mut().zip(counts) {
        *count = world.database.number(sql).await;
    }
    found
}

on_both! {
    /// Forms that other sites make a browser send, with its cookie: 403, whatever the form.
    async fn no_other_site_sends_our_forms(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let victim = Browser::signed_in(&world, fixtures.home.id, "owner@home.example").await;
        let code = link(&world, fixtures.home.id, "owner@home.example").await;
        let before = effects(&world).await;
        let forms: [(&str, &[(&str, &str)]); 4] = [
            ("/settings/api/new", &[("key", "k"), ("name", "stolen"), ("scope", "write"), ("expiresAt", "never")]),
            ("/settings/sessions/end-all", &[("key", "k")]),
            ("/settings/sign-out", &[("key", "k")]),
            // Signing a victim in as somebody else is an attack too.
            ("/settings/sign-in/link", &[("code", code.as_str())]),
        ];
        for (what, origins, places) in FOREIGN {
            for (path, fields) in forms {
                let mut call = victim.call(Method::POST, path);
                for origin in origins {
                    call = call.header("origin", origin);
                }
                for place in places {
                    call = call.header("sec-fetch-site", place);
                }
                let answer = form(call, fields).send().await;
                assert_eq!(answer.status.as_u16(), 403, "{what} {path}: {}", answer.text());
                assert!(answer.header("set-cookie").is_none());
            }
        }
        assert_eq!(effects(&world).await, before);
        page(&victim.get("/settings").await, 200);
    }
}

/// A request of a page of ours, as far as headers can say.
fn own(call: Call) -> Call {
    call.header("origin", ORIGIN).header("sec-fetch-site", "same-origin")
}

on_both! {
    /// Everything else that was tried, with the status that it gets.
    async fn hostile_requests_are_refused(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let victim = Browser::signed_in(&world, home.id, "owner@home.example").await;
        let member = Browser::signed_in(&world, home.id, "member@home.example").await;
        let secret = victim.secret().unwrap();
        let tokens = world.get(&home.owner, "/api/v1/tokens").await.data(200);
        let me = world.get(&home.owner, "/api/v1/me").await.data(200);
        let mine = tokens.as_array().unwrap().iter().find(|token| token["memberId"] == me["memberId"]).unwrap();
        let token = mine["id"].as_str().unwrap().to_owned();
        let revoke = format!("/settings/api/{token}/revoke");
        let used = link(&world, home.id, "manager@home.example").await;
        let manager = Browser::new(&world);
        manager.post("/settings/sign-in/link", &[("code", &used)]).await;
        let code = link(&world, home.id, "owner@home.example").await;
        let before = effects(&world).await;

        let mint: &[(&str, &str)] = &[("key", "k"), ("name", "x"), ("scope", "write"), ("expiresAt", "never")];
        let big = "x".repeat(70_000);
        let bare = |method: Method, path: &str| world.call(method, path).header("host", HOST);
        let cookie = |name: &str, value: &str| bare(Method::GET, "/settings").header("cookie", &format!("{name}={value}"));
        let api = |path: &str| bare(Method::GET, path).header("cookie", &format!("hs={secret}; __Host-hs={secret}"));
        let graphql = bare(Method::POST, "/graphql").header("cookie", &format!("hs={secret}"));
        let create = own(bare(Method::POST, "/api/v1/clients")).header("cookie", &format!("hs={secret}")).key("k");
        let mcp = bare(Method::POST, "/mcp").header("cookie", &format!("hs={secret}"));
        let attempts: Vec<(&str, Call, u16)> = vec![
            ("an image that signs out", victim.call(Method::GET, "/settings/sign-out"), 405),
            ("a link that revokes", victim.call(Method::GET, &revoke), 200),
            ("a prefetch that revokes", victim.call(Method::HEAD, &revoke), 200),
            ("a link that ends sessions", victim.call(Method::GET, "/settings/sessions/end-all"), 200),
            ("GET with the fields of a form", victim.call(Method::GET, "/settings/api/new?name=x&scope=write&expiresAt=never&key=k"), 200),
            ("a method in the query", victim.call(Method::GET, &format!("{revoke}?_method=POST")), 200),
            ("a method in a header", own(victim.call(Method::GET, &revoke)).header("x-http-method-override", "POST"), 200),
            ("DELETE", own(victim.call(Method::DELETE, &revoke)), 405),
            ("PUT", own(victim.call(Method::PUT, &revoke)), 405),
            ("PATCH", own(victim.call(Method::PATCH, "/settings")), 405),
            ("POST where nothing is sent", form(own(victim.call(Method::POST, "/settings")), &[("_method", "DELETE")]), 405),
            ("TRACE", victim.call(Method::TRACE, "/settings"), 405),
            ("JSON from a script", own(victim.call(Method::POST, "/settings/api/new")).json(serde_json::json!({ "name": "x" })), 415),
            ("plain text", own(victim.call(Method::POST, "/settings/api/new")).header("content-type", "text/plain").body("name=x"), 415),
            ("multipart", own(victim.call(Method::POST, "/settings/api/new")).header("content-type", "multipart/form-data; boundary=x").body("--x--"), 415),
            ("no type", own(victim.call(Method::POST, "/settings/api/new")).body("name=x"), 415),
            ("a form without a key", form(own(victim.call(Method::POST, "/settings/api/new")), &mint[1..]), 422),
            ("a form that is too long", form(own(victim.call(Method::POST, "/settings/api/new")), &[("key", "k"), ("name", &big)]), 413),
            ("no cookie", form(own(bare(Method::POST, "/settings/api/new")), mint), 303),
            ("a made-up cookie", cookie("hs", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), 303),
            ("an empty cookie", cookie("hs", ""), 303),
            ("a token as a cookie", cookie("hs", &home.owner), 303),
            ("the cookie of another name", cookie("__Host-hs", &secret), 303),
            ("the code of a link as a cookie", cookie("hs", &code), 303),
            ("SQL as a cookie", cookie("hs", "' OR 1=1 --"), 303),
            ("a token in the header", bare(Method::GET, "/settings").token(&home.owner), 303),
            ("the secret in the header", bare(Method::GET, "/settings").token(&secret), 303),
            ("the cookie at REST", api("/api/v1/me"), 401),
            ("the secret as a token", bare(Method::GET, "/api/v1/me").token(&secret), 401),
            ("a write at REST", create.json(serde_json::json!({ "name": "x" })), 401),
            ("the cookie at GraphQL", graphql.json(serde_json::json!({ "query": "{ viewer { name } }" })), 401),
            ("the cookie at MCP", mcp.json(serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" })), 401),
            ("a link that was used", bare(Method::GET, &format!("/settings/sign-in/link?code={used}")), 401),
            ("a form with a link that was used", form(own(bare(Method::POST, "/settings/sign-in/link")), &[("code", &used)]), 401),
            ("a made-up link", bare(Method::GET, "/settings/sign-in/link?code=AAAA"), 401),
            ("a link without a code", bare(Method::GET, "/settings/sign-in/link"), 401),
            ("a form without a code", form(own(bare(Method::POST, "/settings/sign-in/link")), &[("code", " ")]), 422),
            ("a secret as a link", form(own(bare(Method::POST, "/settings/sign-in/link")), &[("code", &secret)]), 401),
            ("a Member reads webhooks", member.call(Method::GET, "/settings/webhooks"), 403),
            ("a Member makes an endpoint", form(own(member.call(Method::POST, "/settings/webhooks/new")), &[("key", "k"), ("url", "https://x.example"), ("events", "client.created")]), 403),
            ("a Member revokes another's token", form(own(member.call(Method::POST, &revoke)), &[("key", "k")]), 404),
            ("another workspace revokes it", form(own(Browser::signed_in(&world, fixtures.other.id, "owner@other.example").await.call(Method::POST, &revoke)), &[("key", "k")]), 404),
            ("a path out of the pages", victim.call(Method::GET, "/settings/../api/v1/me"), 404),
            ("an encoded one", victim.call(Method::GET, "/settings/%2e%2e/api/v1/me"), 404),
            ("a path that is none", victim.call(Method::GET, "/settings/sessions/passkeys"), 404),
            ("a cursor of another list", victim.call(Method::GET, "/settings/api?cursor=AAAA"), 400),
        ];
        assert!(attempts.len() >= 40, "{}", attempts.len());
        for (what, call, status) in attempts {
            let answer = call.send().await;
            assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.text());
            if status == 303 {
                assert!(answer.header("location").unwrap().starts_with("/settings/sign-in"), "{what}");
            }
        }
        let mut after = effects(&world).await;
        // The Owner of the other workspace has signed in meanwhile.
        after[1] -= 1;
        assert_eq!(after, before);
    }
}

on_both! {
    /// Nobody is led to another server after signing in.
    async fn no_redirect_leads_elsewhere(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let next = [
            "//evil.example", "https://evil.example", "/\\evil.example", "/settings//evil.example", "/settings@evil.example",
            "/settings/../../evil", "/settings\r\nset-cookie: hs=x", "javascript:alert(1)", "/settings\u{0}", "settings",
            "/settings/%2f%2fevil.example", "http:/settings", " /settings", "/settings?x=<script>",
        ];
        for next in next {
            let code = link(&world, fixtures.home.id, "owner@home.example").await;
            let browser = Browser::new(&world);
            let shown = page(&browser.get(&format!("/settings/sign-in?next={}", super::coded(next))).await, 200);
            assert!(!shown.contains("evil"), "{next}: {shown}");
            let answer = browser.post("/settings/sign-in/link", &[("code", &code), ("next", next)]).await;
            leads_to(&answer, "/settings?done=signed-in");
        }
        let browser = Browser::new(&world);
        let needed = browser.get("/settings/api?next=https://evil.example").await;
        assert!(needed.header("location").unwrap().starts_with("/settings/sign-in?next=%2Fsettings%2Fapi"));
    }
}

on_both! {
    /// A copied cookie lets nobody in once the session was ended, in each of the ways to end it.
    async fn a_stolen_cookie_ends_with_its_session(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = fixtures.home.id;
        let refused = |answer: &Answer| assert_eq!(answer.status, 303, "{}", answer.text());
        let stolen = |browser: &Browser<'_>| browser.at(&world);

        let owner = Browser::signed_in(&world, home, "owner@home.example").await;
        let thief = stolen(&owner);
        page(&thief.get("/settings").await, 200);
        owner.post("/settings/sign-out", &[]).await;
        refused(&thief.get("/settings").await);

        let owner = Browser::signed_in(&world, home, "owner@home.example").await;
        let thief = stolen(&owner);
        Browser::signed_in(&world, home, "owner@home.example").await.post("/settings/sessions/end-all", &[]).await;
        refused(&thief.get("/settings").await);

        let manager = Browser::signed_in(&world, home, "manager@home.example").await;
        let thief = stolen(&manager);
        member::remove(&world.operator(), home, "manager@home.example").await.unwrap();
        refused(&thief.get("/settings").await);
        // A person who comes back is a new member, and the old session stays ended.
        let again = service::member::NewMember {
            email: "manager@home.example".parse_text(),
            name: "again".parse_text(),
            role: service::value::Role::Manager,
        };
        member::add(&world.operator(), home, again).await.unwrap();
        refused(&stolen(&manager).get("/settings").await);
    }
}

trait ParseText {
    fn parse_text<const N: usize>(&self) -> service::value::Text<N>;
}

impl ParseText for str {
    fn parse_text<const N: usize>(&self) -> service::value::Text<N> {
        <service::value::Text<N> as service::value::Wire>::parse_text(self).unwrap()
    }
}

/// Ten thousand wrong links, secrets and codes: after the first ten of a minute the address is refused, no link is used up,
/// and a good one still works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_wrong_links_do_not_sign_in() {
    let world = World::with(Kind::Sqlite, |config| config.rate_limit_scale = 1).await;
    let fixtures = Fixtures::new(&world).await;
    let code = link(&world, fixtures.home.id, "owner@home.example").await;
    let browser = Browser::new(&world);
    let mut statuses = [0_u32; 2];
    for i in 0..10_000 {
        let wrong = format!("{i:043}");
        let answer = match i % 3 {
            0 => browser.get(&format!("/settings/sign-in/link?code={wrong}")).await,
            1 => browser.post("/settings/sign-in/link", &[("code", &wrong)]).await,
            _ => {
                let call = world.call(Method::GET, "/settings").header("host", HOST);
                call.header("cookie", &format!("hs={wrong}")).send().await
            }
        };
        match answer.status.as_u16() {
            401 | 303 => statuses[0] += 1,
            429 => statuses[1] += 1,
            other => panic!("{other}: {}", answer.text()),
        }
    }
    assert_eq!(statuses, [10, 9990]);
    assert_eq!(world.database.number("SELECT count(*) AS n FROM session").await, 0);
    leads_to(&browser.post("/settings/sign-in/link", &[("code", &code)]).await, "/settings?done=signed-in");
}
