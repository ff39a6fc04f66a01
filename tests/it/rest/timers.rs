//! Timers: one per person; started, stopped and changed under every rule, also concurrently.

use poem::http::Method;
use serde_json::{Value, json};
use tests::{Answer, Fixtures, World, on_both};

use super::time_entries::events;

async fn start(world: &World, token: &str, body: Value) -> Answer {
    world.post(token, "/api/v1/time-entries/start", body).await
}

async fn stop(world: &World, token: &str, id: &str, body: Option<Value>) -> Answer {
    let call = world.call(Method::POST, &format!("/api/v1/time-entries/{id}/stop")).token(token).key(&world.new_key());
    match body {
        Some(body) => call.json(body).send().await,
        None => call.send().await,
    }
}

async fn running(world: &World, token: &str) -> Value {
    world.get(token, "/api/v1/time-entries/running").await.data(200)
}

on_both! {
    /// A start, a look, a stop: the entry gets its duration, and only then is an event.
    async fn a_timer_starts_and_stops(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        assert_eq!(running(&world, owner).await, Value::Null);
        let started = start(&world, owner, json!({ "projectId": project, "note": "n" })).await;
        let entry = started.data(201);
        assert_eq!((&entry["durationSeconds"], &entry["stoppedAt"]), (&Value::Null, &Value::Null));
        assert_eq!((&entry["startedAt"], &entry["entryDate"]), (&json!("2026-06-11T08:00:00.000Z"), &json!("2026-06-11")));
        assert!(started.header("location").unwrap().ends_with(entry["id"].as_str().unwrap()));
        assert_eq!(running(&world, owner).await, entry);
        assert_eq!(world.get(owner, "/api/v1/time-entries?running=true").await.data(200)[0], entry);
        let query = "{ runningTimer { id durationSeconds } }";
        assert_eq!(world.graphql(owner, query, json!({})).await.graphql()["runningTimer"]["id"], entry["id"]);
        assert_eq!(events(&world, "time_entry.created").await, 0);
        world.clock.advance(90_500);
        // The same project again is the same timer.
        let again = start(&world, owner, json!({ "projectId": project })).await.data(200);
        assert_eq!(again["id"], entry["id"]);
        let id = entry["id"].as_str().unwrap();
        let stopped = stop(&world, owner, id, None).await.data(200);
        assert_eq!((&stopped["durationSeconds"], &stopped["version"]), (&json!(90), &json!(2)));
        assert_eq!(events(&world, "time_entry.created").await, 1);
        assert_eq!(running(&world, owner).await, Value::Null);
        let reported = stop(&world, owner, id, Some(json!({}))).await.error(409, "conflict");
        assert_eq!(reported["reason"], "not_running");
    }
}

on_both! {
    /// A body is read whether a header contains its length or not.
    async fn a_body_without_a_length_is_read(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        let id = start(&world, owner, json!({ "projectId": project })).await.id();
        world.clock.advance(7_200_000);
        let stop = |at: &str| {
            let call = world.call(Method::POST, &format!("/api/v1/time-entries/{id}/stop")).token(owner).key("k");
            call.streamed(json!({ "stoppedAt": at })).send()
        };
        let stopped = stop("2026-06-11T09:00:00Z").await.data(200);
        assert_eq!((&stopped["stoppedAt"], &stopped["durationSeconds"]), (&json!("2026-06-11T09:00:00.000Z"), &json!(3600)));
        assert_eq!(stop("2026-06-11T09:30:00Z").await.error(409, "conflict")["reason"], "idempotency_mismatch");
        let call = world.call(Method::POST, &format!("/api/v1/projects/{project}/archive"));
        let reported = call.token(owner).key("a").streamed(json!({ "now": true })).send().await;
        assert_eq!(reported.fields(), json!({ "now": "unknown" }));
    }
}

on_both! {
    /// A start on another project stops the running timer; short entries are kept; the date is that of the offset.
    async fn a_start_stops_the_running_timer(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let (p, q) = (fixtures.home.project(&world, "P").await, fixtures.home.project(&world, "Q").await);
        let first = start(&world, owner, json!({ "projectId": p })).await.id();
        let second = start(&world, owner, json!({ "projectId": q, "timeZone": "Pacific/Kiritimati" })).await.data(201);
        assert_eq!(second["entryDate"], "2026-06-11");
        let first = world.get(owner, &format!("/api/v1/time-entries/{first}")).await.data(200);
        assert_eq!(first["durationSeconds"], 0);
        world.clock.advance(15 * 3_600_000);
        let third = start(&world, owner, json!({ "projectId": p, "timeZone": "Pacific/Kiritimati" })).await.data(201);
        assert_eq!(third["entryDate"], "2026-06-12");
        let fixed = start(&world, owner, json!({ "projectId": q, "entryDate": "2026-01-01" })).await.data(201);
        assert_eq!(fixed["entryDate"], "2026-01-01");
        assert!(start(&world, owner, json!({ "projectId": p, "timeZone": "Mars" })).await.fields()["timeZone"].is_string());
        assert!(start(&world, owner, json!({})).await.fields()["projectId"].is_string());
        assert_eq!(events(&world, "time_entry.created").await, 3);
    }
}

on_both! {
    /// A stop always works: after a day it saves a day, and on a project that is archived or left.
    async fn a_stop_always_works(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (owner, member) = (&fixtures.home.owner, &fixtures.home.member);
        let project = fixtures.home.project_with_member(&world, "P").await;
        let id = start(&world, member, json!({ "projectId": project })).await.id();
        let reported = world.delete(owner, &format!("/api/v1/projects/{project}")).await.error(409, "conflict");
        assert_eq!(reported["reason"], "timer_running");
        let archive = format!("/api/v1/projects/{project}/archive");
        let archived = world.call(Method::POST, &archive).token(owner).key(&world.new_key()).send().await.data(200);
        assert_eq!(archived["status"], "ARCHIVED");
        let left = format!("/api/v1/projects/{project}/members/{}", fixtures.home.member_user);
        assert_eq!(world.delete(owner, &left).await.status, 204);
        start(&world, owner, json!({ "projectId": project })).await.error(409, "conflict");
        world.clock.advance(30 * 3_600_000);
        let stopped = stop(&world, member, &id, None).await.data(200);
        assert_eq!((&stopped["durationSeconds"], &stopped["stoppedAt"]), (&json!(86_400), &json!("2026-06-12T08:00:00.000Z")));
    }
}

on_both! {
    /// A stop may be in the past, not before the start; while running only five fields change.
    async fn a_running_entry_changes_little(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        let id = start(&world, owner, json!({ "projectId": project })).await.id();
        let path = format!("/api/v1/time-entries/{id}");
        world.clock.advance(3_600_000);
        let allowed = json!({ "note": "x", "billable": false, "taskId": null, "entryDate": "2026-06-10", "startedAt": "2026-06-11T07:30:00Z" });
        let changed = world.patch(owner, &path, allowed).await.data(200);
        assert_eq!((&changed["startedAt"], &changed["durationSeconds"]), (&json!("2026-06-11T07:30:00.000Z"), &Value::Null));
        for refused in [json!({ "durationSeconds": 5 }), json!({ "duration": "5m" }), json!({ "stoppedAt": "2026-06-11T08:00:00Z" }), json!({ "projectId": project }), json!({ "startedAt": null })] {
            let field = refused.as_object().unwrap().keys().next().unwrap().clone();
            assert!(world.patch(owner, &path, refused).await.fields()[&field].is_string(), "{field}");
        }
        let early = stop(&world, owner, &id, Some(json!({ "stoppedAt": "2026-06-11T07:00:00Z" }))).await;
        assert!(early.fields()["stoppedAt"].is_string());
        let stopped = stop(&world, owner, &id, Some(json!({ "stoppedAt": "2026-06-11T10:00:00+02:00" }))).await.data(200);
        assert_eq!(stopped["durationSeconds"], 1800);
    }
}

on_both! {
    /// A hundred starts at once by one person leave one running timer and lose no time.
    async fn one_timer_per_person_under_concurrency(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let mut projects = Vec::new();
        for i in 0..4 {
            projects.push(fixtures.home.project(&world, &format!("P{i}")).await);
        }
        let mut all = Vec::new();
        for i in 0..100 {
            let call = world.call(Method::POST, "/api/v1/time-entries/start").token(owner).key(&world.new_key());
            all.push(tokio::spawn(call.json(json!({ "projectId": projects[i % 4] })).send()));
        }
        let mut made = 0;
        for call in all {
            let status = call.await.unwrap().status.as_u16();
            assert!([200, 201].contains(&status), "{status}");
            made += usize::from(status == 201);
        }
        let running = world.get(owner, "/api/v1/time-entries?running=true&limit=200").await.data(200);
        assert_eq!(running.as_array().unwrap().len(), 1);
        let stopped = world.get(owner, "/api/v1/time-entries?running=false&limit=200").await.data(200);
        assert_eq!(stopped.as_array().unwrap().len(), made - 1);
        assert_eq!(events(&world, "time_entry.created").await, made - 1);
    }
}

on_both! {
    /// Two concurrent stops: one stops the timer, the other is refused; one event.
    async fn concurrent_stops_take_effect_once(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        for round in 1..=10 {
            let id = start(&world, owner, json!({ "projectId": project })).await.id();
            let call = || world.call(Method::POST, &format!("/api/v1/time-entries/{id}/stop")).token(owner).key(&world.new_key());
            let (a, b) = tokio::join!(tokio::spawn(call().send()), tokio::spawn(call().send()));
            let mut outcome = [a.unwrap().status.as_u16(), b.unwrap().status.as_u16()];
            outcome.sort_unstable();
            assert_eq!(outcome, [200, 409], "round {round}");
            assert_eq!(events(&world, "time_entry.created").await, round);
        }
    }
}

on_both! {
    /// Archived projects come back, deleted ones too; an archive and a create do not pass each other.
    async fn projects_are_restored(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = fixtures.home.client(&world, "C").await;
        let body = json!({ "clientId": client, "name": "P", "externalId": "p" });
        let project = world.post(owner, "/api/v1/projects", body.clone()).await.id();
        let path = format!("/api/v1/projects/{project}");
        let act = async |what: &str| {
            world.call(Method::POST, &format!("{path}/{what}")).token(owner).key(&world.new_key()).send().await
        };
        assert_eq!(act("archive").await.data(200)["status"], "ARCHIVED");
        assert_eq!(act("restore").await.data(200)["status"], "ACTIVE");
        assert_eq!(world.delete(owner, &path).await.status, 204);
        act("archive").await.error(404, "not_found");
        let back = act("restore").await.data(200);
        assert_eq!((&back["status"], &back["deletedAt"]), (&json!("ACTIVE"), &Value::Null));
        world.delete(owner, &path).await;
        let other = world.post(owner, "/api/v1/projects", body).await.id();
        assert_eq!(act("restore").await.error(409, "conflict")["reason"], "external_id_taken");
        world.delete(owner, &format!("/api/v1/projects/{other}")).await;
        assert_eq!(world.delete(owner, &format!("/api/v1/clients/{client}")).await.status, 204);
        assert_eq!(act("restore").await.error(409, "conflict")["reason"], "client_deleted");
        for round in 0..20 {
            let project = fixtures.home.project(&world, &format!("R{round}")).await;
            let archive = world.call(Method::POST, &format!("/api/v1/projects/{project}/archive")).token(owner).key(&world.new_key());
            let create = world.call(Method::POST, "/api/v1/time-entries").token(owner).key(&world.new_key());
            let create = create.json(json!({ "projectId": project, "durationSeconds": 1, "entryDate": "2026-06-11" }));
            let (archived, created) = tokio::join!(tokio::spawn(archive.send()), tokio::spawn(create.send()));
            assert_eq!(archived.unwrap().status, 200);
            assert!([201, 409].contains(&created.unwrap().status.as_u16()), "round {round}");
        }
    }
}

on_both! {
    /// A timer never starts in the future, where its time would be lost; a minute is left for clocks that differ.
    async fn a_timer_never_starts_in_the_future(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        let refused = start(&world, owner, json!({ "projectId": project, "startedAt": "2026-06-11T08:01:00.001Z" })).await.fields();
        let reason = refused["startedAt"].as_str().unwrap();
        assert!(reason.contains("2026-06-11T08:01:00.001Z") && reason.contains("2026-06-11T08:00:00.000Z") && reason.contains("+02:00"), "{reason}");
        let soon = start(&world, owner, json!({ "projectId": project, "startedAt": "2026-06-11T10:00:59+02:00" })).await.data(201);
        let path = format!("/api/v1/time-entries/{}", soon["id"].as_str().unwrap());
        assert!(world.patch(owner, &path, json!({ "startedAt": "2030-01-01T00:00:00Z" })).await.fields()["startedAt"].is_string());
        world.patch(owner, &path, json!({ "startedAt": "2026-06-11T08:01:00Z" })).await.data(200);
        let stopped = stop(&world, owner, soon["id"].as_str().unwrap(), None).await.data(200);
        assert_eq!((&stopped["durationSeconds"], &stopped["stoppedAt"]), (&json!(0), &json!("2026-06-11T08:01:00.000Z")));
    }
}

on_both! {
    /// A timer may have been started up to a day ago: its day is that of the start, and the one that ran ends there.
    async fn a_timer_may_start_earlier(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let (p, q) = (fixtures.home.project(&world, "P").await, fixtures.home.project(&world, "Q").await);
        let begin = async |project: &str, also: Value| {
            let mut body = json!({ "projectId": project });
            body.as_object_mut().unwrap().extend(also.as_object().unwrap().clone());
            start(&world, owner, body).await
        };
        assert!(begin(&p, json!({ "startedAt": "2026-06-10T07:59:59.999Z" })).await.fields()["startedAt"].is_string());
        let first = begin(&p, json!({ "startedAt": "2026-06-10T08:00:00Z" })).await.data(201);
        assert_eq!((&first["startedAt"], &first["entryDate"]), (&json!("2026-06-10T08:00:00.000Z"), &json!("2026-06-10")));
        let second = begin(&q, json!({ "startedAt": "2026-06-11T01:30:00+02:00" })).await.data(201);
        assert_eq!(second["entryDate"], "2026-06-11", "the date in the offset as sent");
        let first = world.get(owner, &format!("/api/v1/time-entries/{}", first["id"].as_str().unwrap())).await.data(200);
        assert_eq!(first["stoppedAt"], "2026-06-10T23:30:00.000Z", "two timers do not overlap");
        let third = begin(&p, json!({ "startedAt": "2026-06-10T22:00:00Z", "timeZone": "Asia/Tokyo" })).await.data(201);
        assert_eq!(third["entryDate"], "2026-06-11", "the date in the zone");
        let second = world.get(owner, &format!("/api/v1/time-entries/{}", second["id"].as_str().unwrap())).await.data(200);
        assert_eq!(second["stoppedAt"], "2026-06-11T08:00:00.000Z", "what started later is not lost");
        assert_eq!(begin(&p, json!({ "startedAt": "2026-06-11T07:00:00Z" })).await.data(200)["id"], third["id"]);
    }
}

on_both! {
    /// A clock may be a minute behind: such a stop saves nothing, and what is earlier names both instants.
    async fn a_stop_may_be_a_minute_early(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        let id = start(&world, owner, json!({ "projectId": project })).await.id();
        let early = stop(&world, owner, &id, Some(json!({ "stoppedAt": "2026-06-11T07:58:59.999Z" }))).await.fields();
        let reason = early["stoppedAt"].as_str().unwrap();
        assert!(reason.contains("2026-06-11T07:58:59.999Z") && reason.contains("2026-06-11T08:00:00.000Z"), "{reason}");
        let stopped = stop(&world, owner, &id, Some(json!({ "stoppedAt": "2026-06-11T07:59:00Z" }))).await.data(200);
        assert_eq!((&stopped["durationSeconds"], &stopped["stoppedAt"]), (&json!(0), &json!("2026-06-11T08:00:00.000Z")));
    }
}

on_both! {
    /// The running timer is stopped without knowing its id; where none runs, that is the answer.
    async fn the_running_timer_needs_no_name(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (owner, member) = (&fixtures.home.owner, &fixtures.home.member);
        let project = fixtures.home.project_with_member(&world, "P").await;
        let path = "/api/v1/time-entries/running/stop";
        let begun = start(&world, owner, json!({ "projectId": project })).await.id();
        let others = start(&world, member, json!({ "projectId": project })).await.id();
        world.clock.advance(60_000);
        let stopped = world.call(Method::POST, path).token(owner).key("once").send().await.data(200);
        assert_eq!((&stopped["id"], &stopped["durationSeconds"]), (&json!(begun), &json!(60)));
        let again = world.call(Method::POST, path).token(owner).key("once").send().await;
        assert_eq!(again.data(200), stopped, "a retry is the same stop");
        let none = world.call(Method::POST, path).token(owner).key("twice").send().await.error(409, "conflict");
        assert_eq!(none["reason"], "not_running");
        assert_eq!(running(&world, member).await["id"], json!(others), "another person's timer goes on");
        let ended = world.post(member, path, json!({ "stoppedAt": "2026-06-11T08:00:30Z" })).await.data(200);
        assert_eq!(ended["durationSeconds"], 30);
    }
}
