//! Lists: pages that neither lose nor repeat rows, in every sort; search and filters, equal on both databases.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::{Fixtures, World, on_both};

/// Every row of a list, page by page.
pub(super) async fn all_pages(world: &World, token: &str, path: &str, limit: usize) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    for _ in 0..1000 {
        let joint = if path.contains('?') { '&' } else { '?' };
        let page = world.get(token, &format!("{path}{joint}limit={limit}{cursor}")).await;
        let json = page.json();
        assert_eq!(page.status, 200, "{json}");
        let data = json["data"].as_array().unwrap().clone();
        assert!(data.len() <= limit);
        rows.extend(data);
        match json["pagination"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
    panic!("{path} has no end");
}

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

on_both! {
    /// Every sort, both directions, with nulls and ties: each row once, in order, nulls first ascending.
    async fn every_sort_gives_every_row_once(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = fixtures.home.client(&world, "C").await;
        let names = ["Äpfel", "apfel", "Zebra", "Öl", "straße", "STRASSE", "éclair", "Eclair", "a_b", "a%b"];
        for i in 0..30 {
            let mut body = json!({ "clientId": client, "name": names[i % names.len()] });
            if i % 3 > 0 {
                body["dueDate"] = json!(format!("2026-07-{:02}", 1 + i % 5));
            }
            if i % 4 == 0 {
                body["status"] = json!("COMPLETED");
            }
            world.post(owner, "/api/v1/projects", body).await.data(201);
            world.clock.advance(i64::from(i % 2 == 0));
        }
        for sort in ["createdAt", "dueDate", "id", "name", "startDate", "status", "updatedAt"] {
            let up = all_pages(&world, owner, &format!("/api/v1/projects?sort={sort}"), 4).await;
            let mut down = all_pages(&world, owner, &format!("/api/v1/projects?sort=-{sort}"), 7).await;
            assert_eq!(ids(&up).iter().collect::<BTreeSet<_>>().len(), 30, "{sort}");
            down.reverse();
            assert_eq!(ids(&up), ids(&down), "{sort}");
            if sort == "dueDate" {
                let nulls = up.iter().take_while(|row| row["dueDate"].is_null()).count();
                assert_eq!(nulls, 10);
                assert!(up[nulls..].iter().is_sorted_by_key(|row| row["dueDate"].as_str().unwrap()));
            }
            if sort == "name" {
                let sorted: Vec<_> = up.iter().map(|row| row["name"].as_str().unwrap()).collect();
                let firsts: Vec<_> = sorted.chunks(3).map(|chunk| chunk[0].to_lowercase()).collect();
                // By folded bytes: `%` before `_`, ß as ss, accents after z; the same on both databases.
                assert_eq!(firsts[..4], ["a%b", "a_b", "apfel", "eclair"], "{sorted:?}");
                assert_eq!(sorted.last().unwrap().to_lowercase(), "öl");
            }
            if sort == "status" {
                assert!(up.iter().is_sorted_by_key(|row| row["status"] != "ACTIVE"));
            }
        }
    }
}

on_both! {
    /// A row that does not change is met exactly once, while others come, go and change.
    async fn pages_are_stable_while_others_write(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = fixtures.home.client(&world, "C").await;
        let make = async |name: String| {
            world.post(owner, "/api/v1/projects", json!({ "clientId": client, "name": name })).await.id()
        };
        let mut still = BTreeSet::new();
        let mut doomed = Vec::new();
        for i in 0..40 {
            let id = make(format!("p{i:02}")).await;
            if i % 4 == 0 { doomed.push(id); } else { still.insert(id); }
        }
        for sort in ["name", "-name", "createdAt", "-createdAt", "status"] {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            for round in 0.. {
                let page = world.get(owner, &format!("/api/v1/projects?limit=6&sort={sort}{cursor}")).await.json();
                seen.extend(ids(page["data"].as_array().unwrap()));
                let Some(next) = page["pagination"]["nextCursor"].as_str() else { break };
                cursor = format!("&cursor={next}");
                make(format!("new {round}")).await;
                if let Some(id) = doomed.pop() {
                    assert_eq!(world.delete(owner, &format!("/api/v1/projects/{id}")).await.status, 204);
                }
            }
            for id in &still {
                assert_eq!(seen.iter().filter(|seen| *seen == id).count(), 1, "{sort}");
            }
        }
    }
}

on_both! {
    /// A cursor is of one list: another sort, filter, noun or workspace does not take it.
    async fn a_cursor_belongs_to_one_list(world: World) {
        let fixtures = Fixtures::new(&world).await;
        for workspace in [&fixtures.home, &fixtures.other] {
            for i in 0..3 {
                workspace.project(&world, &format!("p{i}")).await;
            }
        }
        let page = world.get(&fixtures.home.owner, "/api/v1/projects?limit=1&sort=name&status=ACTIVE").await.json();
        let cursor = page["pagination"]["nextCursor"].as_str().unwrap().to_owned();
        let with = |query: &str| format!("/api/v1/projects?{query}&cursor={cursor}");
        world.get(&fixtures.home.owner, &with("sort=name&status=ACTIVE&limit=2")).await.data(200);
        world.get(&fixtures.home.manager, &with("sort=name&status=active")).await.data(200);
        for other in ["sort=-name&status=ACTIVE", "sort=name", "sort=name&status=ACTIVE&search=p", "status=ACTIVE"] {
            world.get(&fixtures.home.owner, &with(other)).await.error(400, "bad_request");
        }
        world.get(&fixtures.other.owner, &with("sort=name&status=ACTIVE")).await.error(400, "bad_request");
        let clients = format!("/api/v1/clients?sort=name&cursor={cursor}");
        world.get(&fixtures.home.owner, &clients).await.error(400, "bad_request");
    }
}

on_both! {
    /// Search is partial and case-folded, and takes `%`, `_` and `\` as they are.
    async fn search_is_partial_and_case_insensitive(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for (name, contact) in [("Straße 100%", "Ann"), ("Under_score", "ÉMILE"), ("Back\\slash", "x"), ("Plain", "y")] {
            let body = json!({ "name": name, "contactName": contact, "email": "Post@Example.COM" });
            world.post(owner, "/api/v1/clients", body).await.data(201);
        }
        for (search, found) in [
            ("STRASSE", 1), ("strasse", 1), ("100%25", 1), ("%25", 1), ("_", 1), ("%5C", 1), ("émile", 1), ("emile", 0),
            ("post@example", 4), ("plain", 1), ("nobody", 0), ("nn%1Fpo", 1),
        ] {
            let rows = world.get(owner, &format!("/api/v1/clients?search={search}")).await.data(200);
            assert_eq!(rows.as_array().unwrap().len(), found, "{search}");
        }
        // A text that repeats itself is looked for in another way.
        let repeated = format!("{}(b)*.%", "a".repeat(60));
        world.post(owner, "/api/v1/clients", json!({ "name": format!("x{repeated}ß") })).await.data(201);
        for (search, found) in [("A".repeat(40), 1), (format!("{repeated}SS"), 1), (format!("{}b", "a".repeat(40)), 0)] {
            let search = search.replace('%', "%25");
            let rows = world.get(owner, &format!("/api/v1/clients?search={search}")).await.data(200);
            assert_eq!(rows.as_array().unwrap().len(), found, "{search}");
        }
    }
}

on_both! {
    /// Filters: repeated is OR, different is AND; ranges include their ends; a date bound is its whole UTC day.
    async fn filters_narrow(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let owner = &home.owner;
        let project = home.project_with_member(&world, "P").await;
        let other = home.project(&world, "Q").await;
        for (day, seconds, on) in [(10, 60, &project), (11, 120, &project), (12, 180, &other)] {
            let body = json!({ "projectId": on, "durationSeconds": seconds, "entryDate": format!("2026-06-{day}"),
                "billable": day != 11, "externalId": format!("e{day}") });
            world.post(owner, "/api/v1/time-entries", body).await.data(201);
            world.clock.advance(12 * 3_600_000);
        }
        home.entry(&world, &home.member, &project).await;
        let client = world.get(owner, &format!("/api/v1/projects/{project}")).await.data(200)["clientId"].clone();
        let client = client.as_str().unwrap();
        for (query, found) in [
            (format!("projectId={project}"), 3),
            (format!("projectId={project}&projectId={other}"), 4),
            (format!("projectId={other}&billable=false"), 0),
            (format!("clientId={client}"), 3),
            (format!("userId={}", home.member_user), 1),
            (format!("projectId={}", fixtures.other.id), 0),
            ("billable=no".into(), 1),
            ("billable=0&billable=1".into(), 4),
            ("running=true".into(), 0),
            ("running=false".into(), 4),
            ("entryDateFrom=2026-06-11&entryDateTo=2026-06-11".into(), 2),
            ("entryDateFrom=2026-06-12".into(), 1),
            ("durationSecondsMin=120&durationSecondsMax=180".into(), 2),
            ("externalId=e10&externalId=e12".into(), 2),
            ("createdAtTo=2026-06-11".into(), 2),
            ("createdAtFrom=2026-06-12".into(), 2),
            ("createdAtFrom=2026-06-11T20:00:00Z&createdAtTo=2026-06-12T08:00:00Z".into(), 2),
            ("createdAtFrom=2026-06-11T22:00:00%2B02:00".into(), 3),
            ("createdAtFrom=2026-06-11T22:00:00+02:00".into(), 3),
            ("updatedAtFrom=2026-06-13".into(), 0),
        ] {
            let rows = world.get(owner, &format!("/api/v1/time-entries?{query}")).await.data(200);
            assert_eq!(rows.as_array().unwrap().len(), found, "{query}");
        }
        for (query, found) in [("clientName=client%20of%20P", 1), ("clientName=client", 0), ("status=active&status=Archived", 2)] {
            let rows = world.get(owner, &format!("/api/v1/projects?{query}")).await.data(200);
            assert_eq!(rows.as_array().unwrap().len(), found, "{query}");
        }
        let managers = world.get(owner, "/api/v1/members?role=manager&role=OWNER&sort=role").await.data(200);
        assert_eq!((managers[0]["role"].as_str(), managers[1]["role"].as_str()), (Some("OWNER"), Some("MANAGER")));
    }
}

on_both! {
    /// A list costs one statement, on the first page and on a deep one.
    async fn a_list_is_one_statement(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        let entry = json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11" });
        world.post(owner, "/api/v1/time-entries/batch", json!({ "timeEntries": vec![&entry; 100] })).await.data(201);
        world.begin_counting();
        let first = world.get(owner, "/api/v1/time-entries?limit=50").await.json();
        assert_eq!(first["data"].as_array().unwrap().len(), 50);
        assert_eq!(world.statements().len(), 1, "{:#?}", world.statements());
        let cursor = first["pagination"]["nextCursor"].as_str().unwrap();
        world.begin_counting();
        world.get(owner, &format!("/api/v1/time-entries?limit=50&cursor={cursor}")).await.data(200);
        assert_eq!(world.statements().len(), 1, "{:#?}", world.statements());
    }
}

/// What a list and its connection in GraphQL find for the same question.
pub(super) async fn found_on_both(
    world: &World,
    token: &str,
    list: (&str, &str, &str),
    query: &str,
    arguments: Value,
) -> (usize, usize) {
    let (path, field, filter) = list;
    let over_rest = world.get(token, &format!("/api/v1/{path}?{query}")).await.data(200);
    let document =
        format!("query($f: {filter}, $s: String) {{ {field}(filter: $f, search: $s) {{ nodes {{ id }} }} }}");
    let variables = if arguments.is_string() { json!({ "s": arguments }) } else { json!({ "f": arguments }) };
    let in_graphql = world.graphql(token, &document, variables).await.graphql();
    (over_rest.as_array().unwrap().len(), in_graphql[field]["nodes"].as_array().unwrap().len())
}

on_both! {
    /// Filters and searches find the same over REST and GraphQL.
    async fn both_surfaces_find_the_same(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (owner, home) = (&fixtures.home.owner, &fixtures.home);
        let project = home.project_with_member(&world, "Straße").await;
        let other = home.project(&world, "Other").await;
        world.patch(owner, &format!("/api/v1/projects/{other}"), json!({ "description": "An ÉCLAIR", "dueDate": "2026-07-01", "startDate": "2026-06-01" })).await.data(200);
        let mut ids = Vec::new();
        for (on, note, seconds) in [(&project, "Call about 100%", 60), (&project, "x", 120), (&other, "call", 180)] {
            let body = json!({ "projectId": on, "note": note, "durationSeconds": seconds, "entryDate": "2026-06-11", "externalId": note });
            ids.push(world.post(owner, "/api/v1/time-entries", body).await.id());
        }
        let db = world.database.connect().await;
        use sea_orm::ConnectionTrait;
        for sql in [
            "INSERT INTO task (id, organization_id, project_id, name, name_key, search_key, status, priority, billable, tags,
                version, created_at, updated_at)
             SELECT id, organization_id, id, 'T', 't', 't', 10, 20, false, '[]', 1, 0, 0 FROM project",
            "UPDATE time_entry SET task_id = project_id WHERE duration_seconds = 60",
        ] {
            db.execute_unprepared(sql).await.unwrap();
        }
        let entries = ("time-entries", "timeEntries", "TimeEntryFilter");
        let projects = ("projects", "projects", "ProjectFilter");
        for (list, query, arguments, found) in [
            (entries, "search=CALL".to_owned(), json!("CALL"), 2),
            (entries, "search=100%25".to_owned(), json!("100%"), 1),
            (entries, format!("id={}&id={}", ids[0], ids[1]), json!({ "id": [ids[0], ids[1]] }), 2),
            (entries, format!("taskId={project}"), json!({ "taskId": [project] }), 1),
            (entries, format!("projectId={project}&durationSecondsMin=100"), json!({ "projectId": [project], "durationSecondsMin": 100 }), 1),
            (entries, "externalId=x".to_owned(), json!({ "externalId": ["x"] }), 1),
            (entries, "invoiced=true".to_owned(), json!({ "invoiced": [true] }), 0),
            (entries, format!("userId={}", home.member_user), json!({ "userId": [home.member_user] }), 0),
            (entries, "entryDateFrom=2026-06-11&entryDateTo=2026-06-11".to_owned(), json!({ "entryDateFrom": "2026-06-11", "entryDateTo": "2026-06-11" }), 3),
            (projects, "search=STRASSE".to_owned(), json!("STRASSE"), 1),
            (projects, "search=%C3%A9clair".to_owned(), json!("éclair"), 1),
            (projects, "dueDateFrom=2026-07-01&dueDateTo=2026-07-01".to_owned(), json!({ "dueDateFrom": "2026-07-01", "dueDateTo": "2026-07-01" }), 1),
            (projects, "startDateTo=2026-05-31".to_owned(), json!({ "startDateTo": "2026-05-31" }), 0),
            (projects, "clientName=CLIENT%20OF%20OTHER".to_owned(), json!({ "clientName": ["CLIENT OF OTHER"] }), 1),
            (projects, "updatedAtFrom=2026-06-11&updatedAtTo=2026-06-11".to_owned(), json!({ "updatedAtFrom": "2026-06-11", "updatedAtTo": "2026-06-11" }), 2),
        ] {
            assert_eq!(found_on_both(&world, owner, list, &query, arguments).await, (found, found), "{query}");
        }
        // Of a task: its word on billing, and only on its own project.
        let of_task = |on: &str, task: &str| json!({ "projectId": on, "taskId": task, "durationSeconds": 1, "entryDate": "2026-06-11" });
        let made = world.post(owner, "/api/v1/time-entries", of_task(&project, &project)).await.data(201);
        assert_eq!((&made["taskId"], &made["billable"]), (&json!(project), &json!(false)));
        assert!(world.post(owner, "/api/v1/time-entries", of_task(&project, &other)).await.fields()["taskId"].is_string());
        let path = format!("/api/v1/time-entries/{}", made["id"].as_str().unwrap());
        assert!(world.patch(owner, &path, json!({ "projectId": other })).await.fields()["taskId"].is_string());
        let moved = world.patch(owner, &path, json!({ "projectId": other, "taskId": other })).await.data(200);
        assert_eq!((&moved["projectId"], &moved["taskId"]), (&json!(other), &json!(other)));
        let timer = world.post(owner, "/api/v1/time-entries/start", json!({ "projectId": project, "taskId": project })).await.data(201);
        assert_eq!(timer["billable"], false);
    }
}

on_both! {
    /// Filters for what has no value: time on no task, tasks of nobody; and tasks by tag and by client.
    async fn what_has_no_value_is_found(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, owner) = (&fixtures.home, &fixtures.home.owner);
        let (client, other) = (home.client(&world, "C").await, home.client(&world, "D").await);
        let project = world.post(owner, "/api/v1/projects", json!({ "clientId": client, "name": "P" })).await.id();
        let elsewhere = world.post(owner, "/api/v1/projects", json!({ "clientId": other, "name": "Q" })).await.id();
        let task = async |project: &str, name: &str, also: Value| {
            let mut body = json!({ "projectId": project, "name": name });
            body.as_object_mut().unwrap().extend(also.as_object().unwrap().clone());
            world.post(owner, "/api/v1/tasks", body).await.id()
        };
        let tagged = task(&project, "a", json!({ "tags": ["x", ",", "say \"y\"", "é\\"] })).await;
        task(&project, "b", json!({ "tags": ["x,", ",y", "X"], "assigneeIds": [home.owner_user] })).await;
        task(&elsewhere, "c", json!({ "tags": [] })).await;
        let names = async |query: &str| -> String {
            let rows = world.get(owner, &format!("/api/v1/tasks?sort=name&{query}")).await.data(200);
            rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect()
        };
        for (query, found) in [
            ("assigned=true", "b"),
            ("assigned=false", "ac"),
            ("assigned=yes&assigned=no", "abc"),
            ("tag=x", "a"),
            ("tag=X", "b"),
            ("tag=%2C", "a"),
            ("tag=x%2C", "b"),
            ("tag=say+%22y%22", "a"),
            ("tag=%C3%A9%5C", "a"),
            ("tag=x&tag=X", "ab"),
            ("tag=none", ""),
            (&format!("clientId={client}"), "ab"),
            (&format!("clientId={client}&clientId={other}"), "abc"),
            (&format!("clientId={client}&tag=x&assigned=0"), "a"),
        ] {
            assert_eq!(names(query).await, found, "{query}");
        }
        world.get(&home.member, &format!("/api/v1/tasks?clientId={client}")).await.error(403, "forbidden_scope");
        let query = format!("{{ tasks(filter: {{ tag: \"x\", clientId: \"{client}\", assigned: false }}) {{ nodes {{ name }} }} }}");
        assert_eq!(world.graphql(owner, &query, json!({})).await.graphql()["tasks"]["nodes"], json!([{ "name": "a" }]));

        for task in [Some(tagged.as_str()), None] {
            let entry = json!({ "projectId": project, "taskId": task, "durationSeconds": 60, "entryDate": "2026-06-11" });
            world.post(owner, "/api/v1/time-entries", entry).await.data(201);
        }
        for (asked, task) in [("true", json!(tagged)), ("false", Value::Null)] {
            let rows = world.get(owner, &format!("/api/v1/time-entries?hasTask={asked}")).await.data(200);
            assert_eq!((rows.as_array().unwrap().len(), &rows[0]["taskId"]), (1, &task), "{asked}");
        }
    }
}

on_both! {
    /// An empty value counts as not sent; several values in one are explained.
    async fn empty_and_joined_values_are_explained(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        fixtures.home.project(&world, "P").await;
        let rows = world.get(owner, "/api/v1/projects?cursor=&limit=&status=&sort=&search=&id=&createdAtFrom=").await.data(200);
        assert_eq!(rows.as_array().unwrap().len(), 1);
        for (query, field, hint) in [
            ("status=ACTIVE,COMPLETED", "status", "repeat the parameter"),
            ("status[]=ACTIVE", "status[]", "status=…&status=…"),
            ("createdAtFrom=1767225600", "createdAtFrom", "an instant such as"),
            ("x=", "x", "unknown parameter"),
        ] {
            let fields = world.get(owner, &format!("/api/v1/projects?{query}")).await.fields();
            assert!(fields[field].as_str().unwrap().contains(hint), "{query}: {fields}");
        }
    }
}

/// Two releases run side by side during an upgrade, and a cursor of one is taken by the other. So a list is identified by
/// what was sent alone, in a form that does not change: a filter that a release adds changes nothing.
#[test]
fn a_list_is_identified_by_what_was_sent() {
    let identity = |query: &[(&str, &str)]| {
        let pairs = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        service::project::ProjectArgs::from_query(pairs).identity()
    };
    assert_eq!(identity(&[]), "Sort { field: CreatedAt, descending: true } None false ");
    assert_eq!(identity(&[("limit", "5")]), identity(&[]));
    assert_eq!(
        identity(&[("status", "ACTIVE"), ("sort", "name"), ("search", "x")]),
        "Sort { field: Name, descending: false } Some(\"x\") false status Value([Active]);"
    );
}
