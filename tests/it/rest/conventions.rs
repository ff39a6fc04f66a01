//! The conventions of every noun: versions and their headers, keys that are not accepted, external ids, deleted
//! rows, and the order of refusals.

use poem::http::Method;
use serde_json::{Value, json};
use tests::{Fixtures, NOWHERE, Noun, World, on_both};

/// One noun: its list, a new record, a change of it, and a change that is refused whatever the record is.
struct Case {
    list: &'static str,
    new: Value,
    change: Value,
    refused: Value,
}

/// Every noun that is written.
async fn nouns(world: &World, fixtures: &Fixtures) -> Vec<Case> {
    let mut cases = Vec::new();
    for (noun, written) in Noun::written() {
        let (new, change, refused) = (noun.body(world, &fixtures.home).await, (written.change)(), (written.refused)());
        cases.push(Case { list: noun.path, new, change, refused });
    }
    cases
}

on_both! {
    /// `ETag` on what is read and written; 304 for who has it; 412 with the current one for who has another.
    async fn versions_guard_every_noun(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for Case { list, new, change, .. } in nouns(&world, &fixtures).await {
            let made = world.post(owner, &format!("/api/v1/{list}"), new).await;
            assert_eq!(made.header("etag"), Some("\"1\""), "{list}");
            let (path, first) = (format!("/api/v1/{list}/{}", made.id()), made.data(201));
            let ask = |method: Method, header: &'static str, tag: &str| {
                world.call(method, &path).token(owner).header(header, tag)
            };
            let read = world.get(owner, &path).await;
            assert_eq!((read.header("etag"), read.data(200)), (Some("\"1\""), first.clone()), "{list}");
            let head = world.call(Method::HEAD, &path).token(owner).send().await;
            assert_eq!((head.status.as_u16(), head.header("etag"), head.bytes.len()), (200, Some("\"1\""), 0), "{list}");
            for known in ["\"1\"", "W/\"1\"", "\"7\", \"1\"", "*"] {
                assert_eq!(ask(Method::GET, "if-none-match", known).send().await.status, 304, "{list} {known}");
            }
            let stale = ask(Method::PATCH, "if-match", "\"2\"").json(change.clone()).send().await;
            assert_eq!((stale.error(412, "conflict")["reason"].clone(), stale.header("etag")), (json!("stale"), Some("\"1\"")), "{list}");
            let changed = ask(Method::PATCH, "if-match", "W/\"1\"").json(change).send().await;
            assert_eq!((changed.header("etag"), &changed.data(200)["version"]), (Some("\"2\""), &json!(2)), "{list}");
            assert!(changed.data(200)["updatedAt"].as_str() > first["updatedAt"].as_str(), "{list}");
            assert_eq!(ask(Method::GET, "if-none-match", "\"1\"").send().await.status, 200, "{list}");
            ask(Method::DELETE, "if-match", "\"1\"").send().await.error(412, "conflict");
            assert_eq!(ask(Method::DELETE, "if-match", "\"2\"").send().await.status, 204, "{list}");
            world.get(owner, &path).await.error(404, "not_found");
            ask(Method::DELETE, "if-match", "\"2\"").send().await.error(404, "not_found");
        }
    }
}

on_both! {
    /// Read-only keys are reported as such, unknown ones as unknown; nothing is changed.
    async fn keys_that_are_not_accepted(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for Case { list, new, change, .. } in nouns(&world, &fixtures).await {
            let made = world.post(owner, &format!("/api/v1/{list}"), new.clone()).await.data(201);
            let path = format!("/api/v1/{list}/{}", made["id"].as_str().unwrap());
            for key in ["id", "orgId", "version", "createdAt", "updatedAt", "deletedAt"] {
                let with = |body: &Value| {
                    let mut body = body.clone();
                    body[key] = made[key].clone();
                    body["colour"] = json!("red");
                    body
                };
                for answer in [
                    world.post(owner, &format!("/api/v1/{list}"), with(&new)).await,
                    world.patch(owner, &path, with(&change)).await,
                ] {
                    let reported = answer.fields();
                    assert_eq!((&reported[key], &reported["colour"]), (&json!("read-only"), &json!("unknown")), "{list} {key}");
                }
            }
            assert_eq!(world.get(owner, &path).await.data(200), made, "{list}");
        }
    }
}

on_both! {
    /// Another system's id is unique among live rows, found by, cleared by null, and free again once its row is deleted.
    async fn external_ids(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for Case { list, new, .. } in nouns(&world, &fixtures).await {
            let path = format!("/api/v1/{list}");
            let mut named = new.clone();
            named["externalId"] = json!(format!(" {list}-7 "));
            let made = world.post(owner, &path, named.clone()).await.data(201);
            assert_eq!(made["externalId"], json!(format!("{list}-7")), "trimmed");
            let other = world.post(owner, &path, new.clone()).await.id();
            assert!(world.post(owner, &path, named.clone()).await.fields()["externalId"].is_string(), "{list}");
            let taken = json!({ "externalId": format!("{list}-7") });
            assert!(world.patch(owner, &format!("{path}/{other}"), taken).await.fields()["externalId"].is_string(), "{list}");
            for query in [format!("externalId={list}-7&externalId=none"), format!("id={}", made["id"].as_str().unwrap())] {
                let found = world.get(owner, &format!("{path}?{query}")).await.data(200);
                assert_eq!(found, json!([made]), "{list} {query}");
            }
            let long = json!({ "externalId": "x".repeat(256) });
            assert!(world.patch(owner, &format!("{path}/{other}"), long).await.fields()["externalId"].is_string(), "{list}");
            let longest = json!({ "externalId": "x".repeat(255) });
            world.patch(owner, &format!("{path}/{other}"), longest).await.data(200);
            let cleared = world.patch(owner, &format!("{path}/{other}"), json!({ "externalId": null })).await.data(200);
            assert_eq!(cleared["externalId"], Value::Null, "{list}");

            let gone = format!("{path}/{}", made["id"].as_str().unwrap());
            assert_eq!(world.delete(owner, &gone).await.status, 204, "{list}");
            world.post(owner, &path, named).await.data(201);
            // Deleted rows are listed for who asks for them, from Manager on, with when.
            let all = world.get(&fixtures.home.manager, &format!("{path}?includeDeleted=true&externalId={list}-7")).await.data(200);
            let deleted = all.as_array().unwrap().iter().find(|row| row["id"] == made["id"]).unwrap();
            assert!(deleted["deletedAt"].is_string() && deleted["updatedAt"].as_str() > made["updatedAt"].as_str(), "{deleted}");
            assert_eq!((all.as_array().unwrap().len(), &deleted["version"]), (2, &json!(2)), "{list}");
        }
    }
}

on_both! {
    /// Problems of the body are reported before a missing row, another version or a blocking state.
    async fn body_errors_come_before_row_errors(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for Case { list, new, change, refused } in nouns(&world, &fixtures).await {
            let path = format!("/api/v1/{list}");
            world.patch(owner, &format!("{path}/{NOWHERE}"), refused.clone()).await.fields();
            world.patch(owner, &format!("{path}/{NOWHERE}"), change.clone()).await.error(404, "not_found");
            let id = world.post(owner, &path, new.clone()).await.id();
            let stale = |body: &Value| {
                world.call(Method::PATCH, &format!("{path}/{id}")).token(owner).header("if-match", "\"9\"").json(body.clone())
            };
            stale(&refused).send().await.fields();
            stale(&change).send().await.error(412, "conflict");
            // A key that was used for something else does not hide it either.
            let again = |body: &Value| world.call(Method::PATCH, &format!("{path}/{id}")).token(owner).key(list).json(body.clone());
            again(&change).send().await.data(200);
            again(&refused).send().await.fields();
            let mut other = change.clone();
            other["externalId"] = json!("other");
            assert_eq!(again(&other).send().await.error(409, "conflict")["reason"], "idempotency_mismatch", "{list}");
        }
        // What was sent together is at odds, whatever the row.
        let ten = "2026-06-11T10:00:00Z";
        for (list, body) in [
            ("projects", json!({ "rateType": "HOURLY", "fixedFeeAmount": "5" })),
            ("projects", json!({ "rateType": "FIXED", "fixedFeeAmount": null })),
            ("projects", json!({ "budgetHours": "5", "budgetAmount": "5" })),
            ("time-entries", json!({ "startedAt": ten, "stoppedAt": "2026-06-11T09:59:59Z" })),
            ("time-entries", json!({ "startedAt": ten, "stoppedAt": "2026-06-12T10:00:01Z" })),
            ("time-entries", json!({ "startedAt": null, "stoppedAt": ten })),
            ("time-entries", json!({ "startedAt": ten, "stoppedAt": null })),
        ] {
            world.patch(owner, &format!("/api/v1/{list}/{NOWHERE}"), body).await.fields();
        }
        // Of a billed expense.
        let client = fixtures.home.client(&world, "C").await;
        let billed = format!("/api/v1/expenses/{}", fixtures.home.expense(&world, &client, "1").await);
        fixtures.home.invoice(&world, &client).await;
        world.patch(owner, &billed, json!({ "clientId": NOWHERE })).await.fields();
        world.patch(owner, &billed, json!({ "category": "TRAVEL", "customCategory": "x" })).await.fields();
        world.patch(owner, &billed, json!({ "amount": "2" })).await.error(409, "conflict");
    }
}
