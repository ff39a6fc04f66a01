//! Queries, connections and mutations.

use serde_json::{Value, json};
use tests::{Fixtures, on_both};

on_both! {
    /// Clients × projects × time entries: three statements and the token's look-up, whatever the numbers.
    async fn each_level_is_one_statement(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for c in 0..6 {
            let client = fixtures.home.client(&world, &format!("C{c}")).await;
            for p in 0..4 {
                let body = json!({ "clientId": client, "name": format!("P{p}") });
                let project = world.post(owner, "/api/v1/projects", body).await.id();
                let entry = json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11" });
                world.post(owner, "/api/v1/time-entries/batch", json!({ "timeEntries": vec![&entry; 5] })).await.data(201);
            }
        }
        world.begin_counting();
        let query = "{ clients(first: 5, sort: NAME_ASC) { nodes { name projects(first: 3, sort: NAME_DESC) {
            pageInfo { hasNextPage } nodes { name timeEntries(first: 2) { nodes { id project { name } member { name } } } } } } } }";
        let found = world.graphql(owner, query, json!({})).await.graphql();
        // Two more for the relations that lead back up.
        assert_eq!(world.statements().len(), 5, "{:#?}", world.statements());
        let clients = found["clients"]["nodes"].as_array().unwrap();
        assert_eq!(clients.len(), 5);
        for client in clients {
            let projects = client["projects"]["nodes"].as_array().unwrap();
            assert_eq!(projects.iter().map(|p| p["name"].as_str().unwrap()).collect::<Vec<_>>(), ["P3", "P2", "P1"]);
            assert_eq!(client["projects"]["pageInfo"]["hasNextPage"], true);
            for project in projects {
                assert_eq!(project["timeEntries"]["nodes"].as_array().unwrap().len(), 2);
                assert_eq!(project["timeEntries"]["nodes"][0]["project"]["name"], project["name"]);
            }
        }
    }
}

on_both! {
    /// Pages go forward and backward with REST's own cursors, nested lists included.
    async fn connections_page_both_ways(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = fixtures.home.client(&world, "C").await;
        for i in 0..7 {
            world.post(owner, "/api/v1/projects", json!({ "clientId": client, "name": format!("P{i}") })).await.data(201);
        }
        let query = "query($first: Int, $after: String, $last: Int, $before: String) {
            projects(first: $first, after: $after, last: $last, before: $before, sort: NAME_ASC) {
                edges { cursor node { name } } nodes { name }
                pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
        let ask = async |variables: Value| world.graphql(owner, query, variables).await.graphql()["projects"].clone();
        let names = |page: &Value| -> Vec<String> {
            page["nodes"].as_array().unwrap().iter().map(|n| n["name"].as_str().unwrap().to_owned()).collect()
        };
        let first = ask(json!({ "first": 3 })).await;
        assert_eq!(names(&first), ["P0", "P1", "P2"]);
        assert_eq!((&first["pageInfo"]["hasNextPage"], &first["pageInfo"]["hasPreviousPage"]), (&json!(true), &json!(false)));
        let end = first["pageInfo"]["endCursor"].as_str().unwrap();
        assert_eq!(first["edges"][2]["cursor"], end);
        let over_rest = world.get(owner, &format!("/api/v1/projects?sort=name&limit=3&cursor={end}")).await.data(200);
        let second = ask(json!({ "first": 3, "after": end })).await;
        assert_eq!(names(&second), ["P3", "P4", "P5"]);
        assert_eq!(over_rest[0]["name"], "P3");
        let back = ask(json!({ "last": 2, "before": second["pageInfo"]["startCursor"] })).await;
        assert_eq!(names(&back), ["P1", "P2"]);
        assert_eq!((&back["pageInfo"]["hasNextPage"], &back["pageInfo"]["hasPreviousPage"]), (&json!(true), &json!(true)));
        assert_eq!(names(&ask(json!({ "last": 2 })).await), ["P5", "P6"]);
        for (wrong, field) in [(json!({ "first": 0 }), "first"), (json!({ "first": 201 }), "first"), (json!({ "last": 0 }), "last"), (json!({ "first": 1, "last": 1 }), "last")] {
            let refused = world.graphql(owner, query, wrong).await.graphql_error();
            assert!(refused["fields"][field].is_string(), "{refused}");
        }
        let nested = "query($id: ID!, $after: String) { client(id: $id) { projects(first: 2, after: $after, sort: NAME_ASC) { nodes { name } pageInfo { endCursor } } } }";
        let page = world.graphql(owner, nested, json!({ "id": client })).await.graphql();
        let end = page["client"]["projects"]["pageInfo"]["endCursor"].as_str().unwrap().to_owned();
        let flat = world.get(owner, &format!("/api/v1/projects?clientId={client}&sort=name&cursor={end}")).await.data(200);
        assert_eq!(flat[0]["name"], "P2");
        let next = world.graphql(owner, nested, json!({ "id": client, "after": end })).await.graphql();
        assert_eq!(next["client"]["projects"]["nodes"][0]["name"], "P2");
        let other = fixtures.home.client(&world, "D").await;
        let refused = world.graphql(owner, nested, json!({ "id": other, "after": end })).await.graphql_error();
        assert_eq!(refused["code"], "bad_request");
    }
}

on_both! {
    /// The same record, field by field, over REST and GraphQL; filters and searches find the same rows.
    async fn both_surfaces_return_the_same(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project_with_member(&world, "Straße").await;
        let entry = fixtures.home.entry(&world, &fixtures.home.member, &project).await;
        for (list, field, id) in [("clients", "client", None), ("projects", "project", Some(project.as_str())), ("time-entries", "timeEntry", entry["id"].as_str())] {
            let rest = world.get(owner, &format!("/api/v1/{list}")).await.data(200)[0].clone();
            let fields: Vec<_> = rest.as_object().unwrap().keys().cloned().collect();
            let query = format!("query($id: ID!) {{ {field}(id: $id) {{ {} }} }}", fields.join(" "));
            let id = id.unwrap_or(rest["id"].as_str().unwrap());
            assert_eq!(world.graphql(owner, &query, json!({ "id": id })).await.graphql()[field], rest);
        }
        let query = "query($f: ProjectFilter, $s: String) { projects(filter: $f, search: $s) { nodes { name } } }";
        for (variables, found) in [
            (json!({ "f": { "status": ["ACTIVE"], "clientName": "client of straße" } }), 1),
            (json!({ "f": { "status": "ARCHIVED" } }), 0),
            (json!({ "f": { "id": [] } }), 0),
            (json!({ "f": { "createdAtFrom": "2026-06-11", "createdAtTo": "2026-06-11" } }), 1),
            (json!({ "s": "STRASSE" }), 1),
        ] {
            let rows = world.graphql(owner, query, variables.clone()).await.graphql();
            assert_eq!(rows["projects"]["nodes"].as_array().unwrap().len(), found, "{variables}");
        }
        let refused = world.graphql(owner, query, json!({ "f": { "clientId": ["x"], "dueDateFrom": "2026-02-30" } })).await;
        let fields = refused.graphql_error()["fields"].clone();
        assert!(fields["clientId[0]"].is_string() && fields["dueDateFrom"].is_string(), "{fields}");
    }
}

on_both! {
    /// Mutations do what REST does, and name every bad field.
    async fn mutations_follow_the_same_rules(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let create = "mutation($i: CreateClientInput!) { createClient(input: $i) { client { id name defaultRate currency } } }";
        let made = world.graphql(owner, create, json!({ "i": { "name": " G ", "defaultRate": "1.5" } })).await.graphql();
        let client = &made["createClient"]["client"];
        assert_eq!((&client["name"], &client["defaultRate"], &client["currency"]), (&json!("G"), &json!("1.50"), &json!("EUR")));
        let wrong = json!({ "i": { "name": "", "defaultRate": "x", "currency": "ABC" } });
        let refused = world.graphql(owner, create, wrong).await.graphql_error();
        assert_eq!(refused["code"], "validation_error");
        assert_eq!(refused["fields"].as_object().unwrap().len(), 3, "{refused}");
        let update = "mutation($id: ID!, $i: UpdateClientInput!) { updateClient(id: $id, input: $i) { client { name currency defaultRate } } }";
        let changed = world.graphql(owner, update, json!({ "id": client["id"], "i": { "defaultRate": null } })).await.graphql();
        assert_eq!(changed["updateClient"]["client"], json!({ "name": "G", "currency": "EUR", "defaultRate": null }));
        let gone = world.graphql(owner, "query($id: ID!) { client(id: $id) { id } }", json!({ "id": "nope" })).await;
        assert_eq!(gone.json()["data"], json!({ "client": null }));
        assert_eq!(gone.graphql_error()["code"], "not_found");
        let log = "mutation($i: CreateTimeEntryInput!) { createTimeEntry(input: $i) { timeEntry { durationSeconds entryDate } } }";
        let project = fixtures.home.project(&world, "P").await;
        let entry = json!({ "i": { "projectId": project, "startedAt": "2026-06-11T10:00:00+02:00", "stoppedAt": "2026-06-11T11:00:00+02:00" } });
        let logged = world.graphql(owner, log, entry).await.graphql();
        assert_eq!(logged["createTimeEntry"]["timeEntry"], json!({ "durationSeconds": 3600, "entryDate": "2026-06-11" }));
    }
}

on_both! {
    /// Fields come in the order of the query; what failed is null, and what must not be null takes its parent along.
    async fn answers_have_the_shape_of_the_query(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = fixtures.home.client(&world, "C").await;
        let query = "query($id: ID!, $no: Boolean = false) {
            z: client(id: \"nope\") { id } viewer { ...Who email role } a: client(id: $id) { updatedAt name: id hidden: name @include(if: $no) }
            clients { pageInfo { hasNextPage } nodes { name projects { nodes { id } } id } } }
            fragment Who on Viewer { role orgName }";
        let answer = world.graphql(owner, query, json!({ "id": client })).await;
        let text = answer.text();
        let places: Vec<_> = ["\"z\"", "\"viewer\"", "\"role\"", "\"orgName\"", "\"email\"", "\"a\"", "\"updatedAt\"", "\"clients\"", "\"pageInfo\"", "\"nodes\"", "\"projects\""]
            .map(|key| text.find(key).unwrap_or_else(|| panic!("no {key} in {text}")))
            .to_vec();
        assert!(places.is_sorted(), "{text}");
        let json = answer.json();
        assert_eq!(json["data"]["z"], Value::Null);
        assert!(json["data"].as_object().unwrap().contains_key("z"));
        assert_eq!(json["data"]["a"]["name"], json!(client));
        assert_eq!(json["data"]["a"].as_object().unwrap().len(), 2);
        assert_eq!(json["errors"][0]["path"], json!(["z"]));

        let two = "mutation { a: createClient(input: { name: \"A\" }) { client { id } } b: createClient(input: { name: \"\" }) { client { id } } }";
        let answer = world.graphql(owner, two, json!({})).await.json();
        assert_eq!(answer["data"], Value::Null, "a payload must not be null, so its parent is");
        assert_eq!(answer["errors"][0]["path"], json!(["b"]));
    }
}
