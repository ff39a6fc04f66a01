//! Reading invoices: a record with its lines, the list without, nothing for Members, no writes.

use poem::http::Method;
use serde_json::{Value, json};
use tests::{Fixtures, World, on_both};

/// An invoice of one expense for a new client, in this state.
async fn invoice(world: &World, fixtures: &Fixtures, name: &str, amount: &str, state: &str) -> String {
    use service::invoice::{cancel, pay, send};
    let client = fixtures.home.client(world, name).await;
    fixtures.home.expense(world, &client, amount).await;
    let id = fixtures.home.invoice(world, &client).await;
    let (operator, parsed) = (world.operator(), id.parse().unwrap());
    world.clock.advance(86_400_000);
    if ["SENT", "PART", "PAID"].contains(&state) {
        send(&operator, parsed).await.unwrap();
    }
    match state {
        "PART" => drop(pay(&operator, parsed, Some("1".parse().unwrap())).await.unwrap()),
        "PAID" => drop(pay(&operator, parsed, None).await.unwrap()),
        "CANCELLED" => drop(cancel(&operator, parsed).await.unwrap()),
        _ => {}
    }
    id
}

on_both! {
    /// GET of one carries its lines, the list does not; a token changes nothing about either.
    async fn a_record_carries_lines_and_the_list_does_not(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let id = invoice(&world, &fixtures, "C", "12.50", "SENT").await;
        let path = format!("/api/v1/invoices/{id}");
        let read = world.get(&home.manager, &path).await;
        assert_eq!(read.header("etag"), Some("\"2\""));
        let one = read.data(200);
        let line = json!([{ "description": "a ticket", "quantity": "1.00", "unitPrice": "12.50", "amount": "12.50", "projectId": null, "taskId": null }]);
        assert_eq!(one["lines"], line);
        for (field, value) in [
            ("number", json!("INV-1")), ("status", json!("SENT")), ("paymentStatus", json!("unpaid")), ("subtotal", json!("12.50")),
            ("discountAmount", json!("0.00")), ("taxRate", json!(null)), ("taxAmount", json!("0.00")), ("total", json!("12.50")),
            ("amountPaid", json!("0.00")), ("currency", json!("EUR")), ("notes", json!(null)), ("billToName", json!("C")),
            ("issueDate", json!("2026-06-11")), ("dueDate", json!("2026-07-11")), ("sentAt", json!("2026-06-12T08:00:00.000Z")),
            ("paidAt", json!(null)), ("version", json!(2)), ("deletedAt", json!(null)),
        ] {
            assert_eq!(one[field], value, "{field}");
        }
        let listed = world.get(&home.owner, "/api/v1/invoices").await.data(200)[0].clone();
        assert!(listed.get("lines").is_none());
        let mut without = one.clone();
        without.as_object_mut().unwrap().remove("lines");
        assert_eq!(listed, without);
        let unless = world.call(Method::GET, &path).token(&home.owner).header("if-none-match", "\"2\"").send().await;
        assert_eq!(unless.status, 304);
        for method in [Method::PATCH, Method::DELETE, Method::PUT, Method::POST] {
            let refused = world.call(method.clone(), &path).token(&home.owner).json(json!({})).send().await;
            refused.error(405, "bad_request");
            assert_eq!(refused.header("allow"), Some("GET, HEAD, OPTIONS"), "{method}");
        }
        world.post(&home.owner, "/api/v1/invoices", json!({})).await.error(405, "bad_request");
        // A Member receives nothing, not even whether it exists.
        for path in ["/api/v1/invoices".to_owned(), path.clone(), "/api/v1/invoices/x".to_owned()] {
            world.get(&home.member, &path).await.error(403, "forbidden_scope");
        }
        world.get(&fixtures.other.owner, &path).await.error(404, "not_found");
        let query = "query($id: ID!) { invoice(id: $id) { total lines { description amount } client { name } } }";
        let seen = world.graphql(&home.owner, query, json!({ "id": id })).await.graphql();
        assert_eq!(seen["invoice"], json!({ "total": "12.50", "lines": [{ "description": "a ticket", "amount": "12.50" }], "client": { "name": "C" } }));
    }
}

on_both! {
    /// Every sort and filter of the list.
    async fn invoices_are_sorted_and_filtered(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for (i, (amount, state)) in [("5", "DRAFT"), ("300", "SENT"), ("20", "PART"), ("100", "PAID"), ("7", "CANCELLED")].iter().enumerate() {
            invoice(&world, &fixtures, &format!("Client {i}"), amount, state).await;
        }
        // The tenth comes after the ninth.
        for i in 6..=10 {
            invoice(&world, &fixtures, &format!("Client {i}"), "50", "DRAFT").await;
        }
        let numbers = async |query: &str| -> Vec<i64> {
            let rows = world.get(owner, &format!("/api/v1/invoices?{query}")).await.data(200);
            let number = |row: &Value| row["number"].as_str().unwrap().trim_start_matches("INV-").parse().unwrap();
            rows.as_array().unwrap().iter().map(number).collect()
        };
        for (query, found) in [
            ("sort=number", vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
            ("sort=-number&limit=2", vec![10, 9]),
            ("sort=-total&limit=3", vec![2, 4, 10]),
            ("sort=amountPaid&status=SENT&status=PAID", vec![2, 3, 4]),
            ("sort=-sentAt&limit=4", vec![4, 3, 2, 10]),
            ("sort=sentAt&status=sent&status=cancelled", vec![5, 2, 3]),
            ("sort=-paidAt&limit=1", vec![4]),
            ("sort=status&status=PAID&status=CANCELLED&status=SENT", vec![2, 3, 4, 5]),
            ("sort=-paymentStatus&limit=2", vec![4, 3]),
            ("sort=issueDate&limit=2", vec![1, 2]),
            ("sort=-dueDate&limit=2", vec![10, 9]),
            ("sort=createdAt&limit=1", vec![1]),
            ("sort=-updatedAt&limit=1", vec![10]),
            ("sort=id&limit=1", vec![1]),
            ("paymentStatus=partially_paid", vec![3]),
            ("paymentStatus=PAID&paymentStatus=partially_paid", vec![4, 3]),
            ("clientName=client%203", vec![4]),
            ("search=inv-1&sort=number", vec![1, 10]),
            ("totalMin=20&totalMax=100&sort=number&status=SENT&status=PAID", vec![3, 4]),
            ("issueDateFrom=2026-06-12&issueDateTo=2026-06-13&sort=number", vec![2, 3]),
            ("dueDateTo=2026-07-11", vec![1]),
            ("sentAtFrom=2026-06-14T08:00:00Z&sort=number", vec![3, 4]),
            ("sentAtTo=2026-06-13", vec![2]),
            ("paidAtFrom=2026-06-15&paidAtTo=2026-06-15", vec![4]),
            ("createdAtTo=2026-06-11", vec![1]),
            ("updatedAtFrom=2026-06-20", vec![10]),
        ] {
            assert_eq!(numbers(query).await, found, "{query}");
        }
        let client = world.get(owner, "/api/v1/clients?search=client%204").await.data(200)[0]["id"].as_str().unwrap().to_owned();
        assert_eq!(numbers(&format!("clientId={client}")).await, [5]);
        let reported = world.get(owner, "/api/v1/invoices?sort=name&externalId=x").await.fields();
        assert!(reported["sort"].as_str().unwrap().contains("paymentStatus") && reported["externalId"].is_string(), "{reported}");
    }
}
