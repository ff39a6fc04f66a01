//! What a page costs: statements.

use serde_json::json;
use tests::{Fixtures, on_both};

use super::{Browser, page};

/// The statement by which every page knows who asks.
const WHO: &str = "FROM session s JOIN member m";

on_both! {
    /// Beside the statement that reads who asks, each page reads what it shows by one or two; a delivery with its attempts and its
    /// endpoint by three, and an invoice on paper, with lines, client and workspace, by four.
    async fn a_page_costs_two_statements(world: World) {
        let home = Fixtures::new(&world).await.home;
        let project = home.project(&world, "Website").await;
        home.entry(&world, &home.owner, &project).await;
        let client = world.get(&home.owner, &format!("/api/v1/projects/{project}")).await.data(200)["clientId"].clone();
        let invoice = home.invoice(&world, client.as_str().unwrap()).await;
        let body = json!({ "url": "https://hooks.example/hours", "events": ["client.created"] });
        let endpoint = world.post(&home.owner, "/api/v1/webhook-endpoints", body).await.id();
        let delivery = world.post(&home.owner, &format!("/api/v1/webhook-endpoints/{endpoint}/test"), json!({})).await.id();
        let token = world.get(&home.owner, "/api/v1/tokens").await.data(200)[0]["id"].as_str().unwrap().to_owned();
        let member = world.get(&home.owner, "/api/v1/members").await.data(200)[0]["id"].as_str().unwrap().to_owned();
        let browser = Browser::signed_in(&world, home.id, "owner@home.example").await;
        let pages = [
            "", "/api", "/api/new", &format!("/api/{token}/revoke"), "/members", "/members/new",
            &format!("/members/{member}/role"), &format!("/members/{member}/remove"), "/workspace", "/invoices",
            "/invoices?status=DRAFT", "/invoices/new", &format!("/invoices/{invoice}"), &format!("/invoices/{invoice}/print"),
            &format!("/invoices/{invoice}/send"), "/webhooks", "/webhooks/new", &format!("/webhooks/{endpoint}"),
            &format!("/webhooks/{endpoint}/rotate"), &format!("/webhooks/{endpoint}/delete"), "/webhooks/deliveries",
            &format!("/webhooks/deliveries/{delivery}"), "/webhooks/deliveries?status=pending", "/sessions", "/sessions/end-all",
        ];
        let mut dear = Vec::new();
        for path in pages {
            let path = format!("/settings{path}");
            world.begin_counting();
            page(&browser.get(&path).await, 200);
            let (who, others): (Vec<_>, Vec<_>) = world.statements().into_iter().partition(|sql| sql.contains(WHO));
            assert_eq!(who.len(), 1, "{path}");
            let most = match path.rsplit('/').next() {
                Some("print") => 4,
                Some(id) if *id == delivery => 3,
                _ => 2,
            };
            if others.len() > most {
                dear.push(format!("{path}: {}\n  {}", others.len(), others.join("\n  ")));
            }
        }
        assert!(dear.is_empty(), "{}", dear.join("\n"));
    }
}
