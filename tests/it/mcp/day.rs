//! A day by an assistant: ten sentences of a person, each as the calls that a competent model makes of them from the tools
//! and their descriptions alone. What they cost stands in `docs/mcp.md`.

use poem::http::Method;
use serde_json::{Value, json};
use tests::{Fixtures, World, on_both};

use super::{parsed, result};

/// An assistant that counts what it sends and reads.
struct Assistant<'a> {
    world: &'a World,
    token: &'a str,
    tools: Vec<Value>,
    calls: usize,
    bytes: usize,
    rows: Vec<String>,
}

impl<'a> Assistant<'a> {
    async fn new(world: &'a World, token: &'a str) -> Assistant<'a> {
        let listed = result(world, token, "/mcp", "tools/list", json!({})).await;
        let tools = listed["tools"].as_array().unwrap().clone();
        Assistant { world, token, tools, calls: 0, bytes: 0, rows: vec![] }
    }

    /// Calls a tool of the default list with arguments that its schema describes.
    async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let known =
            self.tools.iter().find(|known| known["name"] == tool).unwrap_or_else(|| panic!("{tool} is not listed"));
        let schema = &known["inputSchema"];
        for name in arguments.as_object().unwrap().keys() {
            assert!(schema["properties"].get(name).is_some(), "{tool} does not say that it takes {name}");
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            assert!(arguments.get(name.as_str().unwrap()).is_some(), "{tool} says that it needs {name}");
        }
        let params = json!({ "name": tool, "arguments": arguments });
        self.calls += 1;
        self.bytes += params.to_string().len();
        let answer = result(self.world, self.token, "/mcp", "tools/call", params).await;
        self.bytes += answer["content"].to_string().len();
        answer
    }

    /// A call that must succeed.
    async fn done(&mut self, tool: &str, arguments: Value) -> Value {
        let answer = self.call(tool, arguments).await;
        assert_ne!(answer["isError"], true, "{tool}: {answer}");
        parsed(&answer)
    }

    /// Ends a sentence: a row of the table in the documentation, with tokens rounded up to hundreds.
    fn end(&mut self, words: &str) {
        let tokens = (self.bytes / 4).div_ceil(100) * 100;
        self.rows.push(format!("| {words} | {} | {tokens} |", self.calls));
        (self.calls, self.bytes) = (0, 0);
    }
}

/// A small workspace with a past: a client, work in May that is not billed, and two clients of a test.
async fn past(world: &World, fixtures: &Fixtures) {
    let owner = &fixtures.home.owner;
    let globex = world.post(owner, "/api/v1/clients", json!({ "name": "Globex", "defaultRate": "120.00" })).await.id();
    let website = world.post(owner, "/api/v1/projects", json!({ "clientId": globex, "name": "Website" })).await.id();
    let may = json!({ "projectId": website, "duration": "4h", "entryDate": "2026-05-12", "note": "Sitemap" });
    world.post(owner, "/api/v1/time-entries", may).await.id();
    let train = json!({ "clientId": globex, "description": "Train", "amount": "64.20", "expenseDate": "2026-05-13" });
    world.post(owner, "/api/v1/expenses", train).await.id();
    for name in ["Test one", "Test two"] {
        world.post(owner, "/api/v1/clients", json!({ "name": name })).await.id();
    }
}

on_both! {
    /// Ten sentences, done in 17 calls.
    async fn a_day_by_an_assistant(world: World) {
        let fixtures = Fixtures::new(&world).await;
        past(&world, &fixtures).await;
        let mut key = 0;
        let mut key = || {
            key += 1;
            format!("01a22ce2-23fd-7065-ad56-{key:012}")
        };
        let mut assistant = Assistant::new(&world, &fixtures.home.manager).await;

        let me = assistant.done("get_me", json!({})).await;
        assert_eq!(me["role"], "MANAGER");
        assistant.end("Who am I here?");

        let entry = assistant.done("create_time_entry", json!({
            "projectId": "Website", "duration": "1h30m", "entryDate": "2026-06-10", "note": "wireframes", "idempotencyKey": key(),
        })).await;
        assert_eq!(entry["durationSeconds"], 5400);
        assistant.end("Log 1h30m yesterday on Globex's website, note wireframes.");

        let changed = assistant.done("update_time_entry", json!({
            "id": entry["id"], "duration": "2h", "expectedVersion": entry["version"], "idempotencyKey": key(),
        })).await;
        assert_eq!(changed["durationSeconds"], 7200);
        assistant.end("Sorry, that was two hours.");

        let task = assistant.done("create_task", json!({
            "projectId": "Website", "name": "Review", "priority": "HIGH", "dueDate": "2026-06-12", "idempotencyKey": key(),
        })).await;
        assert_eq!(task["priority"], "HIGH");
        assistant.end("Make a task Review on the website, high priority, due tomorrow.");

        let timer = json!({ "projectId": "Website", "taskId": "Review", "timeZone": "UTC", "idempotencyKey": key() });
        assistant.done("start_timer", timer).await;
        assistant.end("Start a timer on the review.");

        world.clock.advance(25 * 60 * 1000);
        let stopped = assistant.done("stop_timer", json!({ "idempotencyKey": key() })).await;
        assert_eq!((&stopped["durationSeconds"], &stopped["taskId"]), (&json!(1500), &task["id"]));
        assistant.end("Stop my timer.");

        let days = ["2026-06-08", "2026-06-09"].map(|day| json!({ "projectId": "Website", "duration": "8h", "entryDate": day }));
        let mut batch = json!({ "timeEntries": days, "dryRun": true, "idempotencyKey": key() });
        assistant.done("create_time_entries", batch.clone()).await;
        batch["dryRun"] = json!(false);
        assert!(assistant.done("create_time_entries", batch).await["dryRun"].is_null());
        assistant.end("Fill in Monday and Tuesday, eight hours each; check it first.");

        let week = json!({ "groupBy": ["project", "day"], "entryDateFrom": "2026-06-08", "entryDateTo": "2026-06-14" });
        let report = assistant.done("time_report", week).await;
        assert_eq!(report["total"]["seconds"], 2 * 8 * 3600 + 7200 + 1500, "{report}");
        assistant.end("How many hours did I work this week, by day?");

        let open = json!({ "groupBy": ["project"], "invoiced": false, "billable": true, "entryDateFrom": "2026-05-01", "entryDateTo": "2026-05-31" });
        let report = assistant.done("time_report", open).await;
        assert_eq!(report["total"]["amounts"], json!([{ "currency": "EUR", "amount": "480.00" }]), "{report}");
        let fields = assistant.done("schema", json!({ "word": "ExpenseFilter" })).await;
        assert!(fields["sdl"].as_str().unwrap().contains("invoiced"), "{fields}");
        let query = "{ expenses(filter: {invoiced: [false], expenseDateFrom: \"2026-05-01\", expenseDateTo: \"2026-05-31\"}) { nodes { description amount currency } } }";
        let expenses = assistant.done("query", json!({ "query": query })).await;
        assert_eq!(expenses["data"]["expenses"]["nodes"][0]["amount"], "64.20", "{expenses}");
        assistant.end("What did we not bill in May, expenses too?");

        let found = assistant.done("find", json!({ "text": "Test" })).await;
        let tests: Vec<Value> = found["items"].as_array().unwrap().iter().filter(|item| item["noun"] == "client").cloned().collect();
        assert_eq!(tests.len(), 2, "{found}");
        for client in &tests {
            let arguments = json!({ "noun": "client", "id": client["id"], "idempotencyKey": key() });
            let question = assistant.call("delete_record", arguments.clone()).await;
            assert_eq!(question["resultType"], "input_required", "{question}");
            let confirmed = json!({
                "name": "delete_record", "arguments": arguments, "requestState": question["requestState"],
                "inputResponses": { "confirm": { "action": "accept", "content": { "confirm": true } } },
            });
            assistant.calls += 1;
            let gone = result(&world, &fixtures.home.manager, "/mcp", "tools/call", confirmed).await;
            assert_ne!(gone["isError"], true, "{gone}");
        }
        let left = world.call(Method::GET, "/api/v1/clients").token(&fixtures.home.owner).send().await.data(200);
        assert_eq!(left.as_array().unwrap().len(), 1);
        assistant.end("Delete the two test clients.");

        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/mcp.md")).unwrap();
        for row in &assistant.rows {
            assert!(page.contains(row), "docs/mcp.md lacks a row of:\n{}", assistant.rows.join("\n"));
        }
    }
}
