//! GraphQL over HTTP, sentence by sentence: what the specification demands of a server, each with a request that shows it.

use poem::http::Method;
use serde_json::{Value, json};
use tests::{Answer, Fixtures, on_both};

const CLASSIC: &str = "application/json";
const MODERN: &str = "application/graphql-response+json";

/// What a request is to be answered with.
struct Expected {
    status: [u16; 2],
    /// Whether `data` is in the answer, for both media types.
    data: bool,
    /// Whether `errors` is in the answer.
    errors: bool,
}

const EXECUTED: Expected = Expected { status: [200, 200], data: true, errors: false };
const PARTIAL: Expected = Expected { status: [200, 200], data: true, errors: true };
/// A well-formed request whose document cannot be executed: 200 for clients of `application/json`, else 400.
const REQUEST_ERROR: Expected = Expected { status: [200, 400], data: false, errors: true };
/// No well-formed request.
const MALFORMED: Expected = Expected { status: [400, 400], data: false, errors: true };

fn check(sentence: &str, answer: &Answer, accept: &str, expected: &Expected) {
    let status = if accept == CLASSIC { expected.status[0] } else { expected.status[1] };
    assert_eq!(answer.status.as_u16(), status, "{sentence} ({accept}): {}", answer.text());
    let kind = answer.header("content-type").unwrap_or_default();
    assert!(kind.starts_with(accept), "{sentence}: answered as {kind}");
    let body = answer.json();
    assert_eq!(body.get("data").is_some(), expected.data, "{sentence} ({accept}): {body}");
    assert_eq!(body.get("errors").is_some(), expected.errors, "{sentence} ({accept}): {body}");
    if expected.errors {
        let errors = body["errors"].as_array().unwrap();
        assert!(!errors.is_empty() && errors.iter().all(|error| error["message"].is_string()), "{sentence}: {body}");
    }
    let known = ["data", "errors", "extensions"];
    assert!(body.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{sentence}: {body}");
}

on_both! {
    /// Bodies of POST: which are well-formed, and what is answered in both media types.
    async fn bodies_are_read_as_the_specification_says(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let named = "query A($yes: Boolean = true) { viewer { name @include(if: $yes) role } } query B { viewer { role } }";
        let by_id = "query($id: ID!) { client(id: $id) { id } }";
        for (sentence, body, expected) in [
            ("query: the string of the document", json!({ "query": "{ viewer { name } }" }), EXECUTED),
            ("query is required", json!({ "operationName": "A" }), MALFORMED),
            ("query must be a string", json!({ "query": { "text": "{ viewer { name } }" } }), MALFORMED),
            ("query must not be null", json!({ "query": null }), MALFORMED),
            ("operationName chooses one of several", json!({ "query": named, "operationName": "B" }), EXECUTED),
            ("operationName may be null", json!({ "query": "{ viewer { name } }", "operationName": null }), EXECUTED),
            ("operationName must be a string", json!({ "query": named, "operationName": 1 }), MALFORMED),
            ("of several operations one must be chosen", json!({ "query": named }), REQUEST_ERROR),
            ("the chosen operation must exist", json!({ "query": named, "operationName": "C" }), REQUEST_ERROR),
            ("variables: a map", json!({ "query": named, "operationName": "A", "variables": { "yes": false } }), EXECUTED),
            ("variables may be null", json!({ "query": "{ viewer { name } }", "variables": null }), EXECUTED),
            ("variables must be a map", json!({ "query": named, "operationName": "A", "variables": "{}" }), MALFORMED),
            ("variables must not be a list", json!({ "query": named, "operationName": "A", "variables": [] }), MALFORMED),
            ("a required variable must be given", json!({ "query": by_id }), REQUEST_ERROR),
            ("a variable must be of its type", json!({ "query": by_id, "variables": { "id": { "a": 1 } } }), REQUEST_ERROR),
            ("extensions: a map", json!({ "query": "{ viewer { name } }", "extensions": { "a": 1 } }), EXECUTED),
            ("extensions may be null", json!({ "query": "{ viewer { name } }", "extensions": null }), EXECUTED),
            ("extensions must be a map", json!({ "query": "{ viewer { name } }", "extensions": 1 }), MALFORMED),
            ("other entries are ignored", json!({ "query": "{ viewer { name } }", "id": 7, "more": [] }), EXECUTED),
            ("a body is a map", json!([{ "query": "{ viewer { name } }" }]), MALFORMED),
            ("a document that does not parse", json!({ "query": "{ viewer {" }), REQUEST_ERROR),
            ("a document that is not valid", json!({ "query": "{ nonsense }" }), REQUEST_ERROR),
            ("an error in a field beside data", json!({ "query": "{ viewer { name } client(id: \"x\") { id } }" }), PARTIAL),
        ] {
            for accept in [CLASSIC, MODERN] {
                let call = world.call(Method::POST, "/graphql").token(&fixtures.home.owner).header("accept", accept);
                check(sentence, &call.json(body.clone()).send().await, accept, &expected);
            }
        }
        let no_json = world.call(Method::POST, "/graphql").token(&fixtures.home.owner).header("accept", MODERN);
        let no_json = no_json.header("content-type", "application/json").body("{ viewer { name } }").send().await;
        check("a body is JSON", &no_json, MODERN, &MALFORMED);
    }
}

on_both! {
    /// Methods, media types and encodings.
    async fn requests_are_taken_as_the_specification_says(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let query = json!({ "query": "{ viewer { name } }" });
        let post = |kind: &'static str| world.call(Method::POST, "/graphql").token(owner).header("content-type", kind);
        for kind in ["application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8"] {
            let answer = post(kind).body(query.to_string()).send().await;
            check("POST takes JSON in UTF-8", &answer, CLASSIC, &EXECUTED);
        }
        let answer = post("application/xml").body(query.to_string()).send().await;
        assert_eq!(answer.status, 415, "a media type that is not taken");
        let without = world.call(Method::POST, "/graphql").token(owner).body(query.to_string()).send().await;
        assert!(without.status.is_client_error(), "a POST says what its body is: {}", without.status);
        // Without `Accept`, or with anything, clients of before 2025 are assumed.
        for accept in [None, Some("*/*"), Some("application/*"), Some("application/json;q=0.9, text/html")] {
            let call = world.call(Method::POST, "/graphql").token(owner);
            let call = accept.into_iter().fold(call, |call, accept| call.header("accept", accept));
            check("application/json is the default", &call.json(query.clone()).send().await, CLASSIC, &EXECUTED);
        }
        let refused = world.call(Method::POST, "/graphql").token(owner).header("accept", "text/html");
        assert_eq!(refused.json(query.clone()).send().await.status, 406, "nothing that is accepted can be made");

        let get = async |path: &str, accept: &str| {
            world.call(Method::GET, path).token(owner).header("accept", accept).send().await
        };
        for (sentence, path, expected) in [
            ("GET takes a query", "/graphql?query=%7Bviewer%7Bname%7D%7D", EXECUTED),
            ("variables are JSON in GET", "/graphql?query=query%28%24i%3ABoolean%3Dtrue%29%7Bviewer%7Bname%40include%28if%3A%24i%29role%7D%7D&variables=%7B%22i%22%3Afalse%7D", EXECUTED),
            ("an empty operationName counts as none", "/graphql?query=%7Bviewer%7Bname%7D%7D&operationName=", EXECUTED),
            ("variables of GET must be a map", "/graphql?query=%7Bviewer%7Bname%7D%7D&variables=1", MALFORMED),
            ("GET needs a query", "/graphql", MALFORMED),
        ] {
            for accept in [CLASSIC, MODERN] {
                check(sentence, &get(path, accept).await, accept, &expected);
            }
        }
        let change = "/graphql?query=mutation%7BcreateClient(input:%7Bname:%22x%22%7D)%7Bclient%7Bid%7D%7D%7D";
        assert_eq!(get(change, MODERN).await.status, 405, "GET never changes anything");
        for method in [Method::PUT, Method::DELETE, Method::PATCH] {
            let answer = world.call(method.clone(), "/graphql").token(owner).json(query.clone()).send().await;
            assert_eq!((answer.status.as_u16(), answer.header("allow").is_some()), (405, true), "{method}");
        }
        let none: Value = world.get(owner, "/api/v1/clients").await.data(200);
        assert_eq!(none, json!([]), "nothing was written");
    }
}
