//! Every tool × role × plan × scope: a tool is listed exactly when REST would let the same token do the same, and one that
//! is not listed is refused when it is called all the same.

use poem::http::Method;
use serde_json::{Value, json};
use service::value::{Plan, Role, TokenScope};
use tests::{Fixtures, Workspace, World, mint, on_both};

use super::{parsed, result, send};

/// No record has this id.
const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// Every tool with the REST request that does the same; `*` stands for an id.
const TOOLS: [(&str, &str, &str); 39] = [
    ("get_me", "GET", "/me"),
    ("find", "GET", "/me"),
    ("query", "GET", "/me"),
    ("schema", "GET", "/me"),
    ("time_report", "GET", "/reports/time?groupBy=project"),
    ("get_organization", "GET", "/organization"),
    ("list_clients", "GET", "/clients"),
    ("get_client", "GET", "/clients/*"),
    ("create_client", "POST", "/clients"),
    ("update_client", "PATCH", "/clients/*"),
    ("delete_client", "DELETE", "/clients/*"),
    ("delete_record", "DELETE", "/clients/*"),
    ("list_projects", "GET", "/projects"),
    ("get_project", "GET", "/projects/*"),
    ("create_project", "POST", "/projects"),
    ("update_project", "PATCH", "/projects/*"),
    ("archive_project", "POST", "/projects/*/archive"),
    ("list_tasks", "GET", "/tasks"),
    ("get_task", "GET", "/tasks/*"),
    ("create_task", "POST", "/tasks"),
    ("update_task", "PATCH", "/tasks/*"),
    ("archive_task", "POST", "/tasks/*/archive"),
    ("list_time_entries", "GET", "/time-entries"),
    ("get_time_entry", "GET", "/time-entries/*"),
    ("get_running_timer", "GET", "/time-entries/running"),
    ("create_time_entry", "POST", "/time-entries"),
    ("create_time_entries", "POST", "/time-entries/batch"),
    ("update_time_entry", "PATCH", "/time-entries/*"),
    ("delete_time_entry", "DELETE", "/time-entries/*"),
    ("start_timer", "POST", "/time-entries/start"),
    ("stop_timer", "POST", "/time-entries/*/stop"),
    ("list_expenses", "GET", "/expenses"),
    ("get_expense", "GET", "/expenses/*"),
    ("create_expense", "POST", "/expenses"),
    ("update_expense", "PATCH", "/expenses/*"),
    ("delete_expense", "DELETE", "/expenses/*"),
    ("list_invoices", "GET", "/invoices"),
    ("get_invoice", "GET", "/invoices/*"),
    ("list_members", "GET", "/members"),
];

/// The lists, with the tools that only they hold.
const LISTS: [&str; 3] = ["/mcp", "/mcp/x/all", "/mcp/readonly"];

async fn names(world: &World, token: &str, list: &str) -> Vec<String> {
    let listed = result(world, token, list, "tools/list", json!({})).await;
    let name = |tool: &Value| tool["name"].as_str().unwrap().to_owned();
    listed["tools"].as_array().unwrap().iter().map(name).collect()
}

/// Whether REST would do it: an empty request passes the door and is refused only for what it lacks.
async fn rest_lets(world: &World, token: &str, method: &str, path: &str) -> bool {
    let path = format!("/api/v1{}", path.replace('*', NOBODY));
    let method: Method = method.parse().unwrap();
    let mut call = world.call(method.clone(), &path).token(token);
    if method == Method::POST {
        call = call.key(&world.new_key());
    }
    let takes_a_body = method == Method::PATCH || (method == Method::POST && !path.contains("/archive"));
    let answer = if takes_a_body { call.json(json!({})).send().await } else { call.send().await };
    !matches!(answer.status.as_u16(), 402 | 403)
}

/// Whether the door lets a tool pass: it may be refused, but not for who asks.
async fn mcp_lets(world: &World, token: &str, list: &str, tool: &str) -> bool {
    let mut arguments = json!({ "idempotencyKey": world.new_key(), "confirm": true, "id": NOBODY, "noun": "client" });
    if tool == "time_report" {
        arguments = json!({ "groupBy": "project" });
    }
    let answer = result(world, token, list, "tools/call", json!({ "name": tool, "arguments": arguments })).await;
    answer["isError"] != true || !matches!(parsed(&answer)["code"].as_str(), Some("forbidden_scope" | "forbidden_plan"))
}

/// Every tool of every list, asked by one token.
async fn disagreements(world: &World, token: &str, who: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for list in LISTS {
        let listed = names(world, token, list).await;
        for name in &listed {
            assert!(TOOLS.iter().any(|(tool, ..)| tool == name), "{name} is not in this test: add it");
        }
        for (tool, method, path) in TOOLS {
            let params = json!({ "name": tool, "arguments": {} });
            let there = send(world, token, list, "tools/call", params).await.json()["error"].is_null();
            let lets = rest_lets(world, token, method, path).await;
            if !there {
                assert!(!listed.iter().any(|name| name == tool), "{who}: {list} lists {tool} and does not know it");
                continue;
            }
            if listed.iter().any(|name| name == tool) != lets {
                wrong.push(format!("{who}: {list} and REST differ about {tool}"));
            }
            if mcp_lets(world, token, list, tool).await != lets {
                wrong.push(format!("{who}: {list} and REST differ in what {tool} answers"));
            }
        }
    }
    wrong
}

on_both! {
    /// On every plan, every role with a token of either scope.
    async fn tools_follow_rest(world: World) {
        let mut wrong = Vec::new();
        for (plan, name) in [(Plan::Studio, "studio"), (Plan::Agency, "agency")] {
            let workspace = Workspace::new(&world, name, plan).await;
            for (role, at) in [(Role::Owner, "owner"), (Role::Admin, "admin"), (Role::Manager, "manager"), (Role::Member, "member")] {
                for scope in [TokenScope::Read, TokenScope::Write] {
                    let token = mint(&world, workspace.id, &format!("{at}@{name}.example"), scope).await;
                    wrong.extend(disagreements(&world, &token, &format!("{role} with {scope:?} on {name}")).await);
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let free = Workspace::new(&world, "free", Plan::Free).await;
        for list in LISTS {
            send(&world, &free.owner, list, "tools/list", json!({})).await.error(402, "forbidden_plan");
        }
    }
}

on_both! {
    /// A role that is lowered and a plan that lapses count from the next call.
    async fn rights_are_those_of_now(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let manager = &fixtures.home.manager;
        assert!(names(&world, manager, "/mcp").await.contains(&"create_client".to_owned()));
        service::member::set_role(&world.operator(), fixtures.home.id, "manager@home.example", Role::Member).await.unwrap();
        assert!(!names(&world, manager, "/mcp").await.contains(&"create_client".to_owned()));
        let refusal = send(&world, manager, "/mcp", "tools/call", json!({ "name": "create_client", "arguments": { "name": "A", "idempotencyKey": "a" } })).await;
        assert_eq!(parsed(&refusal.json()["result"])["code"], "forbidden_scope");
        service::organization::set_plan(&world.operator(), fixtures.home.id, Plan::Free).await.unwrap();
        send(&world, manager, "/mcp", "tools/list", json!({})).await.error(402, "forbidden_plan");
    }
}

/// The arguments of every tool that a token is listed.
async fn arguments(world: &World, token: &str, list: &str) -> Vec<(String, Value)> {
    let listed = result(world, token, list, "tools/list", json!({})).await;
    let tool = |tool: &Value| (tool["name"].as_str().unwrap().to_owned(), tool["inputSchema"]["properties"].clone());
    listed["tools"].as_array().unwrap().iter().map(tool).collect()
}

/// The names in a JSON object or the texts in an array.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields.keys().cloned().collect(),
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        _ => vec![],
    }
}

on_both! {
    /// A role is offered exactly the filters and groups that REST takes from it; a Member is offered nothing of money or
    /// of clients in any tool.
    async fn arguments_follow_rest(world: World) {
        let home = Fixtures::new(&world).await.home;
        let hidden = ["clientId", "clientName", "hourlyRate", "amount", "fixedFeeAmount", "budgetAmount", "defaultRate", "rateType", "currency"];
        let mut compared = 0;
        for list in LISTS {
            let all = arguments(&world, &home.owner, list).await;
            for (role, token) in [("Owner", &home.owner), ("Admin", &home.admin), ("Manager", &home.manager), ("Member", &home.member)] {
                let offered = arguments(&world, token, list).await;
                for (tool, own) in &offered {
                    let shown = texts(own);
                    if role == "Member" {
                        let wrong: Vec<_> = shown.iter().filter(|name| hidden.contains(&name.as_str())).collect();
                        assert!(wrong.is_empty(), "{list}: a Member is offered {wrong:?} by {tool}");
                    }
                    let (_, _, path) = TOOLS.iter().find(|(name, ..)| name == tool).unwrap();
                    let whole = &all.iter().find(|(name, _)| name == tool).unwrap().1;
                    let path = path.split('?').next().unwrap();
                    let asked: Vec<(String, bool, String)> = match tool.as_str() {
                        "time_report" => {
                            let groups = texts(&own["groupBy"]["items"]["enum"]);
                            let offers = |group: String| (format!("{path}?groupBy={group}"), groups.contains(&group), group);
                            let filters = texts(whole).into_iter().filter(|name| name != "groupBy" && name != "timeZone");
                            let filters = filters.map(|name| (format!("{path}?groupBy=day&{name}={NOBODY}"), shown.contains(&name), name));
                            texts(&whole["groupBy"]["items"]["enum"]).into_iter().map(offers).chain(filters).collect()
                        }
                        name if name.starts_with("list_") => {
                            let filters = texts(whole).into_iter().filter(|name| name != "sort" && name != "cursor");
                            filters.map(|name| (format!("{path}?{name}={NOBODY}"), shown.contains(&name), name)).collect()
                        }
                        _ => continue,
                    };
                    for (path, offers, name) in asked {
                        let answer = world.get(token, &format!("/api/v1{path}")).await;
                        assert_eq!(answer.status.as_u16() != 403, offers, "{list}: {role} and {name} of {tool}");
                        compared += 1;
                    }
                }
            }
        }
        assert!(compared > 300, "{compared}");
    }
}
