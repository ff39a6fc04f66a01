//! Records as screens need them: counts, relations that cross nouns, reports by node, and timers of everybody.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Response;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use poem::http::Method;
use schema::{Gateway, Sent};
use serde_json::{Value, json};
use service::RequestFacts;
use service::live::Subscriber;
use service::value::Role;
use tests::{Fixtures, World, on_both};
use tokio::time::timeout;

use super::subscriptions::{jobs, watching_as};

on_both! {
    /// `totalCount` is the number of rows of the whole list, at the root and below a record, with its filters.
    async fn connections_count_the_whole_list(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = fixtures.home.client(&world, "C").await;
        let other = fixtures.home.client(&world, "D").await;
        for i in 0..7 {
            let client = if i < 5 { &client } else { &other };
            world.post(owner, "/api/v1/projects", json!({ "clientId": client, "name": format!("P{i}") })).await.data(201);
        }
        let query = "{ projects(first: 2, sort: NAME_ASC) { totalCount nodes { name } pageInfo { hasNextPage } }
            some: projects(search: \"P3\") { totalCount }
            none: projects(filter: { status: [ARCHIVED] }) { totalCount }
            clients(sort: NAME_ASC) { nodes { projects(first: 1) { all: totalCount nodes { id } } } } }";
        let found = world.graphql(owner, query, json!({})).await.graphql();
        assert_eq!(found["projects"]["totalCount"], 7);
        assert_eq!(found["projects"]["nodes"].as_array().unwrap().len(), 2);
        assert_eq!((&found["some"]["totalCount"], &found["none"]["totalCount"]), (&json!(1), &json!(0)));
        let below: Vec<&Value> = found["clients"]["nodes"].as_array().unwrap().iter().map(|c| &c["projects"]["all"]).collect();
        assert_eq!(below, [5, 2], "{found}");
        // A later page counts the same list.
        let page = world.graphql(owner, "{ projects(first: 5) { pageInfo { endCursor } } }", json!({})).await.graphql();
        let after = page["projects"]["pageInfo"]["endCursor"].clone();
        let query = "query($a: String) { projects(after: $a) { totalCount nodes { id } } }";
        let rest = world.graphql(owner, query, json!({ "a": after })).await.graphql();
        assert_eq!((&rest["projects"]["totalCount"], rest["projects"]["nodes"].as_array().unwrap().len()), (&json!(7), 2));
    }
}

on_both! {
    /// A delete names what it deleted without taking its type; the caller's timer is stopped without its id.
    async fn mutations_suit_caches_and_timers(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let client = home.client(&world, "C").await;
        let delete = "mutation($id: ID!) { deleteClient(id: $id) { deletedId } }";
        let deleted = world.graphql(&home.owner, delete, json!({ "id": client })).await.graphql();
        assert_eq!(deleted["deleteClient"], json!({ "deletedId": client }));

        let project = home.project_with_member(&world, "P").await;
        let stop = "mutation { stopTimer { timeEntry { id durationSeconds } } }";
        assert_eq!(world.graphql(&home.member, stop, json!({})).await.graphql_error()["code"], "conflict");
        let own = world.post(&home.member, "/api/v1/time-entries/start", json!({ "projectId": project })).await.id();
        let other = world.post(&home.owner, "/api/v1/time-entries/start", json!({ "projectId": project })).await.id();
        world.clock.advance(5000);
        let stopped = world.graphql(&home.member, stop, json!({})).await.graphql();
        assert_eq!(stopped["stopTimer"]["timeEntry"], json!({ "id": own, "durationSeconds": 5 }));
        let by_id = "mutation($id: ID) { stopTimer(id: $id) { timeEntry { id } } }";
        let stopped = world.graphql(&home.owner, by_id, json!({ "id": other })).await.graphql();
        assert_eq!(stopped["stopTimer"]["timeEntry"]["id"], json!(other));
    }
}

on_both! {
    /// The viewer has an id of its own, its membership and its projects; an entry leads to its client for those who see it.
    async fn relations_reach_what_a_screen_shows(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let project = home.project_with_member(&world, "P").await;
        home.project(&world, "Other").await;
        let entry = home.entry(&world, &home.member, &project).await;
        let query = "query($id: ID!) { viewer { id memberId userId member { id name } projects { totalCount nodes { id } } }
            timeEntry(id: $id) { client { name projects { nodes { id } } } project { id } } }";
        for (role, projects, client) in [(Role::Owner, 2, json!("Client of P")), (Role::Manager, 2, json!("Client of P")), (Role::Member, 1, Value::Null)] {
            let found = world.graphql(home.token(role), query, json!({ "id": entry["id"] })).await.graphql();
            let viewer = &found["viewer"];
            assert_eq!(viewer["member"]["id"], viewer["memberId"]);
            assert!(viewer["id"] != viewer["memberId"] && viewer["id"] != viewer["userId"], "{viewer}");
            assert_eq!(viewer["projects"]["totalCount"], projects, "{role}");
            assert_eq!(found["timeEntry"]["client"]["name"], client, "{role}: {found}");
            assert_eq!(found["timeEntry"]["project"]["id"], json!(project));
        }
    }
}

on_both! {
    /// The keys of a report are the records themselves, whose ids belong to one type.
    async fn reports_are_grouped_by_records(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let project = home.project_with_member(&world, "P").await;
        home.entry(&world, &home.member, &project).await;
        let query = "{ timeReport(groupBy: [CLIENT, PROJECT]) { rows { seconds keys { __typename
            client { __typename id name } project { __typename id color } clientId projectId day } }
            total { seconds entries } } }";
        let found = world.graphql(&home.owner, query, json!({})).await.graphql();
        let keys = &found["timeReport"]["rows"][0]["keys"];
        for (key, kind) in [("client", "Client"), ("project", "Project")] {
            assert_eq!(keys[key]["__typename"], kind, "{keys}");
        }
        assert_eq!((&keys["project"]["id"], &keys["projectId"]), (&json!(project), &json!(project)));
        assert_eq!((&keys["client"]["id"], &keys["day"]), (&keys["clientId"], &Value::Null));
        let query = "{ timeReport(groupBy: []) { rows { seconds } total { seconds entries } } }";
        let total = world.graphql(&home.owner, query, json!({})).await.graphql();
        assert_eq!(total["timeReport"]["rows"], json!([]), "without groups there is just the total");
        assert_eq!(total["timeReport"]["total"], found["timeReport"]["total"]);
        let query = "{ timeReport(groupBy: [CLIENT, PROJECT, DAY]) { rows { keys { clientId projectId day month } } } }";
        let three = world.graphql(&home.owner, query, json!({})).await.graphql();
        let keys = &three["timeReport"]["rows"][0]["keys"];
        assert!(keys["clientId"].is_string() && keys["projectId"].is_string() && keys["day"].is_string(), "{keys}");
        assert_eq!(keys["month"], Value::Null);
        let query = "{ timeReport(groupBy: [MEMBER]) { rows { keys { member { __typename id userId name } } } } }";
        let people = world.graphql(&home.owner, query, json!({})).await.graphql();
        let member = &people["timeReport"]["rows"][0]["keys"]["member"];
        assert_eq!((&member["__typename"], &member["userId"]), (&json!("Member"), &json!(home.member_user)));
        // A Member who has left the project keeps the time, and does not see the project.
        let path = format!("/api/v1/projects/{project}/members/{}", home.member_user);
        assert_eq!(world.delete(&home.owner, &path).await.status.as_u16(), 204);
        let query = "{ timeReport(groupBy: [PROJECT]) { rows { keys { projectId project { name } } } } }";
        let left = world.graphql(&home.member, query, json!({})).await.graphql();
        assert_eq!(left["timeReport"]["rows"][0]["keys"], json!({ "projectId": project, "project": null }));
        for kind in ["TimeReportNoun", "TimeReportMember"] {
            assert!(!schema::sdl().contains(kind), "{kind}");
        }
    }
}

on_both! {
    /// Expenses and invoices are counted and summed per currency, by record; a Member sees neither.
    async fn expenses_and_invoices_are_reported(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let client = home.client(&world, "C").await;
        home.expense(&world, &client, "12.50").await;
        home.expense(&world, &client, "7.50").await;
        home.invoice(&world, &client).await;
        let query = "{ expenseReport(groupBy: [CLIENT, CATEGORY]) { rows { count keys { client { id name } clientId category } amounts { currency amount } } total { count } }
            invoiceReport(groupBy: [STATUS]) { rows { count keys { status client { id } } } total { count amounts { currency total outstanding } } } }";
        let answer = world.graphql(&home.owner, query, json!({})).await;
        let found = answer.graphql();
        let row = &found["expenseReport"]["rows"][0];
        assert_eq!((&row["count"], &row["amounts"]), (&json!(2), &json!([{ "currency": "EUR", "amount": "20.00" }])));
        assert_eq!((&row["keys"]["client"]["id"], &row["keys"]["category"]), (&json!(client), &json!("OTHER")));
        let status = &found["invoiceReport"]["rows"][0]["keys"];
        assert_eq!((&status["status"], &status["client"]), (&json!("DRAFT"), &Value::Null));
        assert_eq!(found["invoiceReport"]["total"]["count"], 1);
        assert_eq!(answer.json()["extensions"]["cost"]["requested"], 20);
        let refused = world.graphql(&home.member, query, json!({})).await.json();
        let codes: Vec<_> = refused["errors"].as_array().unwrap().iter().map(|error| &error["extensions"]["code"]).collect();
        assert_eq!(codes, ["forbidden_scope", "forbidden_scope"], "{refused}");
        assert_eq!(refused["data"], json!({ "expenseReport": null, "invoiceReport": null }));
    }
}

on_both! {
    /// `search` is an argument of the lists that are searched, and of no other.
    async fn lists_that_are_not_searched_have_no_search(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for list in ["tokens", "webhookEndpoints", "webhookDeliveries", "events"] {
            let refused = world.graphql(owner, &format!("{{ {list}(search: \"x\") {{ nodes {{ id }} }} }}"), json!({})).await;
            assert_eq!(refused.graphql_error()["code"], "bad_request", "{list}");
            world.graphql(owner, &format!("{{ {list}(last: 1) {{ nodes {{ id }} }} }}"), json!({})).await.graphql();
        }
        for list in ["clients", "projects", "tasks", "timeEntries", "expenses", "invoices", "members"] {
            world.graphql(owner, &format!("{{ {list}(search: \"x\") {{ nodes {{ id }} }} }}"), json!({})).await.graphql();
        }
    }
}

/// An answer as it is sent.
fn json_of(answer: &Response) -> Value {
    serde_json::from_slice(&schema::write(answer, true).unwrap()).unwrap()
}

/// Subscribes to a document; it is registered when this returns.
async fn subscribed(world: &World, token: &str, query: &str) -> (Subscriber, BoxStream<'static, Response>) {
    let (cx, subscriber) = watching_as(world, token, RequestFacts { unlimited: true, ..RequestFacts::default() }).await;
    let gateway = Arc::new(Gateway::default());
    let Ok(prepared) = gateway.prepare(Sent { query: query.into(), ..Sent::default() }) else {
        panic!("the document is refused: {query}")
    };
    let mut answers = gateway.subscribe(prepared, cx, subscriber.clone());
    let first = tokio::select! {
        first = answers.next() => first,
        () = subscriber.subscribed() => None,
    };
    (subscriber, futures_util::stream::iter(first).chain(answers).boxed())
}

on_both! {
    /// Manager and above hear everybody's timers, a Member only their own.
    async fn everybodys_timers_are_for_managers(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let _jobs = jobs(&world);
        let project = home.project_with_member(&world, "P").await;
        let query = "subscription { timersChanged { timeEntry { id durationSeconds member { userId } } } }";
        let (_place, mut refused) = subscribed(&world, &home.member, query).await;
        let refused = serde_json::to_value(refused.next().await.unwrap()).unwrap();
        assert_eq!(refused["errors"][0]["extensions"]["code"], "forbidden_scope", "{refused}");
        for role in [Role::Owner, Role::Admin, Role::Manager] {
            let (_place, mut answers) = subscribed(&world, home.token(role), query).await;
            let mut next = async || {
                let answer = timeout(Duration::from_secs(20), answers.next()).await.unwrap().unwrap();
                json_of(&answer)["data"]["timersChanged"]["timeEntry"].clone()
            };
            let id = world.post(&home.member, "/api/v1/time-entries/start", json!({ "projectId": project })).await.id();
            assert_eq!(next().await, json!({ "id": id, "durationSeconds": null, "member": { "userId": home.member_user } }), "{role}");
            world.clock.advance(3000);
            world.post(&home.member, &format!("/api/v1/time-entries/{id}/stop"), json!({})).await.data(200);
            assert_eq!(next().await["durationSeconds"], 3, "{role}");
        }
    }
}

on_both! {
    /// A subscription lasts longer than an operation may take: what a document asks for below an item is answered then, too.
    async fn fields_below_an_item_are_answered_as_long_as_the_subscription_lasts(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let limit = Duration::from_secs(1);
        let quick = world.replica(world.clock.clone(), |config| config.operation_timeout = limit).await;
        let _jobs = jobs(&quick);
        let project = home.project_with_member(&world, "P").await;
        let mut subscriptions = Vec::new();
        for query in [
            "subscription { timersChanged { timeEntry { project { name } } } }",
            "subscription { timerChanged { timeEntry { project { name } } } }",
        ] {
            subscriptions.push((query, subscribed(&quick, &home.owner, query).await));
        }
        let events = "subscription { events(types: [\"client.created\"]) { type data } }";
        let (_registered, mut created) = subscribed(&quick, &home.owner, events).await;
        // The deadline of the request that subscribed is over.
        tokio::time::sleep_until(tokio::time::Instant::now() + limit * 2).await;
        let start = quick.call(Method::POST, "/api/v1/time-entries/start").token(&home.owner).key("start");
        start.json(json!({ "projectId": project })).send().await.data(201);
        for (query, (_registered, answers)) in &mut subscriptions {
            let answer = timeout(Duration::from_secs(20), answers.next()).await.unwrap().unwrap();
            let answer = json_of(&answer);
            let field = if query.contains("timersChanged") { "timersChanged" } else { "timerChanged" };
            assert_eq!(answer["data"][field]["timeEntry"]["project"]["name"], "P", "{query}: {answer}");
        }
        let create = quick.call(Method::POST, "/api/v1/clients").token(&home.owner).key("create");
        create.json(json!({ "name": "New" })).send().await.data(201);
        let answer = timeout(Duration::from_secs(20), created.next()).await.unwrap().unwrap();
        assert_eq!(json_of(&answer)["data"]["events"]["type"], "client.created");
    }
}

on_both! {
    /// The one field of a subscription may stand in fragments; two fields are refused wherever they stand.
    async fn the_field_of_a_subscription_may_stand_in_a_fragment(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let _jobs = jobs(&world);
        let home = &fixtures.home;
        let mut subscriptions = Vec::new();
        for query in [
            "subscription { ...F } fragment F on Subscription { events { type } }",
            "subscription { ... on Subscription { ... { events { type } } } }",
            "subscription { ...F events { id } } fragment F on Subscription { events { type } }",
        ] {
            subscriptions.push((query, subscribed(&world, &home.owner, query).await));
        }
        home.client(&world, "New").await;
        for (query, (_registered, answers)) in &mut subscriptions {
            let answer = timeout(Duration::from_secs(20), answers.next()).await.unwrap().unwrap();
            assert_eq!(json_of(&answer)["data"]["events"]["type"], "client.created", "{query}");
        }
        let gateway = Gateway::default();
        for query in [
            "subscription { ...F } fragment F on Subscription { events { id } timerChanged { timeEntry { id } } }",
            "subscription { events { id } more: events { id } }",
            "subscription { events @skip(if: true) { id } }",
            "subscription { ...F @include(if: true) } fragment F on Subscription { events { id } }",
        ] {
            assert!(gateway.prepare(Sent { query: query.into(), ..Sent::default() }).is_err(), "{query}");
        }
    }
}

on_both! {
    /// What subscriptions hold in memory is counted: a token that holds much gets no more of it until it ends one.
    async fn the_memory_of_subscriptions_is_bounded(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let large = |i: usize| {
            let filler = "id ".repeat(4_900);
            format!("subscription S{i} {{ timerChanged {{ timeEntry {{ {filler} }} }} }}")
        };
        let mut open = Vec::new();
        let refused = loop {
            let (registered, mut answers) = subscribed(&world, owner, &large(open.len())).await;
            if let Some(answer) = futures_util::FutureExt::now_or_never(answers.next()) {
                break serde_json::to_value(answer.unwrap()).unwrap();
            }
            open.push((registered, answers));
            assert!(open.len() < 100, "nothing bounds them");
        };
        assert_eq!(refused["errors"][0]["extensions"]["reason"], "subscription_cap", "{refused}");
        // A short one of another token is not refused, nor one more of this token once it has ended one.
        let (_registered, mut answers) = subscribed(&world, &fixtures.home.member, "subscription { timerChanged { timeEntry { id } } }").await;
        assert!(futures_util::FutureExt::now_or_never(answers.next()).is_none());
        open.pop();
        let (_registered, mut answers) = subscribed(&world, owner, &large(100)).await;
        assert!(futures_util::FutureExt::now_or_never(answers.next()).is_none());
    }
}

on_both! {
    /// A report without groups is the total alone: zero where there is nothing, with amounts and without.
    async fn a_total_of_nothing_is_zero(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let query = "{ timeReport(groupBy: [], filter: { entryDateFrom: \"2030-01-01\" }) { rows { seconds } total { seconds entries } } }";
        let hidden = query.replace("groupBy: []", "groupBy: [], amountShown: HIDE_AMOUNT");
        for (token, query) in [(&fixtures.home.member, query), (&fixtures.home.owner, query), (&fixtures.home.owner, &hidden)] {
            let found = world.graphql(token, query, json!({})).await.graphql();
            assert_eq!(found["timeReport"], json!({ "rows": [], "total": { "seconds": 0, "entries": 0 } }), "{query}");
        }
    }
}
