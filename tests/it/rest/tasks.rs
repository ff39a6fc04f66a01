//! Tasks: defaults, assignees, completion.

use poem::http::Method;
use serde_json::{Value, json};
use service::member;
use tests::{Fixtures, on_both};

/// The types of the events so far.
fn event_types(events: &[Value]) -> Vec<String> {
    let tasks = events.iter().filter_map(|event| event["type"].as_str()).filter(|kind| kind.starts_with("task."));
    tasks.map(str::to_owned).collect()
}

on_both! {
    /// A task needs a project and a name; the rest has its default, and what is sent comes back.
    async fn a_task_begins_with_its_defaults(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        let made = world.post(owner, "/api/v1/tasks", json!({ "projectId": project, "name": " Draw " })).await;
        let task = made.data(201);
        assert_eq!(made.header("location").unwrap(), format!("/api/v1/tasks/{}", task["id"].as_str().unwrap()));
        for (field, value) in [
            ("name", json!("Draw")), ("description", json!(null)), ("status", json!("TODO")), ("priority", json!("MEDIUM")),
            ("billable", json!(true)), ("estimatedHours", json!(null)), ("assigneeIds", json!([])), ("tags", json!([])),
            ("startDate", json!(null)), ("dueDate", json!(null)), ("endDate", json!(null)), ("completedAt", json!(null)),
            ("externalId", json!(null)), ("version", json!(1)), ("deletedAt", json!(null)), ("projectId", json!(project)),
        ] {
            assert_eq!(task[field], value, "{field}");
        }
        let full = json!({ "projectId": project, "name": "Full", "description": "d", "status": "in_progress",
            "priority": "high", "billable": false, "estimatedHours": "2.5", "tags": ["b", " a ", "b"], "externalId": "x",
            "startDate": "2026-06-01", "dueDate": "2026-06-01", "endDate": "2026-06-30",
            "assigneeIds": [fixtures.home.owner_user, fixtures.home.member_user, fixtures.home.owner_user] });
        let full = world.post(owner, "/api/v1/tasks", full).await.data(201);
        assert_eq!((&full["status"], &full["priority"], &full["estimatedHours"]), (&json!("IN_PROGRESS"), &json!("HIGH"), &json!("2.50")));
        assert_eq!(full["tags"], json!(["b", "a"]), "trimmed, in the order sent, each once");
        assert_eq!(full["assigneeIds"], json!([fixtures.home.owner_user, fixtures.home.member_user]));
        let read = world.get(owner, &format!("/api/v1/tasks/{}", full["id"].as_str().unwrap())).await;
        assert_eq!((read.header("etag"), read.data(200)), (Some("\"1\""), full));
        assert_eq!(event_types(&world.events().await), ["task.created", "task.created"]);
    }
}

on_both! {
    /// Every invalid field is reported, those of lists by their position.
    async fn invalid_tasks_are_reported_field_by_field(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        let nowhere = "01890a5d-ac96-774b-bcce-b302099a8057";
        for (also, fields) in [
            (json!({ "tags": vec!["t"; 51] }), vec!["tags"]),
            (json!({ "tags": ["ok", "t".repeat(51), " "] }), vec!["tags[1]", "tags[2]"]),
            (json!({ "tags": ["ok", " "] }), vec!["tags[1]"]),
            (json!({ "assigneeIds": [fixtures.home.owner_user, nowhere, "x"] }), vec!["assigneeIds[1]", "assigneeIds[2]"]),
            (json!({ "assigneeIds": [fixtures.home.owner_user, nowhere, fixtures.other.owner_user] }), vec!["assigneeIds[1]", "assigneeIds[2]"]),
            (json!({ "startDate": "2026-06-11", "dueDate": "2026-06-10", "endDate": "2026-06-09" }), vec!["dueDate", "endDate"]),
            (json!({ "completedAt": null, "status": "LATER", "priority": 1, "estimatedHours": -1 }), vec!["completedAt", "estimatedHours", "priority", "status"]),
            (json!({ "projectId": nowhere, "name": "" }), vec!["name", "projectId"]),
            (json!({ "description": "d".repeat(10_001) }), vec!["description"]),
        ] {
            let mut body = json!({ "projectId": project, "name": "T" });
            body.as_object_mut().unwrap().extend(also.as_object().unwrap().clone());
            let reported = world.post(owner, "/api/v1/tasks", body).await.fields();
            let mut named: Vec<_> = reported.as_object().unwrap().keys().cloned().collect();
            named.sort();
            assert_eq!(named, fields, "{also}: {reported}");
        }
        let id = fixtures.home.task(&world, "T").await;
        let path = format!("/api/v1/tasks/{id}");
        world.patch(owner, &path, json!({ "startDate": "2026-06-11", "dueDate": "2026-06-12" })).await.data(200);
        assert!(world.patch(owner, &path, json!({ "startDate": "2026-06-13" })).await.fields()["dueDate"].is_string());
        for list in ["tags", "assigneeIds"] {
            assert!(world.patch(owner, &path, json!({ list: null })).await.fields()[list].is_string());
            assert_eq!(world.patch(owner, &path, json!({ list: [] })).await.data(200)[list], json!([]));
        }
    }
}

on_both! {
    /// Going to DONE sets `completedAt`, and emits one event per transition.
    async fn a_task_is_completed_once_per_transition(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let path = format!("/api/v1/tasks/{}", fixtures.home.task(&world, "T").await);
        let set = async |body: Value| world.patch(owner, &path, body).await.data(200);
        let done = set(json!({ "status": "DONE" })).await;
        assert_eq!(done["completedAt"], "2026-06-11T08:00:00.000Z");
        world.clock.advance(60_000);
        let again = set(json!({ "status": "DONE", "name": "still done" })).await;
        assert_eq!((&again["completedAt"], &again["version"]), (&done["completedAt"], &json!(3)));
        assert_eq!(event_types(&world.events().await), ["task.created", "task.completed"]);
        assert_eq!(set(json!({ "status": "TODO" })).await["completedAt"], Value::Null);
        let later = set(json!({ "status": "DONE" })).await;
        assert_eq!(later["completedAt"], "2026-06-11T08:01:00.000Z");
        let events = world.events().await;
        assert_eq!(event_types(&events), ["task.created", "task.completed", "task.completed"]);
        let reported = &events.last().unwrap()["data"];
        assert_eq!((&reported["task"], reported.as_object().unwrap().len()), (&later, 1), "the record as GET gives it");

        let project = done["projectId"].clone();
        let born = world.post(owner, "/api/v1/tasks", json!({ "projectId": project, "name": "N", "status": "DONE" })).await;
        assert!(born.data(201)["completedAt"].is_string());
        assert_eq!(event_types(&world.events().await)[3..], ["task.created", "task.completed"]);
        // A refused change emits no event.
        world.patch(owner, &path, json!({ "status": "TODO", "name": null })).await.fields();
        assert_eq!(world.events().await.len(), events.len() + 2);
    }
}

on_both! {
    /// Assigning a Member puts them on the project; leaving it removes them from its tasks, each with a new version.
    async fn assignees_are_on_the_project(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, owner) = (&fixtures.home, &fixtures.home.owner);
        let project = home.project(&world, "P").await;
        world.get(&home.member, &format!("/api/v1/projects/{project}")).await.error(404, "not_found");
        let both = json!([home.member_user, home.owner_user]);
        let body = json!({ "projectId": project, "name": "T", "assigneeIds": both });
        let task = world.post(owner, "/api/v1/tasks", body).await.data(201);
        let path = format!("/api/v1/tasks/{}", task["id"].as_str().unwrap());
        assert_eq!(world.get(&home.member, &path).await.data(200)["assigneeIds"], both);
        let members = format!("/api/v1/projects/{project}/members");
        let on = world.get(owner, &members).await.data(200);
        assert_eq!((on.as_array().unwrap().len(), &on[0]["userId"]), (1, &json!(home.member_user)), "only who needs it");

        for (person, found) in [(home.member_user, 1), (home.owner_user, 1), (fixtures.other.owner_user, 0)] {
            let rows = world.get(owner, &format!("/api/v1/tasks?assigneeId={person}")).await.data(200);
            assert_eq!(rows.as_array().unwrap().len(), found);
        }
        let elsewhere = home.task(&world, "elsewhere").await;
        world.delete(owner, &format!("{members}/{}", home.member_user)).await;
        let left = world.get(owner, &path).await.data(200);
        assert_eq!((&left["assigneeIds"], &left["version"]), (&json!([home.owner_user]), &json!(2)));
        assert!(left["updatedAt"].as_str() > task["updatedAt"].as_str());
        let other = format!("/api/v1/tasks/{elsewhere}");
        assert_eq!(world.get(owner, &other).await.data(200)["assigneeIds"], json!([home.member_user]));

        member::remove(&world.operator(), home.id, "member@home.example").await.unwrap();
        assert_eq!(world.get(owner, &other).await.data(200)["assigneeIds"], json!([]));
        let gone = json!({ "assigneeIds": [home.member_user] });
        assert_eq!(world.patch(owner, &other, gone).await.fields()["assigneeIds[0]"], "not found");
    }
}

on_both! {
    /// Who becomes a Member is put on the projects of their tasks, so that they see them still.
    async fn a_manager_who_becomes_a_member_keeps_their_tasks(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let project = home.project(&world, "P").await;
        let manager = world.get(&home.owner, "/api/v1/members?role=MANAGER").await.data(200)[0]["userId"].clone();
        let body = json!({ "projectId": project, "name": "T", "assigneeIds": [manager] });
        let task = format!("/api/v1/tasks/{}", world.post(&home.owner, "/api/v1/tasks", body).await.id());
        let role = service::value::Role::Member;
        member::set_role(&world.operator(), home.id, "manager@home.example", role).await.unwrap();
        world.patch(&home.manager, &task, json!({ "status": "DONE" })).await.data(200);
    }
}

on_both! {
    /// A Member reads the tasks of their projects, and changes how those stand that are assigned to them.
    async fn a_member_changes_the_status_of_their_tasks(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, member) = (&fixtures.home, &fixtures.home.member);
        let own = home.task(&world, "own").await;
        let project = world.get(member, &format!("/api/v1/tasks/{own}")).await.data(200)["projectId"].clone();
        let beside = world.post(&home.owner, "/api/v1/tasks", json!({ "projectId": project, "name": "beside" })).await.id();
        let hidden = home.project(&world, "hidden").await;
        let hidden = world.post(&home.owner, "/api/v1/tasks", json!({ "projectId": hidden, "name": "hidden" })).await.id();
        assert_eq!(world.get(member, "/api/v1/tasks").await.data(200).as_array().unwrap().len(), 2);
        let path = |id: &str| format!("/api/v1/tasks/{id}");
        for theirs in [
            json!({ "status": "IN_PROGRESS" }), json!({ "description": "d" }), json!({ "priority": "LOW" }),
            json!({ "tags": ["t"] }), json!({ "startDate": "2026-06-01", "dueDate": "2026-06-02", "endDate": "2026-06-03" }),
            json!({ "estimatedHours": "3" }),
        ] {
            world.patch(member, &path(&own), theirs.clone()).await.data(200);
            world.patch(member, &path(&beside), theirs.clone()).await.error(403, "forbidden_scope");
            world.patch(member, &path(&hidden), theirs).await.error(404, "not_found");
        }
        for not_theirs in [
            json!({ "name": "n" }), json!({ "billable": false }), json!({ "assigneeIds": [] }), json!({ "externalId": "e" }),
            json!({ "projectId": project }), json!({ "status": "DONE", "name": "n" }),
        ] {
            let reported = world.patch(member, &path(&own), not_theirs.clone()).await.error(403, "forbidden_scope");
            let field = not_theirs.as_object().unwrap().keys().find(|field| *field != "status").unwrap().clone();
            assert!(reported["message"].as_str().unwrap().contains(&field), "{reported}");
        }
        assert_eq!(world.get(member, &path(&own)).await.data(200)["status"], "IN_PROGRESS", "a refused change changes nothing");
    }
}

on_both! {
    /// Archive is DELETE by another name that answers with the task; restore brings it back.
    async fn archive_and_restore(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let id = fixtures.home.task(&world, "T").await;
        let path = format!("/api/v1/tasks/{id}");
        world.patch(owner, &path, json!({ "externalId": "x" })).await.data(200);
        let act = async |what: &str| world.call(Method::POST, &format!("{path}/{what}")).token(owner).key(&world.new_key()).send().await;
        let put_away = act("archive").await.data(200);
        assert!(put_away["deletedAt"].is_string() && put_away["version"] == 3, "{put_away}");
        world.get(owner, &path).await.error(404, "not_found");
        act("archive").await.error(404, "not_found");
        assert_eq!(world.get(owner, "/api/v1/tasks").await.data(200), json!([]));
        let all = world.get(owner, "/api/v1/tasks?includeDeleted=true").await.data(200);
        assert_eq!(all[0]["id"], json!(id));
        world.get(&fixtures.home.member, "/api/v1/tasks?includeDeleted=true").await.error(403, "forbidden_scope");

        let project = put_away["projectId"].as_str().unwrap();
        let same_id = world.post(owner, "/api/v1/tasks", json!({ "projectId": project, "name": "same", "externalId": "x" })).await;
        assert_eq!(act("restore").await.error(409, "conflict")["reason"], "external_id_taken", "somebody has it now");
        world.delete(owner, &format!("/api/v1/tasks/{}", same_id.id())).await;
        assert_eq!(act("restore").await.data(200)["deletedAt"], Value::Null);
        let version = world.get(owner, &path).await.data(200)["version"].clone();
        assert_eq!(act("restore").await.data(200)["version"], version, "nothing changes twice");

        world.delete(owner, &path).await;
        world.delete(owner, &format!("/api/v1/projects/{project}")).await;
        assert_eq!(act("restore").await.error(409, "conflict")["reason"], "project_deleted");
    }
}

on_both! {
    /// An entry's task is of the entry's project: a task with time stays where it is, one without moves with its people.
    async fn a_task_with_time_stays(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, owner) = (&fixtures.home, &fixtures.home.owner);
        let id = home.task(&world, "T").await;
        let path = format!("/api/v1/tasks/{id}");
        let (from, to) = (world.get(owner, &path).await.data(200)["projectId"].clone(), home.project(&world, "Q").await);
        world.patch(owner, &path, json!({ "billable": false })).await.data(200);
        let time = json!({ "projectId": from, "taskId": id, "durationSeconds": 60, "entryDate": "2026-06-11" });
        let entry = world.post(&home.member, "/api/v1/time-entries", time).await.data(201);
        assert_eq!(entry["billable"], false, "as the task says");
        let elsewhere = json!({ "projectId": to, "taskId": id, "durationSeconds": 60, "entryDate": "2026-06-11" });
        assert!(world.post(owner, "/api/v1/time-entries", elsewhere).await.fields()["taskId"].is_string());
        assert_eq!(world.patch(owner, &path, json!({ "projectId": to })).await.error(409, "conflict")["reason"], "has_time");
        world.delete(owner, &format!("/api/v1/time-entries/{}", entry["id"].as_str().unwrap())).await;
        assert_eq!(world.patch(owner, &path, json!({ "projectId": to })).await.data(200)["projectId"], json!(to));
        world.get(&home.member, &format!("/api/v1/projects/{to}")).await.data(200);
    }
}

on_both! {
    /// With a project its tasks go out of a Member's sight, who saw them because of it; a Manager still has them.
    async fn a_member_sees_no_task_of_a_deleted_project(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let project = home.project_with_member(&world, "P").await;
        let body = json!({ "projectId": project, "name": "T", "assigneeIds": [home.member_user] });
        let task = world.post(&home.owner, "/api/v1/tasks", body).await.id();
        let path = format!("/api/v1/tasks/{task}");
        world.get(&home.member, &path).await.data(200);
        assert_eq!(world.delete(&home.owner, &format!("/api/v1/projects/{project}")).await.status, 204);
        for path in ["/api/v1/tasks", "/api/v1/tasks?search=T"] {
            assert_eq!(world.get(&home.member, path).await.data(200), json!([]), "{path}");
        }
        world.get(&home.member, &path).await.error(404, "not_found");
        world.patch(&home.member, &path, json!({ "status": "DONE" })).await.error(404, "not_found");
        assert_eq!(world.get(&home.manager, &path).await.data(200)["status"], "TODO");
        world.call(Method::POST, &format!("/api/v1/projects/{project}/restore")).token(&home.owner)
            .header("idempotency-key", "back").send().await.data(200);
        world.get(&home.member, &path).await.data(200);
    }
}
