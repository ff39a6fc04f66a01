//! What is listed to whom, and how many tokens it costs an assistant.

use serde_json::{Value, json};
use service::value::Role;
use tests::{Fixtures, World, on_both};

use super::result;

/// Fields of money in inputs and answers.
const MONEY: [&str; 8] =
    ["defaultRate", "hourlyRate", "fixedFeeAmount", "budgetAmount", "amount", "amounts", "total", "amountPaid"];

async fn list(world: &World, token: &str, path: &str) -> Value {
    result(world, token, path, "tools/list", json!({})).await
}

fn names(list: &Value) -> Vec<String> {
    list["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

/// Tokens of a text, as a model counts roughly: four bytes each.
fn tokens(list: &Value) -> usize {
    list.to_string().len() / 4
}

on_both! {
    /// The default list has at most 20 tools and 6,000 tokens for every role, the list that only reads at most 1,500.
    async fn lists_are_short(world: World) {
        let fixtures = Fixtures::new(&world).await;
        for role in [Role::Owner, Role::Admin, Role::Manager, Role::Member] {
            let default = list(&world, fixtures.home.token(role), "/mcp").await;
            let count = default["tools"].as_array().unwrap().len();
            assert!(count <= 20 && tokens(&default) <= 6_000, "{role}: {count} tools, {} tokens", tokens(&default));
            let reads = list(&world, fixtures.home.token(role), "/mcp/readonly").await;
            assert!(tokens(&reads) <= 1_500, "{role}: {} tokens", tokens(&reads));
            assert_eq!((&default["cacheScope"], default["ttlMs"].is_u64()), (&json!("private"), true));
        }
    }
}

on_both! {
    /// The whole set holds the 31 tools of the product and three more, in a fixed order.
    async fn the_whole_set_is_whole(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let all = list(&world, &fixtures.home.owner, "/mcp/x/all").await;
        assert_eq!(names(&all).len(), 34, "{:?}", names(&all));
        assert_eq!(all, list(&world, &fixtures.home.owner, "/mcp/x/all").await);
    }
}

on_both! {
    /// A Member is shown no tool and no field of money; a token that reads is shown no tool that writes.
    async fn what_is_not_allowed_is_not_listed(world: World) {
        let fixtures = Fixtures::new(&world).await;
        for path in ["/mcp", "/mcp/x/all"] {
            let listed = list(&world, &fixtures.home.member, path).await;
            let shown = names(&listed);
            for hidden in ["create_client", "create_expense", "list_invoices", "delete_record"] {
                assert!(!shown.iter().any(|name| name == hidden), "{path} lists {hidden}");
            }
            for tool in listed["tools"].as_array().unwrap() {
                let fields = tool["inputSchema"]["properties"].as_object().cloned().unwrap_or_default();
                assert!(!MONEY.iter().any(|money| fields.contains_key(*money)), "{tool}");
            }
            let reader = fixtures.home.reader(&world, Role::Owner).await;
            let reading = list(&world, &reader, path).await;
            let writes = |tool: &&Value| tool["annotations"]["readOnlyHint"] != true;
            assert!(reading["tools"].as_array().unwrap().iter().find(writes).is_none(), "{reading}");
        }
    }
}
