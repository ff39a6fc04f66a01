//! Endpoints: created, changed, deleted, and which events they receive.

use poem::http::Method;
use serde_json::{Value, json};
use tests::{Fixtures, Receiver, on_both};

use super::{deliveries, new_endpoint, number, subscribe};

const PATH: &str = "/api/v1/webhook-endpoints";

on_both! {
    /// Made, read, changed under `If-Match`, listed, deleted.
    async fn an_endpoint_is_created_changed_and_deleted(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let body = json!({ "url": "https://hooks.example.com/in?a=b", "events": ["task.completed", "client.created", "task.completed"], "externalId": "x1" });
        let made = world.post(owner, PATH, body).await;
        let endpoint = made.data(201);
        let id = made.id();
        let path = format!("{PATH}/{id}");
        assert_eq!((made.header("location"), made.header("etag")), (Some(path.as_str()), Some("\"1\"")));
        let mut shown = endpoint.clone();
        shown.as_object_mut().unwrap().remove("secret");
        shown.as_object_mut().unwrap().remove("standardSecret");
        assert_eq!(
            shown,
            json!({ "id": id, "orgId": fixtures.home.id, "externalId": "x1", "url": "https://hooks.example.com/in?a=b",
                "events": ["task.completed", "client.created"], "description": null, "enabled": true, "status": "active",
                "secretPrefix": endpoint["secret"].as_str().unwrap()[..10], "version": 1, "createdAt": "2026-06-11T08:00:00.000Z",
                "updatedAt": "2026-06-11T08:00:00.000Z", "deletedAt": null })
        );
        assert_eq!(world.get(owner, &path).await.data(200), shown);
        assert_eq!(world.call(Method::GET, &path).token(owner).header("if-none-match", "\"1\"").send().await.status, 304);
        let patch = async |version: &str, body: Value| {
            world.call(Method::PATCH, &path).token(owner).header("if-match", version).json(body).send().await
        };
        let changed = patch("\"1\"", json!({ "description": "d", "events": ["project.created"], "enabled": false, "externalId": null })).await.data(200);
        assert_eq!((&changed["version"], &changed["events"], &changed["enabled"]), (&json!(2), &json!(["project.created"]), &json!(false)));
        patch("\"1\"", json!({ "enabled": true })).await.error(412, "conflict");
        for (filter, found) in [("", 1), ("?enabled=false", 1), ("?enabled=true", 0), ("?status=failing", 0), ("?externalId=x1", 0)] {
            assert_eq!(world.get(owner, &format!("{PATH}{filter}")).await.data(200).as_array().unwrap().len(), found, "{filter}");
        }
        assert_eq!(world.delete(owner, &path).await.status, 204);
        world.get(owner, &path).await.error(404, "not_found");
        let gone = world.get(owner, &format!("{PATH}?includeDeleted=true")).await.data(200);
        assert!(gone[0]["deletedAt"].is_string());
    }
}

on_both! {
    /// Every bad field is named at once.
    async fn every_invalid_field_is_reported(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let refused = world.post(owner, PATH, json!({ "url": "ftp://x", "events": ["client.*", "client.created"], "secret": "mine", "colour": 1 })).await.fields();
        assert_eq!((&refused["secret"], &refused["colour"]), (&json!("read-only"), &json!("unknown")));
        assert!(refused["events[0]"].as_str().unwrap().contains("invoice.payment_failed"), "{refused}");
        assert_eq!(world.post(owner, PATH, json!({})).await.fields(), json!({ "url": "required", "events": "required" }));
        let none = world.post(owner, PATH, json!({ "url": "https://e.example/", "events": [] })).await.fields();
        assert_eq!(none["events"], "must name at least one event type");
        let id = subscribe(&world, &fixtures.home, "https://hooks.example.com/", &["client.created"]).await;
        let path = format!("{PATH}/{id}");
        for body in [json!({ "events": [] }), json!({ "events": null }), json!({ "url": null }), json!({ "enabled": null }), json!({ "enabled": "yes" })] {
            world.patch(owner, &path, body).await.fields();
        }
        for overlap in [json!(-1), json!(604_801), json!("x")] {
            world.post(owner, &format!("{path}/rotate-secret"), json!({ "overlapSeconds": overlap })).await.fields();
        }
        world.post(owner, &format!("{path}/test"), json!({ "type": "client.deleted" })).await.fields();
        world.get(owner, "/api/v1/webhook-deliveries?status=lost").await.fields();
        world.get(owner, "/api/v1/webhook-deliveries?search=x").await.fields();
        world.get(owner, "/api/v1/events?type=client.*").await.fields();
    }
}

on_both! {
    /// A workspace has at most fifty; deleted ones do not count.
    async fn a_workspace_has_fifty_endpoints(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let mut last = String::new();
        for i in 0..50 {
            last = subscribe(&world, &fixtures.home, &format!("https://e{i}.example/"), &["client.created"]).await;
        }
        let body = json!({ "url": "https://more.example/", "events": ["client.created"] });
        assert_eq!(world.post(&fixtures.home.owner, PATH, body.clone()).await.error(409, "conflict")["reason"], "endpoint_cap");
        assert_eq!(world.delete(&fixtures.home.owner, &format!("{PATH}/{last}")).await.status, 204);
        world.post(&fixtures.home.owner, PATH, body).await.data(201);
    }
}

on_both! {
    /// An event goes to the endpoints of its workspace that are on and subscribed; no event, no delivery: not of a refused
    /// change, nor of a replayed one.
    async fn events_go_to_active_subscribed_endpoints(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let clients = subscribe(&world, home, "https://clients.example/", &["client.created"]).await;
        let both = subscribe(&world, home, "https://both.example/", &["client.created", "project.created"]).await;
        let off = subscribe(&world, home, "https://off.example/", &["client.created"]).await;
        world.patch(&home.owner, &format!("{PATH}/{off}"), json!({ "enabled": false })).await.data(200);
        let gone = subscribe(&world, home, "https://gone.example/", &["client.created"]).await;
        world.delete(&home.owner, &format!("{PATH}/{gone}")).await;
        subscribe(&world, &fixtures.other, "https://other.example/", &["client.created", "project.created"]).await;

        let create = async |key: &str, name: &str| {
            world.call(Method::POST, "/api/v1/clients").token(&home.owner).key(key).json(json!({ "name": name })).send().await
        };
        let client = create("one", "Globex").await.id();
        create("one", "Globex").await.data(201);
        create("two", "").await.fields();
        world.post(&home.owner, "/api/v1/projects", json!({ "clientId": client, "name": "P" })).await.id();
        let sent: Vec<_> = deliveries(&world, home).await.iter().map(|d| (d["endpointId"].clone(), d["eventType"].clone())).collect();
        let expected = |id: &str, kind: &str| (json!(id), json!(kind));
        assert_eq!(sent.len(), 3, "{sent:?}");
        for one in [expected(&clients, "client.created"), expected(&both, "client.created"), expected(&both, "project.created")] {
            assert!(sent.contains(&one), "{one:?}");
        }
        assert_eq!(number(&world, "SELECT COUNT(*) AS n FROM webhook_delivery").await, 3);
        for (filter, found) in [
            (format!("endpointId={both}"), 2),
            (format!("endpointId={both}&endpointId={clients}"), 3),
            ("eventType=project.created".into(), 1),
            ("status=PENDING&status=failed".into(), 3),
            ("status=failed".into(), 0),
            ("createdAtFrom=2026-06-12".into(), 0),
            (format!("endpointId={off}"), 0),
        ] {
            let path = format!("/api/v1/webhook-deliveries?{filter}");
            assert_eq!(world.get(&home.owner, &path).await.data(200).as_array().unwrap().len(), found, "{filter}");
        }
        let event = deliveries(&world, home).await[0]["eventId"].as_str().unwrap().to_owned();
        let same = world.get(&home.owner, &format!("/api/v1/webhook-deliveries?eventId={event}")).await.data(200);
        assert_eq!(same.as_array().unwrap().len(), 2);
        let events = world.get(&home.owner, "/api/v1/events?type=project.created&createdAtTo=2026-06-11").await.data(200);
        assert_eq!((events.as_array().unwrap().len(), &events[0]["data"]["project"]["name"]), (1, &json!("P")));
    }
}

on_both! {
    /// A URL that was changed counts for what is on its way; a deleted endpoint is sent nothing any more.
    async fn each_attempt_uses_the_current_endpoint(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (old, new) = (Receiver::answering(500).await, Receiver::answering(200).await);
        let id = subscribe(&world, &fixtures.home, &old.url, &["client.created"]).await;
        fixtures.home.client(&world, "moved").await;
        world.app.deliver_due().await.unwrap();
        world.patch(&fixtures.home.owner, &format!("{PATH}/{id}"), json!({ "url": new.url })).await.data(200);
        world.clock.advance(6_000);
        world.app.deliver_due().await.unwrap();
        assert_eq!((old.received().len(), new.received().len()), (1, 1));
        fixtures.home.client(&world, "late").await;
        world.delete(&fixtures.home.owner, &format!("{PATH}/{id}")).await;
        world.app.deliver_due().await.unwrap();
        let late = deliveries(&world, &fixtures.home).await.pop().unwrap();
        assert_eq!((&late["status"], &late["reason"], new.received().len()), (&json!("skipped"), &json!("deleted"), 1));
    }
}

on_both! {
    /// Over GraphQL the same; relations of many deliveries are one statement each.
    async fn deliveries_nest_in_one_statement_a_level(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::answering(200).await;
        new_endpoint(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        for i in 0..20 {
            fixtures.home.client(&world, &format!("c{i}")).await;
        }
        world.app.deliver_due().await.unwrap();
        let query = "{ webhookDeliveries { nodes { eventId status event { id type data created livemode } endpoint { url } attempts { number responseStatus } } } }";
        world.begin_counting();
        let seen = world.graphql(&fixtures.home.owner, query, json!({})).await.graphql();
        let statements = world.statements();
        assert_eq!(statements.len(), 4, "deliveries with their caller, events, endpoints, attempts: {statements:#?}");
        let nodes = seen["webhookDeliveries"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 20);
        for node in nodes {
            assert_eq!((&node["event"]["id"], &node["endpoint"]["url"]), (&node["eventId"], &json!(receiver.url)));
            assert_eq!((&node["attempts"], &node["status"]), (&json!([{ "number": 1, "responseStatus": 200 }]), &json!("succeeded")));
        }
        let rest = world.get(&fixtures.home.owner, &format!("/api/v1/events/{}", nodes[0]["eventId"].as_str().unwrap())).await.data(200);
        assert_eq!(rest["data"], nodes[0]["event"]["data"]);
        assert_eq!(rest["created"], nodes[0]["event"]["created"]);
    }
}
