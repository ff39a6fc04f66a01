//! Plans and roles: who may use webhooks, and what happens to them after a downgrade.

use poem::http::Method;
use serde_json::{Value, json};
use service::organization;
use service::value::Plan;
use tests::{Fixtures, Receiver, World, on_both};

use super::{deliveries, subscribe};

async fn set_plan(world: &World, fixtures: &Fixtures, plan: Plan) {
    organization::set_plan(&world.operator(), fixtures.home.id, plan).await.unwrap();
}

on_both! {
    /// Below Agency: making, changing, testing, rotating, replaying and events are 402; looking, switching off and deleting
    /// stay open. 402 comes before what is wrong with the body and before the role.
    async fn below_agency_webhooks_can_only_be_read_disabled_and_deleted(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (owner, member) = (&fixtures.home.owner, &fixtures.home.member);
        let id = subscribe(&world, &fixtures.home, "https://hooks.example.com/", &["client.created"]).await;
        let endpoint = format!("/api/v1/webhook-endpoints/{id}");
        let test = world.post(owner, &format!("{endpoint}/test"), json!({})).await.data(201);
        let delivery = format!("/api/v1/webhook-deliveries/{}", test["id"].as_str().unwrap());
        let event = format!("/api/v1/events/{}", test["eventId"].as_str().unwrap());
        set_plan(&world, &fixtures, Plan::Studio).await;

        for (method, path, body) in [
            (Method::POST, "/api/v1/webhook-endpoints".to_owned(), json!({ "url": "nonsense" })),
            (Method::PATCH, endpoint.clone(), json!({ "url": "nonsense" })),
            (Method::PATCH, endpoint.clone(), json!({ "enabled": true })),
            (Method::PATCH, endpoint.clone(), json!({ "enabled": false, "description": "x" })),
            (Method::PATCH, endpoint.clone(), json!({})),
            (Method::POST, format!("{endpoint}/test"), json!({})),
            (Method::POST, format!("{endpoint}/rotate-secret"), json!({})),
            (Method::POST, format!("{delivery}/replay"), json!({})),
            (Method::POST, "/api/v1/webhook-deliveries/replay".to_owned(), json!({})),
        ] {
            for token in [owner, member] {
                let call = world.call(method.clone(), &path).token(token).key(&world.new_key()).json(body.clone());
                let refused = call.send().await.error(402, "forbidden_plan");
                assert_eq!((&refused["feature"], &refused["requiredPlan"]), (&json!("outboundWebhooks"), &json!("agency")), "{path}");
            }
        }
        for path in ["/api/v1/events", &event] {
            world.get(owner, path).await.error(402, "forbidden_plan");
        }
        // 402 before 413, 415 and 400, and it costs nothing.
        let call = world.call(Method::POST, "/api/v1/webhook-endpoints").token(owner).key("k").body("not json");
        call.send().await.error(402, "forbidden_plan");
        for query in ["{ events { nodes { id } } }", "mutation { replayWebhookDeliveries(input: {}) { count } }"] {
            assert_eq!(world.graphql(owner, query, json!({})).await.graphql_error()["feature"], "outboundWebhooks");
        }

        for path in [&endpoint, &delivery, "/api/v1/webhook-endpoints", "/api/v1/webhook-deliveries"] {
            world.get(owner, path).await.data(200);
        }
        let seen = "{ webhookDeliveries { nodes { endpoint { id } event { id } attempts { number } } } }";
        let seen = world.graphql(owner, seen, json!({})).await.graphql();
        assert_eq!(seen["webhookDeliveries"]["nodes"][0], json!({ "endpoint": { "id": id }, "event": null, "attempts": [] }));
        assert_eq!(world.patch(owner, &endpoint, json!({ "enabled": false })).await.data(200)["enabled"], false);
        assert_eq!(world.delete(owner, &endpoint).await.status, 204);
        set_plan(&world, &fixtures, Plan::Free).await;
        assert_eq!(world.get(owner, &endpoint).await.error(402, "forbidden_plan")["feature"], "apiAccess");
        assert_eq!(world.get(owner, "/api/v1/events").await.error(402, "forbidden_plan")["feature"], "apiAccess");
    }
}

on_both! {
    /// Going below Agency skips what is due and makes nothing new; coming back brings no flood.
    async fn a_downgrade_skips_and_an_upgrade_does_not_flood(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::answering(503).await;
        let id = subscribe(&world, &fixtures.home, &receiver.url, &["client.created"]).await;
        for name in ["a", "b", "c"] {
            fixtures.home.client(&world, name).await;
        }
        world.app.deliver_due().await.unwrap();
        assert_eq!(receiver.received().len(), 3);
        fixtures.home.client(&world, "due").await;
        set_plan(&world, &fixtures, Plan::Studio).await;
        fixtures.home.client(&world, "unheard").await;
        world.clock.advance(60_000);
        world.app.deliver_due().await.unwrap();
        assert_eq!(receiver.received().len(), 3, "endpoints stop firing");
        let skipped: Vec<_> = deliveries(&world, &fixtures.home).await.iter().map(|d| (d["status"].clone(), d["reason"].clone(), d["nextAttemptAt"].clone())).collect();
        assert_eq!(skipped, vec![(json!("skipped"), json!("plan"), Value::Null); 4]);
        let unchanged = world.get(&fixtures.home.owner, &format!("/api/v1/webhook-endpoints/{id}")).await.data(200);
        assert_eq!((&unchanged["enabled"], &unchanged["version"]), (&json!(true), &json!(1)));

        set_plan(&world, &fixtures, Plan::Agency).await;
        world.clock.advance(48 * 3_600_000);
        world.app.deliver_due().await.unwrap();
        assert_eq!(receiver.received().len(), 3, "no flood");
        fixtures.home.client(&world, "received").await;
        world.app.deliver_due().await.unwrap();
        assert_eq!(receiver.received().len(), 4);
        // Skipped ones can be sent again by hand.
        let body = json!({ "filters": { "status": ["skipped"] } });
        assert_eq!(world.post(&fixtures.home.owner, "/api/v1/webhook-deliveries/replay", body).await.data(200)["count"], 4);
        world.app.deliver_due().await.unwrap();
        assert_eq!(receiver.received().len(), 8);
    }
}
