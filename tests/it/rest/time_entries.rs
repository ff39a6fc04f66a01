//! Time entries: the ways to give a span, what follows from it, and which entries are locked.

use serde_json::{Value, json};
use tests::{Fixtures, World, on_both};

async fn post(world: &World, token: &str, project: &str, also: Value) -> tests::Answer {
    let mut body = json!({ "projectId": project });
    body.as_object_mut().unwrap().extend(also.as_object().unwrap().clone());
    world.post(token, "/api/v1/time-entries", body).await
}

on_both! {
    /// A duration in seconds or in words, or two instants; the date may follow from the first.
    async fn a_span_is_given_in_one_of_three_ways(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        let day = "2026-06-11";
        for (also, seconds) in [
            (json!({ "durationSeconds": 90, "entryDate": day }), 90),
            (json!({ "duration": "1h30m", "entryDate": day }), 5400),
            (json!({ "duration": "1:30", "entryDate": day }), 5400),
            (json!({ "duration": "90m", "entryDate": day }), 5400),
            (json!({ "duration": "1.5h", "entryDate": day }), 5400),
            (json!({ "durationSeconds": 7, "duration": "90m", "entryDate": day }), 7),
            (json!({ "durationSeconds": 86400, "entryDate": day }), 86400),
            (json!({ "durationSeconds": 0, "entryDate": day }), 0),
        ] {
            let entry = post(&world, owner, &project, also.clone()).await.data(201);
            assert_eq!((&entry["durationSeconds"], &entry["startedAt"]), (&json!(seconds), &Value::Null), "{also}");
            assert_eq!((&entry["userId"], &entry["billable"]), (&json!(fixtures.home.owner_user), &json!(true)));
        }
        let also = json!({ "startedAt": "2026-06-11T00:30:00+02:00", "stoppedAt": "2026-06-10T23:00:00Z" });
        let entry = post(&world, owner, &project, also).await.data(201);
        assert_eq!(entry["durationSeconds"], 1800);
        assert_eq!(entry["entryDate"], "2026-06-11", "the date in the offset as sent");
        assert_eq!(entry["startedAt"], "2026-06-10T22:30:00.000Z");
        for (also, field) in [
            (json!({ "durationSeconds": 86401, "entryDate": day }), "durationSeconds"),
            (json!({ "durationSeconds": -1, "entryDate": day }), "durationSeconds"),
            (json!({ "duration": "25h", "entryDate": day }), "duration"),
            (json!({ "duration": "soon", "entryDate": day }), "duration"),
            (json!({ "entryDate": day }), "durationSeconds"),
            (json!({ "durationSeconds": 60 }), "entryDate"),
            (json!({ "startedAt": "2026-06-11T08:00:00Z" }), "stoppedAt"),
            (json!({ "stoppedAt": "2026-06-11T08:00:00Z", "entryDate": day }), "startedAt"),
            (json!({ "durationSeconds": 60, "entryDate": "2026-02-30" }), "entryDate"),
            (json!({ "startedAt": "2026-06-11T08:00:00", "stoppedAt": "2026-06-11T09:00:00Z" }), "startedAt"),
            (json!({ "durationSeconds": 60, "entryDate": day, "taskId": "01890a5d-ac96-774b-bcce-b302099a8057" }), "taskId"),
            (json!({ "durationSeconds": 60, "entryDate": day, "userId": fixtures.other.owner_user }), "userId"),
            (json!({ "durationSeconds": 60, "entryDate": day, "invoiceId": null }), "invoiceId"),
        ] {
            let reported = post(&world, owner, &project, also.clone()).await.fields();
            assert!(reported[field].is_string(), "{also}: {reported}");
        }
        let both = json!({ "durationSeconds": 60, "startedAt": "2026-06-11T08:00:00Z", "stoppedAt": "2026-06-11T09:00:00Z" });
        let reported = post(&world, owner, &project, both).await.fields();
        assert_eq!(reported.as_object().unwrap().keys().collect::<Vec<_>>(), ["durationSeconds", "stoppedAt"]);
    }
}

on_both! {
    /// A stop before the start names both instants as they were read, and how to send an offset.
    async fn a_wrong_span_is_explained(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let project = fixtures.home.project(&world, "P").await;
        for (start, stop) in [
            ("2026-06-11T10:00:00+02:00", "2026-06-11T07:59:59Z"),
            ("2026-06-11T10:00:00+02:00", "2026-06-12T08:00:01Z"),
        ] {
            let also = json!({ "startedAt": start, "stoppedAt": stop });
            let reported = post(&world, &fixtures.home.owner, &project, also).await.fields();
            let reported = reported["stoppedAt"].as_str().unwrap();
            assert!(reported.contains("2026-06-11T08:00:00.000Z"), "{reported}");
            assert!(reported.contains(&stop.replace('Z', ".000Z")) && reported.contains("+02:00"), "{reported}");
        }
    }
}

on_both! {
    /// Across both changes of the clocks, what counts is the time that passed.
    async fn daylight_saving_does_not_stretch_time(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let project = fixtures.home.project(&world, "P").await;
        for (start, stop, seconds) in [
            ("2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00", 3600),
            ("2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", 3600),
            ("2024-02-28T23:30:00Z", "2024-02-29T00:30:00Z", 3600),
        ] {
            let also = json!({ "startedAt": start, "stoppedAt": stop });
            let entry = post(&world, &fixtures.home.owner, &project, also).await.data(201);
            assert_eq!(entry["durationSeconds"], seconds, "{start}");
            assert_eq!(entry["entryDate"], &start[..10]);
        }
    }
}

on_both! {
    /// Only active projects take new time; on NON_BILLABLE ones nothing is billable, whatever is said.
    async fn the_project_decides(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let hour = json!({ "durationSeconds": 3600, "entryDate": "2026-06-11", "billable": true });
        let project = fixtures.home.project(&world, "P").await;
        let path = format!("/api/v1/projects/{project}");
        let entry = post(&world, owner, &project, hour.clone()).await.id();
        world.patch(owner, &path, json!({ "status": "COMPLETED" })).await.data(200);
        let reported = post(&world, owner, &project, hour.clone()).await.error(409, "conflict");
        assert_eq!(reported["reason"], "project_not_active");
        world.patch(owner, &format!("/api/v1/time-entries/{entry}"), json!({ "note": "still mine" })).await.data(200);
        world.patch(owner, &path, json!({ "status": "ACTIVE", "rateType": "NON_BILLABLE" })).await.data(200);
        assert_eq!(post(&world, owner, &project, hour).await.data(201)["billable"], false);
    }
}

on_both! {
    /// Instants change together or alone and the duration follows; a duration moves the stop.
    async fn changes_keep_a_span_consistent(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        let also = json!({ "startedAt": "2026-06-11T08:00:00Z", "stoppedAt": "2026-06-11T09:00:00Z" });
        let id = post(&world, owner, &project, also).await.id();
        let path = format!("/api/v1/time-entries/{id}");
        let change = async |body: Value| world.patch(owner, &path, body).await;
        assert_eq!(change(json!({ "stoppedAt": "2026-06-11T10:00:00Z" })).await.data(200)["durationSeconds"], 7200);
        assert_eq!(change(json!({ "startedAt": "2026-06-11T09:30:00Z" })).await.data(200)["durationSeconds"], 1800);
        let moved = change(json!({ "duration": "2h" })).await.data(200);
        assert_eq!(moved["stoppedAt"], "2026-06-11T11:30:00.000Z");
        assert_eq!(moved["entryDate"], "2026-06-11");
        for (wrong, field) in [
            (json!({ "startedAt": "2026-06-11T12:00:00Z" }), "stoppedAt"),
            (json!({ "stoppedAt": null }), "stoppedAt"),
            (json!({ "durationSeconds": 1, "stoppedAt": "2026-06-11T12:00:00Z" }), "stoppedAt"),
            (json!({ "durationSeconds": null }), "durationSeconds"),
            (json!({ "entryDate": null }), "entryDate"),
        ] {
            assert!(change(wrong.clone()).await.fields()[field].is_string(), "{wrong}");
        }
        let cleared = change(json!({ "startedAt": null, "stoppedAt": null })).await.data(200);
        assert_eq!((&cleared["durationSeconds"], &cleared["startedAt"]), (&json!(7200), &Value::Null));
        // The years of instants end.
        let last = json!({ "startedAt": "9999-12-31T23:00:00Z", "stoppedAt": "9999-12-31T23:59:59Z" });
        assert_eq!(change(last).await.data(200)["durationSeconds"], 3599);
        for (wrong, field) in [(json!({ "durationSeconds": 3600 }), "durationSeconds"), (json!({ "duration": "1h" }), "duration")] {
            assert!(change(wrong).await.fields()[field].is_string(), "{field}");
        }
    }
}

on_both! {
    /// Only Owner and Admin give an entry to another person.
    async fn only_administrators_reassign_entries(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let project = home.project_with_member(&world, "P").await;
        let id = home.entry(&world, &home.member, &project).await["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/time-entries/{id}");
        let to_owner = json!({ "userId": home.owner_user });
        world.patch(&home.manager, &path, to_owner.clone()).await.error(403, "forbidden_scope");
        world.patch(&home.member, &path, to_owner.clone()).await.error(403, "forbidden_scope");
        world.patch(&home.manager, &path, json!({ "userId": home.member_user, "note": "same" })).await.data(200);
        assert_eq!(world.patch(&home.admin, &path, to_owner).await.data(200)["userId"], json!(home.owner_user));
        world.get(&home.member, &path).await.error(404, "not_found");
        let for_member = json!({ "userId": home.member_user, "durationSeconds": 60, "entryDate": "2026-06-11" });
        let logged = post(&world, &home.manager, &project, for_member).await.data(201);
        assert_eq!(logged["userId"], json!(home.member_user));
    }
}

on_both! {
    /// An invoiced entry is locked for everyone, and keeps its project from being deleted.
    async fn invoiced_time_is_locked(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        let id = fixtures.home.entry(&world, owner, &project).await["id"].as_str().unwrap().to_owned();
        fixtures.home.invoice_of(&world, &project).await;
        let path = format!("/api/v1/time-entries/{id}");
        let reported = world.patch(owner, &path, json!({ "note": "x" })).await.error(409, "conflict");
        assert_eq!(reported["reason"], "invoiced");
        assert_eq!(world.delete(owner, &path).await.error(409, "conflict")["reason"], "invoiced");
        let of_project = world.delete(owner, &format!("/api/v1/projects/{project}")).await;
        assert_eq!(of_project.error(409, "conflict")["reason"], "invoiced");
        for (asked, rows) in [("true", 1), ("false", 0)] {
            let list = world.get(owner, &format!("/api/v1/time-entries?invoiced={asked}")).await.data(200);
            assert_eq!(list.as_array().unwrap().len(), rows);
        }
    }
}

on_both! {
    /// A batch is all or nothing; what is wrong is named by its place; each entry is an event.
    async fn a_batch_is_all_or_nothing(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        let good = json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11" });
        let bad = json!({ "projectId": project, "durationSeconds": -1, "entryDate": "2026-06-11", "x": 1 });
        let lost = json!({ "projectId": fixtures.other.id, "durationSeconds": 1, "entryDate": "2026-06-11" });
        let path = "/api/v1/time-entries/batch";
        let reported = world.post(owner, path, json!({ "timeEntries": [good, bad] })).await.fields();
        assert_eq!(reported["timeEntries[1].x"], "unknown");
        assert!(reported["timeEntries[1].durationSeconds"].is_string());
        let reported = world.post(owner, path, json!({ "timeEntries": [good, lost] })).await.fields();
        assert_eq!(reported["timeEntries[1].projectId"], "not found");
        // What blocks an entry does not hide what is wrong with a later one.
        let done = fixtures.home.project(&world, "Done").await;
        world.patch(owner, &format!("/api/v1/projects/{done}"), json!({ "status": "COMPLETED" })).await.data(200);
        let blocked = json!({ "projectId": done, "durationSeconds": 1, "entryDate": "2026-06-11" });
        let mut odd = good.clone();
        odd["taskId"] = json!(fixtures.other.id);
        let reported = world.post(owner, path, json!({ "timeEntries": [blocked, odd] })).await.fields();
        assert!(reported["timeEntries[1].taskId"].is_string(), "{reported}");
        let reported = world.post(owner, path, json!({ "timeEntries": [blocked, good] })).await.error(409, "conflict");
        assert_eq!(reported["reason"], "project_not_active");
        for wrong in [json!({ "timeEntries": [] }), json!({}), json!({ "timeEntries": {} }), json!({ "timeEntries": vec![&good; 101] })] {
            assert!(world.post(owner, path, wrong).await.fields()["timeEntries"].is_string());
        }
        assert_eq!(world.get(owner, "/api/v1/time-entries").await.data(200), json!([]));
        assert_eq!(events(&world, "time_entry.created").await, 0);
        let made = world.post(owner, path, json!({ "timeEntries": vec![&good; 100] })).await.data(201);
        assert_eq!(made.as_array().unwrap().len(), 100);
        assert_eq!(events(&world, "time_entry.created").await, 100);
    }
}

/// How many events of a kind are in the outbox.
pub(crate) async fn events(world: &World, kind: &str) -> usize {
    world.events().await.iter().filter(|event| event["type"] == kind).count()
}

on_both! {
    /// A start and a duration give the stop, on create and on change; a name for both ends and a duration is refused.
    async fn a_start_and_a_duration_give_the_stop(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        let also = json!({ "startedAt": "2026-06-11T23:30:00-07:00", "duration": "1h30m" });
        let entry = post(&world, owner, &project, also).await.data(201);
        assert_eq!((&entry["stoppedAt"], &entry["durationSeconds"]), (&json!("2026-06-12T08:00:00.000Z"), &json!(5400)));
        assert_eq!(entry["entryDate"], "2026-06-11", "the date in the offset as sent");
        let path = format!("/api/v1/time-entries/{}", entry["id"].as_str().unwrap());
        let change = async |body: Value| world.patch(owner, &path, body).await;
        let both = change(json!({ "startedAt": "2026-06-12T09:00:00Z", "durationSeconds": 60 })).await.data(200);
        assert_eq!((&both["stoppedAt"], &both["durationSeconds"]), (&json!("2026-06-12T09:01:00.000Z"), &json!(60)));
        let cleared = change(json!({ "startedAt": null, "stoppedAt": null, "duration": "2m" })).await.data(200);
        assert_eq!((&cleared["startedAt"], &cleared["stoppedAt"], &cleared["durationSeconds"]), (&Value::Null, &Value::Null, &json!(120)));
        let given = change(json!({ "startedAt": "2026-06-12T09:00:00Z", "duration": "1h" })).await.data(200);
        assert_eq!(given["stoppedAt"], "2026-06-12T10:00:00.000Z");
        let all = json!({ "startedAt": "2026-06-12T09:00:00Z", "stoppedAt": "2026-06-12T10:00:00Z", "duration": "1h" });
        assert!(change(all.clone()).await.fields()["stoppedAt"].is_string());
        assert!(post(&world, owner, &project, all).await.fields()["stoppedAt"].is_string());
        for wrong in [
            json!({ "stoppedAt": "2026-06-12T10:00:00Z", "duration": "1h", "entryDate": "2026-06-12" }),
            json!({ "startedAt": "2026-06-12T10:00:00Z", "duration": "25h" }),
            json!({ "startedAt": "9999-12-31T23:00:00Z", "duration": "2h" }),
        ] {
            post(&world, owner, &project, wrong).await.error(422, "validation_error");
        }
    }
}

on_both! {
    /// A task that does not exist is not found; one of another project is named as such.
    async fn a_task_is_one_of_the_project(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, owner) = (&fixtures.home, &fixtures.home.owner);
        let (project, other) = (home.project(&world, "P").await, home.project(&world, "Q").await);
        let elsewhere = world.post(owner, "/api/v1/tasks", json!({ "projectId": other, "name": "T" })).await.id();
        let entry = home.entry(&world, owner, &project).await["id"].as_str().unwrap().to_owned();
        for (task, reason) in [(&project, "not found"), (&elsewhere, "not found on this project")] {
            let body = json!({ "projectId": project, "taskId": task, "durationSeconds": 60, "entryDate": "2026-06-11" });
            assert_eq!(world.post(owner, "/api/v1/time-entries", body).await.fields()["taskId"], reason);
            let timer = json!({ "projectId": project, "taskId": task });
            assert_eq!(world.post(owner, "/api/v1/time-entries/start", timer).await.fields()["taskId"], reason);
            let path = format!("/api/v1/time-entries/{entry}");
            assert_eq!(world.patch(owner, &path, json!({ "taskId": task })).await.fields()["taskId"], reason);
        }
    }
}
