//! The reports of expenses and invoices: counts and sums per currency that agree with adding up, for those who see money.

use serde_json::{Value, json};
use service::invoice;
use service::value::InvoiceId;
use tests::{Fixtures, World, on_both};

/// Two clients with three expenses each, in two currencies.
async fn spend(world: &World, fixtures: &Fixtures) -> [String; 2] {
    let owner = &fixtures.home.owner;
    let mut clients = Vec::new();
    for (name, currency) in [("Beta", "USD"), ("alpha", "EUR")] {
        let client = world.post(owner, "/api/v1/clients", json!({ "name": name, "currency": currency })).await.id();
        let project = world.post(owner, "/api/v1/projects", json!({ "clientId": client, "name": name })).await.id();
        for (category, amount, billable, date, project) in [
            ("TRAVEL", "10.005", true, "2026-06-30", Some(&project)),
            ("MEALS", "20", false, "2026-07-01", Some(&project)),
            ("TRAVEL", "0.0001", true, "2026-07-31", None),
        ] {
            let expense = json!({ "clientId": client, "projectId": project, "description": "d", "amount": amount,
                "category": category, "billable": billable, "expenseDate": date });
            world.post(owner, "/api/v1/expenses", expense).await.data(201);
        }
        clients.push(client);
    }
    clients.try_into().unwrap()
}

fn spent(currency: &str, amount: &str, billable: &str) -> Value {
    json!({ "currency": currency, "amount": amount, "billableAmount": billable })
}

on_both! {
    /// Expenses are summed by up to two of their groups, with the filters of the list; currencies stay apart.
    async fn expenses_are_summed(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let [beta, alpha] = spend(&world, &fixtures).await;
        let report = async |query: &str| world.get(owner, &format!("/api/v1/reports/expenses?{query}")).await.data(200);

        let by_client = report("groupBy=client").await;
        let row = |id: &str, name: &str, currency| json!({
            "keys": { "client": { "id": id, "name": name } }, "count": 3, "amounts": [spent(currency, "30.0051", "10.0051")]
        });
        assert_eq!(by_client["rows"], json!([row(&alpha, "alpha", "EUR"), row(&beta, "Beta", "USD")]), "by name, in any case");
        let total = json!({ "count": 6, "amounts": [spent("EUR", "30.0051", "10.0051"), spent("USD", "30.0051", "10.0051")] });
        assert_eq!(by_client["total"], total);

        let by_month = report("groupBy=category,month").await;
        let keys: Vec<_> = by_month["rows"].as_array().unwrap().iter().map(|row| (row["keys"].clone(), row["count"].clone())).collect();
        assert_eq!(keys, [
            (json!({ "category": "TRAVEL", "month": "2026-06" }), json!(2)),
            (json!({ "category": "TRAVEL", "month": "2026-07" }), json!(2)),
            (json!({ "category": "MEALS", "month": "2026-07" }), json!(2)),
        ]);
        let by_project = report(&format!("groupBy=project&clientId={beta}")).await;
        assert_eq!((&by_project["rows"][0]["keys"]["project"], &by_project["rows"][0]["count"]), (&Value::Null, &json!(1)));
        assert_eq!(by_project["rows"][1]["keys"]["project"]["name"], "Beta");

        let filtered = report("category=TRAVEL&expenseDateFrom=2026-07-01&clientName=BETA").await;
        assert_eq!(filtered, json!({ "rows": [], "total": { "count": 1, "amounts": [spent("USD", "0.0001", "0.0001")] } }));
        assert_eq!(report("clientName=nobody").await, json!({ "rows": [], "total": { "count": 0, "amounts": [] } }));
        let theirs = world.get(&fixtures.other.owner, "/api/v1/reports/expenses").await.data(200);
        assert_eq!(theirs["total"]["count"], 0);
    }
}

on_both! {
    /// Invoices are summed by up to two of their groups; what is outstanding is what SENT ones still ask for.
    async fn invoices_are_summed(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, operator) = (&fixtures.home, world.operator());
        let clients = [home.client(&world, "A").await, home.client(&world, "B").await];
        let mut invoices: Vec<InvoiceId> = Vec::new();
        for (client, amount) in [(0, "100"), (0, "50.5"), (1, "7"), (1, "3")] {
            home.expense(&world, &clients[client], amount).await;
            invoices.push(home.invoice(&world, &clients[client]).await.parse().unwrap());
        }
        // A draft of 100, and of the rest one partially paid, one paid, one cancelled.
        for id in &invoices[1..] {
            invoice::send(&operator, *id).await.unwrap();
        }
        invoice::pay(&operator, invoices[1], Some("10.5".parse().unwrap())).await.unwrap();
        invoice::pay(&operator, invoices[2], None).await.unwrap();
        invoice::cancel(&operator, invoices[3]).await.unwrap();
        let report = async |query: &str| world.get(&home.owner, &format!("/api/v1/reports/invoices?{query}")).await.data(200);
        let sums = |total: &str, paid: &str, outstanding: &str| {
            json!([{ "currency": "EUR", "total": total, "amountPaid": paid, "outstanding": outstanding }])
        };
        let by_status = report("groupBy=status").await;
        assert_eq!(by_status["rows"], json!([
            { "keys": { "status": "DRAFT" }, "count": 1, "amounts": sums("100.00", "0.00", "0.00") },
            { "keys": { "status": "SENT" }, "count": 1, "amounts": sums("50.50", "10.50", "40.00") },
            { "keys": { "status": "PAID" }, "count": 1, "amounts": sums("7.00", "7.00", "0.00") },
            { "keys": { "status": "CANCELLED" }, "count": 1, "amounts": sums("3.00", "0.00", "0.00") },
        ]));
        assert_eq!(by_status["total"], json!({ "count": 4, "amounts": sums("160.50", "17.50", "40.00") }));
        let by_two = report("groupBy=client,paymentStatus&status=SENT&status=PAID").await;
        let keys: Vec<_> = by_two["rows"].as_array().unwrap().iter().map(|row| row["keys"].clone()).collect();
        let client = |i: usize, name: &str| json!({ "id": clients[i], "name": name });
        assert_eq!(keys, [
            json!({ "client": client(0, "A"), "paymentStatus": "partially_paid" }),
            json!({ "client": client(1, "B"), "paymentStatus": "paid" }),
        ]);
        let by_month = report("groupBy=month").await;
        assert_eq!((&by_month["rows"][0]["keys"], &by_month["rows"][0]["count"]), (&json!({ "month": "2026-06" }), &json!(4)));
        assert_eq!(report("totalMin=50").await["total"]["count"], 2);
    }
}

on_both! {
    /// As tables: one line per group and currency, for spreadsheets with their own separator and a byte order mark.
    async fn amounts_are_tables_too(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, owner) = (&fixtures.home, &fixtures.home.owner);
        spend(&world, &fixtures).await;
        let table = async |path: &str| world.get(owner, &format!("/api/v1/reports/{path}&format=csv")).await.text();
        assert_eq!(
            table("expenses?groupBy=client,category&category=MEALS").await,
            "client,category,count,currency,amount,billableAmount\r\nalpha,MEALS,1,EUR,20.00,0.00\r\nBeta,MEALS,1,USD,20.00,0.00\r\n"
        );
        assert_eq!(
            table("expenses?bom=true&separator=;").await,
            "\u{feff}count;currency;amount;billableAmount\r\n3;EUR;30.0051;10.0051\r\n3;USD;30.0051;10.0051\r\n",
            "without groups, the total"
        );
        let client = home.client(&world, "＝1+1;=2").await;
        home.expense(&world, &client, "5").await;
        home.invoice(&world, &client).await;
        assert_eq!(
            table("invoices?groupBy=client,paymentStatus").await,
            "client,paymentStatus,count,currency,total,amountPaid,outstanding\r\n\"'＝1+1;'=2\",unpaid,1,EUR,5.00,0.00,0.00\r\n"
        );
        let project = json!({ "clientId": client, "name": "a;b" });
        let project = world.post(owner, "/api/v1/projects", project).await.id();
        home.entry(&world, owner, &project).await;
        assert_eq!(
            table("time?groupBy=project&separator=%3B&bom=1&amountShown=HIDE_AMOUNT").await,
            "\u{feff}project;seconds;billableSeconds;entries\r\n\"a;b\";3600;3600;1\r\n"
        );
    }
}

on_both! {
    /// Members get neither report; what is asked wrongly is named.
    async fn amounts_are_for_those_who_see_money(world: World) {
        let fixtures = Fixtures::new(&world).await;
        for report in ["expenses", "invoices"] {
            let path = format!("/api/v1/reports/{report}");
            world.get(&fixtures.home.member, &path).await.error(403, "forbidden_scope");
            world.get(&fixtures.home.manager, &path).await.data(200);
            for (query, field) in [
                ("groupBy=client,client", "groupBy"),
                ("groupBy=client,month,status", "groupBy"),
                ("groupBy=weather", "groupBy"),
                ("separator=x", "separator"),
                ("bom=x", "bom"),
                ("format=xml", "format"),
                ("limit=5", "limit"),
                ("clientId=x", "clientId"),
            ] {
                let fields = world.get(&fixtures.home.owner, &format!("{path}?{query}")).await.fields();
                assert!(fields.as_object().unwrap().keys().any(|key| key.starts_with(field)), "{path} {query}: {fields}");
            }
        }
    }
}

on_both! {
    /// Groups are named as the keys of rows are, in either case.
    async fn groups_are_named_as_keys(world: World) {
        let owner = &Fixtures::new(&world).await.home.owner;
        for group in ["paymentStatus", "paymentstatus", "PAYMENT_STATUS", "payment_status,client", "MONTH"] {
            world.get(owner, &format!("/api/v1/reports/invoices?groupBy={group}")).await.data(200);
        }
        let fields = world.get(owner, "/api/v1/reports/invoices?groupBy=kind").await.fields();
        assert_eq!(fields["groupBy"], "must be of client, status, paymentStatus, month");
    }
}
