//! Both surfaces tell the same: every noun, for every role, field by field; every sort order, row by row. Which fields and
//! orders there are is read from the schema itself.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use service::value::Role;
use tests::{Cast, World, on_both};

use super::relations::{fields, fill};

/// What there is of each noun on each surface: its type, its list and one record of it, over REST and in GraphQL.
const NOUNS: [(&str, &str, &str, Option<&str>); 11] = [
    ("Client", "clients", "clients", Some("client")),
    ("Project", "projects", "projects", Some("project")),
    ("Task", "tasks", "tasks", Some("task")),
    ("TimeEntry", "time-entries", "timeEntries", Some("timeEntry")),
    ("Expense", "expenses", "expenses", Some("expense")),
    ("Invoice", "invoices", "invoices", Some("invoice")),
    ("Member", "members", "members", Some("member")),
    ("Token", "tokens", "tokens", None),
    ("WebhookEndpoint", "webhook-endpoints", "webhookEndpoints", Some("webhookEndpoint")),
    ("WebhookDelivery", "webhook-deliveries", "webhookDeliveries", Some("webhookDelivery")),
    ("Event", "events", "events", Some("event")),
];

/// Equal, but that what a role does not see is absent over REST and null in GraphQL.
fn assert_same(rest: &Value, graphql: &Value, fields: &BTreeSet<String>, place: &str) {
    let (rest, graphql) = (rest.as_object().unwrap(), graphql.as_object().unwrap());
    for field in fields {
        let over_rest = rest.get(field).unwrap_or(&Value::Null);
        assert_eq!(over_rest, &graphql[field], "{place}: {field}");
    }
    let unknown: Vec<_> =
        rest.keys().filter(|key| !fields.contains(*key) && !["lines", "attempts"].contains(&key.as_str())).collect();
    assert!(unknown.is_empty(), "{place}: {unknown:?} is over REST only");
}

async fn scalars(world: &World, token: &str, kind: &str) -> BTreeSet<String> {
    let all = fields(world, token).await.into_iter();
    all.filter(|(of, _, _, what)| of == kind && what != "OBJECT").map(|(_, field, _, _)| field).collect()
}

on_both! {
    /// Lists and single records of every noun, for every role.
    async fn every_noun_is_the_same_for_every_role(world: World) {
        let cast = Cast::new(&world).await;
        crate::webhook::subscribe(&world, &cast.home, "https://hooks.example/in", &["client.created"]).await;
        fill(&world, &cast.home).await;
        let mut compared = 0;
        for (kind, path, list, one) in NOUNS {
            let fields = scalars(&world, &cast.home.owner, kind).await;
            let selected = fields.iter().cloned().collect::<Vec<_>>().join(" ");
            for role in Role::ALL {
                let token = cast.home.token(*role);
                let place = format!("{kind} for {role}");
                let rest = world.get(token, &format!("/api/v1/{path}?limit=200")).await;
                let graphql = world.graphql(token, &format!("{{ {list}(first: 200) {{ nodes {{ {selected} }} }} }}"), json!({})).await;
                if rest.status == 403 {
                    assert_eq!(graphql.graphql_error()["code"], "forbidden_scope", "{place}");
                    if let Some(one) = one {
                        let query = format!("query($id: ID!) {{ {one}(id: $id) {{ id }} }}");
                        let told = world.graphql(token, &query, json!({ "id": cast.home.id })).await;
                        assert_eq!(told.graphql_error()["code"], "forbidden_scope", "{place}");
                    }
                    continue;
                }
                let (rest, graphql) = (rest.data(200), graphql.graphql()[list]["nodes"].clone());
                let (rest, graphql) = (rest.as_array().unwrap(), graphql.as_array().unwrap());
                assert!(!rest.is_empty() && rest.len() == graphql.len(), "{place}: {} and {}", rest.len(), graphql.len());
                for (over_rest, in_graphql) in rest.iter().zip(graphql) {
                    assert_same(over_rest, in_graphql, &fields, &place);
                    compared += 1;
                }
                let Some(one) = one else { continue };
                let id = rest[0]["id"].as_str().unwrap();
                let over_rest = world.get(token, &format!("/api/v1/{path}/{id}")).await.data(200);
                let query = format!("query($id: ID!) {{ {one}(id: $id) {{ {selected} }} }}");
                let in_graphql = world.graphql(token, &query, json!({ "id": id })).await.graphql()[one].clone();
                assert_same(&over_rest, &in_graphql, &fields, &place);
            }
        }
        assert!(compared > 150, "{compared}");
        for (kind, path, field) in [("Viewer", "me", "viewer"), ("Organization", "organization", "organization")] {
            let fields = scalars(&world, &cast.home.owner, kind).await;
            let selected = fields.iter().cloned().collect::<Vec<_>>().join(" ");
            for role in Role::ALL {
                let over_rest = world.get(cast.home.token(*role), &format!("/api/v1/{path}")).await.data(200);
                let in_graphql = world.graphql(cast.home.token(*role), &format!("{{ {field} {{ {selected} }} }}"), json!({})).await;
                assert_same(&over_rest, &in_graphql.graphql()[field], &fields, &format!("{kind} for {role}"));
            }
        }
    }
}

on_both! {
    /// Every sort order gives the same rows in the same order, with the same cursors.
    async fn every_sort_order_is_the_same(world: World) {
        let cast = Cast::new(&world).await;
        let owner = &cast.home.owner;
        crate::webhook::subscribe(&world, &cast.home, "https://hooks.example/in", &["client.created"]).await;
        fill(&world, &cast.home).await;
        for (kind, path, list, _) in NOUNS {
            let query = format!("{{ __type(name: \"{kind}Sort\") {{ enumValues {{ name }} }} }}");
            let orders = world.graphql(owner, &query, json!({})).await.graphql()["__type"]["enumValues"].clone();
            for order in orders.as_array().unwrap().iter().map(|order| order["name"].as_str().unwrap()) {
                let (field, direction) = order.rsplit_once('_').unwrap();
                let mut words = field.split('_').map(str::to_lowercase);
                let first = words.next().unwrap();
                let rest = words.map(|word| word[..1].to_uppercase() + &word[1..]);
                let sort = if direction == "DESC" { "-" } else { "" }.to_owned() + &first + &rest.collect::<String>();
                let over_rest = world.get(owner, &format!("/api/v1/{path}?limit=3&sort={sort}")).await.json();
                let query = format!("{{ {list}(first: 3, sort: {order}) {{ nodes {{ id }} pageInfo {{ hasNextPage endCursor }} }} }}");
                let in_graphql = world.graphql(owner, &query, json!({})).await.graphql()[list].clone();
                let ids = |rows: &Value| rows.as_array().unwrap().iter().map(|row| row["id"].clone()).collect::<Vec<_>>();
                assert_eq!(ids(&over_rest["data"]), ids(&in_graphql["nodes"]), "{kind} by {order}");
                if in_graphql["pageInfo"]["hasNextPage"] == true {
                    assert_eq!(over_rest["pagination"]["nextCursor"], in_graphql["pageInfo"]["endCursor"], "{kind} by {order}");
                }
            }
        }
    }
}
