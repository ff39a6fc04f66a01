//! A day's work in Rust, with the client that progenitor makes of our OpenAPI 3.0 document. Nothing in it was mended by
//! hand.

/// What was generated.
#[allow(clippy::all, clippy::pedantic, missing_docs, reason = "generated")]
mod api {
    progenitor::generate_api!(spec = "../../api/openapi-3.0.json", interface = Builder);
}

use api::types::{self, ErrorCode, ProjectStatus, Role, TimeEntry};
use api::{Client, Error};

/// The refusal behind an error of the client.
fn refusal(error: Error<types::ErrorAnswer>) -> (u16, types::ErrorDetails) {
    match error {
        Error::ErrorResponse(answer) => (answer.status().as_u16(), answer.into_inner().error),
        other => panic!("not a refusal: {other}"),
    }
}

/// A key of its own for each thing to be done.
fn key() -> String {
    format!("rust-{}", uuid::Uuid::new_v4())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::var("HOURSMITH_URL").expect("HOURSMITH_URL");
    let token = std::env::var("HOURSMITH_API_TOKEN").expect("HOURSMITH_API_TOKEN");
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("authorization", format!("Bearer {token}").parse().expect("a token is a header's value"));
    let http = reqwest::Client::builder().default_headers(headers).no_proxy().build().expect("a client");
    let api = Client::new_with_client(&format!("{url}/api/v1"), http);

    let me = api.get_me().send().await.expect("the caller").into_inner().data;
    assert_eq!(me.role, Role::Manager);

    // A client and a project for it; the same key makes nothing twice.
    let once = key();
    let create = || api.create_client().idempotency_key(once.clone()).body_map(|body| body.name("Globex"));
    let client = create().send().await.expect("a client");
    let again = create().send().await.expect("the same client");
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    let client = client.into_inner().data;
    assert_eq!(again.into_inner().data.id, client.id);
    let rate = "120.50".parse::<types::RateInput>().expect("money");
    let due = chrono::NaiveDate::from_ymd_opt(2026, 9, 30).expect("a day");
    let create = api.create_project().idempotency_key(key());
    let create = create.body_map(|body| body.client_id(client.id).name("Website").hourly_rate(rate).due_date(due));
    let project = create.send().await.expect("a project").into_inner().data;
    assert_eq!(project.status, ProjectStatus::Active);
    assert_eq!(project.hourly_rate.as_ref().map(|rate| rate.as_str()), Some("120.50"));

    // A task with a tag, and what the journey to the client cost.
    let tag = "design".parse::<types::CreateTaskInputTagsItem>().expect("a tag");
    let plan = api.create_task().idempotency_key(key());
    let plan = plan
        .body_map(|body| body.project_id(project.id).name("Wireframes").tags(vec![tag]).assignee_ids(vec![me.user_id]));
    let task = plan.send().await.expect("a task").into_inner().data;
    assert_eq!(task.tags, ["design"]);
    let spend = api.create_expense().idempotency_key(key());
    let spend = spend.body_map(|body| {
        let body = body.client_id(client.id).category(types::ExpenseCategory::Travel).description("Train");
        body.amount("64.20".parse::<types::MoneyInput>().expect("money")).expense_date(due)
    });
    assert_eq!(spend.send().await.expect("an expense").into_inner().data.amount.as_str(), "64.20");

    // Problems are reported field by field.
    let wrong = api.create_project().idempotency_key(key());
    let wrong = wrong.body_map(|body| body.client_id(project.id).name(" ")).send().await;
    let (status, error) = refusal(wrong.expect_err("a wrong project"));
    assert_eq!((status, error.code), (422, ErrorCode::ValidationError));
    assert_eq!(error.fields["clientId"], "not found");
    assert_eq!(error.fields["name"], "required");

    // A timer; on the same project it goes on.
    let start = async || {
        let start = api.start_timer().idempotency_key(key());
        start
            .body_map(|body| body.project_id(project.id).note("Call".parse::<types::StartTimerInputNote>().ok()))
            .send()
            .await
    };
    let (started, goes_on) = (start().await.expect("a timer"), start().await.expect("the timer"));
    assert_eq!((started.status().as_u16(), goes_on.status().as_u16()), (201, 200));
    let timer = started.into_inner().data;
    let running = api.get_running_timer().send().await.expect("an answer").into_inner().data;
    assert_eq!(running.map(|entry| entry.id), Some(timer.id));
    let stop = api.stop_timer().id(timer.id).idempotency_key(key()).body_map(|body| body);
    assert!(stop.send().await.expect("stopped").into_inner().data.duration_seconds.is_some());

    // Time, alone and together.
    let day = chrono::NaiveDate::from_ymd_opt(2026, 6, 11).expect("a day");
    let duration = "1h30m".parse::<types::CreateTimeEntryInputDuration>().expect("a duration");
    let log = api.create_time_entry().idempotency_key(key());
    let log = log.body_map(|body| body.project_id(project.id).task_id(task.id).duration(duration).entry_date(day));
    assert_eq!(log.send().await.expect("an entry").into_inner().data.duration_seconds, Some(5400));
    let done = api.update_task().id(task.id).body_map(|body| body.status(types::TaskStatus::Done));
    assert!(done.send().await.expect("done").into_inner().data.completed_at.is_some());
    let entry = |hours: i32| {
        let entry = types::CreateTimeEntryInput::builder().project_id(project.id).entry_date(day);
        entry.duration_seconds(hours * 3600).try_into().expect("an entry")
    };
    let entries: Vec<types::CreateTimeEntryInput> = (1..=3).map(entry).collect();
    let batch = api.create_time_entries().idempotency_key(key()).body_map(|body| body.time_entries(entries));
    assert_eq!(batch.send().await.expect("a batch").into_inner().data.len(), 3);

    // Page by page.
    let mut entries: Vec<TimeEntry> = Vec::new();
    let mut cursor = None;
    loop {
        let mut list = api.list_time_entries().project_id(vec![project.id]).limit(2);
        list = list.sort(types::TimeEntrySort::try_from("-durationSeconds").expect("a sort order"));
        if let Some(cursor) = cursor.take() {
            list = list.cursor(cursor);
        }
        let page = list.send().await.expect("a page").into_inner();
        entries.extend(page.data);
        match page.pagination.next_cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(entries.len(), 5);
    let longest = &entries[0];
    assert_eq!(longest.duration_seconds, Some(10_800));

    // Change it, only as it was read; then it is gone.
    let change = |version: String| {
        let note = "Longer than planned".parse::<types::UpdateTimeEntryInputNote>().expect("a note");
        api.update_time_entry().id(longest.id).if_match(version).body_map(|body| body.note(note)).send()
    };
    let (status, error) = refusal(change("\"99\"".into()).await.expect_err("a stale version"));
    assert_eq!((status, error.reason.as_deref()), (412, Some("stale")));
    let changed = change(format!("\"{}\"", longest.version)).await.expect("changed");
    assert_eq!(changed.into_inner().data.note.as_deref(), Some("Longer than planned"));
    api.delete_time_entry().id(longest.id).send().await.expect("deleted");
    let (status, _) = refusal(api.get_time_entry().id(longest.id).send().await.expect_err("gone"));
    assert_eq!(status, 404);

    println!("{}", serde_json::json!({ "client": client.name, "entries": entries.len() }));
}
