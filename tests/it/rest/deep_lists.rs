//! Fifty pages, every sort, both directions, nulls and ties, under concurrent writes; of time ten thousand entries.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::{Fixtures, Kind, World, counted, on_both};

/// Pages of each list.
const PAGES: usize = 50;
/// Rows of a page, of time and of other nouns: the most, and few, with which each tie still spans pages.
const LARGE: usize = 200;
const SMALL: usize = 40;

/// Numbers from 1 to the number of rows, a new id and a date from a number of days, in the words of a database.
fn words(kind: Kind, page: usize) -> (String, &'static str, fn(&str) -> String) {
    let date: fn(&str) -> String = match kind {
        Kind::Sqlite => |days| format!("date('2026-01-01', '+' || ({days}) || ' days')"),
        Kind::Postgres => |days| format!("DATE '2026-01-01' + ({days})"),
    };
    (counted(PAGES * page), kind.new_id(), date)
}

/// Copies of a project, past the door: a third without a due date, a hundred names, three states.
fn projects(kind: Kind) -> String {
    let (series, id, date) = words(kind, SMALL);
    let due = date("i % 50");
    format!(
        "{series} INSERT INTO project (id, organization_id, client_id, name, name_key, search_key, status, rate_type,
            due_date, version, created_at, updated_at)
         SELECT {id}, p.organization_id, p.client_id, 'n' || (i % 100), 'n' || (i % 100), 'still', 10 + 10 * (i % 3), 10,
            CASE WHEN i % 3 = 0 THEN NULL ELSE {due} END, 1, 1000 + i / 7, 1000 + i / 5 FROM project p, n"
    )
}

/// Copies of a task, past the door: thirds of each date missing, a hundred names, three states and urgencies.
fn tasks(kind: Kind) -> String {
    let (series, id, date) = words(kind, SMALL);
    let (start, due, end) = (date("i % 50"), date("i % 40"), date("i % 30"));
    let third = |of: usize, date: &str| format!("CASE WHEN i % 3 = {of} THEN NULL ELSE {date} END");
    format!(
        "{series} INSERT INTO task (id, organization_id, project_id, name, name_key, search_key, status, priority, billable,
            tags, start_date, due_date, end_date, version, created_at, updated_at)
         SELECT {id}, t.organization_id, t.project_id, 'n' || (i % 100), 'n' || (i % 100), 'still', 10 + 10 * (i % 3),
            10 + 10 * (i % 2), true, '[]', {}, {}, {}, 1, 1000 + i / 7, 1000 + i / 5 FROM task t, n",
        third(0, &start),
        third(1, &due),
        third(2, &end)
    )
}

/// Copies of an expense, past the door: ninety amounts, forty days.
fn expenses(kind: Kind) -> String {
    let (series, id, date) = words(kind, SMALL);
    let day = date("i % 40");
    format!(
        "{series} INSERT INTO expense (id, organization_id, client_id, category, description, search_key, amount, currency,
            billable, expense_date, version, created_at, updated_at)
         SELECT {id}, e.organization_id, e.client_id, 60, 'd', 'd', 1 + i % 90, 'EUR', true, {day}, 1, 1000 + i / 7,
            1000 + i / 5 FROM expense e, n"
    )
}

/// Copies of an invoice, past the door: ties everywhere but in the number, thirds of dates and instants missing.
fn invoices(kind: Kind) -> String {
    let (series, id, date) = words(kind, SMALL);
    let day = date("i % 40");
    let third = |of: usize, value: &str| format!("CASE WHEN i % 3 = {of} THEN NULL ELSE {value} END");
    format!(
        "{series} INSERT INTO invoice (id, organization_id, client_id, number, number_rank, number_key, status, payment_status,
            subtotal, discount_amount, tax_amount, total, amount_paid, currency, bill_to_name, issue_date, due_date, sent_at,
            paid_at, version, created_at, updated_at)
         SELECT {id}, v.organization_id, v.client_id, 'OLD-' || i, -i, 'old', 10 + 10 * (i % 4), 10 + 10 * (i % 4), i % 90, 0,
            0, i % 90, i % 80, 'EUR', 'C', {}, {}, {}, {}, 1, 1000 + i / 7, 1000 + i / 5 FROM invoice v, n",
        third(0, &day),
        third(1, &day),
        third(2, "1000 + i % 70"),
        third(0, "1000 + i % 60")
    )
}

/// Time on that project, past the door: forty days, sixty durations, instants in the thousands.
fn entries(kind: Kind) -> String {
    let (series, id, date) = words(kind, LARGE);
    let day = date("i % 40");
    format!(
        "{series} INSERT INTO time_entry (id, organization_id, user_id, project_id, duration_seconds, billable, search_key,
            entry_date, version, created_at, updated_at)
         SELECT {id}, p.organization_id, m.user_id, p.id, 60 * (i % 60), true, '', {day}, 1, 1000 + i / 7, 1000 + i / 5
         FROM project p JOIN member m ON m.organization_id = p.organization_id AND m.role = 10, n"
    )
}

/// Pages through every sort of a list, and counts how often each unchanged row came.
async fn crawl(world: &World, token: &str, list: &str, page: usize, sorts: &[&str]) {
    for sort in sorts.iter().flat_map(|sort| [(*sort).to_owned(), format!("-{sort}")]) {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut cursor = String::new();
        for pages in 0.. {
            assert!(pages < 4 * PAGES, "{sort} has no end");
            let json = world.get(token, &format!("{list}?limit={page}&sort={sort}{cursor}")).await.json();
            for row in json["data"].as_array().unwrap_or_else(|| panic!("{json}")) {
                // Rows of the copies were made long before the clock of this world begins.
                if row["createdAt"].as_str().unwrap().starts_with("1970") {
                    *seen.entry(row["id"].as_str().unwrap().to_owned()).or_default() += 1;
                }
            }
            match &json["pagination"]["nextCursor"] {
                Value::String(next) => cursor = format!("&cursor={next}"),
                _ => break,
            }
        }
        assert_eq!(seen.len(), PAGES * page, "{list} {sort}");
        assert!(seen.values().all(|times| *times == 1), "{list} {sort} repeats rows");
    }
}

/// Somebody else, who makes a record, changes one and deletes one, over and over, while the list is paged through.
async fn while_another_writes(
    world: World,
    token: String,
    (list, page): (&'static str, usize),
    new: Value,
    change: Value,
    sorts: &[&str],
) {
    let world = Arc::new(world);
    let done = Arc::new(AtomicBool::new(false));
    let (other, ended, writing) = (world.clone(), done.clone(), token.clone());
    let writer = tokio::spawn(async move {
        let mut own: Vec<String> = Vec::new();
        let mut round = 0;
        while !ended.load(Ordering::Relaxed) {
            round += 1;
            own.push(other.post(&writing, list, new.clone()).await.id());
            let path = |id: &str| format!("{list}/{id}");
            other.patch(&writing, &path(&own[round % own.len()]), change.clone()).await.data(200);
            if own.len() > 20 {
                let gone = own.swap_remove(round % own.len());
                assert_eq!(other.delete(&writing, &path(&gone)).await.status, 204);
            }
        }
        round
    });
    crawl(&world, &token, list, page, sorts).await;
    done.store(true, Ordering::Relaxed);
    assert!(writer.await.unwrap() > 20, "nobody wrote meanwhile");
}

on_both! {
    /// Every unchanged project comes exactly once.
    async fn every_unchanged_project_comes_once(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = fixtures.home.owner.clone();
        let first = fixtures.home.project(&world, "first").await;
        let client = world.get(&owner, &format!("/api/v1/projects/{first}")).await.data(200)["clientId"].clone();
        world.database.connect().await.execute_unprepared(&projects(world.database.kind)).await.unwrap();
        let new = json!({ "clientId": client, "name": "n50", "dueDate": "2026-01-20" });
        let change = json!({ "name": "n7", "dueDate": null, "status": "COMPLETED" });
        let sorts = ["createdAt", "dueDate", "id", "name", "startDate", "status", "updatedAt"];
        while_another_writes(world, owner, ("/api/v1/projects", SMALL), new, change, &sorts).await;
    }
}

on_both! {
    /// Every unchanged time entry comes exactly once.
    async fn every_unchanged_entry_comes_once(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = fixtures.home.owner.clone();
        let project = fixtures.home.project(&world, "first").await;
        world.database.connect().await.execute_unprepared(&entries(world.database.kind)).await.unwrap();
        // A running timer is the one row without a duration.
        world.post(&owner, "/api/v1/time-entries/start", json!({ "projectId": project })).await.data(201);
        let new = json!({ "projectId": project, "durationSeconds": 600, "entryDate": "2026-01-20" });
        let change = json!({ "durationSeconds": 1200, "entryDate": "2026-01-02" });
        let sorts = ["createdAt", "durationSeconds", "entryDate", "id", "updatedAt"];
        while_another_writes(world, owner, ("/api/v1/time-entries", LARGE), new, change, &sorts).await;
    }
}

on_both! {
    /// Every unchanged task comes exactly once.
    async fn every_unchanged_task_comes_once(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = fixtures.home.owner.clone();
        let task = fixtures.home.task(&world, "first").await;
        let project = world.get(&owner, &format!("/api/v1/tasks/{task}")).await.data(200)["projectId"].clone();
        world.database.connect().await.execute_unprepared(&tasks(world.database.kind)).await.unwrap();
        let new = json!({ "projectId": project, "name": "n50", "dueDate": "2026-01-20" });
        let change = json!({ "name": "n7", "dueDate": null, "status": "DONE", "priority": "HIGH" });
        let sorts = ["createdAt", "dueDate", "endDate", "id", "name", "priority", "startDate", "status", "updatedAt"];
        while_another_writes(world, owner, ("/api/v1/tasks", SMALL), new, change, &sorts).await;
    }
}

on_both! {
    /// Every unchanged expense comes exactly once.
    async fn every_unchanged_expense_comes_once(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = fixtures.home.owner.clone();
        let client = fixtures.home.client(&world, "C").await;
        fixtures.home.expense(&world, &client, "1").await;
        world.database.connect().await.execute_unprepared(&expenses(world.database.kind)).await.unwrap();
        let new = json!({ "clientId": client, "description": "d", "amount": "0.005", "expenseDate": "2026-01-20" });
        let change = json!({ "amount": "0.0001", "expenseDate": "2026-01-02" });
        while_another_writes(world, owner, ("/api/v1/expenses", SMALL), new, change, &["amount", "createdAt", "expenseDate", "id", "updatedAt"]).await;
    }
}

on_both! {
    /// Every unchanged invoice comes exactly once, while others are made, sent and cancelled.
    async fn every_unchanged_invoice_comes_once(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, owner) = (fixtures.home.id, fixtures.home.owner.clone());
        let client = fixtures.home.client(&world, "C").await;
        fixtures.home.expense(&world, &client, "1").await;
        fixtures.home.invoice(&world, &client).await;
        world.database.connect().await.execute_unprepared(&invoices(world.database.kind)).await.unwrap();
        let world = Arc::new(world);
        let done = Arc::new(AtomicBool::new(false));
        let (other, ended, writing) = (world.clone(), done.clone(), owner.clone());
        let writer = tokio::spawn(async move {
            let operator = other.operator();
            let mut round = 0;
            while !ended.load(Ordering::Relaxed) {
                round += 1;
                let spent = json!({ "clientId": client, "description": "d", "amount": round.to_string(), "expenseDate": "2026-01-20" });
                other.post(&writing, "/api/v1/expenses", spent).await.data(201);
                let made = service::invoice::create(&operator, home, tests::everything(&client)).await.unwrap().invoice.id;
                service::invoice::send(&operator, made).await.unwrap();
                if round % 2 == 0 {
                    service::invoice::cancel(&operator, made).await.unwrap();
                }
            }
            round
        });
        let sorts = [
            "amountPaid", "createdAt", "dueDate", "id", "issueDate", "number", "paidAt", "paymentStatus", "sentAt", "status",
            "total", "updatedAt",
        ];
        crawl(&world, &owner, "/api/v1/invoices", SMALL, &sorts).await;
        done.store(true, Ordering::Relaxed);
        assert!(writer.await.unwrap() > 20, "nobody wrote meanwhile");
    }
}
