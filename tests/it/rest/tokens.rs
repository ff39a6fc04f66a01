//! Tokens: which ones authenticate, and that a change takes effect at once.

use std::collections::BTreeSet;

use poem::http::Method;
use serde_json::json;
use service::value::{OrganizationId, Plan, Role, TokenScope, Wire};
use service::{member, organization, token};
use tests::{Fixtures, Workspace, World, mint, on_both};

on_both! {
    /// Everything but one valid bearer token is refused, with the same message for an unknown prefix and a wrong secret.
    async fn only_a_valid_token_authenticates(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let good = &fixtures.home.owner;
        let ask = async |header: &'static str, value: &str| {
            world.call(Method::GET, "/api/v1/me").header(header, value).send().await
        };
        let mut wrong_secret = good.clone();
        let last = if wrong_secret.pop() == Some('A') { 'B' } else { 'A' };
        wrong_secret.push(last);
        let unknown = "hsk_live_000000000000_00000000000000000000000000000000";
        let reported: Vec<_> = [&wrong_secret, unknown].map(|token| format!("Bearer {token}")).to_vec();
        let mut messages = Vec::new();
        for value in &reported {
            messages.push(ask("authorization", value).await.error(401, "unauthenticated")["message"].clone());
        }
        assert_eq!(messages[0], messages[1]);
        for (header, value) in [
            ("x-api-key", good.clone()),
            ("authorization", good.clone()),
            ("authorization", format!("Token {good}")),
            ("authorization", format!("Bearer {}", good.replace("live", "test"))),
            ("authorization", "Bearer ".into()),
            ("authorization", "Bearer hsk_live_".into()),
        ] {
            world.clock.advance(60_000);
            let answer = ask(header, &value).await;
            let reported = answer.error(401, "unauthenticated");
            assert!(reported["message"].as_str().unwrap().contains("Authorization: Bearer hsk_live_"), "{reported}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
        ask("authorization", &format!("bearer {good}")).await.data(200);
        world.call(Method::GET, &format!("/api/v1/me?token={good}")).send().await.error(401, "unauthenticated");
    }
}

on_both! {
    /// Revoking, expiry, a new role, a new plan and removal count from the next request.
    async fn changes_take_effect_on_the_next_request(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, operator) = (&fixtures.home, world.operator());
        let me = async |token: &str| world.get(token, "/api/v1/me").await;

        member::set_role(&operator, home.id, "admin@home.example", Role::Member).await.unwrap();
        assert_eq!(me(&home.admin).await.data(200)["role"], "MEMBER");
        world.get(&home.admin, "/api/v1/clients").await.error(403, "forbidden_scope");

        organization::set_plan(&operator, home.id, Plan::Free).await.unwrap();
        me(&home.owner).await.error(402, "forbidden_plan");
        organization::set_plan(&operator, home.id, Plan::Studio).await.unwrap();
        assert_eq!(me(&home.owner).await.header("x-ratelimit-limit"), Some("6000000"));

        let list = world.get(&home.owner, "/api/v1/tokens").await.data(200);
        assert_eq!(list.as_array().unwrap().len(), 4);
        assert!(!list.to_string().contains(&home.owner) && list[0].get("hash").is_none());
        assert_eq!(world.get(&home.manager, "/api/v1/tokens").await.data(200).as_array().unwrap().len(), 1);
        let of_member = list.as_array().unwrap().iter().find(|t| home.member.contains(t["prefix"].as_str().unwrap()));
        let path = format!("/api/v1/tokens/{}", of_member.unwrap()["id"].as_str().unwrap());
        world.delete(&home.manager, &path).await.error(404, "not_found");
        assert_eq!(world.delete(&home.owner, &path).await.status, 204);
        me(&home.member).await.error(401, "unauthenticated");
        world.delete(&home.owner, &path).await.error(404, "not_found");

        let expires_at = Some(Wire::parse_text("2026-06-11T09:00:00Z").unwrap());
        let input = token::NewToken { member: "manager@home.example".into(), name: Wire::parse_text("t").unwrap(), scope: TokenScope::Read, expires_at };
        let short = token::create(&operator, home.id, input).await.unwrap().token;
        me(&short).await.data(200);
        world.clock.advance(3_600_000);
        me(&short).await.error(401, "unauthenticated");

        member::remove(&operator, home.id, "manager@home.example").await.unwrap();
        me(&home.manager).await.error(401, "unauthenticated");
        let again = member::NewMember { email: Wire::parse_text("MANAGER@home.example").unwrap(), name: Wire::parse_text("Back").unwrap(), role: Role::Manager };
        member::add(&operator, home.id, again).await.unwrap();
        me(&home.manager).await.error(401, "unauthenticated");
    }
}

on_both! {
    /// What is stored of a token is its prefix and a hash; last use is written by a job, not by a request.
    async fn a_token_is_not_stored(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let secret = fixtures.home.owner.rsplit('_').next().unwrap();
        let used = async || world.database.number("SELECT count(*) AS n FROM token WHERE last_used_at IS NOT NULL").await;
        world.begin_counting();
        world.get(&fixtures.home.owner, "/api/v1/organization").await.data(200);
        assert_eq!(world.statements().len(), 2);
        assert_eq!(used().await, 0);
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let app = world.app.clone();
        let jobs = tokio::spawn(async move { app.run_jobs(true, stopped).await });
        stop.send_replace(true);
        jobs.await.unwrap();
        assert_eq!(used().await, 1);
        if let tests::Kind::Sqlite = world.database.kind {
            let file = world.database.url.trim_start_matches("sqlite://").split('?').next().unwrap().to_owned();
            let bytes = [std::fs::read(&file).unwrap(), std::fs::read(file + "-wal").unwrap_or_default()].concat();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
}

fn person(i: usize) -> member::NewMember {
    member::NewMember {
        email: Wire::parse_text(&format!("p{i}@home.example")).unwrap(),
        name: Wire::parse_text("P").unwrap(),
        role: Role::Member,
    }
}

on_both! {
    /// A workspace keeps an Owner, a plan has its cap, an e-mail address is one person, a member has 50 live tokens.
    async fn the_operator_follows_the_rules(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (id, operator) = (fixtures.home.id, world.operator());
        let reason = |outcome: Result<member::Member, service::Error>| outcome.unwrap_err().reason().unwrap();
        assert_eq!(reason(member::remove(&operator, id, "owner@home.example").await), "last_owner");
        assert_eq!(reason(member::set_role(&operator, id, "owner@home.example", Role::Admin).await), "last_owner");
        for i in 4..25 {
            member::add(&operator, id, person(i)).await.unwrap();
        }
        assert_eq!(reason(member::add(&operator, id, person(25)).await), "member_cap");
        member::remove(&operator, id, "p4@home.example").await.unwrap();
        assert_eq!(reason(member::add(&operator, id, person(5)).await), "already_member");
        let elsewhere = member::add(&operator, fixtures.other.id, person(5)).await.unwrap();
        let here = world.get(&fixtures.home.owner, "/api/v1/members?search=P5@HOME").await.data(200);
        assert_eq!(here[0]["userId"], json!(elsewhere.user_id));
        for _ in 0..49 {
            mint(&world, id, "owner@home.example", TokenScope::Read).await;
        }
        let input = token::NewToken { member: "owner@home.example".into(), name: Wire::parse_text("t").unwrap(), scope: TokenScope::Read, expires_at: None };
        assert_eq!(token::create(&operator, id, input).await.unwrap_err().reason(), Some("token_cap"));
    }
}

/// Why nobody else is let into a workspace.
async fn refusal(world: &World, workspace: OrganizationId) -> Option<&'static str> {
    member::add(&world.operator(), workspace, person(99)).await.unwrap_err().reason()
}

on_both! {
    /// Free allows 3 members, Studio 10, Agency 25.
    async fn each_plan_has_its_cap(world: World) {
        for (plan, there, cap) in [(Plan::Free, 2, 3), (Plan::Studio, 4, 10), (Plan::Agency, 4, 25)] {
            let workspace = Workspace::new(&world, plan.as_str(), plan).await;
            for i in there..cap {
                member::add(&world.operator(), workspace.id, person(i)).await.unwrap();
            }
            assert_eq!(refusal(&world, workspace.id).await, Some("member_cap"), "{plan}");
        }
    }
}

on_both! {
    /// Members above a new cap stay, and so do their tokens; nobody can be added until the number is below it.
    async fn a_smaller_plan_removes_nobody(world: World) {
        let home = Fixtures::new(&world).await.home;
        let operator = world.operator();
        for i in 4..12 {
            member::add(&operator, home.id, person(i)).await.unwrap();
        }
        let newest = mint(&world, home.id, "p11@home.example", TokenScope::Read).await;
        let tokens = [&home.owner, &home.admin, &home.manager, &home.member, &newest];
        let ids = async || -> BTreeSet<String> {
            let rows = world.get(&home.owner, "/api/v1/members").await.data(200);
            rows.as_array().unwrap().iter().map(|row| row["id"].to_string()).collect()
        };
        let before = ids().await;
        assert_eq!(before.len(), 12);
        organization::set_plan(&operator, home.id, Plan::Free).await.unwrap();
        assert_eq!(refusal(&world, home.id).await, Some("member_cap"));
        for token in tokens {
            world.get(token, "/api/v1/me").await.error(402, "forbidden_plan");
        }
        let kept = token::all_of(&operator, home.id).await.unwrap();
        assert!(kept.len() == tokens.len() && kept.iter().all(|token| token.revoked_at.is_none()));
        organization::set_plan(&operator, home.id, Plan::Studio).await.unwrap();
        assert_eq!(ids().await, before);
        for token in tokens {
            world.get(token, "/api/v1/me").await.data(200);
        }
        for i in 4..7 {
            assert_eq!(refusal(&world, home.id).await, Some("member_cap"), "{i}");
            member::remove(&operator, home.id, &format!("p{i}@home.example")).await.unwrap();
        }
        member::add(&operator, home.id, person(99)).await.unwrap();
    }
}

/// Where a token is revoked.
async fn path_of(world: &World, owner: &str, token: &str) -> String {
    let prefix = token.split('_').nth(2).unwrap();
    let all = world.get(owner, "/api/v1/tokens").await.data(200);
    let own = all.as_array().unwrap().iter().find(|row| row["prefix"] == prefix).unwrap();
    format!("/api/v1/tokens/{}", own["id"].as_str().unwrap())
}

on_both! {
    /// A token has no version, so that an entity tag fits none: it is revoked without one, or with `*`.
    async fn no_entity_tag_fits_a_token(world: World) {
        let home = Fixtures::new(&world).await.home;
        let owner = &home.owner;
        let (first, second) = (path_of(&world, owner, &home.admin).await, path_of(&world, owner, &home.manager).await);
        let revoke = |path: &str, tag: &str| world.call(Method::DELETE, path).token(owner).header("if-match", tag).send();
        let refused = revoke(&first, "\"9\"").await;
        assert_eq!(refused.error(412, "conflict")["reason"], "stale", "{}", refused.text());
        assert_eq!(refused.header("etag"), None);
        world.get(&home.admin, "/api/v1/me").await.data(200);
        assert_eq!(revoke(&first, "*").await.status, 204);
        assert_eq!(world.delete(owner, &second).await.status, 204);
    }
}
