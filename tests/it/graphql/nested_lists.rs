//! Lists below records: in every order that is offered, and at a cost that does not depend on what else the workspace has.

use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use tests::{Fixtures, Kind, World, counted, on_both};

use super::relations::{fields, fill_all, list_of};

/// The ids of the records of a connection.
fn ids(connection: &Value) -> Vec<&str> {
    connection["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect()
}

/// The values of the enum of an argument of a field, if it has that argument.
async fn orders(world: &World, token: &str, of: &str, field: &str) -> Vec<String> {
    let kinds = "fields { name args { name type { name } } }";
    let query = format!("{{ __type(name: \"{of}\") {{ {kinds} }} }}");
    let found = world.graphql(token, &query, json!({})).await.graphql();
    let of_name = |all: &Value, name: &str| all.as_array().unwrap().iter().find(|one| one["name"] == name).cloned();
    let field = of_name(&found["__type"]["fields"], field).unwrap();
    let Some(sort) = of_name(&field["args"], "sort") else { return vec![] };
    let query = format!("{{ __type(name: {}) {{ enumValues {{ name }} }} }}", sort["type"]["name"]);
    let found = world.graphql(token, &query, json!({})).await.graphql();
    let values = found["__type"]["enumValues"].as_array().unwrap();
    values.iter().map(|value| value["name"].as_str().unwrap().to_owned()).collect()
}

on_both! {
    /// Below a record, a list has the order of the flat list, whichever is asked for.
    async fn every_order_below_a_record_is_that_of_the_flat_list(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        fill_all(&world, &fixtures.home).await;
        let mut asked = 0;
        for field in fields(&world, owner).await.iter().filter(|field| field.to.ends_with("Connection")) {
            let noun = field.to.trim_end_matches("Connection");
            let (Some(parents), Some(flat)) = (list_of(&field.of), list_of(noun)) else { continue };
            for order in orders(&world, owner, &field.of, &field.name).await {
                let name = &field.name;
                let query = format!(
                    "{{ flat: {flat}(first: 200, sort: {order}) {{ nodes {{ id }} }} \
                     {parents}(first: 3) {{ nodes {{ all: {name}(first: 100) {{ nodes {{ id }} }} \
                     sorted: {name}(first: 100, sort: {order}) {{ nodes {{ id }} }} \
                     last: {name}(last: 2, sort: {order}) {{ nodes {{ id }} }} }} }} }}"
                );
                let found = world.graphql(owner, &query, json!({})).await.graphql();
                let flat = ids(&found["flat"]);
                for parent in found[&*parents].as_array().into_iter().chain(found[&*parents]["nodes"].as_array()).flatten() {
                    let (all, sorted, last) = (ids(&parent["all"]), ids(&parent["sorted"]), ids(&parent["last"]));
                    let expected: Vec<&str> = flat.iter().filter(|id| all.contains(id)).copied().collect();
                    assert_eq!(sorted, expected, "{}.{name} by {order}", field.of);
                    assert_eq!(last, expected[expected.len().saturating_sub(2)..], "{}.{name} by {order}", field.of);
                    asked += usize::from(all.len() > 1);
                }
            }
        }
        assert!(asked > 100, "{asked}");
    }
}

on_both! {
    /// A field of a record below another is the same, whichever others are selected beside it.
    async fn a_record_below_another_is_the_same_however_little_of_it_is_selected(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        fill_all(&world, &fixtures.home).await;
        let fields = fields(&world, owner).await;
        let mut compared = 0;
        for list in fields.iter().filter(|field| field.to.ends_with("Connection")) {
            let noun = list.to.trim_end_matches("Connection");
            let (Some(parents), name) = (list_of(&list.of), &list.name) else { continue };
            let is_scalar = |kind: &str| matches!(kind, "SCALAR" | "ENUM");
            let scalars: Vec<_> =
                fields.iter().filter(|field| field.of == noun && is_scalar(&field.kind)).map(|field| &*field.name).collect();
            let all = format!("nodes {{ {} }}", scalars.join(" "));
            // By itself, with its cursor, and beside another order of the same list.
            let one = |field: &str| format!("a: nodes {{ x: {field} }} b: edges {{ cursor node {{ {field} id }} }}");
            let mut pages = vec![format!("all: {name}(first: 3) {{ {all} edges {{ cursor }} }}")];
            pages.extend(scalars.iter().map(|field| format!("{field}: {name}(first: 3) {{ {} }}", one(field))));
            for pages in pages[1..].chunks(4).map(|some| [&pages[..1], some].concat()) {
                let query = format!("{{ {parents}(first: 3) {{ nodes {{ {} }} }} }}", pages.join(" "));
                let found = world.graphql(owner, &query, json!({})).await.graphql();
                for parent in found[&*parents]["nodes"].as_array().unwrap() {
                    let all = parent["all"]["nodes"].as_array().unwrap();
                    for field in scalars.iter().filter(|field| parent[**field].is_object()) {
                        let (of_all, page) = (|field: &str| all.iter().map(|row| &row[field]).collect::<Vec<_>>(), &parent[*field]);
                        let of = |rows: &str, place: &str| {
                            page[rows].as_array().unwrap().iter().map(|row| row.pointer(place).unwrap().clone()).collect::<Vec<_>>()
                        };
                        let expected: Vec<Value> = of_all(field).into_iter().cloned().collect();
                        assert_eq!(of("a", "/x"), expected, "{query}");
                        assert_eq!(of("b", &format!("/node/{field}")), expected, "{query}");
                        let cursors: Vec<_> =
                            parent["all"]["edges"].as_array().unwrap().iter().map(|edge| edge["cursor"].clone()).collect();
                        assert_eq!(of("b", "/cursor"), cursors, "{query}");
                        compared += usize::from(!all.is_empty());
                    }
                }
            }
        }
        assert!(compared > 200, "{compared}");
    }
}

/// SQLite reads the first entries of each project from the index of the projects, without any statistics: it does not look
/// at the rest of the workspace for each of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_a_nested_list_reads_its_own_rows() {
    let world = World::on(Kind::Sqlite).await;
    let fixtures = Fixtures::new(&world).await;
    let owner = &fixtures.home.owner;
    fixtures.home.project(&world, "P").await;
    let id = world.database.kind.new_id();
    let projects = format!(
        "{} INSERT INTO project (id, organization_id, client_id, name, name_key, search_key, status, rate_type, version, \
         created_at, updated_at) \
         SELECT {id}, organization_id, client_id, name, name_key, search_key, status, rate_type, 1, 1000 + i, 1000 \
         FROM project, n",
        counted(199)
    );
    let db = world.database.connect().await;
    db.execute_unprepared(&projects).await.unwrap();
    let entries = format!(
        "{} INSERT INTO time_entry (id, organization_id, user_id, project_id, duration_seconds, billable, search_key, \
         entry_date, version, created_at, updated_at) SELECT {id}, project.organization_id, member.user_id, project.id, i, 1, \
         '', '2026-06-11', 1, 1000 + i, 1000 FROM project, n, member \
         WHERE member.organization_id = project.organization_id AND member.role = (SELECT MAX(role) FROM member)",
        counted(100)
    );
    db.execute_unprepared(&entries).await.unwrap();
    assert!(world.database.number("SELECT COUNT(*) AS n FROM time_entry").await >= 20_000);
    for (query, outer) in [
        ("{ projects(first: 200) { nodes { timeEntries(first: 1) { nodes { id } } } } }", 200),
        (
            "{ projects(first: 200) { nodes { timeEntries(first: 1, sort: DURATION_SECONDS_DESC) { nodes { id } } } } }",
            200,
        ),
        ("{ clients(first: 10) { nodes { timeEntries(first: 1) { nodes { id } } } } }", 1),
    ] {
        world.begin_counting();
        let found = world.graphql(owner, query, json!({})).await.graphql();
        let parents = found.as_object().unwrap().values().next().unwrap()["nodes"].as_array().unwrap();
        let full = parents.iter().filter(|parent| ids(&parent["timeEntries"]).len() == 1).count();
        assert_eq!(full, outer, "{query}");
        let statements = world.statements();
        let nested = statements.iter().find(|sql| sql.contains("JSON_EACH")).expect("a nested list");
        let explained = Statement::from_string(db.get_database_backend(), format!("EXPLAIN QUERY PLAN {nested}"));
        let steps = db.query_all_raw(explained).await.unwrap();
        let steps: Vec<String> = steps.iter().map(|step| step.try_get("", "detail").unwrap()).collect();
        assert!(steps.iter().any(|step| step.contains("INTEGER PRIMARY KEY (rowid=?)")), "{steps:#?}");
        let scans = |step: &String| step.contains("(organization_id=?)") && step.contains("time_entry");
        assert!(!steps.iter().any(scans), "{steps:#?}");
    }
    db.close().await.unwrap();
}
