//! A day's work with openapi-generator's client for Rust.

use std::collections::HashSet;

use client::apis::clients_api::{CreateClientParams, create_client};
use client::apis::configuration::Configuration;
use client::apis::projects_api::{CreateProjectParams, create_project};
use client::apis::tasks_api::{CreateTaskParams, create_task};
use client::apis::time_entries_api::{
    CreateTimeEntriesParams, ListTimeEntriesParams, StartTimerParams, StopTimerParams, create_time_entries,
    get_running_timer, list_time_entries, start_timer, stop_timer,
};
use client::apis::Error;
use client::models::{
    CreateClientInput, CreateProjectInput, CreateTaskInput, CreateTimeEntriesInput, CreateTimeEntryInput, ErrorAnswer,
    ErrorCode, StartTimerInput, TimeEntrySort,
};
use uuid::Uuid;

/// A key that no other request has.
fn key() -> String {
    Uuid::new_v4().to_string()
}

fn set(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let api = Configuration {
        base_path: format!("{}/api/v1", set("HOURSMITH_URL")),
        bearer_access_token: Some(set("HOURSMITH_API_TOKEN")),
        ..Configuration::new()
    };

    // A retry with the same key is one client.
    let wanted = CreateClientInput {
        currency: Some(Some("USD".into())),
        default_rate: Some(Some("120.00".into())),
        ..CreateClientInput::new("Globex".into())
    };
    let once = CreateClientParams { idempotency_key: key(), create_client_input: wanted };
    let customer = create_client(&api, once.clone()).await.expect("a client").data;
    let again = create_client(&api, once).await.expect("the same client").data;
    assert_eq!(again, customer);

    let input = CreateProjectInput {
        due_date: Some(Some("2026-09-30".parse().expect("a day"))),
        ..CreateProjectInput::new(customer.id, "Website".into())
    };
    let planned = CreateProjectParams { idempotency_key: key(), create_project_input: input };
    let project = create_project(&api, planned).await.expect("a project").data;
    assert_eq!(project.hourly_rate, Some(Some("120.00".into())), "copied rate");
    let work = CreateTaskInput {
        estimated_hours: Some(Some("12.5".into())),
        tags: Some(Some(vec!["design".into()])),
        ..CreateTaskInput::new(project.id, "Wireframes".into())
    };
    let tasked = CreateTaskParams { idempotency_key: key(), create_task_input: work };
    let task = create_task(&api, tasked).await.expect("a task").data;

    // A problem names its fields.
    let wrong = CreateProjectInput::new(project.id, "x".into());
    let wrong = CreateProjectParams { idempotency_key: key(), create_project_input: wrong };
    let Err(Error::ResponseError(refused)) = create_project(&api, wrong).await else { panic!("not refused") };
    // Its own reading of the body takes the first status that fits, which is every one.
    assert_eq!(refused.status, 422);
    let answer: ErrorAnswer = serde_json::from_str(&refused.content).expect("the envelope");
    assert_eq!(answer.error.code, ErrorCode::ValidationError);
    assert_eq!(answer.error.fields.expect("fields")["clientId"], "not found");

    let start = StartTimerParams { idempotency_key: key(), start_timer_input: StartTimerInput::new(project.id) };
    let timer = start_timer(&api, start).await.expect("a timer").data;
    let running = get_running_timer(&api).await.expect("an answer").data.expect("it runs");
    assert_eq!(running.id, timer.id);
    let stop = StopTimerParams { id: timer.id.to_string(), idempotency_key: key(), stop_timer_input: None };
    assert!(stop_timer(&api, stop).await.expect("it stops").data.stopped_at.is_some());

    let entries = (1..=4).map(|n| CreateTimeEntryInput {
        task_id: Some(Some(task.id)),
        duration_seconds: Some(Some(n * 900)),
        entry_date: Some(Some("2026-06-10".parse().expect("a day"))),
        ..CreateTimeEntryInput::new(project.id)
    });
    let all = CreateTimeEntriesInput::new(entries.collect());
    let batch = CreateTimeEntriesParams { idempotency_key: key(), create_time_entries_input: all };
    create_time_entries(&api, batch).await.expect("four entries");

    let (mut seen, mut cursor) = (HashSet::new(), None);
    loop {
        let page = list_time_entries(&api, pages_of(project.id, cursor)).await.expect("a page");
        seen.extend(page.data.iter().map(|entry| entry.id));
        cursor = page.pagination.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    println!("{}", serde_json::json!({ "client": customer.name, "entries": seen.len() }));
}

/// The parameters have no default, so that each is named.
fn pages_of(project: Uuid, cursor: Option<String>) -> ListTimeEntriesParams {
    ListTimeEntriesParams {
        limit: Some(2),
        cursor,
        sort: Some(TimeEntrySort::CREATED_AT_DESC),
        project_id: Some(vec![project]),
        search: None,
        include_deleted: None,
        count: None,
        id: None,
        external_id: None,
        task_id: None,
        has_task: None,
        user_id: None,
        client_id: None,
        billable: None,
        invoiced: None,
        running: None,
        entry_date_from: None,
        entry_date_to: None,
        duration_seconds_min: None,
        duration_seconds_max: None,
        created_at_from: None,
        created_at_to: None,
        updated_at_from: None,
        updated_at_to: None,
    }
}
