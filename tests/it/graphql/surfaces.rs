//! Both surfaces return the same: every noun, for every role, field by field; every sort order, row by row. Which fields and
//! orders there are is read from the schema itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use service::value::Role;
use tests::{Fixtures, NOUNS, on_both};

use super::relations::{Field, fields, fill_all};

/// What a record has over REST and GraphQL: its fields, and what it carries in lists without pages.
struct Shape {
    fields: BTreeSet<String>,
    lists: BTreeMap<String, Shape>,
}

impl Shape {
    /// As a list shows it, without lists of its own.
    fn flat(all: &[Field], kind: &str) -> Shape {
        let fields = all.iter().filter(|field| field.of == kind && field.kind != "OBJECT");
        Shape { fields: fields.map(|field| field.name.clone()).collect(), lists: BTreeMap::new() }
    }

    /// As it is shown by itself.
    fn whole(all: &[Field], kind: &str) -> Shape {
        let lists = all.iter().filter(|field| field.of == kind && field.kind == "OBJECT" && field.whole_list);
        let lists = lists.map(|list| (list.name.clone(), Shape::flat(all, &list.to))).collect();
        Shape { lists, ..Shape::flat(all, kind) }
    }

    fn selected(&self) -> String {
        let lists = self.lists.iter().map(|(list, of)| format!("{list} {{ {} }}", of.selected()));
        self.fields.iter().cloned().chain(lists).collect::<Vec<_>>().join(" ")
    }

    /// Equal, except that a hidden field is absent over REST and null in GraphQL. Returns the lists that have been
    /// compared; those that REST does not carry are relations.
    fn assert_same(&self, rest: &Value, graphql: &Value, place: &str) -> Vec<String> {
        let (rest, graphql) = (rest.as_object().unwrap(), graphql.as_object().unwrap());
        for field in &self.fields {
            let over_rest = rest.get(field).unwrap_or(&Value::Null);
            assert_eq!(over_rest, &graphql[field], "{place}: {field}");
        }
        let mut compared = Vec::new();
        for (list, shape) in self.lists.iter().filter(|(list, _)| rest.contains_key(*list)) {
            let (over_rest, in_graphql) = (rest[list].as_array().unwrap(), graphql[list].as_array().unwrap());
            assert!(!over_rest.is_empty() && over_rest.len() == in_graphql.len(), "{place}: {list}");
            for (over_rest, in_graphql) in over_rest.iter().zip(in_graphql) {
                shape.assert_same(over_rest, in_graphql, &format!("{place}: {list}"));
            }
            compared.push(list.clone());
        }
        let known = |key: &String| self.fields.contains(key) || self.lists.contains_key(key);
        let unknown: Vec<_> = rest.keys().filter(|key| !known(key)).collect();
        assert!(unknown.is_empty(), "{place}: {unknown:?} is over REST only");
        compared
    }
}

on_both! {
    /// Lists and single records of every noun, for every role.
    async fn every_noun_is_the_same_for_every_role(world: World) {
        let fixtures = Fixtures::new(&world).await;
        fill_all(&world, &fixtures.home).await;
        let all = fields(&world, &fixtures.home.owner).await;
        let (mut compared, mut nested) = (0, BTreeSet::new());
        for noun in &NOUNS {
            let (kind, path, list, one) = (noun.one, noun.path, noun.list(), noun.field());
            let (flat, whole) = (Shape::flat(&all, kind), Shape::whole(&all, kind));
            let selected = flat.selected();
            for role in Role::ALL {
                let token = fixtures.home.token(*role);
                let place = format!("{kind} for {role}");
                let rest = world.get(token, &format!("/api/v1/{path}?limit=200")).await;
                let graphql = world.graphql(token, &format!("{{ {list}(first: 200) {{ nodes {{ {selected} }} }} }}"), json!({})).await;
                if rest.status == 403 {
                    assert_eq!(graphql.graphql_error()["code"], "forbidden_scope", "{place}");
                    let query = format!("query($id: ID!) {{ {one}(id: $id) {{ id }} }}");
                    let reported = world.graphql(token, &query, json!({ "id": fixtures.home.id })).await;
                    assert_eq!(reported.graphql_error()["code"], "forbidden_scope", "{place}");
                    continue;
                }
                let (rest, graphql) = (rest.data(200), graphql.graphql()[&*list]["nodes"].clone());
                let (rest, graphql) = (rest.as_array().unwrap(), graphql.as_array().unwrap());
                assert!(!rest.is_empty() && rest.len() == graphql.len(), "{place}: {} and {}", rest.len(), graphql.len());
                for (over_rest, in_graphql) in rest.iter().zip(graphql) {
                    flat.assert_same(over_rest, in_graphql, &place);
                    compared += 1;
                }
                let id = rest[0]["id"].as_str().unwrap();
                let over_rest = match kind {
                    // REST has them in the list only.
                    "Token" => rest[0].clone(),
                    _ => world.get(token, &format!("/api/v1/{path}/{id}")).await.data(200),
                };
                let query = format!("query($id: ID!) {{ {one}(id: $id) {{ {} }} }}", whole.selected());
                let in_graphql = world.graphql(token, &query, json!({ "id": id })).await.graphql()[&*one].clone();
                let lists = whole.assert_same(&over_rest, &in_graphql, &place);
                nested.extend(lists.into_iter().map(|list| format!("{kind}.{list}")));
            }
        }
        assert!(compared > 150, "{compared}");
        assert_eq!(nested.into_iter().collect::<Vec<_>>(), ["Invoice.lines", "WebhookDelivery.attempts"]);
        for (kind, path, field) in [("Viewer", "me", "viewer"), ("Organization", "organization", "organization")] {
            let mut shape = Shape::flat(&all, kind);
            // The viewer has an id for caches, which REST does not need.
            shape.fields.retain(|field| kind != "Viewer" || field != "id");
            for role in Role::ALL {
                let over_rest = world.get(fixtures.home.token(*role), &format!("/api/v1/{path}")).await.data(200);
                let in_graphql = world.graphql(fixtures.home.token(*role), &format!("{{ {field} {{ {} }} }}", shape.selected()), json!({})).await;
                shape.assert_same(&over_rest, &in_graphql.graphql()[field], &format!("{kind} for {role}"));
            }
        }
    }
}

on_both! {
    /// Every sort order gives the same rows in the same order, with the same cursors.
    async fn every_sort_order_is_the_same(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        fill_all(&world, &fixtures.home).await;
        for noun in &NOUNS {
            let (kind, path, list) = (noun.one, noun.path, noun.list());
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
                let in_graphql = world.graphql(owner, &query, json!({})).await.graphql()[&*list].clone();
                let ids = |rows: &Value| rows.as_array().unwrap().iter().map(|row| row["id"].clone()).collect::<Vec<_>>();
                assert_eq!(ids(&over_rest["data"]), ids(&in_graphql["nodes"]), "{kind} by {order}");
                if in_graphql["pageInfo"]["hasNextPage"] == true {
                    assert_eq!(over_rest["pagination"]["nextCursor"], in_graphql["pageInfo"]["endCursor"], "{kind} by {order}");
                }
            }
        }
    }
}
