//! Versions and preconditions: no update overwrites a version that its author has not read.

use poem::http::Method;
use serde_json::json;
use tests::{Fixtures, on_both};

on_both! {
    /// `If-Match` takes a version, several, a weak one, or any; else 412 with the version that there is.
    async fn changes_can_be_conditional(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let path = format!("/api/v1/clients/{}", fixtures.home.client(&world, "C").await);
        let change = async |condition: &str, name: &str| {
            let call = world.call(Method::PATCH, &path).token(owner).header("if-match", condition);
            call.json(json!({ "name": name })).send().await
        };
        for (i, condition) in ["\"1\"", "W/\"2\"", "*", "\"7\", \"4\"", "5"].into_iter().enumerate() {
            let changed = change(condition, &format!("n{i}")).await;
            assert_eq!(changed.data(200)["version"], json!(i + 2), "{condition}");
            assert_eq!(changed.header("etag"), Some(format!("\"{}\"", i + 2).as_str()));
        }
        for condition in ["\"5\"", "\"x\"", "", "W/\"1\""] {
            let stale = change(condition, "late").await;
            assert_eq!(stale.error(412, "conflict")["reason"], "stale", "{condition}");
            assert_eq!(stale.header("etag"), Some("\"6\""));
        }
        let query = "mutation($id: ID!, $v: Int) { updateClient(id: $id, input: { name: \"g\" }, expectedVersion: $v) { client { version } } }";
        let id = path.rsplit('/').next().unwrap();
        let stale = world.graphql(owner, query, json!({ "id": id, "v": 1 })).await;
        assert_eq!(stale.graphql_error()["reason"], "stale");
        let changed = world.graphql(owner, query, json!({ "id": id, "v": 6 })).await.graphql();
        assert_eq!(changed["updateClient"]["client"]["version"], 7);
    }
}

on_both! {
    /// `If-None-Match` avoids sending what the client has already.
    async fn reads_can_be_conditional(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let path = format!("/api/v1/clients/{}", fixtures.home.client(&world, "C").await);
        let read = async |condition: &str| {
            world.call(Method::GET, &path).token(&fixtures.home.owner).header("if-none-match", condition).send().await
        };
        for condition in ["\"1\"", "W/\"1\"", "\"9\", \"1\"", "*"] {
            let spared = read(condition).await;
            assert_eq!((spared.status.as_u16(), spared.bytes.len()), (304, 0), "{condition}");
            assert_eq!(spared.header("etag"), Some("\"1\""));
        }
        read("\"2\"").await.data(200);
        let two = world.call(Method::GET, &path).token(&fixtures.home.owner).header("if-none-match", "\"9\"");
        assert_eq!(two.header("if-none-match", "\"1\"").send().await.status, 304, "two lines are one list");
    }
}

on_both! {
    /// A hundred concurrent edits of the same version: one wins, the others receive the version that it created.
    async fn one_edit_of_many_wins(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let path = format!("/api/v1/clients/{}", fixtures.home.client(&world, "C").await);
        let mut all = Vec::new();
        for i in 0..100 {
            let call = world.call(Method::PATCH, &path).token(&fixtures.home.owner).header("if-match", "\"1\"");
            all.push(tokio::spawn(call.json(json!({ "name": format!("edit {i}") })).send()));
        }
        let mut won = 0;
        for call in all {
            let answer = call.await.unwrap();
            match answer.status.as_u16() {
                200 => won += 1,
                _ => {
                    answer.error(412, "conflict");
                    assert_eq!(answer.header("etag"), Some("\"2\""));
                }
            }
        }
        assert_eq!(won, 1);
    }
}

on_both! {
    /// A client cannot be deleted while a project for it is being created: many concurrent rounds.
    async fn a_delete_and_a_create_do_not_pass_each_other(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for round in 0..20 {
            let client = fixtures.home.client(&world, &format!("C{round}")).await;
            let delete = world.call(Method::DELETE, &format!("/api/v1/clients/{client}")).token(owner);
            let create = world.call(Method::POST, "/api/v1/projects").token(owner).key(&world.new_key());
            let create = create.json(json!({ "clientId": client, "name": "P" }));
            let (deleted, created) = tokio::join!(tokio::spawn(delete.send()), tokio::spawn(create.send()));
            let outcome = (deleted.unwrap().status.as_u16(), created.unwrap().status.as_u16());
            assert!([(204, 422), (409, 201)].contains(&outcome), "round {round}: {outcome:?}");
        }
    }
}
