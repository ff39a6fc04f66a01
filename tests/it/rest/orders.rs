//! The sort orders and range filters of the lists: each uses its own field, as the returned records show.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use service::member::{self, NewMember};
use service::value::{Plan, Role, TokenScope, Wire};
use tests::{NOUNS, START, Workspace, World, mint, on_both};

use super::lists::all_pages;

const DAY: i64 = 86_400_000;
/// From when every test begins to the next day, in UTC.
const MIDNIGHT: i64 = DAY / 3 * 2;
/// When each row is made: out of order, two at once, two on either side of midnight.
const MADE: [i64; 6] = [0, 2 * DAY, 2 * DAY, -DAY, MIDNIGHT - 1, MIDNIGHT];
/// Which row is changed when: out of order, two at once, two on either side of midnight, and one not at all.
const CHANGED: [(usize, i64); 5] =
    [(4, 5 * DAY), (0, 5 * DAY + MIDNIGHT - 1), (2, 5 * DAY + MIDNIGHT), (3, 5 * DAY + MIDNIGHT), (1, 6 * DAY)];
/// The words that are sorted by rank, the least first.
const RANKS: [&str; 13] = [
    "OWNER",
    "ADMIN",
    "MANAGER",
    "MEMBER",
    "ACTIVE",
    "COMPLETED",
    "ARCHIVED",
    "TODO",
    "IN_PROGRESS",
    "DONE",
    "LOW",
    "MEDIUM",
    "HIGH",
];

/// Puts the clock to so many milliseconds after a test begins; ids go on rising.
fn set_clock(world: &World, millis: i64) {
    world.clock.advance(START.millis() + millis - world.clock.now().millis());
}

/// Makes the rows of a list, with what the columns have for each, and changes a text of all but the last.
async fn fill(world: &World, home: &Workspace, list: &str, columns: &Value, text: &str) {
    let base = match list {
        "clients" => json!({}),
        "projects" => json!({ "clientId": home.client(world, "C").await }),
        "expenses" => json!({ "clientId": home.client(world, "C").await, "description": "d" }),
        _ => json!({ "projectId": home.project(world, "P").await }),
    };
    let path = format!("/api/v1/{list}");
    let mut ids = Vec::new();
    for (i, moment) in MADE.into_iter().enumerate() {
        set_clock(world, moment);
        let mut body = base.clone();
        for (field, values) in columns.as_object().unwrap() {
            body[field] = values[i].clone();
        }
        ids.push(world.post(&home.owner, &path, body).await.id());
    }
    for (i, moment) in CHANGED {
        set_clock(world, moment);
        world.patch(&home.owner, &format!("{path}/{}", ids[i]), json!({ (text): "changed" })).await.data(200);
    }
    if list == "time-entries" {
        // A running timer is the one row without a duration.
        let timer = json!({ "projectId": base["projectId"], "entryDate": "2026-06-02" });
        world.post(&home.owner, "/api/v1/time-entries/start", timer).await.data(201);
    }
}

/// What a list is sorted by.
fn sorts_of(list: &str) -> impl Iterator<Item = &'static str> {
    let noun = NOUNS.iter().find(|noun| noun.path == list).unwrap();
    noun.sorts.split(' ')
}

/// Lists, each in a workspace of its own, whose rows are in another order by each of them.
async fn lists(world: &World) -> Vec<(&'static str, Workspace)> {
    let names = json!(["Straße", "b_b", "STRASSE", "Öl", "apfel", "B%b"]);
    let starts = json!([null, "2026-07-05", "2026-07-02", "2026-07-05", null, "2026-07-01"]);
    let dues = json!(["2026-07-20", null, "2026-07-12", "2026-07-11", "2026-07-11", null]);
    let days = json!(["2026-06-14", "2026-06-20", "2026-06-14", "2026-06-02", "2026-06-30", "2026-06-15"]);
    let mut all = Vec::new();
    for (list, text, columns) in [
        ("clients", "notes", json!({ "name": names })),
        (
            "projects",
            "description",
            json!({ "name": names, "startDate": starts, "dueDate": dues,
                "status": ["COMPLETED", "ACTIVE", "COMPLETED", "ACTIVE", "ACTIVE", "ARCHIVED"] }),
        ),
        (
            "tasks",
            "description",
            json!({ "name": names, "startDate": starts, "dueDate": dues,
                "endDate": ["2026-07-25", "2026-07-22", null, "2026-07-22", "2026-07-21", null],
                "status": ["DONE", "TODO", "IN_PROGRESS", "DONE", "TODO", "IN_PROGRESS"],
                "priority": ["MEDIUM", "HIGH", "LOW", "HIGH", "LOW", "MEDIUM"] }),
        ),
        ("time-entries", "note", json!({ "entryDate": days, "durationSeconds": [7_200, 60, 900, 60, 10_000, 3_600] })),
        (
            "expenses",
            "description",
            json!({ "expenseDate": days, "amount": ["100", "9.5", "20", "9.5", "100.0001", "0.005"] }),
        ),
    ] {
        set_clock(world, 0);
        let home = Workspace::new(world, list, Plan::Agency).await;
        fill(world, &home, list, &columns, text).await;
        all.push((list, home));
    }
    set_clock(world, 0);
    let (people, keys) =
        (Workspace::new(world, "people", Plan::Agency).await, Workspace::new(world, "keys", Plan::Agency).await);
    let roles = [Role::Manager, Role::Owner, Role::Member, Role::Admin, Role::Member, Role::Manager];
    for (i, (moment, role)) in MADE.into_iter().zip(roles).enumerate() {
        set_clock(world, moment);
        let email = Wire::parse_text(&format!("p{i}@people.example")).unwrap();
        let person = NewMember { email, name: Wire::parse_text("P").unwrap(), role };
        member::add(&world.operator(), people.id, person).await.unwrap();
        mint(world, keys.id, "owner@keys.example", TokenScope::Read).await;
    }
    all.push(("members", people));
    all.push(("tokens", keys));
    all
}

/// The value of a row that a sort goes by, as a text that sorts alike: nothing is before everything.
fn key(row: &Value, sort: &str) -> Option<String> {
    let text = match &row[sort] {
        Value::Null => return None,
        Value::Number(number) => format!("{:09}", number.as_i64().unwrap()),
        value => value.as_str().unwrap().to_owned(),
    };
    Some(match sort {
        "status" | "priority" | "role" => format!("{:02}", RANKS.iter().position(|word| *word == text).unwrap()),
        "name" => text.to_lowercase().replace('ß', "ss"),
        "amount" => {
            let (whole, part) = text.split_once('.').unwrap();
            format!("{whole:0>12}.{part:0<4}")
        }
        _ => text,
    })
}

fn ids<'a>(rows: impl IntoIterator<Item = &'a Value>) -> Vec<String> {
    rows.into_iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

async fn rows_of(world: &World, home: &Workspace, query: &str) -> Vec<Value> {
    world.get(&home.owner, &format!("/api/v1/{query}")).await.data(200).as_array().unwrap().clone()
}

on_both! {
    /// Each sort goes by its own field, up and down: ids break ties, nothing is least, ranks and amounts are no texts.
    async fn each_sort_uses_its_field(world: World) {
        for (list, home) in lists(&world).await {
            let mut rows = rows_of(&world, &home, list).await;
            let newest_first = ids(&rows);
            let mut orders = BTreeSet::new();
            for sort in sorts_of(list) {
                let keys: BTreeSet<_> = rows.iter().map(|row| key(row, sort)).collect();
                assert_eq!(keys.len() == rows.len(), sort == "id", "{list} has no ties by {sort}");
                rows.sort_by_key(|row| (key(row, sort), row["id"].to_string()));
                let (up, down) = (ids(&rows), ids(rows.iter().rev()));
                let found = all_pages(&world, &home.owner, &format!("/api/v1/{list}?sort={sort}"), 2).await;
                assert_eq!(ids(&found), up, "{list} by {sort}");
                let found = all_pages(&world, &home.owner, &format!("/api/v1/{list}?sort=-{sort}"), 3).await;
                assert_eq!(ids(&found), down, "{list} by -{sort}");
                if sort == "createdAt" {
                    assert_eq!(newest_first, down, "{list} by itself");
                }
                assert!(orders.insert(up), "{list} is by {sort} as it is by another");
            }
        }
    }
}

on_both! {
    /// Each range of days and instants keeps what lies in it, ends included; a day lasts to its end in UTC.
    async fn each_range_filter_is_inclusive(world: World) {
        for (list, home) in lists(&world).await {
            let rows = rows_of(&world, &home, list).await;
            for field in sorts_of(list).filter(|field| field.ends_with("At") || field.ends_with("Date")) {
                let values: BTreeSet<&str> = rows.iter().filter_map(|row| row[field].as_str()).collect();
                assert!(values.len() > 1, "{list} is one by {field}");
                let bounds: BTreeSet<&str> = values.iter().flat_map(|value| [*value, &value[..10]]).collect();
                for bound in bounds {
                    let within = |fits: fn(&str, &str) -> bool| -> BTreeSet<String> {
                        let fits = |row: &&Value| row[field].as_str().is_some_and(|value| fits(&value[..bound.len()], bound));
                        ids(rows.iter().filter(fits)).into_iter().collect()
                    };
                    for (end, expected) in [("From", within(|value, bound| value >= bound)), ("To", within(|value, bound| value <= bound))] {
                        let query = format!("{list}?{field}{end}={bound}");
                        let found = rows_of(&world, &home, &query).await;
                        assert_eq!(ids(&found).into_iter().collect::<BTreeSet<_>>(), expected, "{query}");
                    }
                }
            }
        }
    }
}
