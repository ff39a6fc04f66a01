//! A workspace's clients, projects, tasks and a year of time and expenses, through the door.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use service::client::CreateClientInput;
use service::expense::CreateExpenseInput;
use service::project::CreateProjectInput;
use service::task::CreateTaskInput;
use service::time_entry::{Batch, CreateTimeEntryInput};
use service::value::{ClientId, Date, ProjectId, Role, TaskId, UserId};
use service::{Cx, Record, Written, client, expense, member, project, project_member, task, time_entry};

use super::words::{ADDRESSES, BOUGHT, FAMILIES, NOTES, STEPS, TAGS, TRADES, WORKS};
use super::{Failure, input, internal, print};

const BATCH: usize = 100;
const DAYS: i64 = 365;

/// The number of records of each noun.
pub(super) struct Amounts {
    pub(super) clients: usize,
    pub(super) projects: usize,
    pub(super) tasks: usize,
    pub(super) entries: usize,
    pub(super) expenses: usize,
}

/// A project with its tasks and people.
struct ProjectPlan {
    id: ProjectId,
    client: ClientId,
    tasks: Vec<TaskId>,
}

/// Fills a workspace with the same data every time.
pub(super) async fn fill(cx: &Cx, amounts: &Amounts) -> Result<(), Failure> {
    let mut random = StdRng::seed_from_u64(2026);
    let people = people(cx).await?;
    let clients = make_clients(cx, amounts.clients).await?;
    let mut works = make_projects(cx, amounts.projects, &clients, &people).await?;
    make_tasks(cx, amounts.tasks, &mut works, &people).await?;
    log_a_year(cx, amounts.entries, &works, &people, &mut random).await?;
    spend_a_year(cx, amounts.expenses, &works, &mut random).await
}

fn made<R: Record>(done: Result<Written<R>, service::Error>) -> Result<R, Failure> {
    Ok(done.and_then(Written::into_record).map_err(internal)?)
}

async fn people(cx: &Cx) -> Result<Vec<(UserId, Role)>, Failure> {
    let page = member::list(cx, &service::ListArgs::default()).await.map_err(internal)?;
    Ok(page.items.into_iter().map(|member| (member.user_id, member.role)).collect())
}

/// The day of the i-th of so many things, spread over the last year.
fn day(cx: &Cx, i: usize, of: usize) -> Result<Date, Failure> {
    let first = cx.now().date().0 - chrono::TimeDelta::days(DAYS);
    Ok(Date(first + chrono::TimeDelta::days(i64::try_from(i)? * DAYS / i64::try_from(of)?)))
}

async fn make_clients(cx: &Cx, count: usize) -> Result<Vec<ClientId>, Failure> {
    let mut ids = Vec::with_capacity(count);
    for i in 0..count {
        let name = format!("{} {}", FAMILIES[i % FAMILIES.len()], TRADES[(i * 5 + i / FAMILIES.len()) % TRADES.len()]);
        let (first_name, currency) = (["Kim", "Alex", "Robin", "Jo"][i % 4], ["EUR", "USD", "GBP"][i % 3]);
        let (street, city, code, country) = ADDRESSES[i % ADDRESSES.len()];
        let new: CreateClientInput = input(serde_json::json!({
            "name": name,
            "currency": currency,
            "defaultRate": format!("{}.00", 80 + 5 * (i % 15)),
            "defaultTaxRate": (i % 2 == 0).then_some("7.70"),
            "contactName": format!("{first_name} {}", FAMILIES[(i + 4) % FAMILIES.len()]),
            "defaultPaymentTerms": "30 days",
            "billingLine1": format!("{street} {}", 1 + (i * 7) % 120),
            "billingCity": city,
            "billingPostalCode": code,
            "billingCountry": country,
            "billingEmail": format!("billing{i}@client.example"),
        }))?;
        ids.push(made(client::create(cx, new).await)?.id);
    }
    Ok(ids)
}

async fn make_projects(
    cx: &Cx,
    count: usize,
    clients: &[ClientId],
    people: &[(UserId, Role)],
) -> Result<Vec<ProjectPlan>, Failure> {
    let mut works = Vec::with_capacity(count);
    for i in 0..count {
        let client = clients[i % clients.len()];
        let mut json = serde_json::json!({
            "clientId": client,
            "name": format!("{} {}", WORKS[(i * 7) % WORKS.len()], 2025 + i % 2),
            "color": format!("#{:02x}{:02x}{:02x}", 60 + i % 150, 90 + (i * 3) % 120, 110 + (i * 7) % 100),
            "startDate": day(cx, i, count)?.to_string(),
            "dueDate": (i % 4 == 1).then(|| day(cx, i + count / 4, count)).transpose()?.map(|due| due.to_string()),
        });
        match i % 10 {
            3 => (json["rateType"], json["fixedFeeAmount"]) = ("FIXED".into(), "12000.00".into()),
            7 => json["rateType"] = "NON_BILLABLE".into(),
            _ => json["budgetHours"] = "120.00".into(),
        }
        let project = made(project::create(cx, input::<CreateProjectInput>(json)?).await)?;
        for (j, (person, role)) in people.iter().enumerate() {
            if *role == Role::Member && (i + j) % 3 != 0 {
                project_member::add(cx, project.id, *person).await.map_err(internal)?;
            }
        }
        works.push(ProjectPlan { id: project.id, client, tasks: vec![] });
    }
    Ok(works)
}

async fn make_tasks(
    cx: &Cx,
    count: usize,
    works: &mut [ProjectPlan],
    people: &[(UserId, Role)],
) -> Result<(), Failure> {
    let projects = works.len();
    for i in 0..count {
        let (work, round) = (&mut works[i % projects], i / projects);
        let (status, priority) = (["TODO", "IN_PROGRESS", "DONE"][i % 3], ["LOW", "MEDIUM", "MEDIUM", "HIGH"][i % 4]);
        let new: CreateTaskInput = input(serde_json::json!({
            "projectId": work.id,
            "name": STEPS[(i + round) % STEPS.len()],
            "status": status,
            "priority": priority,
            "billable": i % 6 != 0,
            "estimatedHours": format!("{}.00", 4 + i % 20),
            "assigneeIds": [people[i % people.len()].0],
            "tags": [TAGS[i % TAGS.len()], TAGS[(i + 2) % TAGS.len()]],
            "startDate": day(cx, i, count)?.to_string(),
        }))?;
        let task = made(task::create(cx, new).await)?;
        work.tasks.push(task.id);
    }
    Ok(())
}

async fn log_a_year(
    cx: &Cx,
    count: usize,
    works: &[ProjectPlan],
    people: &[(UserId, Role)],
    random: &mut StdRng,
) -> Result<(), Failure> {
    let mut logged = 0;
    while logged < count {
        let some = BATCH.min(count - logged);
        let mut batch = Vec::with_capacity(some);
        for i in logged..logged + some {
            let (day, work) = (day(cx, i, count)?, works.choose(random));
            let task = work.and_then(|work| work.tasks.choose(random)).filter(|_| i % 2 == 0);
            let mut json = serde_json::json!({
                "userId": people.choose(random).map(|(person, _)| *person),
                "projectId": work.map(|work| work.id),
                "taskId": task,
                "note": NOTES.choose(random),
            });
            let minutes = 15 * random.random_range(1..=16);
            if random.random_bool(0.5) {
                let (hour, stop) = (random.random_range(7..=17), minutes);
                let start = day.start().plus_millis(hour * 3_600_000);
                json["startedAt"] = start.to_string().into();
                json["stoppedAt"] = start.plus_millis(stop * 60_000).to_string().into();
            } else {
                json["entryDate"] = day.to_string().into();
                json["durationSeconds"] = (minutes * 60).into();
            }
            batch.push(input::<CreateTimeEntryInput>(json)?);
        }
        time_entry::create_batch(cx, Batch::from(batch)).await.map_err(internal)?;
        logged += some;
        if logged % 1000 == 0 || logged == count {
            print::progress(&format!("demo: {logged} of {count} time entries"));
        }
    }
    Ok(())
}

async fn spend_a_year(cx: &Cx, count: usize, works: &[ProjectPlan], random: &mut StdRng) -> Result<(), Failure> {
    for i in 0..count {
        let ((category, description), work) = (BOUGHT[i % BOUGHT.len()], works.choose(random));
        let new: CreateExpenseInput = input(serde_json::json!({
            "clientId": work.map(|work| work.client),
            "projectId": work.map(|work| work.id).filter(|_| i % 3 != 0),
            "category": category,
            "customCategory": (category == "OTHER").then_some("Print"),
            "description": description,
            "amount": format!("{}.{:02}", random.random_range(5..400), random.random_range(0..100)),
            "billable": i % 5 != 0,
            "expenseDate": day(cx, i, count)?.to_string(),
        }))?;
        made(expense::create(cx, new).await)?;
    }
    print::progress(&format!("demo: {count} expenses"));
    Ok(())
}
