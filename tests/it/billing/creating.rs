//! Creating an invoice: which time, fees and expenses it bills, at which price, under which number.

use poem::http::Method;
use serde_json::{Value, json};
use service::Error;
use service::invoice::{self, NewInvoice};
use tests::{Fixtures, Workspace, World, everything, on_both};

async fn make(world: &World, at: &Workspace, input: NewInvoice) -> Result<Value, Error> {
    let made = invoice::create(&world.operator(), at.id, input).await?;
    let shown = serde_json::to_value(&made).unwrap();
    let path = format!("/api/v1/invoices/{}", made.invoice.id);
    assert_eq!(world.get(&at.owner, &path).await.data(200), shown, "the command prints what GET gives");
    Ok(shown)
}

/// Time on a project.
async fn log(world: &World, token: &str, project: &str, seconds: i64, also: Value) -> String {
    let mut body = json!({ "projectId": project, "durationSeconds": seconds, "entryDate": "2026-06-11" });
    body.as_object_mut().unwrap().extend(also.as_object().unwrap().clone());
    world.post(token, "/api/v1/time-entries", body).await.id()
}

fn lines(invoice: &Value) -> Vec<(String, String, String, String)> {
    let text = |line: &Value, field: &str| line[field].as_str().unwrap().to_owned();
    let lines = invoice["lines"].as_array().unwrap().iter();
    lines.map(|l| (text(l, "description"), text(l, "quantity"), text(l, "unitPrice"), text(l, "amount"))).collect()
}

fn line(description: &str, quantity: &str, price: &str, amount: &str) -> (String, String, String, String) {
    (description.into(), quantity.into(), price.into(), amount.into())
}

on_both! {
    /// Billable time that is not billed yet, each entry rounded up to the quarter hour, grouped by project and task; each
    /// fee once; each expense by itself; and nothing else.
    async fn an_invoice_bills_unbilled_time_fees_and_expenses(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, owner) = (&fixtures.home, &fixtures.home.owner);
        let client = home.client(&world, "C").await;
        let project = async |also: Value| {
            let mut body = json!({ "clientId": client, "name": "P" });
            body.as_object_mut().unwrap().extend(also.as_object().unwrap().clone());
            world.post(owner, "/api/v1/projects", body).await.id()
        };
        let hourly = project(json!({ "name": "Beta", "hourlyRate": "99.99" })).await;
        let other = project(json!({ "name": "Alpha", "hourlyRate": "10" })).await;
        let fixed = project(json!({ "name": "Fixed", "rateType": "FIXED", "fixedFeeAmount": "1000" })).await;
        let free = project(json!({ "name": "Free", "rateType": "NON_BILLABLE" })).await;
        let task = world.post(owner, "/api/v1/tasks", json!({ "projectId": hourly, "name": "Draw" })).await.id();
        let other_client = home.project(&world, "of another client").await;
        let due = [
            log(&world, owner, &hourly, 1, json!({})).await,
            log(&world, owner, &hourly, 901, json!({})).await,
            log(&world, owner, &hourly, 3600, json!({ "taskId": task })).await,
            log(&world, owner, &other, 900, json!({})).await,
        ];
        let not_due = [
            log(&world, owner, &hourly, 3600, json!({ "billable": false })).await,
            log(&world, owner, &hourly, 3600, json!({ "entryDate": "2026-05-31" })).await,
            log(&world, owner, &hourly, 3600, json!({ "entryDate": "2026-07-01" })).await,
            log(&world, owner, &hourly, 0, json!({})).await,
            log(&world, owner, &fixed, 3600, json!({})).await,
            log(&world, owner, &free, 3600, json!({})).await,
            log(&world, owner, &other_client, 3600, json!({})).await,
            world.post(owner, "/api/v1/time-entries/start", json!({ "projectId": hourly })).await.id(),
        ];
        let gone = log(&world, owner, &hourly, 3600, json!({})).await;
        world.delete(owner, &format!("/api/v1/time-entries/{gone}")).await;
        home.expense(&world, &client, "12.345").await;
        let spent = json!({ "clientId": client, "projectId": hourly, "description": "Type", "amount": "5", "expenseDate": "2026-06-10" });
        world.post(owner, "/api/v1/expenses", spent.clone()).await.data(201);
        for also in [json!({ "billable": false }), json!({ "expenseDate": "2026-07-01" })] {
            let mut body = spent.clone();
            body.as_object_mut().unwrap().extend(also.as_object().unwrap().clone());
            world.post(owner, "/api/v1/expenses", body).await.data(201);
        }

        let june = NewInvoice { from: "2026-06-01".parse().unwrap(), to: "2026-06-30".parse().unwrap(), ..everything(&client) };
        // A discount that would have to be rounded is refused, and with it the whole invoice.
        let discount = Some("100.005".parse().unwrap());
        let refused = make(&world, home, NewInvoice { discount, ..june.clone() }).await.unwrap_err();
        assert!(refused.fields().unwrap().names("discount"), "{refused}");
        let discount = Some("100".parse().unwrap());
        let made = make(&world, home, NewInvoice { discount, tax_rate: "7.7".parse().ok(), ..june.clone() }).await.unwrap();
        assert_eq!(lines(&made), [
            line("Alpha", "0.25", "10.00", "2.50"),
            line("Beta", "0.75", "99.99", "74.99"),
            line("Beta: Draw", "1.00", "99.99", "99.99"),
            line("Fixed", "1.00", "1000.00", "1000.00"),
            line("Type", "1.00", "5.00", "5.00"),
            line("a ticket", "1.00", "12.345", "12.35"),
        ]);
        // 12.345 is rounded half up; (1194.83 − 100.00) × 7.7 % is 84.30191.
        for (field, value) in [("subtotal", "1194.83"), ("discountAmount", "100.00"), ("taxRate", "7.70"), ("taxAmount", "84.30"), ("total", "1179.13"), ("status", "DRAFT"), ("number", "INV-1")] {
            assert_eq!(made[field], value, "{field}");
        }
        assert_eq!((&made["lines"][2]["taskId"], &made["lines"][4]["projectId"]), (&json!(task), &json!(hourly)));
        let entry = async |id: &str| world.get(owner, &format!("/api/v1/time-entries/{id}")).await.data(200);
        for id in &due {
            let entry = entry(id).await;
            assert_eq!((&entry["invoiceId"], &entry["version"]), (&made["id"], &json!(2)));
            let refused = world.patch(owner, &format!("/api/v1/time-entries/{id}"), json!({ "note": "x" })).await;
            assert_eq!(refused.error(409, "conflict")["reason"], "invoiced");
        }
        for id in &not_due {
            assert_eq!(entry(id).await["invoiceId"], Value::Null);
        }
        let again = make(&world, home, june.clone()).await.unwrap_err();
        assert_eq!((again.reason(), again.code()), (Some("nothing_to_bill"), service::Code::Conflict));
        // A refused invoice takes no number, and the fee was billed.
        log(&world, owner, &other, 60, json!({})).await;
        let second = make(&world, home, june).await.unwrap();
        assert_eq!((&second["number"], lines(&second)), (&json!("INV-2"), vec![line("Alpha", "0.25", "10.00", "2.50")]));
    }
}

on_both! {
    /// Whatever cannot be billed is reported, and nothing is stored.
    async fn requests_that_cannot_be_billed_are_refused(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, owner) = (&fixtures.home, &fixtures.home.owner);
        let client = world.post(owner, "/api/v1/clients", json!({ "name": "No rate" })).await.id();
        let body = json!({ "clientId": client, "name": "Unpriced work" });
        let project = world.post(owner, "/api/v1/projects", body).await.id();
        let entry = log(&world, owner, &project, 60, json!({})).await;
        let all = everything(&client);
        let refused = make(&world, home, all.clone()).await.unwrap_err();
        let reported = refused.fields().unwrap().to_string();
        assert!(reported.contains("Unpriced work") && reported.contains(&project), "{reported}");
        let entry = world.get(owner, &format!("/api/v1/time-entries/{entry}")).await.data(200);
        assert_eq!((&entry["invoiceId"], &entry["version"]), (&Value::Null, &json!(1)));

        world.patch(owner, &format!("/api/v1/projects/{project}"), json!({ "hourlyRate": "100" })).await.data(200);
        let discount = make(&world, home, NewInvoice { discount: "25.01".parse().ok(), ..all.clone() }).await.unwrap_err();
        assert!(discount.fields().unwrap().names("discount"), "{discount}");
        let backwards = NewInvoice { from: "2026-06-12".parse().unwrap(), to: "2026-06-11".parse().unwrap(), ..all.clone() };
        assert!(make(&world, home, backwards).await.unwrap_err().fields().unwrap().names("to"));
        let stranger = make(&world, &fixtures.other, all.clone()).await.unwrap_err();
        assert_eq!(stranger.code(), service::Code::NotFound);

        home.expense(&world, &client, "3").await;
        world.patch(owner, &format!("/api/v1/clients/{client}"), json!({ "currency": "JPY" })).await.data(200);
        assert_eq!(make(&world, home, all.clone()).await.unwrap_err().reason(), Some("other_currency"));
        world.patch(owner, &format!("/api/v1/clients/{client}"), json!({ "currency": "EUR" })).await.data(200);
        let made = make(&world, home, NewInvoice { discount: "28".parse().ok(), ..all }).await.unwrap();
        assert_eq!((&made["number"], &made["total"]), (&json!("INV-1"), &json!("0.00")), "no number was lost");
        assert_eq!(world.get(owner, "/api/v1/invoices").await.data(200).as_array().unwrap().len(), 1);
    }
}

on_both! {
    /// Each currency has its own decimals; the tax rate and the days to pay are the client's.
    async fn currencies_taxes_and_terms(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, owner) = (&fixtures.home, &fixtures.home.owner);
        for (currency, terms, due, amount, tax) in [
            ("JPY", json!("Net 15"), "2026-06-26", "33.00", "3.00"),
            ("KWD", json!("on receipt"), "2026-06-11", "33.334", "2.567"),
            ("USD", json!(null), "2026-07-11", "33.33", "2.57"),
        ] {
            let body = json!({ "name": currency, "currency": currency, "defaultRate": "133.3350", "defaultTaxRate": "7.7", "defaultPaymentTerms": terms });
            let client = world.post(owner, "/api/v1/clients", body).await.id();
            let project = world.post(owner, "/api/v1/projects", json!({ "clientId": client, "name": "P" })).await.id();
            log(&world, owner, &project, 900, json!({})).await;
            let made = make(&world, home, everything(&client)).await.unwrap();
            let shown = [&made["currency"], &made["dueDate"], &made["subtotal"], &made["taxAmount"], &made["taxRate"]];
            assert_eq!(shown, [currency, due, amount, tax, "7.70"]);
        }
    }
}

on_both! {
    /// An invoice is a snapshot: neither the client nor the rate nor the task changes it afterwards.
    async fn an_invoice_is_a_snapshot(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, owner) = (&fixtures.home, &fixtures.home.owner);
        let task = home.task(&world, "T").await;
        let project = world.get(owner, &format!("/api/v1/tasks/{task}")).await.data(200)["projectId"].as_str().unwrap().to_owned();
        log(&world, owner, &project, 900, json!({ "taskId": task })).await;
        let client = world.get(owner, &format!("/api/v1/projects/{project}")).await.data(200)["clientId"].as_str().unwrap().to_owned();
        let made = make(&world, home, everything(&client)).await.unwrap();
        world.patch(owner, &format!("/api/v1/projects/{project}"), json!({ "hourlyRate": "1", "name": "n" })).await.data(200);
        world.patch(owner, &format!("/api/v1/tasks/{task}"), json!({ "name": "n" })).await.data(200);
        world.patch(owner, &format!("/api/v1/clients/{client}"), json!({ "name": "n", "currency": "JPY", "defaultTaxRate": "1" })).await.data(200);
        world.call(Method::POST, &format!("/api/v1/projects/{project}/archive")).token(owner).key("k").send().await.data(200);
        let id = made["id"].as_str().unwrap();
        assert_eq!(world.get(owner, &format!("/api/v1/invoices/{id}")).await.data(200), made);
        // Its client and its project stay where they are.
        assert_eq!(world.delete(owner, &format!("/api/v1/projects/{project}")).await.error(409, "conflict")["reason"], "invoiced");
        assert_eq!(world.delete(owner, &format!("/api/v1/clients/{client}")).await.error(409, "conflict")["reason"], "has_invoices");
        invoice::cancel(&world.operator(), id.parse().unwrap()).await.unwrap();
        assert_eq!(world.delete(owner, &format!("/api/v1/clients/{client}")).await.status, 204);
    }
}
