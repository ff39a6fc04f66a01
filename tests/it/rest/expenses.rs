//! Expenses: the client's currency, the rules of categories, the project that belongs to the client.

use serde_json::{Value, json};
use tests::{Fixtures, on_both};

fn with(body: &Value, also: Value) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().extend(also.as_object().unwrap().clone());
    body
}

on_both! {
    /// The currency is the client's at that moment, and is never sent.
    async fn the_currency_is_a_snapshot(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = async |currency: &str| world.post(owner, "/api/v1/clients", json!({ "name": currency, "currency": currency })).await.id();
        let (yen, franc) = (client("JPY").await, client("CHF").await);
        let body = json!({ "clientId": yen, "description": "Ticket", "amount": "1200", "expenseDate": "2026-06-11" });
        let made = world.post(owner, "/api/v1/expenses", body.clone()).await.data(201);
        for (field, value) in [
            ("currency", json!("JPY")), ("amount", json!("1200.00")), ("category", json!("OTHER")), ("billable", json!(true)),
            ("customCategory", json!(null)), ("projectId", json!(null)), ("invoiceId", json!(null)), ("externalId", json!(null)),
            ("description", json!("Ticket")), ("expenseDate", json!("2026-06-11")), ("version", json!(1)),
        ] {
            assert_eq!(made[field], value, "{field}");
        }
        world.patch(owner, &format!("/api/v1/clients/{yen}"), json!({ "currency": "USD" })).await.data(200);
        let path = format!("/api/v1/expenses/{}", made["id"].as_str().unwrap());
        assert_eq!(world.patch(owner, &path, json!({ "description": "Tram" })).await.data(200)["currency"], "JPY");
        assert_eq!(world.post(owner, "/api/v1/expenses", body.clone()).await.data(201)["currency"], "USD");
        assert_eq!(world.patch(owner, &path, json!({ "clientId": franc })).await.data(200)["currency"], "CHF");
        assert_eq!(world.post(owner, "/api/v1/expenses", with(&body, json!({ "currency": "EUR" }))).await.fields()["currency"], "read-only");
    }
}

on_both! {
    /// A category of one's own goes with OTHER only; something was bought, for more than nothing, some day.
    async fn expenses_are_validated(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = fixtures.home.client(&world, "C").await;
        let body = json!({ "clientId": client, "description": "Lunch", "amount": "12.5", "expenseDate": "2026-06-11" });
        for (also, field) in [
            (json!({ "category": "TRAVEL", "customCategory": "x" }), "customCategory"),
            (json!({ "category": "FOOD" }), "category"),
            (json!({ "amount": "0" }), "amount"),
            (json!({ "amount": "0.00001" }), "amount"),
            (json!({ "amount": -1 }), "amount"),
            (json!({ "amount": null }), "amount"),
            (json!({ "description": " " }), "description"),
            (json!({ "description": "d".repeat(501) }), "description"),
            (json!({ "expenseDate": "11.6.2026" }), "expenseDate"),
            (json!({ "clientId": "01890a5d-ac96-774b-bcce-b302099a8057" }), "clientId"),
            (json!({ "clientId": null }), "clientId"),
            (json!({ "projectId": "01890a5d-ac96-774b-bcce-b302099a8057" }), "projectId"),
        ] {
            let reported = world.post(owner, "/api/v1/expenses", with(&body, also.clone())).await.fields();
            assert_eq!(reported.as_object().unwrap().keys().collect::<Vec<_>>(), [field], "{also}");
        }
        for (sent, kept) in [(json!("0.0001"), "0.0001"), (json!(0.1), "0.10"), (json!("999999999999.9999"), "999999999999.9999"), (json!(1e3), "1000.00")] {
            let made = world.post(owner, "/api/v1/expenses", with(&body, json!({ "amount": sent }))).await.data(201);
            assert_eq!(made["amount"], kept);
            let path = format!("/api/v1/expenses/{}", made["id"].as_str().unwrap());
            assert_eq!(world.get(owner, &path).await.data(200)["amount"], kept);
        }
        let own = world.post(owner, "/api/v1/expenses", with(&body, json!({ "customCategory": "Snacks" }))).await.data(201);
        assert_eq!((&own["category"], &own["customCategory"]), (&json!("OTHER"), &json!("Snacks")));
        let path = format!("/api/v1/expenses/{}", own["id"].as_str().unwrap());
        assert!(world.patch(owner, &path, json!({ "category": "meals" })).await.fields()["customCategory"].is_string());
        let meal = world.patch(owner, &path, json!({ "category": "meals", "customCategory": null })).await.data(200);
        assert_eq!((&meal["category"], &meal["customCategory"]), (&json!("MEALS"), &json!(null)));
    }
}

on_both! {
    /// The project is one of the client's, now and when either changes.
    async fn the_project_belongs_to_the_client(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, owner) = (&fixtures.home, &fixtures.home.owner);
        let (project, other) = (home.project(&world, "P").await, home.project(&world, "Q").await);
        let client_of = async |project: &str| world.get(owner, &format!("/api/v1/projects/{project}")).await.data(200)["clientId"].clone();
        let (client, others) = (client_of(&project).await, client_of(&other).await);
        let body = json!({ "clientId": client, "projectId": other, "description": "d", "amount": "1", "expenseDate": "2026-06-11" });
        assert!(world.post(owner, "/api/v1/expenses", body.clone()).await.fields()["projectId"].is_string());
        let made = world.post(owner, "/api/v1/expenses", with(&body, json!({ "projectId": project }))).await.data(201);
        let path = format!("/api/v1/expenses/{}", made["id"].as_str().unwrap());
        assert!(world.patch(owner, &path, json!({ "clientId": others })).await.fields()["projectId"].is_string());
        assert!(world.patch(owner, &path, json!({ "projectId": other })).await.fields()["projectId"].is_string());

        let moved = world.patch(owner, &format!("/api/v1/projects/{project}"), json!({ "clientId": others })).await;
        assert_eq!(moved.error(409, "conflict")["reason"], "has_expenses");
        world.patch(owner, &path, json!({ "clientId": others, "projectId": other })).await.data(200);
        world.patch(owner, &format!("/api/v1/projects/{project}"), json!({ "clientId": others })).await.data(200);
        assert_eq!(world.patch(owner, &path, json!({ "projectId": null })).await.data(200)["projectId"], Value::Null);
    }
}

on_both! {
    /// Billed, it is locked for everyone; the invoice cancelled, it is free again.
    async fn a_billed_expense_is_locked(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let client = home.client(&world, "C").await;
        let path = format!("/api/v1/expenses/{}", home.expense(&world, &client, "10").await);
        let invoice = home.invoice(&world, &client).await;
        let locked = world.get(&home.owner, &path).await.data(200);
        assert_eq!((&locked["invoiceId"], &locked["version"]), (&json!(invoice), &json!(2)));
        for token in [&home.owner, &home.admin, &home.manager] {
            assert_eq!(world.patch(token, &path, json!({ "description": "x" })).await.error(409, "conflict")["reason"], "invoiced");
            assert_eq!(world.delete(token, &path).await.error(409, "conflict")["reason"], "invoiced");
        }
        for (query, found) in [("invoiced=true", 1), ("invoiced=false", 0)] {
            let rows = world.get(&home.owner, &format!("/api/v1/expenses?{query}")).await.data(200);
            assert_eq!(rows.as_array().unwrap().len(), found, "{query}");
        }
        service::invoice::cancel(&world.operator(), invoice.parse().unwrap()).await.unwrap();
        let free = world.patch(&home.owner, &path, json!({ "description": "x" })).await.data(200);
        assert_eq!((&free["invoiceId"], &free["version"]), (&json!(null), &json!(4)));
        assert_eq!(world.delete(&home.owner, &path).await.status, 204);
        world.get(&home.owner, &path).await.error(404, "not_found");
    }
}
