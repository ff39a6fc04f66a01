//! Subscriptions and rights: nothing is sent after a token has lost its rights, and a token has a bounded number.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::FutureExt;
use sea_orm::ConnectionTrait;
use serde_json::json;
use service::live::{self, Closed, Subscriber};
use service::value::{Plan, Role};
use service::{Cx, RequestFacts};
use tests::{Fixtures, Workspace, World, on_both};
use tokio::time::{Instant, timeout};

use super::subscriptions::jobs;

/// A caller in a world, with a registered subscriber.
async fn subscriber(world: &World, token: &str) -> (Cx, Subscriber) {
    let admission = world.app.admit(Some(&format!("Bearer {token}")), IpAddr::from([127, 0, 0, 1])).await.unwrap();
    let admitted = admission.pass.unwrap_or_else(|refused| panic!("{refused}"));
    let subscriber = world.app.register_subscriber(admitted.caller());
    (admitted.enter(RequestFacts::default()), subscriber)
}

on_both! {
    /// An event that is committed after a token was revoked, its member demoted or removed, or the plan lowered, by plain
    /// SQL that nobody is notified of, is never sent to that token, and the subscriber is closed.
    async fn nothing_is_sent_after_the_rights_have_ended(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let _jobs = jobs(&world);
        let home = &fixtures.home;
        let db = world.database.connect().await;
        let prefix = home.admin.split('_').nth(2).unwrap();
        let role_of = |role: &str| format!("(SELECT role FROM (SELECT role FROM member WHERE email = '{role}@home.example') r)");
        let member = |change: String| format!("UPDATE member SET {change} WHERE email = 'admin@home.example'");
        let admin_role = world.database.number("SELECT CAST(role AS BIGINT) AS n FROM member WHERE email = 'admin@home.example'").await;
        let token = |change: &str| format!("UPDATE token SET {change} WHERE prefix = '{prefix}'");
        let changes = [
            (token("revoked_at = 1"), token("revoked_at = NULL"), Closed::Token),
            (token("expires_at = 1"), token("expires_at = NULL"), Closed::Token),
            (member(format!("role = {}", role_of("member"))), member(format!("role = {admin_role}")), Closed::Access),
            (member("deleted_at = 1".into()), member("deleted_at = NULL".into()), Closed::Token),
        ];
        let (owner, witness) = subscriber(&world, &home.owner).await;
        let mut seen = live::events(&owner, &witness, None).await.unwrap();
        let (began, mut rounds) = (Instant::now(), 0);
        while rounds < 1000 && (rounds < 20 || began.elapsed() < Duration::from_secs(10)) {
            let (end, restore, reason) = &changes[rounds % changes.len()];
            let (cx, subscriber) = subscriber(&world, &home.admin).await;
            let mut events = live::events(&cx, &subscriber, None).await.unwrap();
            db.execute_unprepared(end).await.unwrap();
            home.client(&world, &format!("After {rounds}")).await;
            // The owner has the event, so that it was loaded and sent to everyone who may have it.
            timeout(Duration::from_secs(20), seen.next()).await.unwrap().unwrap();
            assert_eq!(timeout(Duration::from_secs(20), subscriber.closed()).await.unwrap(), *reason, "{end}");
            let sent = events.next().now_or_never().flatten();
            assert!(sent.is_none(), "round {rounds}, {end}: {sent:?}");
            db.execute_unprepared(restore).await.unwrap();
            rounds += 1;
        }
        db.close().await.unwrap();
    }
}

on_both! {
    /// The rights are asked for once more after a document has loaded what it selects below an item.
    async fn rights_are_checked_again_before_a_result_is_sent(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let (_, manager) = subscriber(&world, &home.manager).await;
        let (_, owner) = subscriber(&world, &home.owner).await;
        let many = (0..50).map(|_| manager.is_entitled());
        for entitled in futures_util::future::join_all(many).await {
            assert!(entitled.unwrap());
        }
        let member = "(SELECT role FROM (SELECT role FROM member WHERE email = 'member@home.example') r)";
        let demote = format!("UPDATE member SET role = {member} WHERE email = 'manager@home.example'");
        crate::webhook::execute(&world, &demote).await;
        assert!(!manager.is_entitled().await.unwrap());
        assert_eq!(manager.closed().now_or_never(), Some(Closed::Access));
        assert!(owner.is_entitled().await.unwrap(), "others go on");
        service::organization::set_plan(&world.operator(), home.id, Plan::Studio).await.unwrap();
        assert!(!owner.is_entitled().await.unwrap());
    }
}

on_both! {
    /// A token has at most 100 subscriptions, over all its connections; an ended one makes room.
    async fn a_token_has_a_bounded_number_of_subscriptions(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let mut subscriptions = Vec::new();
        let mut connections = Vec::new();
        for _ in 0..4 {
            let (cx, subscriber) = subscriber(&world, &home.owner).await;
            for _ in 0..25 {
                subscriptions.push(live::timer(&cx, &subscriber).await.unwrap());
            }
            connections.push((cx, subscriber));
        }
        let (cx, connection) = &connections[0];
        let refused = live::events(cx, connection, None).await.err().unwrap();
        assert!(matches!(refused, service::Error::Conflict { reason: service::Reason::SubscriptionCap, .. }), "{refused}");
        let (other, elsewhere) = subscriber(&world, &home.admin).await;
        live::events(&other, &elsewhere, None).await.unwrap();
        subscriptions.pop();
        live::events(cx, connection, None).await.unwrap();
    }
}

on_both! {
    /// Managers and above subscribe to everybody's timers in their workspace; a Member does not.
    async fn everybodys_timers_are_for_those_who_see_all(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let _jobs = jobs(&world);
        let home = &fixtures.home;
        let project = home.project_with_member(&world, "P").await;
        let start = async |token: &str, project: &str| {
            world.post(token, "/api/v1/time-entries/start", json!({ "projectId": project })).await.id()
        };
        start(&home.owner, &project).await;
        let (cx, member) = subscriber(&world, &home.member).await;
        let refused = live::timers(&cx, &member).await.err().unwrap();
        assert!(matches!(refused, service::Error::Forbidden(_)), "{refused}");
        for role in [Role::Owner, Role::Admin, Role::Manager] {
            let (cx, manager) = subscriber(&world, home.token(role)).await;
            let mut timers = live::timers(&cx, &manager).await.unwrap();
            let mut next = async || timeout(Duration::from_secs(20), timers.next()).await.unwrap().unwrap();
            let elsewhere = fixtures.other.project(&world, "Elsewhere").await;
            start(&fixtures.other.owner, &elsewhere).await;
            let started = start(&home.member, &project).await;
            let running = next().await;
            assert_eq!((running.id.to_string(), running.duration_seconds), (started.clone(), None), "what ran before, or elsewhere, is not sent");
            assert_eq!(running.user_id, home.member_user);
            world.post(&home.member, &format!("/api/v1/time-entries/{started}/stop"), json!({})).await.data(200);
            let stopped = next().await;
            assert_eq!((stopped.id.to_string(), stopped.duration_seconds.is_some()), (started, true));
        }
    }
}

on_both! {
    /// Each event can be charged beside the prepaid subscription; what the token cannot pay for is refused and takes nothing.
    async fn each_event_is_charged(world: World) {
        let world = world.replica(world.clock.clone(), |config| config.rate_limit_scale = 1).await;
        let home = Workspace::new(&world, "home", Plan::Agency).await;
        let (cx, _connection) = subscriber(&world, &home.owner).await;
        cx.prepay(60).await.unwrap();
        let before = cx.budget().sustained;
        for event in 1..=before / 60 {
            cx.charge_event(60).await.unwrap();
            assert_eq!(cx.budget().sustained, before - 60 * event);
        }
        let left = cx.budget().sustained;
        // The wait is for one more subscription and its event, however long this one has lasted.
        let Err(service::Error::RateLimited { retry_after }) = cx.charge_event(60).await else { panic!("it is refused") };
        assert_eq!((cx.budget().sustained, retry_after), (left, u64::from(120 - left).div_ceil(20)));
    }
}
