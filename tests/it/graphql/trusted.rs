//! Trusted documents: named by an id over every transport, and, where the operator wants it, the only ones that are executed.

use serde_json::{Value, json};
use tests::{Kind, PrivateDatabase};

use crate::running::{Running, failure, json as made, run};

const DOCUMENT: &str = "query Clients($first: Int!) { clients(first: $first) { nodes { name } } }";

async fn server(manifest: &Value, more: &[&str]) -> (PrivateDatabase, Running, String) {
    let database = PrivateDatabase::empty(Kind::Sqlite).await;
    let url = &database.url;
    let owner = ["--owner-email", "o@w.example", "--owner-name", "O"];
    let workspace = made(url, &[&["workspace", "create", "--name", "W", "--plan", "studio"], &owner[..]].concat());
    let id = workspace["id"].as_str().unwrap();
    let mint = ["token", "create", "--workspace", id, "--member", "o@w.example", "--name", "t", "--scope", "write"];
    let token = made(url, &mint)["token"].as_str().unwrap().to_owned();
    let file = tests::database::folder().join(format!("documents-{id}.json"));
    std::fs::write(&file, manifest.to_string()).unwrap();
    let server = Running::start(url, &[&["--documents", file.to_str().unwrap()], more].concat());
    (database, server, token)
}

#[tokio::test]
async fn stored_documents_are_named_by_an_id() {
    let manifest = json!({ "format": "apollo-persisted-query-manifest", "version": 1, "operations": [
        { "id": "4f3c", "name": "Clients", "type": "query", "body": DOCUMENT },
    ] });
    let (_database, server, token) = server(&manifest, &[]).await;
    let nodes = json!({ "clients": { "nodes": [] } });
    let first = json!({ "first": 100 });
    for body in [
        json!({ "documentId": "4f3c", "variables": first }),
        json!({ "documentId": "sha256:4f3c", "variables": first }),
        json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": "4f3c" } }, "variables": first }),
        json!({ "query": DOCUMENT, "variables": first }),
        json!({ "query": "{ clients(first: 100) { nodes { name } } }" }),
    ] {
        let answer = server.graphql(&token, &body);
        assert_eq!(answer["data"], nodes, "{body}: {answer}");
        assert_eq!(answer["extensions"]["cost"]["requested"], 2, "{answer}");
    }
    let by_get = server.read("/graphql?documentId=4f3c&variables=%7B%22first%22%3A1%7D", &token);
    assert_eq!(by_get["data"], nodes, "{by_get}");
    // One document is executed: a request that has two is refused.
    for both in [
        json!({ "documentId": "4f3c", "query": "{ viewer { role } }" }),
        json!({ "documentId": "5555", "query": DOCUMENT }),
    ] {
        let refused = server.graphql(&token, &both);
        assert!(refused["errors"][0]["message"].as_str().unwrap().contains("not both"), "{refused}");
    }
    let unknown = server.graphql(&token, &json!({ "documentId": "5555" }));
    assert_eq!(unknown["errors"][0]["extensions"]["code"], "bad_request", "{unknown}");
    let hash = json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": "5555" } } });
    assert_eq!(server.graphql(&token, &hash)["errors"][0]["message"], "PersistedQueryNotSupported");
    // The same hash with its document, as clients send it then.
    let with_text = json!({ "query": DOCUMENT, "variables": first, "extensions": hash["extensions"] });
    assert_eq!(server.graphql(&token, &with_text)["data"], nodes);
}

#[tokio::test]
async fn others_are_refused_where_the_operator_says_so() {
    let (_database, server, token) = server(&json!({ "0cc1": DOCUMENT }), &["--documents-only", "on"]).await;
    let variables = json!({ "first": 1 });
    for body in
        [json!({ "documentId": "0cc1", "variables": variables }), json!({ "query": DOCUMENT, "variables": variables })]
    {
        let answer = server.graphql(&token, &body);
        assert!(answer["data"]["clients"].is_object(), "{body}: {answer}");
    }
    for query in ["{ viewer { name } }", "{ __schema { types { name } } }"] {
        let answer = server.graphql(&token, &json!({ "query": query }));
        assert_eq!(answer["errors"][0]["extensions"]["code"], "bad_request", "{answer}");
        assert!(answer["errors"][0]["message"].as_str().unwrap().contains("documentId"), "{answer}");
    }
}

/// A document that would be refused at each use is refused at the start, by its id; and assistants have no tools for documents
/// where they may send none.
#[tokio::test]
async fn a_manifest_is_validated_at_the_start() {
    let database = PrivateDatabase::empty(Kind::Sqlite).await;
    let file = tests::database::folder().join("documents-wrong.json");
    std::fs::write(&file, json!({ "good": DOCUMENT, "bad": "{ nope }" }).to_string()).unwrap();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--documents", file.to_str().unwrap()];
    let reported = failure(&run(&database.url, &arguments));
    assert!(reported.contains("document bad: ") && reported.contains("nope"), "{reported}");

    let (_database, server, token) = server(&json!({ "0cc1": DOCUMENT }), &["--documents-only", "on"]).await;
    let tools = server.mcp(&token, "tools/list", &json!({}));
    let names: Vec<_> = tools["result"]["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    assert!(names.contains(&&json!("find")) && !names.contains(&&json!("query")), "{names:?}");
    let said = server.mcp(
        &token,
        "initialize",
        &json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" },
        }),
    );
    let said = said["result"]["instructions"].as_str().unwrap_or_else(|| panic!("{said}"));
    assert!(said.contains("`find`") && !said.contains("`query`") && !said.contains("`schema`"), "{said}");
    let called = server.mcp(&token, "tools/call", &json!({ "name": "query", "arguments": { "query": DOCUMENT } }));
    assert_eq!(called["error"]["code"], -32602, "{called}");
}
