//! A refused client that waits exactly as long as `Retry-After` says is admitted, whatever its request costs.

use poem::http::Method;
use serde_json::{Value, json};
use service::value::Plan;
use tests::{Answer, Workspace, World, on_both};

use super::limits::{batch, number, rate_limit};
use crate::mcp;
use crate::settings::coded;

/// A document of 300 points, and one of 95.
const DOCUMENT: &str = "{ clients(first: 150) { nodes { projects(first: 99) { nodes { id } } } } }";
const SMALLER: &str = "{ clients(first: 47) { nodes { projects(first: 100) { nodes { id } } } } }";

/// A request that is sent twice, the second time after the wait of the first.
#[derive(Clone, Debug)]
enum Request {
    Get(&'static str),
    Post(&'static str, Value),
    Document,
    DocumentByGet,
    Tool(&'static str, Value),
}

async fn send(world: &World, token: &str, key: &str, request: &Request) -> Answer {
    match request {
        Request::Get(path) => world.get(token, path).await,
        Request::Post(path, body) => {
            world.call(Method::POST, path).token(token).key(key).json(body.clone()).send().await
        }
        Request::Document => world.graphql(token, DOCUMENT, json!({})).await,
        Request::DocumentByGet => world.get(token, &format!("/graphql?query={}", coded(DOCUMENT))).await,
        Request::Tool(name, arguments) => {
            let params = json!({ "name": name, "arguments": arguments });
            mcp::send(world, token, "/mcp", "tools/call", params).await
        }
    }
}

/// Spends all points of an Agency's token.
async fn spend(world: &World, token: &str) {
    world.clock.advance(60_000);
    for left in [900, 600, 300, 0] {
        let answer = world.graphql(token, DOCUMENT, json!({})).await;
        assert_eq!(rate_limit(&answer).sustained.0, left, "{}", answer.text());
    }
}

on_both! {
    /// With no point left the door knows nothing of a request but its first point; its wait is that of all of them.
    async fn a_wait_is_enough_for_the_whole_request(world: World) {
        let world = world.replica(world.clock.clone(), |config| config.rate_limit_scale = 1).await;
        let workspace = Workspace::new(&world, "agency", Plan::Agency).await;
        let token = &workspace.owner;
        let project = workspace.project(&world, "P").await;
        let entries = batch(&project, 100)["timeEntries"].clone();
        let requests = [
            (Request::Get("/api/v1/clients"), 1),
            (Request::Get("/api/v1/clients?search=x&count=true"), 1),
            (Request::Get("/api/v1/reports/time?groupBy=day"), 1),
            (Request::Get("/api/v1/reports/expenses?groupBy=month"), 1),
            (Request::Post("/api/v1/time-entries/batch", batch(&project, 100)), 5),
            (Request::Post("/api/v1/time-entries/batch", batch(&project, 21)), 2),
            (Request::Post("/api/v1/webhook-deliveries/replay", json!({})), 3),
            (Request::Document, 15),
            (Request::DocumentByGet, 15),
            (Request::Tool("query", json!({ "query": SMALLER })), 5),
            (Request::Tool("time_report", json!({ "groupBy": ["day"] })), 1),
            (Request::Tool("create_time_entries", json!({ "timeEntries": entries, "idempotencyKey": "a" })), 5),
            (Request::Tool("get_me", json!({})), 1),
        ];
        for (request, seconds) in &requests {
            spend(&world, token).await;
            let key = world.new_key();
            let refused = send(&world, token, &key, request).await;
            assert_eq!(refused.status.as_u16(), 429, "{request:?}: {}", refused.text());
            let wait = number(&refused, "retry-after");
            assert_eq!(wait, *seconds, "{request:?}");
            world.clock.advance(wait * 1000);
            let admitted = send(&world, token, &key, request).await;
            assert!(admitted.status.is_success(), "{request:?} after {wait} s: {}", admitted.text());
            assert!(!admitted.text().contains("rate_limited"), "{request:?} after {wait} s: {}", admitted.text());
        }
    }
}

on_both! {
    /// The burst bucket refuses without a look at the request; the wait is enough for the other bucket, too.
    async fn a_wait_for_the_burst_bucket_is_enough_for_both(world: World) {
        let world = world.replica(world.clock.clone(), |config| config.rate_limit_scale = 1).await;
        let workspace = Workspace::new(&world, "agency", Plan::Agency).await;
        let token = &workspace.owner;
        world.clock.advance(60_000);
        for _ in 0..3 {
            world.graphql(token, DOCUMENT, json!({})).await.graphql();
        }
        for _ in 0..57 {
            world.get(token, "/api/v1/me").await.data(200);
        }
        for request in [Request::Document, Request::Tool("query", json!({ "query": SMALLER }))] {
            let refused = send(&world, token, "k", &request).await;
            assert_eq!((refused.status.as_u16(), rate_limit(&refused).burst.0), (429, 0));
            world.clock.advance(number(&refused, "retry-after") * 1000);
            let admitted = send(&world, token, "k", &request).await;
            assert!(admitted.status.is_success() && !admitted.text().contains("rate_limited"), "{}", admitted.text());
            while rate_limit(&world.get(token, "/api/v1/me").await).burst.0 > 0 {}
        }
    }
}
