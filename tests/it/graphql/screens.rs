//! The screens of `docs/graphql-screens/`: each one request, with a price that a page can afford, and the same numbers as over
//! REST.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use service::value::Role;
use tests::{Fixtures, Kind, PrivateDatabase, on_both};

use crate::running::Running;

/// The documents by name.
fn screens() -> BTreeMap<String, String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/graphql-screens");
    let file = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    std::fs::read_dir(folder).unwrap().map(file).collect()
}

#[tokio::test]
async fn eight_screens_run_on_the_demo_and_agree_with_rest() {
    let database = PrivateDatabase::empty(Kind::Sqlite).await;
    let mut server = Running::start(&database.url, &["--demo", "--rate-limit-scale", "100"]);
    let shown = server.read_until("api-docs");
    let owner = shown.lines().find(|line| line.contains("agency, Owner (write)")).unwrap();
    let token = owner.split_whitespace().last().unwrap();
    let get = |path: &str| server.read(&format!("/api/v1{path}"), token)["data"].clone();
    let project = get("/projects?limit=1&status=ACTIVE&sort=name")[0].clone();
    let invoice = get("/invoices?limit=1&status=SENT")[0].clone();
    let me = get("/me");
    let entry = get("/time-entries?limit=1&sort=-entryDate")[0].clone();
    let (from, to) = ("2026-01-01", entry["entryDate"].as_str().unwrap());
    let variables = |name: &str| {
        let id = if name == "invoice" { &invoice["id"] } else { &project["id"] };
        json!({ "from": from, "to": to, "userId": [me["userId"]], "text": "an", "id": id })
    };
    let screens = screens();
    assert_eq!(screens.len(), 8);
    let answers: BTreeMap<_, _> = screens
        .iter()
        .map(|(name, document)| {
            let operation = document.split("query ").nth(1).unwrap().split(['(', ' ']).next().unwrap();
            let body = json!({ "query": document, "variables": variables(name), "operationName": operation });
            let answer = server.graphql(token, &body);
            assert_eq!(answer["errors"], Value::Null, "{name}: {answer}");
            let points = answer["extensions"]["cost"]["requested"].as_u64().unwrap();
            assert!((1..40).contains(&points), "{name} costs {points} points");
            (name.as_str(), answer["data"].clone())
        })
        .collect();

    let range = format!("entryDateFrom={from}&entryDateTo={to}");
    let days = get(&format!("/reports/time?groupBy=day&{range}"));
    let dashboard = &answers["dashboard"];
    assert_eq!(dashboard["days"]["total"]["seconds"], days["total"]["seconds"]);
    assert_eq!(dashboard["days"]["total"]["amounts"], days["total"]["amounts"]);
    let open = get("/reports/invoices?status=SENT");
    let outstanding = |amounts: &Value| -> Vec<(String, String)> {
        let of = |amount: &Value| (amount["currency"].to_string(), amount["outstanding"].to_string());
        amounts.as_array().unwrap().iter().map(of).collect()
    };
    assert_eq!(outstanding(&dashboard["open"]["total"]["amounts"]), outstanding(&open["total"]["amounts"]));

    let own = get(&format!("/reports/time?groupBy=project,task,day&{range}&userId={}", me["userId"].as_str().unwrap()));
    assert_eq!(answers["timesheet"]["timeReport"]["total"]["seconds"], own["total"]["seconds"]);
    assert_eq!(
        answers["timesheet"]["timeReport"]["rows"].as_array().unwrap().len(),
        own["rows"].as_array().unwrap().len()
    );

    let id = project["id"].as_str().unwrap();
    let time = get(&format!("/reports/time?groupBy=project&projectId={id}"));
    let page = &answers["project"]["project"];
    for field in ["seconds", "billableSeconds", "entries", "amounts"] {
        assert_eq!(page["totals"][field], time["total"][field], "{field}");
    }
    assert_eq!(page["budgetHours"], project["budgetHours"]);
    let tasks = server.read(&format!("/api/v1/tasks?projectId={id}&count=true&limit=1"), token);
    assert_eq!(page["tasks"]["totalCount"], tasks["pagination"]["total"]);

    let bill = get(&format!("/invoices/{}", invoice["id"].as_str().unwrap()));
    let page = &answers["invoice"]["invoice"];
    for field in ["number", "total", "amountPaid", "dueDate", "billToName"] {
        assert_eq!(page[field], bill[field], "{field}");
    }
    let amounts =
        |lines: &Value| -> Vec<Value> { lines.as_array().unwrap().iter().map(|line| line["amount"].clone()).collect() };
    assert_eq!(amounts(&page["lines"]), amounts(&bill["lines"]));

    let members = get("/members?limit=200");
    let team = &answers["team"];
    assert_eq!(team["members"]["nodes"].as_array().unwrap().len(), members.as_array().unwrap().len());
    let hours = get(&format!("/reports/time?groupBy=member&{range}"));
    let sum = |rows: &Value| rows.as_array().unwrap().iter().map(|row| row["seconds"].as_i64().unwrap()).sum::<i64>();
    assert_eq!(sum(&team["hours"]["rows"]), sum(&hours["rows"]));

    let latest = get("/time-entries?limit=20&sort=-updatedAt");
    let ids = |rows: &Value| -> Vec<Value> { rows.as_array().unwrap().iter().map(|row| row["id"].clone()).collect() };
    assert_eq!(ids(&answers["activity"]["timeEntries"]["nodes"]), ids(&latest));
    assert_eq!(ids(&answers["activity"]["events"]["nodes"]), ids(&get("/events?limit=20")));

    for hit in answers["search"]["search"].as_array().unwrap() {
        let title = hit["title"].as_str().unwrap().to_lowercase();
        let record = hit["recordId"].as_str().unwrap();
        let list = match hit["type"].as_str().unwrap() {
            "CLIENT" => "clients",
            "PROJECT" => "projects",
            "TASK" => "tasks",
            "MEMBER" => "members",
            _ => "invoices",
        };
        let found = get(&format!("/{list}?id={record}&search=an"));
        assert_eq!(found[0]["id"], record, "{title} is found by the list too");
    }
    assert!(!answers["search"]["search"].as_array().unwrap().is_empty());

    let active = server.read("/api/v1/projects?status=ACTIVE&sort=name&limit=100&count=true", token);
    assert_eq!(answers["timer"]["projects"]["totalCount"], active["pagination"]["total"]);
    assert_eq!(ids(&answers["timer"]["projects"]["nodes"]), ids(&active["data"]));
}

on_both! {
    /// The totals of all projects and clients of a level are one statement each, a Member sees their own time and no money, and
    /// the price is that of a report.
    async fn totals_are_sums_of_a_level(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let (first, second) = (home.project_with_member(&world, "P").await, home.project(&world, "Q").await);
        home.project(&world, "Without time").await;
        home.entry(&world, &home.owner, &first).await;
        home.entry(&world, &home.member, &first).await;
        home.entry(&world, &home.owner, &second).await;
        let invoice = home.invoice_of(&world, &second).await;
        service::invoice::send(&world.operator(), invoice.parse().unwrap()).await.unwrap();

        let query = "{ projects(first: 3, sort: NAME_ASC) { nodes { name totals { seconds billableSeconds entries amounts { currency amount } } } } }";
        world.begin_counting();
        let answer = world.graphql(&home.owner, query, json!({})).await;
        assert_eq!(world.statements().len(), 2, "list with its caller, totals: {:#?}", world.statements());
        assert_eq!(answer.json()["extensions"]["cost"]["requested"], 11);
        let found = answer.graphql();
        let eur = |amount: &str| json!([{ "currency": "EUR", "amount": amount }]);
        let totals = |seconds: i64, entries: i64, amounts: Value| json!({ "seconds": seconds, "billableSeconds": seconds, "entries": entries, "amounts": amounts });
        let nodes = &found["projects"]["nodes"];
        assert_eq!(nodes[0]["totals"], totals(7200, 2, eur("300.00")));
        assert_eq!(nodes[1]["totals"], totals(3600, 1, eur("150.00")));
        assert_eq!(nodes[2]["totals"], totals(0, 0, json!([])));

        let own = world.graphql(&home.member, query, json!({})).await.graphql();
        assert_eq!(own["projects"]["nodes"][0]["totals"], totals(3600, 1, Value::Null));

        let query = "{ clients(first: 5, sort: NAME_ASC) { nodes { name totals { seconds entries amounts { currency amount } outstanding { currency amount } } } } }";
        world.begin_counting();
        let found = world.graphql(home.token(Role::Manager), query, json!({})).await.graphql();
        assert_eq!(world.statements().len(), 4, "a new token, list, time, invoices: {:#?}", world.statements());
        let nodes = &found["clients"]["nodes"];
        assert_eq!(nodes[0]["totals"], json!({ "seconds": 7200, "entries": 2, "amounts": eur("300.00"), "outstanding": [] }));
        assert_eq!(nodes[1]["totals"], json!({ "seconds": 3600, "entries": 1, "amounts": eur("150.00"), "outstanding": eur("150.00") }));
    }
}

on_both! {
    /// An amount that is too large to be shown is the error of its own project and client alone.
    async fn a_total_too_large_takes_no_other_away(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let (large, small) = (home.project_with_member(&world, "A").await, home.project_with_member(&world, "B").await);
        let rate = json!({ "hourlyRate": "999999999999.9999" });
        world.patch(&home.owner, &format!("/api/v1/projects/{large}"), rate).await.data(200);
        for (project, seconds) in [(&large, 86_400), (&small, 3_600)] {
            let body = json!({ "projectId": project, "durationSeconds": seconds, "entryDate": "2026-06-11" });
            world.post(&home.owner, "/api/v1/time-entries", body).await.data(201);
        }
        for noun in ["projects", "clients"] {
            let query = format!("{{ {noun}(sort: NAME_ASC) {{ nodes {{ totals {{ seconds amounts {{ amount }} }} }} }} }}");
            let answer = world.graphql(&home.owner, &query, json!({})).await.json();
            let totals = |i: usize| answer["data"][noun]["nodes"][i]["totals"].clone();
            assert_eq!(totals(0), Value::Null, "{answer}");
            assert_eq!(totals(1), json!({ "seconds": 3600, "amounts": [{ "amount": "150.00" }] }), "{answer}");
            assert_eq!(answer["errors"].as_array().unwrap().len(), 1, "{answer}");
            let fields = &answer["errors"][0]["extensions"]["fields"];
            assert!(fields["amounts"].as_str().unwrap().contains("999999999999.9999"), "{answer}");
        }
    }
}

on_both! {
    /// One statement finds records of every kind that the caller sees; what begins with the text comes first.
    async fn a_search_reaches_across_nouns(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let project = home.project_with_member(&world, "Acme 100% website").await;
        home.project(&world, "An acme of style").await;
        let task = json!({ "projectId": project, "name": "Call ACME" });
        world.post(&home.owner, "/api/v1/tasks", task).await.data(201);
        world.post(&fixtures.other.owner, "/api/v1/clients", json!({ "name": "Acme of others" })).await.data(201);
        let query = "query($text: String!, $types: [SearchType!], $first: Int) { search(query: $text, types: $types, first: $first) { type recordId title project { id } client { name } } }";
        world.begin_counting();
        let answer = world.graphql(&home.owner, query, json!({ "text": "acme" })).await;
        // Who calls is confirmed beside them, by as many relations as ask at once.
        let reads = world.statements().into_iter().filter(|sql| !sql.starts_with("SELECT epoch"));
        assert_eq!(reads.count(), 3, "search, projects, clients: {:#?}", world.statements());
        assert_eq!(answer.json()["extensions"]["cost"]["requested"], 3);
        let found = answer.graphql();
        let titles = |found: &Value| -> Vec<String> {
            found["search"].as_array().unwrap().iter().map(|hit| hit["title"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(
            titles(&found),
            ["Acme 100% website", "Client of An acme of style", "Client of Acme 100% website", "An acme of style", "Call ACME"]
        );
        assert_eq!((&found["search"][0]["type"], &found["search"][0]["project"]["id"]), (&json!("PROJECT"), &json!(project)));
        let some = world.graphql(&home.owner, query, json!({ "text": "100%", "types": ["PROJECT", "TASK"], "first": 1 })).await.graphql();
        assert_eq!(titles(&some), ["Acme 100% website"]);
        // A Member finds what they see, without an error for the rest.
        let own = world.graphql(&home.member, query, json!({ "text": "acme" })).await.graphql();
        assert_eq!(titles(&own), ["Acme 100% website", "Call ACME"]);
        for variables in [json!({ "text": " " }), json!({ "text": "x".repeat(201) }), json!({ "text": "x", "first": 51 })] {
            assert_eq!(world.graphql(&home.owner, query, variables).await.graphql_error()["code"], "validation_error");
        }
    }
}
