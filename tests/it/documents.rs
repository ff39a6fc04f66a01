//! The documents are part of the contract: committed, and equal to what the code generates.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use service::{Access, Action};
use tests::on_both;

fn committed(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

/// Compares with the committed file; `make accept` writes it anew.
fn assert_committed(path: &str, made: &str) {
    let known = std::fs::read_to_string(committed(path)).unwrap_or_default();
    assert!(known == made, "{path} is not what the code makes; look at the change and run `make accept`");
}

fn documents() -> api::rest::openapi::Documents {
    api::rest::openapi::Documents::new(None)
}

#[test]
fn the_openapi_documents_are_committed() {
    assert_committed("api/openapi.json", &documents().json);
    assert_committed("api/openapi-3.0.json", &documents().json_3_0);
}

#[test]
fn the_page_of_errors_is_committed() {
    assert_committed("docs/errors.md", &api::rest::errors_page::page());
}

#[test]
fn the_page_of_permissions_is_committed() {
    assert_committed("docs/permissions.md", &api::permissions_page::page());
}

#[test]
fn the_graphql_schema_is_committed() {
    assert_committed("schema/schema.graphql", &schema::published_sdl());
}

/// Every operation of a document: path, method, operation.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let methods = item.as_object().unwrap();
        methods.iter().map(|(m, o)| (path.clone(), m.clone(), o.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

#[test]
fn every_action_is_one_rest_operation() {
    let document: Value = serde_json::from_str(&documents().json).unwrap();
    let served: BTreeSet<String> =
        operations(&document).iter().map(|(_, _, o)| o["operationId"].as_str().unwrap().to_owned()).collect();
    let api = Action::ALL.iter().filter(|action| !action.needs_session());
    let known: BTreeSet<String> = api.map(|action| action.operation_id().into_owned()).collect();
    assert_eq!(served, known);
}

#[test]
fn every_writing_action_is_one_mutation() {
    let sdl = schema::sdl();
    let mutations = sdl.split("type Mutation {").nth(1).unwrap().split("\n}").next().unwrap();
    let fields: BTreeSet<String> = mutations
        .lines()
        .filter_map(|line| line.trim().split_once('('))
        .map(|(name, _)| name.to_owned())
        .filter(|name| !name.is_empty() && name.chars().all(char::is_alphanumeric))
        .collect();
    // The mutation `stopTimer` without an id stops the running timer.
    let writes = Action::ALL.iter().filter(|action| {
        action.access() == Access::Write && !action.needs_session() && **action != Action::StopRunningTimer
    });
    let known: BTreeSet<String> = writes.map(|action| action.operation_id().into_owned()).collect();
    assert_eq!(fields, known);
}

/// Subscriptions are not operations of REST: each follows the policy of what it publishes; see `subscriptions.rs`.
#[test]
fn every_subscription_is_known() {
    let sdl = schema::sdl();
    let subscriptions = sdl.split("type Subscription {").nth(1).unwrap().split("\n}").next().unwrap();
    let names =
        subscriptions.lines().filter_map(|line| line.strip_prefix('\t')).filter(|line| !line.starts_with(['"', '\t']));
    let names: Vec<_> = names
        .filter_map(|line| line.split(['(', ':']).next())
        .filter(|name| name.chars().all(char::is_alphanumeric))
        .collect();
    assert_eq!(names, ["events", "timerChanged", "timersChanged"]);
}

on_both! {
    /// What is served is what is committed; pages load from nowhere else.
    async fn documents_and_pages_are_public(world: World) {
        use poem::http::Method;
        for (path, kind) in [
            ("/", "text/html; charset=utf-8"),
            ("/api-docs", "text/html; charset=utf-8"),
            ("/graphiql", "text/html; charset=utf-8"),
            ("/docs", "text/html; charset=utf-8"),
            ("/assets/scalar.js", "text/javascript; charset=utf-8"),
            ("/api/openapi.json", "application/json"),
            ("/api/openapi.yaml", "application/yaml"),
            ("/api/openapi-3.0.json", "application/json"),
            ("/graphql/schema.graphql", "text/plain; charset=utf-8"),
            ("/.well-known/security.txt", "text/plain; charset=utf-8"),
        ] {
            let answer = world.call(Method::GET, path).send().await;
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("content-type"), Some(kind), "{path}");
            let policy = answer.header("content-security-policy").unwrap();
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("http"), "{policy}");
            if kind.starts_with("text/html") {
                let page = answer.text();
                assert!(!page.contains("src=\"http") && !page.contains("<script>"), "{path} loads from elsewhere");
            }
            let tag = answer.header("etag").unwrap();
            let again = world.call(Method::GET, path).header("if-none-match", tag).send().await;
            assert_eq!(again.status, 304, "{path}");
            let head = world.call(Method::HEAD, path).send().await;
            assert_eq!(head.status, 200, "{path}");
            world.call(Method::POST, path).send().await.error(405, "bad_request");
        }
        let served = world.call(Method::GET, "/api/openapi.json").send().await.text();
        assert!(served == documents().json);
        let yaml = world.call(Method::GET, "/api/openapi.yaml").send().await.text();
        assert!(yaml.starts_with("components:") || yaml.contains("openapi: 3.1.0"));
        world.call(Method::GET, "/assets/nothing.js").send().await.error(404, "not_found");
        assert_eq!(world.call(Method::GET, "/healthz").send().await.status, 200);
        assert_eq!(world.call(Method::GET, "/readyz").send().await.status, 200);
    }
}
