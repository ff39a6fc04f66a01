//! Invoicing under concurrency: many invoices of one client at once, while its time is logged, changed and deleted.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use poem::http::Method;
use serde_json::{Value, json};
use service::invoice;
use tests::{Fixtures, World, everything, on_both};

/// Every row of a list.
async fn all(world: &World, token: &str, path: &str) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let joint = if path.contains('?') { '&' } else { '?' };
        let page = world.get(token, &format!("{path}{joint}limit=200{cursor}")).await.json();
        rows.extend(page["data"].as_array().unwrap().iter().cloned());
        match page["pagination"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

/// Ten-thousandths of a decimal text.
fn units(text: &Value) -> i64 {
    text.as_str().unwrap().parse::<service::value::Money>().unwrap().units()
}

on_both! {
    /// No entry is billed twice or marked without being billed, no number is missing, every total is the sum of its lines.
    async fn twenty_invoices_created_at_once(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, owner) = (fixtures.home.id, fixtures.home.owner.clone());
        let client = fixtures.home.client(&world, "C").await;
        let mut projects = Vec::new();
        for name in ["P", "Q"] {
            let body = json!({ "clientId": client, "name": name, "hourlyRate": "99.99" });
            projects.push(world.post(&owner, "/api/v1/projects", body).await.id());
        }
        let fixed = json!({ "clientId": client, "name": "F", "rateType": "FIXED", "fixedFeeAmount": "10" });
        let fixed = world.post(&owner, "/api/v1/projects", fixed).await.id();
        let member = fixtures.home.member_user;
        let (world, done, made) = (Arc::new(world), Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));

        let mut writers = Vec::new();
        for writer in 0..3_usize {
            let (world, done, owner, projects, client) =
                (world.clone(), done.clone(), owner.clone(), projects.clone(), client.clone());
            let fixed = fixed.clone();
            writers.push(tokio::spawn(async move {
                let mut own = Vec::new();
                for round in 0_usize.. {
                    if done.load(Ordering::Relaxed) {
                        return round;
                    }
                    let seconds = 60 + (round * 997 + writer * 13) % 7000;
                    let body = json!({ "projectId": projects[round % 2], "durationSeconds": seconds, "entryDate": "2026-06-11" });
                    own.push(world.post(&owner, "/api/v1/time-entries", body).await.id());
                    let path = format!("/api/v1/time-entries/{}", own[(round * 7) % own.len()]);
                    let change = json!({ "durationSeconds": seconds + 1, "projectId": projects[(round + writer) % 2] });
                    let changed = world.call(Method::PATCH, &path).token(&owner).key(&world.new_key()).json(change);
                    let changed = changed.send().await;
                    assert!([200, 404, 409].contains(&changed.status.as_u16()), "{}", changed.text());
                    if round % 5 == 0 {
                        let gone = world.delete(&owner, &format!("/api/v1/time-entries/{}", own[(round * 3) % own.len()])).await;
                        assert!([204, 404, 409].contains(&gone.status.as_u16()), "{}", gone.text());
                    }
                    if round % 6 == 0 {
                        let entry = |project: &str| {
                            json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11" })
                        };
                        let both = json!({ "timeEntries": [entry(&projects[1]), entry(&fixed), entry(&projects[0])] });
                        world.post(&owner, "/api/v1/time-entries/batch", both).await.data(201);
                        let task = json!({ "projectId": fixed, "name": "T", "assigneeIds": [member] });
                        world.post(&owner, "/api/v1/tasks", task).await.data(201);
                        let restore = world.call(Method::POST, &format!("/api/v1/projects/{fixed}/restore"));
                        restore.token(&owner).key(&world.new_key()).send().await.data(200);
                    }
                    if round % 7 == 0 {
                        let spent = json!({ "clientId": client, "description": "d", "amount": "1.005", "expenseDate": "2026-06-11" });
                        world.post(&owner, "/api/v1/expenses", spent).await.data(201);
                    }
                }
                0
            }));
        }
        let mut billers = Vec::new();
        for biller in 0..20_usize {
            let (world, client, made) = (world.clone(), client.clone(), made.clone());
            billers.push(tokio::spawn(async move {
                let operator = world.operator();
                // Each goes on until it has made one.
                loop {
                    match invoice::create(&operator, home, everything(&client)).await {
                        Ok(bill) => {
                            made.fetch_add(1, Ordering::Relaxed);
                            if biller % 5 == 4 {
                                invoice::cancel(&operator, bill.invoice.id).await.unwrap();
                            }
                            return;
                        }
                        Err(error) => assert_eq!(error.reason(), Some("nothing_to_bill"), "{error}"),
                    }
                    tokio::task::yield_now().await;
                }
            }));
        }
        for biller in billers {
            biller.await.unwrap();
        }
        done.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.unwrap();
        }

        let invoices = all(&world, &owner, "/api/v1/invoices?sort=number").await;
        let numbers: Vec<_> = invoices.iter().map(|row| row["number"].as_str().unwrap().to_owned()).collect();
        let expected: Vec<_> = (1..=made.load(Ordering::Relaxed)).map(|n| format!("INV-{n}")).collect();
        assert_eq!(numbers, expected, "no gap, no repetition");
        assert_eq!(numbers.len(), 20);

        // What entries and expenses say of their invoice is what its lines bill.
        let mut quarters: HashMap<(String, String), i64> = HashMap::new();
        for entry in all(&world, &owner, "/api/v1/time-entries?invoiced=true").await {
            let text = |field: &str| entry[field].as_str().unwrap().to_owned();
            let seconds = entry["durationSeconds"].as_i64().unwrap();
            *quarters.entry((text("invoiceId"), text("projectId"))).or_default() += (seconds + 899) / 900;
        }
        let expenses = all(&world, &owner, "/api/v1/expenses?invoiced=true").await;
        for invoice in &invoices {
            let id = invoice["id"].as_str().unwrap();
            let one = world.get(&owner, &format!("/api/v1/invoices/{id}")).await.data(200);
            let lines = one["lines"].as_array().unwrap();
            let sum: i64 = lines.iter().map(|line| units(&line["amount"])).sum();
            assert_eq!((units(&one["subtotal"]), units(&one["total"])), (sum, sum));
            if one["status"] == "CANCELLED" {
                assert!(quarters.keys().all(|(invoice, _)| invoice != id), "a cancelled invoice holds time");
                continue;
            }
            let mut spent = 0;
            for line in lines {
                match line["projectId"].as_str() {
                    Some(project) if project == fixed => {}
                    Some(project) => {
                        let billed = quarters.remove(&(id.to_owned(), project.to_owned()));
                        assert_eq!(billed.map(|quarters| quarters * 2500), Some(units(&line["quantity"])));
                    }
                    None => spent += 1,
                }
            }
            assert_eq!(expenses.iter().filter(|expense| expense["invoiceId"] == id).count(), spent);
        }
        assert!(quarters.is_empty(), "time says that it is billed, and no line bills it: {quarters:?}");
    }
}
