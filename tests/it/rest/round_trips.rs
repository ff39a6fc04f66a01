//! How many messages a write with a key sends to PostgreSQL: begin, read what decides, write, commit.

use poem::http::Method;
use serde_json::{Value, json};
use tests::{Fixtures, World};

/// The round trips of one request, made before so that everybody is known.
async fn trips(world: &World, token: &str, method: Method, path: &str, body: &Value) -> u64 {
    let before = world.app.database_round_trips();
    let call = world.call(method.clone(), &format!("/api/v1/{path}")).token(token).key(&world.new_key());
    let answer = if body.is_null() { call.send().await } else { call.json(body.clone()).send().await };
    assert!(answer.status.is_success(), "{method} {path}: {} {}", answer.status, answer.text());
    world.app.database_round_trips() - before
}

/// A keyed create is four round trips at most, whatever it names, for an Owner and for a Member.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keyed_create_is_four_round_trips() {
    let world = World::on(tests::Kind::Postgres).await;
    let fixtures = Fixtures::new(&world).await;
    let home = &fixtures.home;
    let project = home.project_with_member(&world, "P").await;
    let client = world.get(&home.owner, &format!("/api/v1/projects/{project}")).await.data(200)["clientId"].clone();
    let task = world.post(&home.owner, "/api/v1/tasks", json!({ "projectId": project, "name": "T" })).await.id();
    let entry = json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11" });
    let with_task = json!({ "projectId": project, "taskId": task, "durationSeconds": 60, "entryDate": "2026-06-11" });
    let expense = |project: Value| {
        json!({ "clientId": client, "projectId": project, "description": "Train", "amount": "12.50",
            "expenseDate": "2026-06-11" })
    };
    for (token, path, body) in [
        (&home.owner, "clients", json!({ "name": "C" })),
        (&home.owner, "projects", json!({ "clientId": client, "name": "P" })),
        (&home.owner, "tasks", json!({ "projectId": project, "name": "T" })),
        (&home.owner, "time-entries", entry.clone()),
        (&home.owner, "time-entries", with_task.clone()),
        (&home.owner, "time-entries/batch", json!({ "timeEntries": [entry] })),
        (&home.owner, "expenses", expense(Value::Null)),
        (&home.owner, "expenses", expense(project.as_str().into())),
        (&home.member, "time-entries", entry),
        (&home.member, "time-entries", with_task),
    ] {
        trips(&world, token, Method::POST, path, &body).await;
        let trips = trips(&world, token, Method::POST, path, &body).await;
        let most = if path.ends_with("batch") { 7 } else { 4 };
        assert!(trips <= most, "{path} {body}: {trips}");
    }
}

/// Every other write with a key, with the most round trips that it takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_keyed_write_has_few_round_trips() {
    let world = World::on(tests::Kind::Postgres).await;
    let fixtures = Fixtures::new(&world).await;
    let home = &fixtures.home;
    let (none, none_sent) = (Value::Null, json!({}));
    let mut most: Vec<(String, u64)> = Vec::new();
    // What is measured is the second of each: the first brings the caller and the texts of statements.
    for round in 0..2 {
        let project = home.project_with_member(&world, &format!("P{round}")).await;
        let client = home.client(&world, &format!("C{round}")).await;
        let task = home.task(&world, &format!("T{round}")).await;
        let entry = home.entry(&world, &home.owner, &project).await["id"].as_str().expect("an id").to_owned();
        let expense = home.expense(&world, &client, "10.00").await;
        let hook = json!({ "url": format!("https://example.com/{round}"), "events": ["invoice.paid"] });
        let hook = world.post(&home.owner, "/api/v1/webhook-endpoints", hook).await.id();
        let person = format!("projects/{project}/members/{}", home.member_user);
        let timer = json!({ "projectId": project });
        most.clear();
        for (name, method, path, body) in [
            ("change a client", Method::PATCH, format!("clients/{client}"), &json!({ "notes": "n" })),
            ("change a project", Method::PATCH, format!("projects/{project}"), &json!({ "description": "d" })),
            ("archive a project", Method::POST, format!("projects/{project}/archive"), &none_sent),
            ("restore a project", Method::POST, format!("projects/{project}/restore"), &none_sent),
            ("take a member off a project", Method::DELETE, person.clone(), &none),
            ("put a member on a project", Method::PUT, person, &none),
            ("change a task", Method::PATCH, format!("tasks/{task}"), &json!({ "description": "d" })),
            ("archive a task", Method::POST, format!("tasks/{task}/archive"), &none_sent),
            ("restore a task", Method::POST, format!("tasks/{task}/restore"), &none_sent),
            ("change a time entry", Method::PATCH, format!("time-entries/{entry}"), &json!({ "note": "n" })),
            ("start a timer", Method::POST, "time-entries/start".into(), &timer),
            ("stop a timer", Method::POST, "time-entries/running/stop".into(), &none_sent),
            ("change an expense", Method::PATCH, format!("expenses/{expense}"), &json!({ "description": "d" })),
            (
                "change a webhook endpoint",
                Method::PATCH,
                format!("webhook-endpoints/{hook}"),
                &json!({ "description": "d" }),
            ),
            ("delete a time entry", Method::DELETE, format!("time-entries/{entry}"), &none),
            ("delete an expense", Method::DELETE, format!("expenses/{expense}"), &none),
            ("delete a task", Method::DELETE, format!("tasks/{task}"), &none),
            ("delete a webhook endpoint", Method::DELETE, format!("webhook-endpoints/{hook}"), &none),
            ("delete a client", Method::DELETE, format!("clients/{client}"), &none),
        ] {
            most.push((name.to_owned(), trips(&world, &home.owner, method, &path, body).await));
        }
    }
    println!("{most:?}");
    assert!(most.iter().all(|(_, trips)| *trips <= MOST), "{most:?}");
}

/// Begin, what decides and what belongs to it, the change, its event with the reply, commit. Deleting a client takes most: it
/// looks for everything that would keep it.
const MOST: u64 = 11;
