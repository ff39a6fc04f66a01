//! Projects.

use serde_json::{Value, json};
use tests::{Fixtures, on_both};

on_both! {
    /// A project without a rate copies the client's; later changes of the client do not affect it.
    async fn an_absent_rate_is_copied_from_the_client(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = fixtures.home.client(&world, "C").await;
        let make = async |body: Value| world.post(owner, "/api/v1/projects", body).await.data(201);
        let copied = make(json!({ "clientId": client, "name": "copied", "hourlyRate": null })).await;
        assert_eq!(copied["hourlyRate"], "150.00");
        assert_eq!((&copied["status"], &copied["rateType"]), (&json!("ACTIVE"), &json!("HOURLY")));
        let blank = make(json!({ "clientId": client, "name": "blank", "hourlyRate": "" })).await;
        assert_eq!(blank["hourlyRate"], "150.00", "a form that leaves it empty");
        let own = make(json!({ "clientId": client, "name": "own", "hourlyRate": "0" })).await;
        assert_eq!(own["hourlyRate"], "0.00");
        world.patch(owner, &format!("/api/v1/clients/{client}"), json!({ "defaultRate": "10" })).await.data(200);
        let path = format!("/api/v1/projects/{}", copied["id"].as_str().unwrap());
        assert_eq!(world.get(owner, &path).await.data(200)["hourlyRate"], "150.00");
    }
}

on_both! {
    /// The rules between fields hold for new projects and for changed ones.
    async fn fees_budgets_and_dates_are_consistent(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = fixtures.home.client(&world, "C").await;
        let wrong = |also: Value| {
            let mut body = json!({ "clientId": client, "name": "P" });
            body.as_object_mut().unwrap().extend(also.as_object().unwrap().clone());
            body
        };
        for (also, field) in [
            (json!({ "rateType": "FIXED" }), "fixedFeeAmount"),
            (json!({ "fixedFeeAmount": "5" }), "fixedFeeAmount"),
            (json!({ "rateType": "NON_BILLABLE", "fixedFeeAmount": "5" }), "fixedFeeAmount"),
            (json!({ "rateType": "SOMETIMES", "fixedFeeAmount": "5" }), "rateType"),
            (json!({ "budgetHours": "5", "budgetAmount": "5" }), "budgetAmount"),
            (json!({ "startDate": "2026-06-11", "dueDate": "2026-06-10" }), "dueDate"),
            (json!({ "color": "red" }), "color"),
            (json!({ "clientId": "01890a5d-ac96-774b-bcce-b302099a8057" }), "clientId"),
        ] {
            let reported = world.post(owner, "/api/v1/projects", wrong(also)).await.fields();
            assert_eq!(reported.as_object().unwrap().keys().collect::<Vec<_>>(), [field]);
        }
        let fixed = wrong(json!({ "rateType": "fixed", "fixedFeeAmount": "5", "color": "  ", "startDate": "2026-06-11", "dueDate": "2026-06-11" }));
        let made = world.post(owner, "/api/v1/projects", fixed).await.data(201);
        assert_eq!((&made["rateType"], &made["fixedFeeAmount"]), (&json!("FIXED"), &json!("5.00")));
        assert_eq!(made["color"], Value::Null, "blank");
        let path = format!("/api/v1/projects/{}", made["id"].as_str().unwrap());
        assert!(world.patch(owner, &path, json!({ "rateType": "HOURLY" })).await.fields()["fixedFeeAmount"].is_string());
        assert!(world.patch(owner, &path, json!({ "fixedFeeAmount": null })).await.fields()["fixedFeeAmount"].is_string());
        assert!(world.patch(owner, &path, json!({ "startDate": "2026-06-12" })).await.fields()["dueDate"].is_string());
        let changed = world.patch(owner, &path, json!({ "rateType": "HOURLY", "fixedFeeAmount": null })).await.data(200);
        assert_eq!(changed["version"], 2);
    }
}

on_both! {
    /// People are put on a project once, and taken off.
    async fn members_join_and_leave(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (owner, user) = (&fixtures.home.owner, fixtures.home.member_user);
        let project = fixtures.home.project(&world, "P").await;
        let path = format!("/api/v1/projects/{project}/members");
        let put = async || {
            world.call(poem::http::Method::PUT, &format!("{path}/{user}")).token(owner).send().await.data(200)
        };
        assert_eq!(put().await, put().await);
        let on = world.get(owner, &path).await.data(200);
        assert_eq!((on.as_array().unwrap().len(), &on[0]["userId"]), (1, &json!(user)));
        let query = "{ projects { nodes { members { userId name } } } }";
        world.begin_counting();
        let seen = world.graphql(owner, query, json!({})).await.graphql();
        assert_eq!(seen["projects"]["nodes"][0]["members"][0]["userId"], json!(user));
        assert_eq!(world.statements().len(), 2, "{:#?}", world.statements());
        for (wrong, status) in [("?limit=0", 422), ("?foo=1", 422), ("?cursor=zz", 400)] {
            assert_eq!(world.get(owner, &format!("{path}{wrong}")).await.status, status, "{wrong}");
        }
        let me = world.get(&fixtures.home.member, "/api/v1/me").await.data(200);
        assert_eq!((&me["projectIds"], &me["scopes"]), (&json!([project]), &json!(["read", "write"])));
        assert_eq!(world.get(owner, "/api/v1/me").await.data(200)["projectIds"], Value::Null);
        assert_eq!(world.delete(owner, &format!("{path}/{user}")).await.status, 204);
        world.delete(owner, &format!("{path}/{user}")).await.error(404, "not_found");
        let stranger = format!("{path}/{}", fixtures.other.member_user);
        world.call(poem::http::Method::PUT, &stranger).token(owner).send().await.error(404, "not_found");
    }
}

on_both! {
    /// A project whose fixed fee is on an invoice is neither moved nor deleted, until that invoice is cancelled.
    async fn a_project_with_a_billed_fee_stays(world: World) {
        let home = Fixtures::new(&world).await.home;
        let client = home.client(&world, "C").await;
        let body = json!({ "clientId": client, "name": "P", "rateType": "FIXED", "fixedFeeAmount": "500" });
        let path = format!("/api/v1/projects/{}", world.post(&home.owner, "/api/v1/projects", body).await.id());
        let invoice = home.invoice(&world, &client).await;
        let refused = world.delete(&home.owner, &path).await;
        assert_eq!(refused.error(409, "conflict")["reason"], "invoiced", "{}", refused.text());
        let invoice = invoice.parse().unwrap();
        service::invoice::cancel(&world.operator(), invoice).await.unwrap();
        assert_eq!(world.delete(&home.owner, &path).await.status, 204);
    }
}

on_both! {
    /// What comes back while another record has its external id is blocked by that record: a conflict, since nobody has sent a
    /// field.
    async fn a_taken_external_id_blocks_the_way_back(world: World) {
        let home = Fixtures::new(&world).await.home;
        let owner = &home.owner;
        let (client, project) = (home.client(&world, "C").await, home.project(&world, "P").await);
        for (list, body) in [
            ("/api/v1/projects", json!({ "clientId": client, "name": "A", "externalId": "E" })),
            ("/api/v1/tasks", json!({ "projectId": project, "name": "A", "externalId": "E" })),
        ] {
            let first = format!("{list}/{}", world.post(owner, list, body.clone()).await.id());
            assert_eq!(world.delete(owner, &first).await.status, 204);
            let second = format!("{list}/{}", world.post(owner, list, body.clone()).await.id());
            let refused = world.post(owner, &format!("{first}/restore"), json!({})).await;
            assert_eq!(refused.error(409, "conflict")["reason"], "external_id_taken", "{}", refused.text());
            world.patch(owner, &second, json!({ "externalId": "F" })).await.data(200);
            world.post(owner, &format!("{first}/restore"), json!({})).await.data(200);
            // On the way in, it is the field that was sent.
            assert!(world.post(owner, list, body).await.fields()["externalId"].is_string());
        }
    }
}
