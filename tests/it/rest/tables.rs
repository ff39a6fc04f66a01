//! The sorts, filters and searches of each list, exactly, and that each finds the right rows.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::{Fixtures, NOUNS, Noun, World, on_both};

use super::lists::{all_pages, found_on_both};

fn set(words: &str) -> BTreeSet<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

/// The names that a refusal lists, after the last "are" or "of".
fn listed(reported: &Value, before: &str) -> BTreeSet<String> {
    let text = reported.as_str().unwrap_or_else(|| panic!("not refused: {reported}"));
    let names = text.split_once(before).unwrap().1.split(", with").next().unwrap();
    names.split(", ").map(str::to_owned).collect()
}

on_both! {
    /// Each list accepts the sorts and filters of its entry and no other, and names them when another is requested.
    async fn each_list_accepts_only_its_sorts_and_filters(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for &Noun { path: list, sorts, filters, searched, changes, .. } in &NOUNS {
            let reported = world.get(owner, &format!("/api/v1/{list}?sort=nothing&nothing=1")).await.fields();
            assert_eq!(listed(&reported["sort"], "one of "), set(sorts), "{list}");
            let mut parameters = set(filters);
            parameters.extend(set("limit cursor sort count includeDeleted id createdAtFrom createdAtTo"));
            parameters.extend(searched.then_some("search".to_owned()));
            if changes {
                parameters.extend(set("updatedAtFrom updatedAtTo"));
            }
            assert_eq!(listed(&reported["nothing"], "allowed are "), parameters, "{list}");
            for sort in set(sorts) {
                world.get(owner, &format!("/api/v1/{list}?sort={sort}")).await.data(200);
                world.get(owner, &format!("/api/v1/{list}?sort=-{sort}")).await.data(200);
            }
            let search = world.get(owner, &format!("/api/v1/{list}?search=x")).await;
            assert_eq!(search.status, if searched { 200 } else { 422 }, "{list}");
        }
    }
}

on_both! {
    /// Filters and searches of tasks, over REST and GraphQL.
    async fn tasks_are_filtered_and_searched(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, owner) = (&fixtures.home, &fixtures.home.owner);
        let (p, q) = (home.project(&world, "P").await, home.project(&world, "Q").await);
        for body in [
            json!({ "projectId": p, "name": "Straße kehren", "status": "DONE", "priority": "HIGH", "externalId": "a",
                "startDate": "2026-06-01", "dueDate": "2026-06-10", "endDate": "2026-06-12", "assigneeIds": [home.member_user] }),
            json!({ "projectId": p, "name": "Draw", "description": "An ÉCLAIR", "billable": false, "assigneeIds": [home.member_user, home.owner_user] }),
            json!({ "projectId": q, "name": "Write", "status": "IN_PROGRESS", "startDate": "2026-06-20" }),
        ] {
            world.post(owner, "/api/v1/tasks", body).await.data(201);
            world.clock.advance(86_400_000);
        }
        let first = world.get(owner, "/api/v1/tasks?sort=createdAt").await.data(200)[0]["id"].clone();
        let tasks = ("tasks", "tasks", "TaskFilter");
        for (query, arguments, found) in [
            (format!("projectId={p}"), json!({ "projectId": [p] }), 2),
            (format!("projectId={p}&projectId={q}&status=TODO&status=done"), json!({ "projectId": [p, q], "status": ["TODO", "DONE"] }), 2),
            (format!("assigneeId={}", home.member_user), json!({ "assigneeId": [home.member_user] }), 2),
            (format!("assigneeId={}&assigneeId={}", home.owner_user, fixtures.other.owner_user), json!({ "assigneeId": [home.owner_user, fixtures.other.owner_user] }), 1),
            ("priority=MEDIUM".into(), json!({ "priority": ["MEDIUM"] }), 2),
            ("billable=no".into(), json!({ "billable": [false] }), 1),
            ("externalId=a&externalId=b".into(), json!({ "externalId": ["a", "b"] }), 1),
            (format!("id={}", first.as_str().unwrap()), json!({ "id": [first] }), 1),
            ("startDateFrom=2026-06-01&startDateTo=2026-06-19".into(), json!({ "startDateFrom": "2026-06-01", "startDateTo": "2026-06-19" }), 1),
            ("dueDateFrom=2026-06-10&dueDateTo=2026-06-10".into(), json!({ "dueDateFrom": "2026-06-10", "dueDateTo": "2026-06-10" }), 1),
            ("endDateTo=2026-06-11".into(), json!({ "endDateTo": "2026-06-11" }), 0),
            ("endDateFrom=2026-06-12".into(), json!({ "endDateFrom": "2026-06-12" }), 1),
            ("createdAtTo=2026-06-12".into(), json!({ "createdAtTo": "2026-06-12" }), 2),
            ("updatedAtFrom=2026-06-13".into(), json!({ "updatedAtFrom": "2026-06-13" }), 1),
            ("search=STRASSE".into(), json!("STRASSE"), 1),
            ("search=%C3%A9clair".into(), json!("éclair"), 1),
        ] {
            assert_eq!(found_on_both(&world, owner, tasks, &query, arguments).await, (found, found), "{query}");
        }
        let order = async |sort: &str| -> Vec<String> {
            let rows = all_pages(&world, owner, &format!("/api/v1/tasks?sort={sort}"), 1).await;
            rows.iter().map(|row| row["name"].as_str().unwrap().chars().take(1).collect()).collect()
        };
        for (sort, expected) in [
            ("name", "DSW"), ("-name", "WSD"), ("status", "DWS"), ("-priority", "SWD"), ("startDate", "DSW"),
            ("-dueDate", "SWD"), ("-endDate", "SWD"), ("createdAt", "SDW"), ("-updatedAt", "WDS"),
        ] {
            assert_eq!(order(sort).await.concat(), expected, "{sort}");
        }
    }
}

on_both! {
    /// Filters and searches of expenses, over REST and GraphQL.
    async fn expenses_are_filtered_and_searched(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, owner) = (&fixtures.home, &fixtures.home.owner);
        let project = home.project(&world, "P").await;
        let client = world.get(owner, &format!("/api/v1/projects/{project}")).await.data(200)["clientId"].clone();
        let other = home.client(&world, "Öl & Gas").await;
        for body in [
            json!({ "clientId": client, "projectId": project, "description": "Train", "amount": "100", "category": "TRAVEL", "expenseDate": "2026-06-01", "externalId": "a" }),
            json!({ "clientId": client, "description": "100% hotel", "amount": "9.5", "category": "TRAVEL", "expenseDate": "2026-06-03", "billable": false }),
            json!({ "clientId": other, "description": "Lunch", "amount": "20", "customCategory": "SNÄCKS", "expenseDate": "2026-06-02" }),
        ] {
            world.post(owner, "/api/v1/expenses", body).await.data(201);
            world.clock.advance(86_400_000);
        }
        let expenses = ("expenses", "expenses", "ExpenseFilter");
        for (query, arguments, found) in [
            (format!("clientId={}", client.as_str().unwrap()), json!({ "clientId": [client] }), 2),
            ("clientName=%C3%B6l%20%26%20GAS".into(), json!({ "clientName": ["öl & GAS"] }), 1),
            (format!("projectId={project}"), json!({ "projectId": [project] }), 1),
            ("category=travel&category=MEALS".into(), json!({ "category": ["TRAVEL", "MEALS"] }), 2),
            ("billable=true".into(), json!({ "billable": [true] }), 2),
            ("invoiced=false".into(), json!({ "invoiced": [false] }), 3),
            ("externalId=a".into(), json!({ "externalId": ["a"] }), 1),
            ("expenseDateFrom=2026-06-02&expenseDateTo=2026-06-02".into(), json!({ "expenseDateFrom": "2026-06-02", "expenseDateTo": "2026-06-02" }), 1),
            ("amountMin=9.5&amountMax=20".into(), json!({ "amountMin": "9.5", "amountMax": "20" }), 2),
            ("amountMin=100.0001".into(), json!({ "amountMin": "100.0001" }), 0),
            ("createdAtFrom=2026-06-12".into(), json!({ "createdAtFrom": "2026-06-12" }), 2),
            ("updatedAtTo=2026-06-11".into(), json!({ "updatedAtTo": "2026-06-11" }), 1),
            ("search=sn%C3%A4cks".into(), json!("snäcks"), 1),
            ("search=100%25".into(), json!("100%"), 1),
            ("search=RAI".into(), json!("RAI"), 1),
        ] {
            assert_eq!(found_on_both(&world, owner, expenses, &query, arguments).await, (found, found), "{query}");
        }
        let order = async |sort: &str| -> Vec<String> {
            let rows = all_pages(&world, owner, &format!("/api/v1/expenses?sort={sort}"), 1).await;
            rows.iter().map(|row| row["amount"].as_str().unwrap().to_owned()).collect()
        };
        for (sort, expected) in [
            ("amount", ["9.50", "20.00", "100.00"]),
            ("-amount", ["100.00", "20.00", "9.50"]),
            ("expenseDate", ["100.00", "20.00", "9.50"]),
            ("createdAt", ["100.00", "9.50", "20.00"]),
            ("-updatedAt", ["20.00", "9.50", "100.00"]),
        ] {
            assert_eq!(order(sort).await, expected, "{sort}");
        }
    }
}

/// The statements of a list, apart from the look-up of its token.
async fn statements(world: &World, token: &str, list: &str) -> usize {
    world.begin_counting();
    world.get(token, &format!("/api/v1/{list}")).await.data(200);
    world.statements().iter().filter(|sql| !sql.contains("FROM token")).count()
}

on_both! {
    /// One statement a list, with whatever stands in other tables.
    async fn each_list_is_one_statement(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        for i in 0..3 {
            home.task(&world, &format!("T{i}")).await;
            let client = home.client(&world, &format!("C{i}")).await;
            home.expense(&world, &client, "1").await;
            home.invoice(&world, &client).await;
        }
        for Noun { path: list, .. } in &NOUNS {
            assert_eq!(statements(&world, &home.owner, list).await, 1, "{list}");
        }
        assert_eq!(statements(&world, &home.member, "tasks").await, 1);
    }
}
