//! Time and projects over GraphQL: the same rules and messages as over REST.

use serde_json::{Value, json};
use service::value::Role;
use tests::{Answer, Fixtures, World, on_both};

const ENTRY: &str = "id userId projectId taskId durationSeconds billable note entryDate startedAt stoppedAt version";

async fn create(world: &World, token: &str, input: Value) -> Answer {
    let query =
        format!("mutation($i: CreateTimeEntryInput!) {{ createTimeEntry(input: $i) {{ timeEntry {{ {ENTRY} }} }} }}");
    world.graphql(token, &query, json!({ "i": input })).await
}

async fn update(world: &World, token: &str, id: &Value, input: Value) -> Answer {
    let query = format!(
        "mutation($id: ID!, $i: UpdateTimeEntryInput!) {{ updateTimeEntry(id: $id, input: $i) {{ timeEntry {{ {ENTRY} }} }} }}"
    );
    world.graphql(token, &query, json!({ "id": id, "i": input })).await
}

async fn start(world: &World, token: &str, input: Value) -> Answer {
    let query = format!("mutation($i: StartTimerInput!) {{ startTimer(input: $i) {{ timeEntry {{ {ENTRY} }} }} }}");
    world.graphql(token, &query, json!({ "i": input })).await
}

async fn stop(world: &World, token: &str, id: &Value, at: Option<&str>) -> Answer {
    let query = format!(
        "mutation($id: ID!, $at: DateTime) {{ stopTimer(id: $id, stoppedAt: $at) {{ timeEntry {{ {ENTRY} }} }} }}"
    );
    let variables = match at {
        Some(at) => json!({ "id": id, "at": at }),
        None => json!({ "id": id }),
    };
    world.graphql(token, &query, variables).await
}

async fn on_project(world: &World, token: &str, what: &str, id: &str) -> Answer {
    let query = format!("mutation($id: ID!) {{ {what}Project(id: $id) {{ project {{ id status deletedAt }} }} }}");
    world.graphql(token, &query, json!({ "id": id })).await
}

fn entry(answer: &Answer, field: &str) -> Value {
    answer.graphql()[field]["timeEntry"].clone()
}

/// The code and reason of a refusal.
fn refusal(answer: &Answer) -> (String, String) {
    let error = answer.graphql_error();
    let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
    (text("code"), text("reason"))
}

on_both! {
    /// The ways to give a span, and what is wrong with the others.
    async fn a_span_is_given_in_one_of_three_ways(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        let day = "2026-06-11";
        for (span, seconds) in [
            (json!({ "durationSeconds": 90, "entryDate": day }), 90),
            (json!({ "duration": "1:30", "entryDate": day }), 5400),
            (json!({ "durationSeconds": 7, "duration": "90m", "entryDate": day }), 7),
            (json!({ "startedAt": "2026-03-29T01:30:00+01:00", "stoppedAt": "2026-03-29T03:30:00+02:00" }), 3600),
            (json!({ "startedAt": "2026-03-29T01:30:00+01:00", "durationSeconds": 60 }), 60),
        ] {
            let mut input = span.clone();
            input["projectId"] = json!(project);
            assert_eq!(entry(&create(&world, owner, input).await, "createTimeEntry")["durationSeconds"], seconds, "{span}");
        }
        for (span, field) in [
            (json!({ "durationSeconds": 86401, "entryDate": day }), "durationSeconds"),
            (json!({ "durationSeconds": 60 }), "entryDate"),
            (json!({ "entryDate": day }), "durationSeconds"),
            (json!({ "startedAt": "2026-06-11T08:00:00Z", "stoppedAt": "2026-06-11T07:00:00Z" }), "stoppedAt"),
            (json!({ "startedAt": "2026-06-11T08:00:00Z", "stoppedAt": "2026-06-12T08:00:01Z" }), "stoppedAt"),
            (json!({ "startedAt": "2026-06-11T08:00:00", "stoppedAt": "2026-06-11T09:00:00Z" }), "startedAt"),
            (json!({ "durationSeconds": 1, "stoppedAt": "2026-06-11T08:00:00Z", "entryDate": day }), "stoppedAt"),
            (json!({ "durationSeconds": 1, "entryDate": "2025-02-29" }), "entryDate"),
        ] {
            let mut input = span.clone();
            input["projectId"] = json!(project);
            let refused = create(&world, owner, input).await.graphql_error();
            assert_eq!(refused["code"], "validation_error", "{span}");
            assert!(refused["fields"][field].is_string(), "{span}: {refused}");
        }
    }
}

on_both! {
    /// Start, start again, start elsewhere, stop, stop again; beyond a day a day is saved.
    async fn timers_follow_the_same_rules(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let (p, q) = (fixtures.home.project(&world, "P").await, fixtures.home.project(&world, "Q").await);
        let first = entry(&start(&world, owner, json!({ "projectId": p, "note": "n" })).await, "startTimer");
        assert_eq!((&first["durationSeconds"], &first["note"]), (&Value::Null, &json!("n")));
        let same = entry(&start(&world, owner, json!({ "projectId": p })).await, "startTimer");
        assert_eq!(same["id"], first["id"]);
        world.clock.advance(60_000);
        let second = entry(&start(&world, owner, json!({ "projectId": q, "timeZone": "Asia/Tokyo" })).await, "startTimer");
        let query = "{ runningTimer { id } timeEntries(filter: { running: false }) { nodes { id durationSeconds } } }";
        let seen = world.graphql(owner, query, json!({})).await.graphql();
        assert_eq!(seen["runningTimer"]["id"], second["id"]);
        assert_eq!(seen["timeEntries"]["nodes"], json!([{ "id": first["id"], "durationSeconds": 60 }]));
        assert_eq!(refusal(&stop(&world, owner, &first["id"], None).await), ("conflict".into(), "not_running".into()));
        let refused = update(&world, owner, &second["id"], json!({ "durationSeconds": 5 })).await.graphql_error();
        assert!(refused["fields"]["durationSeconds"].is_string(), "{refused}");
        entry(&update(&world, owner, &second["id"], json!({ "note": "x", "billable": false })).await, "updateTimeEntry");
        let early = stop(&world, owner, &second["id"], Some("2026-06-11T07:00:00Z")).await.graphql_error();
        assert!(early["fields"]["stoppedAt"].is_string(), "{early}");
        let vague = stop(&world, owner, &second["id"], Some("2026-06-11T08:00:00")).await.graphql_error();
        assert_eq!(vague["code"], "validation_error", "{vague}");
        assert!(vague["fields"]["stoppedAt"].as_str().unwrap().contains("offset"), "{vague}");
        on_project(&world, owner, "archive", &q).await.graphql();
        world.clock.advance(30 * 3_600_000);
        let stopped = entry(&stop(&world, owner, &second["id"], None).await, "stopTimer");
        assert_eq!(stopped["durationSeconds"], 86_400);
        assert_eq!(refusal(&start(&world, owner, json!({ "projectId": q })).await).1, "project_not_active");
        assert!(start(&world, owner, json!({ "projectId": fixtures.other.id })).await.graphql_error()["fields"]["projectId"].is_string());
    }
}

on_both! {
    /// Projects: archive, restore, delete, and what they refuse; NON_BILLABLE takes its entries along.
    async fn projects_follow_the_same_rules(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = fixtures.home.client(&world, "C").await;
        let create_project = "mutation($i: CreateProjectInput!) { createProject(input: $i) { project { id hourlyRate status rateType } } }";
        let made = world.graphql(owner, create_project, json!({ "i": { "clientId": client, "name": "P" } })).await.graphql();
        let made = &made["createProject"]["project"];
        assert_eq!((&made["hourlyRate"], &made["status"], &made["rateType"]), (&json!("150.00"), &json!("ACTIVE"), &json!("HOURLY")));
        for (wrong, field) in [
            (json!({ "rateType": "FIXED" }), "fixedFeeAmount"),
            (json!({ "fixedFeeAmount": "5" }), "fixedFeeAmount"),
            (json!({ "budgetHours": "5", "budgetAmount": "5" }), "budgetAmount"),
            (json!({ "startDate": "2026-06-11", "dueDate": "2026-06-10" }), "dueDate"),
            (json!({ "color": "red" }), "color"),
            (json!({ "hourlyRate": 5 }), "hourlyRate"),
        ] {
            let mut input = wrong.clone();
            (input["clientId"], input["name"]) = (json!(client), json!("P"));
            let refused = world.graphql(owner, create_project, json!({ "i": input })).await.graphql_error();
            assert!(refused["fields"][field].is_string(), "{wrong}: {refused}");
        }
        let id = made["id"].as_str().unwrap();
        let hour = json!({ "projectId": id, "durationSeconds": 3600, "entryDate": "2026-06-11" });
        let logged = entry(&create(&world, owner, hour.clone()).await, "createTimeEntry");
        let change = "mutation($id: ID!, $i: UpdateProjectInput!) { updateProject(id: $id, input: $i) { project { version } } }";
        world.graphql(owner, change, json!({ "id": id, "i": { "rateType": "NON_BILLABLE" } })).await.graphql();
        let query = "query($id: ID!) { timeEntry(id: $id) { billable version } }";
        let after = world.graphql(owner, query, json!({ "id": logged["id"] })).await.graphql();
        assert_eq!(after["timeEntry"], json!({ "billable": false, "version": 2 }));
        for (what, status) in [("archive", "ARCHIVED"), ("restore", "ACTIVE")] {
            let done = on_project(&world, owner, what, id).await.graphql();
            assert_eq!(done[format!("{what}Project")]["project"]["status"], status);
        }
        start(&world, owner, json!({ "projectId": id })).await.graphql();
        let delete = "mutation($id: ID!) { deleteProject(id: $id) { deletedId } }";
        assert_eq!(refusal(&world.graphql(owner, delete, json!({ "id": id })).await).1, "timer_running");
        let running = world.graphql(owner, "{ runningTimer { id } }", json!({})).await.graphql();
        stop(&world, owner, &running["runningTimer"]["id"], None).await.graphql();
        world.graphql(owner, delete, json!({ "id": id })).await.graphql();
        let back = on_project(&world, owner, "restore", id).await.graphql();
        assert_eq!(back["restoreProject"]["project"]["deletedAt"], Value::Null);
    }
}

on_both! {
    /// Locks, moves and batches: invoiced is 409 for everyone, over REST and GraphQL.
    async fn entries_follow_the_same_rules(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let project = home.project_with_member(&world, "P").await;
        let own = home.entry(&world, &home.member, &project).await;
        let to_owner = json!({ "userId": home.owner_user });
        for token in [&home.manager, &home.member] {
            assert_eq!(refusal(&update(&world, token, &own["id"], to_owner.clone()).await).0, "forbidden_scope");
        }
        let spans = json!({ "startedAt": "2026-06-11T08:00:00Z", "stoppedAt": "2026-06-11T09:00:00Z" });
        entry(&update(&world, &home.member, &own["id"], spans).await, "updateTimeEntry");
        let moved = entry(&update(&world, &home.member, &own["id"], json!({ "duration": "2h" })).await, "updateTimeEntry");
        assert_eq!(moved["stoppedAt"], "2026-06-11T10:00:00.000Z");
        let batch = "mutation($i: [CreateTimeEntryInput!]!) { createTimeEntries(input: $i) { timeEntries { id } } }";
        let good = json!({ "projectId": project, "durationSeconds": 1, "entryDate": "2026-06-11" });
        let bad = json!({ "projectId": project, "durationSeconds": -1, "entryDate": "2026-06-11" });
        let refused = world.graphql(&home.owner, batch, json!({ "i": [good, bad] })).await.graphql_error();
        assert!(refused["fields"]["timeEntries[1].durationSeconds"].is_string(), "{refused}");
        let made = world.graphql(&home.owner, batch, json!({ "i": [good, good] })).await.graphql();
        assert_eq!(made["createTimeEntries"]["timeEntries"].as_array().unwrap().len(), 2);

        home.invoice_of(&world, &project).await;
        let delete = "mutation($id: ID!) { deleteTimeEntry(id: $id) { deletedId } }";
        for role in Role::ALL {
            let token = home.token(*role);
            assert_eq!(refusal(&update(&world, token, &own["id"], json!({ "note": "x" })).await).1, "invoiced", "{role}");
            assert_eq!(refusal(&world.graphql(token, delete, json!({ "id": own["id"] })).await).1, "invoiced", "{role}");
            let path = format!("/api/v1/time-entries/{}", own["id"].as_str().unwrap());
            assert_eq!(world.delete(token, &path).await.error(409, "conflict")["reason"], "invoiced");
        }
    }
}

on_both! {
    /// Who leaves a project is unassigned from its tasks there, and from no other; their time stays.
    async fn leaving_a_project_unassigns_its_tasks(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let (p, q) = (home.project_with_member(&world, "P").await, home.project_with_member(&world, "Q").await);
        home.entry(&world, &home.member, &p).await;
        for project in [&p, &q] {
            let task = json!({ "projectId": project, "name": "T", "assigneeIds": [home.member_user] });
            world.post(&home.owner, "/api/v1/tasks", task).await.data(201);
        }
        let leave = "mutation($p: ID!, $u: ID!) { removeProjectMember(projectId: $p, userId: $u) { userId } }";
        world.graphql(&home.owner, leave, json!({ "p": p, "u": home.member_user })).await.graphql();
        let theirs = format!("/api/v1/tasks?assigneeId={}", home.member_user);
        let theirs = world.get(&home.owner, &theirs).await.data(200);
        assert_eq!((theirs.as_array().unwrap().len(), &theirs[0]["projectId"]), (1, &json!(q)));
        let time = world.get(&home.owner, "/api/v1/time-entries").await.data(200);
        assert_eq!(time.as_array().unwrap().len(), 1);
        let join = "mutation($p: ID!, $u: ID!) { addProjectMember(projectId: $p, userId: $u) { member { userId } } }";
        let back = world.graphql(&home.owner, join, json!({ "p": p, "u": home.member_user })).await.graphql();
        assert_eq!(back["addProjectMember"]["member"]["userId"], json!(home.member_user));
    }
}
