//! Clients.

use serde_json::{Value, json};
use tests::{Fixtures, on_both};

on_both! {
    /// An absent field stays, null clears it, a value sets it; a change of nothing creates no version.
    async fn patch_has_three_states(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let body = json!({ "name": "A", "email": "a@b.example", "phone": "1", "currency": "usd", "externalId": "x-1" });
        let id = world.post(owner, "/api/v1/clients", body).await.id();
        let path = format!("/api/v1/clients/{id}");
        world.clock.advance(1000);
        let changed = world.patch(owner, &path, json!({ "email": null, "phone": "  ", "name": "B" })).await.data(200);
        assert_eq!((&changed["email"], &changed["phone"], &changed["name"]), (&Value::Null, &Value::Null, &json!("B")));
        assert_eq!((&changed["currency"], &changed["externalId"]), (&json!("USD"), &json!("x-1")));
        assert_eq!((&changed["version"], &changed["updatedAt"]), (&json!(2), &json!("2026-06-11T08:00:01.000Z")));
        let same = world.patch(owner, &path, json!({ "name": "B" })).await.data(200);
        assert_eq!(same, changed);
        let again = world.patch(owner, &path, json!({ "currency": " " })).await.data(200);
        assert_eq!((&again["currency"], &again["version"]), (&json!("EUR"), &json!(3)));
        // The clock has not moved, and still `updatedAt` grows.
        assert_eq!(again["updatedAt"], "2026-06-11T08:00:01.001Z");
        assert_eq!(world.patch(owner, &path, json!({ "currency": null })).await.data(200), again);
        for refused in [json!({ "name": null }), json!({ "name": " " }), json!({ "requirePoNumber": null })] {
            world.patch(owner, &path, refused).await.fields();
        }
    }
}

on_both! {
    /// A deleted client is 404 and unlisted, releases its external id, and still resolves as a parent.
    async fn deleting_is_soft(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let new = json!({ "name": "A", "externalId": "x-1" });
        let id = world.post(owner, "/api/v1/clients", new.clone()).await.id();
        let taken = world.post(owner, "/api/v1/clients", new.clone()).await.fields();
        assert!(taken["externalId"].is_string());
        let project = world.post(owner, "/api/v1/projects", json!({ "clientId": id, "name": "P" })).await.id();
        let path = format!("/api/v1/clients/{id}");
        assert_eq!(world.delete(owner, &path).await.error(409, "conflict")["reason"], "active_projects");
        world.patch(owner, &format!("/api/v1/projects/{project}"), json!({ "status": "ARCHIVED" })).await.data(200);
        let gone = world.delete(owner, &path).await;
        assert_eq!((gone.status.as_u16(), gone.bytes.len()), (204, 0));
        world.get(owner, &path).await.error(404, "not_found");
        world.delete(owner, &path).await.error(404, "not_found");
        assert_eq!(world.get(owner, "/api/v1/clients").await.data(200), json!([]));
        let all = world.get(owner, "/api/v1/clients?includeDeleted=true").await.data(200);
        assert_eq!((&all[0]["id"], all[0]["deletedAt"].is_string(), &all[0]["version"]), (&json!(id), true, &json!(2)));
        world.post(owner, "/api/v1/clients", new).await.data(201);
        let reported = world.post(owner, "/api/v1/projects", json!({ "clientId": id, "name": "Q" })).await.fields();
        assert_eq!(reported["clientId"], "not found");
        let query = "query($id: ID!) { project(id: $id) { client { id name } } }";
        let parent = world.graphql(owner, query, json!({ "id": project })).await.graphql();
        assert_eq!(parent["project"]["client"]["name"], "A");
    }
}
