//! Relations in every direction, each one statement per level; any record by its id alone.

use poem::http::Method;
use serde_json::{Value, json};
use tests::{Fixtures, NOUNS, Noun, Workspace, World, counted, everything, on_both};

/// Three clients, each with two projects, each of those with tasks, time and expenses, and a bill over all of it.
pub(super) async fn fill(world: &World, home: &Workspace) {
    let owner = &home.owner;
    let people = json!([home.member_user, home.owner_user]);
    for c in 0..3 {
        let client = home.client(world, &format!("Client {c}")).await;
        for p in 0..2 {
            let project = json!({ "clientId": client, "name": format!("Project {c}{p}") });
            let project = world.post(owner, "/api/v1/projects", project).await.id();
            let place = format!("/api/v1/projects/{project}/members/{}", home.owner_user);
            world.call(Method::PUT, &place).token(owner).send().await.data(200);
            for t in 0..2 {
                let task = json!({ "projectId": project, "name": format!("Task {t}"), "assigneeIds": people });
                let task = world.post(owner, "/api/v1/tasks", task).await.id();
                for user in [home.member_user, home.owner_user] {
                    let entry = json!({ "projectId": project, "taskId": task, "userId": user, "duration": "1h", "entryDate": "2026-06-11" });
                    world.post(owner, "/api/v1/time-entries", entry).await.data(201);
                }
            }
            let expense = json!({ "clientId": client, "projectId": project, "description": "Train", "amount": "12.50", "expenseDate": "2026-06-10" });
            world.post(owner, "/api/v1/expenses", expense).await.data(201);
        }
        service::invoice::create(&world.operator(), home.id, everything(&client)).await.unwrap();
    }
    // Some of each noun that the story leaves out.
    for (noun, _) in Noun::written() {
        let path = format!("/api/v1/{}", noun.path);
        if world.get(owner, &path).await.data(200) == json!([]) {
            for _ in 0..3 {
                world.post(owner, &path, noun.body(world, home).await).await.data(201);
            }
        }
    }
}

/// The query of the list of a type, if it is a noun that is listed.
pub(super) fn list_of(kind: &str) -> Option<String> {
    NOUNS.iter().find(|noun| noun.one == kind).map(Noun::list)
}

/// The same, with an endpoint that received an event of each client, in one attempt.
pub(super) async fn fill_all(world: &World, home: &Workspace) {
    crate::webhook::subscribe(world, home, "https://hooks.example/in", &["client.created"]).await;
    fill(world, home).await;
    let attempts =
        "INSERT INTO webhook_attempt (organization_id, delivery_id, number, started_at, duration_ms, response_status)
        SELECT organization_id, id, 1, 1000, 5, 500 FROM webhook_delivery";
    crate::webhook::execute(world, attempts).await;
}

/// A field of an object type.
pub(super) struct Field {
    pub(super) of: String,
    pub(super) name: String,
    /// The name and the kind of the type that it leads to.
    pub(super) to: String,
    pub(super) kind: String,
    /// Whether it is a list without pages.
    pub(super) whole_list: bool,
}

/// Every field of the object types.
pub(super) async fn fields(world: &World, token: &str) -> Vec<Field> {
    let of = "kind name ofType { kind name ofType { kind name ofType { kind name } } }";
    let query = format!("{{ __schema {{ types {{ kind name fields {{ name args {{ name }} type {{ {of} }} }} }} }} }}");
    let schema = world.graphql(token, &query, json!({})).await.graphql();
    let mut found = Vec::new();
    for kind in schema["__schema"]["types"].as_array().unwrap().iter().filter(|kind| kind["kind"] == "OBJECT") {
        for field in kind["fields"].as_array().unwrap() {
            let (mut to, mut whole_list) = (&field["type"], false);
            while to["ofType"].is_object() {
                whole_list |= to["kind"] == "LIST" && field["args"] == json!([]);
                to = &to["ofType"];
            }
            let [of, name, to, kind] = [&kind["name"], &field["name"], &to["name"], &to["kind"]]
                .map(|value| value.as_str().unwrap().to_owned());
            found.push(Field { of, name, to, kind, whole_list });
        }
    }
    found
}

on_both! {
    /// Whatever leads from a record to others is one statement for the whole level.
    async fn every_relation_is_one_statement_per_level(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        fill_all(&world, &fixtures.home).await;
        let mut asked = 0;
        for Field { of, name: field, to, kind, .. } in fields(&world, owner).await {
            let Some(list) = list_of(&of) else { continue };
            if kind != "OBJECT" {
                continue;
            }
            let below = if to.ends_with("Connection") { "{ nodes { id } }" } else { "{ __typename }" };
            world.begin_counting();
            let found = world.graphql(owner, &format!("{{ {list}(first: 5) {{ nodes {{ {field} {below} }} }} }}"), json!({})).await.graphql();
            // The client of an entry is that of its project.
            let statements = if (of.as_str(), field.as_str()) == ("TimeEntry", "client") { 3 } else { 2 };
            assert_eq!(world.statements().len(), statements, "{of}.{field}: list, relation: {:#?}", world.statements());
            let reached = found[&*list]["nodes"].as_array().unwrap().iter().filter(|row| {
                let there = &row[&field];
                there.is_object() && there.get("nodes") != Some(&json!([])) || there.as_array().is_some_and(|rows| !rows.is_empty())
            });
            assert!(reached.count() >= 2, "{of}.{field} leads nowhere: {found}");
            asked += 1;
        }
        assert!(asked >= 27, "relations in every direction: {asked}");

        world.begin_counting();
        let query = "{ clients(first: 20) { nodes { projects(first: 5) { nodes { timeEntries(first: 5) { nodes { id } } } } } } }";
        world.graphql(owner, query, json!({})).await.graphql();
        assert_eq!(world.statements().len(), 3, "{:#?}", world.statements());
        let deep = "{ clients { nodes { invoices(first: 2) { nodes { lines { project { name } task { name assignees { name } } } } } } } }";
        world.begin_counting();
        let found = world.graphql(owner, deep, json!({})).await.graphql();
        assert_eq!(world.statements().len(), 6, "{:#?}", world.statements());
        let line = &found["clients"]["nodes"][0]["invoices"]["nodes"][0]["lines"][0];
        assert!(line["project"]["name"].is_string(), "{line}");
    }
}

on_both! {
    /// One statement for a level of more than a thousand parents too.
    async fn a_wide_level_is_one_statement(world: World) {
        let fixtures = Fixtures::new(&world).await;
        for c in 0..6 {
            fixtures.home.project(&world, &format!("P{c}")).await;
        }
        let (series, id) = (counted(199), world.database.kind.new_id());
        let copies = format!(
            "{series} INSERT INTO project (id, organization_id, client_id, name, name_key, search_key, status, rate_type, version, created_at, updated_at)
             SELECT {id}, organization_id, client_id, name, name_key, search_key, status, rate_type, 1, 1000 + i, 1000 FROM project, n"
        );
        crate::webhook::execute(&world, &copies).await;
        world.begin_counting();
        let query = "{ clients(first: 6) { nodes { projects(first: 200) { nodes { tasks(first: 1) { nodes { id } } members { id } client { id } } } } } }";
        let found = world.graphql(&fixtures.home.owner, query, json!({})).await.graphql();
        let clients = found["clients"]["nodes"].as_array().unwrap();
        let parents: usize = clients.iter().map(|client| client["projects"]["nodes"].as_array().unwrap().len()).sum();
        assert_eq!(parents, 1200);
        assert_eq!(world.statements().len(), 5, "three levels and two relations: {:#?}", world.statements());
    }
}

on_both! {
    /// Lists that differ in nothing but a search that is bad are answered each for itself.
    async fn an_invalid_search_fails_only_its_own_list(world: World) {
        let fixtures = Fixtures::new(&world).await;
        fixtures.home.project(&world, "P").await;
        let query = "query($s: String) { clients { nodes { bad: projects(search: $s) { nodes { id } } good: projects { nodes { name } } } } }";
        let answer = world.graphql(&fixtures.home.owner, query, json!({ "s": "x".repeat(201) })).await;
        let client = answer.json()["data"]["clients"]["nodes"][0].clone();
        assert_eq!(client, json!({ "bad": null, "good": { "nodes": [{ "name": "P" }] } }));
        assert!(answer.graphql_error()["fields"]["search"].is_string(), "{}", answer.text());
        assert_eq!(answer.json()["errors"].as_array().unwrap().len(), 1, "{}", answer.text());
    }
}

on_both! {
    /// Lists below a record are filtered, sorted, searched and paged as the flat ones, with their cursors.
    async fn nested_lists_behave_as_top_level_lists(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, owner) = (&fixtures.home, &fixtures.home.owner);
        fill(&world, home).await;
        let query = "{ clients(sort: NAME_ASC) { nodes { name
            projects(filter: { status: ACTIVE }, sort: NAME_DESC, search: \"project\") { nodes { name } }
            none: projects(filter: { status: ARCHIVED }) { nodes { name } }
            expenses(filter: { amountMin: \"12.50\" }, sort: AMOUNT_ASC) { nodes { amount } }
            timeEntries(first: 3, filter: { billable: true }) { nodes { id } pageInfo { hasNextPage endCursor } } } } }";
        let found = world.graphql(owner, query, json!({})).await.graphql();
        for (c, client) in found["clients"]["nodes"].as_array().unwrap().iter().enumerate() {
            let names = json!([{ "name": format!("Project {c}1") }, { "name": format!("Project {c}0") }]);
            assert_eq!(client["projects"]["nodes"], names);
            assert_eq!(client["none"]["nodes"], json!([]));
            assert_eq!(client["expenses"]["nodes"], json!([{ "amount": "12.50" }, { "amount": "12.50" }]));
            assert_eq!(client["timeEntries"]["pageInfo"]["hasNextPage"], true);
        }
        // The cursor of a nested list goes on in the flat one, over REST.
        let client = world.get(owner, "/api/v1/clients?sort=name&limit=1").await.data(200)[0]["id"].as_str().unwrap().to_owned();
        let end = found["clients"]["nodes"][0]["timeEntries"]["pageInfo"]["endCursor"].as_str().unwrap();
        let rest = world.get(owner, &format!("/api/v1/time-entries?clientId={client}&billable=true&cursor={end}")).await.data(200);
        assert_eq!(rest.as_array().unwrap().len(), 5, "8 in all, 3 before");
        let query = "query($u: Int) { members(filter: { role: MEMBER }) { nodes { tasks(first: 2, sort: NAME_ASC) { nodes { id } pageInfo { endCursor } }
            projects(first: $u, sort: NAME_ASC) { nodes { name } pageInfo { endCursor } } } } }";
        let found = world.graphql(owner, query, json!({ "u": 4 })).await.graphql()["members"]["nodes"][0].clone();
        assert_eq!(found["projects"]["nodes"].as_array().unwrap().len(), 4);
        let end = found["tasks"]["pageInfo"]["endCursor"].as_str().unwrap();
        let rest = world.get(owner, &format!("/api/v1/tasks?assigneeId={}&sort=name&cursor={end}", home.member_user)).await.data(200);
        assert_eq!(rest.as_array().unwrap().len(), 10);
        let after = found["projects"]["pageInfo"]["endCursor"].as_str().unwrap();
        let query = "query($a: String) { members(filter: { role: MEMBER }) { nodes { projects(after: $a, sort: NAME_ASC) { nodes { name } } } } }";
        let rest = world.graphql(owner, query, json!({ "a": after })).await.graphql();
        let names: Vec<_> = rest["members"]["nodes"][0]["projects"]["nodes"].as_array().unwrap().iter().map(|p| p["name"].clone()).collect();
        assert_eq!(names, ["Project 20", "Project 21"]);
        let bad = "{ clients { nodes { name projects(first: 500) { nodes { id } } } } }";
        let refused = world.graphql(owner, bad, json!({})).await.json();
        assert_eq!(refused["data"]["clients"]["nodes"][0]["projects"], Value::Null);
        assert_eq!(refused["data"]["clients"]["nodes"][0]["name"], "Client 2", "one bad list leaves the rest standing");
        assert!(refused["errors"][0]["extensions"]["fields"]["first"].is_string(), "{refused}");
    }
}

on_both! {
    /// What leads to records that a role does not read is null, without an error.
    async fn relations_hidden_from_a_member_are_null(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, member) = (&fixtures.home, &fixtures.home.member);
        fill(&world, home).await;
        let query = "{ projects(first: 1) { nodes { name hourlyRate client { id } expenses { nodes { id } } members { name } tasks { nodes { name assignees { name } timeEntries { nodes { member { role } invoice { id } } } } } } }
            members { nodes { timeEntries(first: 1) { nodes { id } } } } tokens { nodes { member { name } } } }";
        let found = world.graphql(member, query, json!({})).await.graphql();
        let project = &found["projects"]["nodes"][0];
        assert_eq!((&project["client"], &project["expenses"], &project["hourlyRate"]), (&Value::Null, &Value::Null, &Value::Null));
        assert_eq!(project["members"], json!([{ "name": "member of home" }]));
        let task = &project["tasks"]["nodes"][0];
        assert_eq!(task["assignees"], json!([{ "name": "member of home" }]));
        assert_eq!(task["timeEntries"]["nodes"], json!([{ "member": { "role": "MEMBER" }, "invoice": null }]));
        assert_eq!(found["members"]["nodes"].as_array().unwrap().len(), 1);
        assert_eq!(found["tokens"]["nodes"], json!([{ "member": { "name": "member of home" } }]));
    }
}

on_both! {
    /// Any record by its id alone: one look for its kind, one for the record; what is not the caller's is not found.
    async fn a_node_is_found_by_its_id(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, owner) = (&fixtures.home, &fixtures.home.owner);
        fill_all(&world, home).await;
        let node = "query($id: ID!) { node(id: $id) { __typename id ... on Client { name } ...P ... on Node { again: id } } } fragment P on Project { client { name } }";
        let mut hidden = Vec::new();
        for noun in &NOUNS {
            let (kind, list) = (noun.one, noun.list());
            let query = format!("{{ {list}(first: 1) {{ nodes {{ id }} }} }}");
            let id = world.graphql(owner, &query, json!({})).await.graphql()[&*list]["nodes"][0]["id"].clone();
            world.begin_counting();
            let found = world.graphql(owner, node, json!({ "id": id })).await.graphql()["node"].clone();
            let statements = world.statements();
            assert_eq!((&found["__typename"], &found["id"], &found["again"]), (&json!(kind), &id, &id));
            assert_eq!(found.get("name").is_some(), kind == "Client");
            assert_eq!(found.get("client").is_some(), kind == "Project");
            assert_eq!(statements.len(), if kind == "Project" { 3 } else { 2 }, "{statements:#?}");
            let other = world.graphql(&fixtures.other.owner, node, json!({ "id": id })).await;
            assert_eq!((other.json()["data"]["node"].clone(), &other.graphql_error()["code"]), (Value::Null, &json!("not_found")));
            if ["Client", "Expense", "Invoice"].contains(&kind) {
                hidden.push(id);
            }
        }
        for id in hidden {
            let reported = world.graphql(&home.member, node, json!({ "id": id })).await;
            assert_eq!(reported.graphql_error()["code"], "not_found");
        }
        let two = "query($a: ID!, $b: ID!) { a: node(id: $a) { id __typename ... on Task { name } } b: node(id: $b) { ... on Task { name } id } none: node(id: \"x\") { id } }";
        let (a, b) = (world.get(owner, "/api/v1/tasks").await.data(200)[0].clone(), world.get(owner, "/api/v1/expenses").await.data(200)[0].clone());
        let answer = world.graphql(owner, two, json!({ "a": a["id"], "b": b["id"] })).await.json();
        assert_eq!(answer["data"], json!({ "a": { "id": a["id"], "__typename": "Task", "name": a["name"] }, "b": { "id": b["id"] }, "none": null }));
        let gone = home.client(&world, "Gone").await;
        assert_eq!(world.call(Method::DELETE, &format!("/api/v1/clients/{gone}")).token(owner).send().await.status, 204);
        assert_eq!(world.graphql(owner, node, json!({ "id": gone })).await.graphql_error()["code"], "not_found");
    }
}
