//! Documents: literals by the September 2025 edition of GraphQL, errors that say what was expected, and documents that are
//! named by a hash.

use poem::http::Method;
use serde_json::{Value, json};
use tests::{Fixtures, on_both};

on_both! {
    /// Surrogate pairs, `\u{…}` and the escape of a block string are read as the specification says, and stored so.
    async fn string_literals_are_those_of_the_specification(world: World) {
        let fixtures = Fixtures::new(&world).await;
        for (literal, stored) in [
            (r#""\ud83d\ude00""#, "😀"),
            (r#""\u{1F600}\u{41}""#, "😀A"),
            (r#""a \u0022 b""#, "a \" b"),
            (r#""""a \""" b""""#, "a \"\"\" b"),
            ("\"\"\"\n      one \\\"\"\"\n        two\n    \"\"\"", "one \"\"\"\n  two"),
            (r##""# \u0041 { \" ""##, "# A { \""),
        ] {
            let query = format!("mutation {{ createClient(input: {{ name: \"N\", notes: {literal} }}) {{ client {{ notes }} }} }}");
            let made = world.graphql(&fixtures.home.owner, &query, json!({})).await.graphql();
            assert_eq!(made["createClient"]["client"]["notes"], stored, "{literal}");
        }
        for literal in [r#""\ud83d""#, r#""\ude00\ud83d""#, r#""\u{110000}""#, r#""\u{}""#, r#""\x""#] {
            let query = format!("mutation {{ createClient(input: {{ name: {literal} }}) {{ client {{ id }} }} }}");
            let refused = world.graphql(&fixtures.home.owner, &query, json!({})).await;
            assert_eq!(refused.graphql_error()["code"], "bad_request", "{literal}: {}", refused.text());
        }
        // Rewriting moves no error.
        let query = "{ a: client(id: \"\\u{1F600}\") { nope }\n  b: client(id: \"\"\"\n \\\"\"\" \"\"\") { nope } }";
        let refused = world.graphql(&fixtures.home.owner, query, json!({})).await.json();
        let places: Vec<_> = refused["errors"].as_array().unwrap().iter().map(|error| error["locations"][0].clone()).collect();
        assert_eq!(places, [json!({ "line": 1, "column": 32 }), json!({ "line": 3, "column": 14 })], "{refused}");
    }
}

on_both! {
    /// An enum is written without quotes in a document, and is a string in variables.
    async fn a_string_is_no_enum(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let refused = world.graphql(owner, "{ projects(sort: \"NAME_ASC\") { nodes { id } } }", json!({})).await;
        assert_eq!(refused.graphql_error()["code"], "bad_request");
        assert!(refused.text().contains("without quotes"), "{}", refused.text());
        world.graphql(owner, "{ projects(sort: NAME_ASC) { nodes { id } } }", json!({})).await.graphql();
        let query = "query($s: ProjectSort) { projects(sort: $s) { nodes { id } } }";
        world.graphql(owner, query, json!({ "s": "NAME_ASC" })).await.graphql();
    }
}

on_both! {
    /// A document that is not GraphQL is refused with what was expected, and where.
    async fn a_syntax_error_says_what_was_expected(world: World) {
        let fixtures = Fixtures::new(&world).await;
        for (query, message) in [
            ("{ viewer {", "the document is not GraphQL: expected"),
            ("query($a) { viewer { name } }", "the document is not GraphQL: expected"),
            ("{ viewer { name } } nonsense", "the document is not GraphQL: expected"),
        ] {
            let refused = world.graphql(&fixtures.home.owner, query, json!({})).await.json();
            let error = &refused["errors"][0];
            assert!(error["message"].as_str().unwrap().starts_with(message), "{refused}");
            assert!(!error["message"].as_str().unwrap().contains('_'), "{refused}");
            assert!(error["locations"][0]["line"].is_number(), "{refused}");
            assert_eq!(error["extensions"]["code"], "bad_request");
        }
    }
}

on_both! {
    /// A client of Apollo that sends only a hash is asked for the document, over POST and GET.
    async fn a_hash_alone_asks_for_the_document(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": "ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38" } });
        let by_get = format!("/graphql?extensions={}", extensions.to_string().replace('"', "%22").replace('{', "%7B").replace('}', "%7D"));
        for accept in ["application/json", "application/graphql-response+json"] {
            let posted = world.call(Method::POST, "/graphql").token(owner).header("accept", accept);
            let posted = posted.json(json!({ "extensions": extensions })).send().await;
            let got = world.call(Method::GET, &by_get).token(owner).header("accept", accept).send().await;
            for answer in [posted, got] {
                assert_eq!(answer.status.as_u16(), 200, "{}", answer.text());
                let json = answer.json();
                assert_eq!(json["errors"][0]["message"], "PersistedQueryNotSupported");
                assert_eq!(json.get("data"), None);
            }
        }
        // With the document beside it, the document is executed.
        let both = json!({ "query": "{ viewer { role } }", "extensions": extensions });
        let answer = world.call(Method::POST, "/graphql").token(owner).json(both).send().await;
        assert_eq!(answer.graphql()["viewer"]["role"], "OWNER");
    }
}

on_both! {
    /// A document that is sent again is answered by its variables of now, and refused by them.
    async fn a_remembered_document_reads_its_variables_anew(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = fixtures.home.client(&world, "C").await;
        let query = "query($id: ID!, $n: Int = 2, $s: ProjectSort, $f: ClientFilter, $yes: Boolean = true) {
            client(id: $id) { id } projects(first: $n, sort: $s) { nodes { id } } clients(filter: $f) { nodes { id } }
            viewer @include(if: $yes) { role } }";
        for _ in 0..3 {
            let found = world.graphql(owner, query, json!({ "id": client })).await.graphql();
            assert_eq!((&found["client"]["id"], &found["viewer"]["role"]), (&json!(client), &json!("OWNER")));
            let without = json!({ "id": client, "yes": false, "n": 1, "s": "NAME_ASC", "f": { "id": [client] } });
            assert_eq!(world.graphql(owner, query, without).await.graphql().get("viewer"), None);
            for wrong in [
                json!({}),
                json!({ "id": null }),
                json!({ "id": client, "n": "2" }),
                json!({ "id": client, "s": "NONSENSE" }),
                json!({ "id": client, "f": { "nonsense": 1 } }),
            ] {
                let refused = world.graphql(owner, query, wrong.clone()).await;
                assert_eq!(refused.graphql_error()["code"], "bad_request", "{wrong}: {}", refused.text());
                assert_eq!(refused.json().get("data"), None, "{wrong}");
            }
        }
        let of_cost = "query($n: Int) { clients(first: $n) { nodes { projects { nodes { id } } } } }";
        for (n, points) in [(1, 2), (100, 102), (1, 2)] {
            let answer = world.graphql(owner, of_cost, json!({ "n": n })).await.json();
            assert_eq!(answer["extensions"]["cost"]["requested"], points);
        }
    }
}

on_both! {
    /// What is selected twice under one name is one field; fragments stand in their places.
    async fn repeated_fields_are_merged(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = fixtures.home.client(&world, "C").await;
        world.post(owner, "/api/v1/projects", json!({ "clientId": client, "name": "P" })).await.data(201);
        let query = "query($id: ID!) { node(id: $id) { __typename id ... on Client { name ...P projects { nodes { name } } } ... on Project { color } } }
            fragment P on Client { projects { __typename nodes { id client { id } } edges { node { name } } } name }";
        let found = world.graphql(owner, query, json!({ "id": client })).await;
        let text = found.text();
        let node = found.graphql()["node"].clone();
        assert_eq!((&node["__typename"], &node["name"]), (&json!("Client"), &json!("C")));
        let project = &node["projects"]["nodes"][0];
        assert_eq!((&project["name"], &project["client"]["id"]), (&json!("P"), &json!(client)));
        assert_eq!(node["projects"]["edges"][0]["node"], json!({ "name": "P" }));
        assert_eq!(node["projects"]["__typename"], "ProjectConnection");
        assert_eq!(node.get("color"), None::<&Value>);
        let places: Vec<_> = ["\"__typename\":\"Client\"", "\"id\"", "\"name\":\"C\"", "\"projects\"", "\"nodes\"", "\"edges\""]
            .map(|key| text.find(key).unwrap_or_else(|| panic!("no {key} in {text}")))
            .to_vec();
        assert!(places.is_sorted(), "{text}");
    }
}

on_both! {
    /// What the type system refuses is refused before anything is executed: no mutation before it takes effect, and no value
    /// of two is dropped without a word.
    async fn what_the_types_refuse_is_not_executed(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let first = "a: createClient(input: { name: \"Made\" }) { client { id } }";
        let second = "b: createClient(input: [{ name: \"x\" }]) { client { id } }";
        let by_variable = "mutation($i: CreateClientInput!) { a: createClient(input: { name: \"Made\" }) { client { id } }
            b: createClient(input: $i) { client { id } } }";
        for (query, variables) in [
            (format!("mutation {{ {first} {second} }}"), json!({})),
            (by_variable.to_owned(), json!({ "i": "x" })),
            (by_variable.to_owned(), json!({ "i": [{ "name": "v" }] })),
            ("query($f: ClientFilter) { clients(filter: $f) { nodes { id } } }".to_owned(), json!({ "f": [] })),
            ("{ viewer { id } viewer { id: name } }".to_owned(), json!({})),
            ("{ ...A ...B } fragment A on Query { viewer { x: id } } fragment B on Query { viewer { x: name } }".to_owned(), json!({})),
            ("{ viewer { __typename { id } } }".to_owned(), json!({})),
        ] {
            let refused = world.graphql(owner, &query, variables).await;
            assert_eq!(refused.graphql_error()["code"], "bad_request", "{query}: {}", refused.text());
            assert!(refused.json().get("data").is_none_or(Value::is_null), "{query}: {}", refused.text());
        }
        assert_eq!(world.database.number("SELECT count(*) AS n FROM client").await, 0);
    }
}

on_both! {
    /// A mutation that is selected twice under one name is performed once, and its answer has both selections.
    async fn a_mutation_of_one_name_is_performed_once(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for query in [
            "mutation { createClient(input: { name: \"M\" }) { client { id } } createClient(input: { name: \"M\" }) { client { name } } }",
            "mutation { ...A ...A } fragment A on Mutation { createClient(input: { name: \"M\" }) { client { id name } } }",
            "mutation { ...A ...B } fragment A on Mutation { createClient(input: { name: \"M\" }) { client { id } } }
                fragment B on Mutation { createClient(input: { name: \"M\" }) { client { name } } }",
        ] {
            let before = world.database.number("SELECT count(*) AS n FROM client").await;
            let made = world.graphql(owner, query, json!({})).await.graphql();
            let client = &made["createClient"]["client"];
            assert_eq!((client["name"].as_str(), client["id"].is_string()), (Some("M"), true), "{query}: {made}");
            assert_eq!(world.database.number("SELECT count(*) AS n FROM client").await, before + 1, "{query}");
        }
        // Where a condition decides about one of the two, it is refused rather than performed twice.
        let before = world.database.number("SELECT count(*) AS n FROM client").await;
        for root in ["...A @include(if: true) ...A", "...A createClient(input: { name: \"M\" }) @skip(if: false) { client { id } }"] {
            let query = format!("mutation {{ {root} }} fragment A on Mutation {{ createClient(input: {{ name: \"M\" }}) {{ client {{ id }} }} }}");
            assert_eq!(world.graphql(owner, &query, json!({})).await.graphql_error()["code"], "bad_request", "{root}");
        }
        assert_eq!(world.database.number("SELECT count(*) AS n FROM client").await, before);
        // Mutations of several names stay in their order, fragments in their places.
        let query = "mutation { a: createClient(input: { name: \"1\" }) { client { name } } ...F c: createClient(input: { name: \"3\" }) { client { name } } }
            fragment F on Mutation { b: createClient(input: { name: \"2\" }) { client { name } } }";
        let made = world.graphql(owner, query, json!({})).await.graphql();
        assert_eq!(made.as_object().unwrap().keys().collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
