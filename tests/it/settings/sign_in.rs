//! Signing in: the link, the session, how long it lasts, and what ends it.

use poem::http::Method;
use service::value::{Plan, Role};
use service::{Clock, member};
use tests::{Fixtures, START, Workspace, on_both};

use super::{Browser, form, leads_to, link, page};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

on_both! {
    /// A link is shown by GET as often as one likes, and signs in once, by POST; then the pages say who one is.
    async fn a_link_signs_in_once(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let code = link(&world, fixtures.home.id, "owner@home.example").await;
        let browser = Browser::new(&world);
        leads_to(&browser.get("/settings").await, "/settings/sign-in?next=%2Fsettings");
        leads_to(&browser.get("/settings/api?x=1").await, "/settings/sign-in?next=%2Fsettings%2Fapi%3Fx%3D1");
        page(&browser.get("/settings/sign-in").await, 200);

        let path = format!("/settings/sign-in/link?code={code}");
        for method in [Method::GET, Method::HEAD, Method::GET] {
            let answer = browser.call(method, &path).send().await;
            assert_eq!(answer.status, 200);
            assert!(answer.header("set-cookie").is_none());
        }
        let shown = page(&browser.get(&path).await, 200);
        assert!(shown.contains("owner of home") && shown.contains("owner@home.example"), "{shown}");

        let fields = [("code", code.as_str()), ("next", "/settings/api")];
        let answer = browser.post("/settings/sign-in/link", &fields).await;
        leads_to(&answer, "/settings/api?done=signed-in");
        let overview = page(&browser.get("/settings").await, 200);
        for text in ["owner of home", "owner@home.example", "Owner", "Plan: Agency"] {
            assert!(overview.contains(text), "{text}: {overview}");
        }
        let other = Browser::new(&world);
        let again = other.post("/settings/sign-in/link", &fields).await;
        assert!(page(&again, 401).contains("does not sign in"));
        assert!(again.header("set-cookie").is_none());
        page(&other.call(Method::GET, &path).send().await, 401);
        let used = "SELECT count(*) AS n FROM session";
        assert_eq!(world.database.number(used).await, 1);
    }
}

on_both! {
    /// A browser has one session: signing in to another workspace ends the one that it had.
    async fn signing_in_elsewhere_ends_the_session(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let first = Browser::signed_in(&world, fixtures.home.id, "owner@home.example").await;
        let before = first.at(&world);
        let code = link(&world, fixtures.other.id, "owner@other.example").await;
        leads_to(&first.post("/settings/sign-in/link", &[("code", &code)]).await, "/settings?done=signed-in");
        assert!(page(&first.get("/settings").await, 200).contains("owner of other"));
        leads_to(&before.get("/settings").await, "/settings/sign-in?next=%2Fsettings");
    }
}

on_both! {
    /// The cookie is out of reach of scripts and other sites, and the database holds neither its secret nor a link's code.
    async fn secrets_are_stored_as_hashes(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let code = link(&world, fixtures.home.id, "owner@home.example").await;
        let browser = Browser::new(&world);
        let answer = browser.post("/settings/sign-in/link", &[("code", &code)]).await;
        let cookie = answer.header("set-cookie").unwrap();
        for part in ["Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=604800"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        let secret = browser.secret().unwrap();
        assert_eq!(secret.len(), 43, "256 bits in base64");
        for (table, text) in [("session", &secret), ("login_link", &code)] {
            let stored = format!("SELECT count(*) AS n FROM {table} WHERE length(hash) = 32");
            assert_eq!(world.database.number(&stored).await, 1);
            assert_ne!(text.len(), 32);
        }

        // Away from this machine the cookie is bound to TLS and to the host.
        let code = link(&world, fixtures.home.id, "owner@home.example").await;
        let call = world.call(Method::POST, "/settings/sign-in/link").header("host", "hours.example");
        let call = call.header("origin", "https://hours.example").header("sec-fetch-site", "same-origin");
        let answer = form(call, &[("code", &code)]).send().await;
        let cookie = answer.header("set-cookie").unwrap().to_owned();
        assert!(cookie.starts_with("__Host-hs=") && cookie.ends_with("; Secure"), "{cookie}");
        let own = cookie.split(';').next().unwrap();
        let get = |cookie: &str| world.call(Method::GET, "/settings").header("host", "hours.example").header("cookie", cookie);
        page(&get(own).send().await, 200);
        let plain = own.replace("__Host-hs", "hs");
        assert_eq!(get(&plain).send().await.status, 303, "the other name does not count there");
    }
}

on_both! {
    /// A link works for ten minutes, and only for a person who is still a member.
    async fn a_link_expires(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let code = link(&world, fixtures.home.id, "manager@home.example").await;
        let path = format!("/settings/sign-in/link?code={code}");
        let browser = Browser::new(&world);
        world.clock.advance(10 * MINUTE - 1);
        page(&browser.get(&path).await, 200);
        world.clock.advance(1);
        page(&browser.get(&path).await, 401);
        page(&browser.post("/settings/sign-in/link", &[("code", &code)]).await, 401);

        let code = link(&world, fixtures.home.id, "manager@home.example").await;
        member::remove(&world.operator(), fixtures.home.id, "manager@home.example").await.unwrap();
        page(&browser.post("/settings/sign-in/link", &[("code", &code)]).await, 401);
        assert!(browser.secret().is_none());
    }
}

on_both! {
    /// A session lasts 12 hours from its last use, and 7 days in all.
    async fn a_session_lasts_as_long_as_it_is_used(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let browser = Browser::signed_in(&world, fixtures.home.id, "owner@home.example").await;
        world.clock.advance(12 * HOUR - 1);
        page(&browser.get("/settings").await, 200);
        world.clock.advance(11 * HOUR);
        page(&browser.get("/settings").await, 200);
        world.clock.advance(12 * HOUR);
        leads_to(&browser.get("/settings").await, "/settings/sign-in?next=%2Fsettings");

        let browser = Browser::signed_in(&world, fixtures.home.id, "owner@home.example").await;
        for _ in 0..15 {
            world.clock.advance(11 * HOUR);
            page(&browser.get("/settings").await, 200);
        }
        world.clock.advance(3 * HOUR);
        leads_to(&browser.get("/settings").await, "/settings/sign-in?next=%2Fsettings");
        assert!(browser.secret().is_none(), "the cookie is taken back");
    }
}

on_both! {
    /// The use of a session is written at most once in five minutes, and a page reads who asks in one statement.
    async fn use_is_written_coarsely(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let browser = Browser::signed_in(&world, fixtures.home.id, "owner@home.example").await;
        let writes = |statements: Vec<String>| statements.iter().filter(|sql| sql.starts_with("UPDATE session")).count();
        world.begin_counting();
        for _ in 0..5 {
            page(&browser.get("/settings").await, 200);
        }
        assert_eq!(writes(world.statements()), 0);
        world.clock.advance(5 * MINUTE);
        world.begin_counting();
        for _ in 0..5 {
            page(&browser.get("/settings").await, 200);
        }
        let statements = world.statements();
        assert_eq!(writes(statements.clone()), 1);
        let looks = statements.iter().filter(|sql| sql.contains("FROM session s JOIN member m")).count();
        assert_eq!(looks, 5);
    }
}

on_both! {
    /// What the operator changes counts from the next request: role, plan, membership.
    async fn what_a_member_is_now_counts(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (operator, home) = (world.operator(), fixtures.home.id);
        let browser = Browser::signed_in(&world, home, "admin@home.example").await;
        page(&browser.get("/settings/webhooks").await, 200);
        member::set_role(&operator, home, "admin@home.example", Role::Member).await.unwrap();
        page(&browser.get("/settings/webhooks").await, 403);
        assert!(page(&browser.get("/settings").await, 200).contains("<dd>Member</dd>"));
        member::remove(&operator, home, "admin@home.example").await.unwrap();
        leads_to(&browser.get("/settings").await, "/settings/sign-in?next=%2Fsettings");
    }
}

on_both! {
    /// Two replicas share sessions: one that is ended at the one is ended at the other.
    async fn replicas_share_sessions(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let replica = world.replica(Clock::manual(START), |_| {}).await;
        let here = Browser::signed_in(&world, fixtures.home.id, "owner@home.example").await;
        let there = here.at(&replica);
        page(&there.get("/settings").await, 200);
        leads_to(&there.post("/settings/sign-out", &[]).await, "/settings/sign-in");
        leads_to(&here.get("/settings").await, "/settings/sign-in?next=%2Fsettings");
    }
}

on_both! {
    /// One's own sessions are listed and ended, and nobody else's; signing in anew replaces the session of the browser.
    async fn sessions_are_listed_and_ended(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = fixtures.home.id;
        let first = Browser::signed_in(&world, home, "owner@home.example").await;
        world.clock.advance(1);
        let second = Browser::signed_in(&world, home, "owner@home.example").await;
        let stranger = Browser::signed_in(&world, home, "admin@home.example").await;
        let listed = page(&second.get("/settings/sessions").await, 200);
        assert_eq!(listed.matches(">this session<").count(), 1);
        let ends: Vec<&str> = listed.split("href=\"").filter_map(|part| part.split('"').next()).collect();
        let ends: Vec<&str> = ends.into_iter().filter(|href| href.ends_with("/end")).collect();
        assert_eq!(ends.len(), 1, "{listed}");
        page(&stranger.get(ends[0]).await, 404);
        page(&stranger.post(ends[0], &[]).await, 404);
        page(&first.get("/settings").await, 200);
        page(&second.get(ends[0]).await, 200);
        page(&first.get("/settings").await, 200);
        leads_to(&second.post(ends[0], &[]).await, "/settings/sessions?done=session-ended");
        assert_eq!(first.get("/settings").await.status, 303);

        let old = second.secret().unwrap();
        let code = link(&world, home, "owner@home.example").await;
        second.post("/settings/sign-in/link", &[("code", &code)]).await;
        assert_ne!(second.secret().unwrap(), old, "no session is fixed");
        let stale = world.call(Method::GET, "/settings").header("host", super::HOST).header("cookie", &format!("hs={old}"));
        assert_eq!(stale.send().await.status, 303);

        let third = Browser::signed_in(&world, home, "owner@home.example").await;
        leads_to(&second.post("/settings/sessions/end-all", &[]).await, "/settings/sign-in");
        for browser in [&second, &third] {
            assert_eq!(browser.get("/settings").await.status, 303);
        }
        page(&stranger.get("/settings").await, 200);
    }
}

on_both! {
    /// Every plan may sign in; Free sees what it could have, and what unlocks it.
    async fn every_plan_may_sign_in(world: World) {
        for (name, plan) in [("free", Plan::Free), ("studio", Plan::Studio)] {
            let workspace = Workspace::new(&world, name, plan).await;
            let browser = Browser::signed_in(&world, workspace.id, &format!("owner@{name}.example")).await;
            let overview = page(&browser.get("/settings").await, 200);
            assert!(overview.contains("Webhooks and events") && overview.contains("not included"), "{overview}");
            let tokens = page(&browser.get("/settings/api").await, 200);
            assert_eq!(tokens.contains("need the plan"), plan == Plan::Free, "{tokens}");
            let new = browser.get("/settings/api/new").await;
            page(&new, if plan == Plan::Free { 402 } else { 200 });
            let fields = [("name", "laptop"), ("scope", "read"), ("expiresAt", "30")];
            page(&browser.post("/settings/api/new", &fields).await, if plan == Plan::Free { 402 } else { 200 });
            let webhooks = page(&browser.get("/settings/webhooks").await, 200);
            assert!(webhooks.contains("need the plan <strong>Agency"), "{webhooks}");
            page(&browser.get("/settings/webhooks/new").await, 402);
            page(&browser.get("/settings/webhooks/deliveries").await, 200);
            page(&browser.get("/settings/sessions").await, 200);
        }
    }
}
