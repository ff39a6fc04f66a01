//! Every action × every role × another workspace × a read-only token, on both surfaces, against the policy.

use poem::http::Method;
use serde_json::{Value, json};
use service::value::Role;
use service::{Access, Action, policy};
use tests::{Answer, Fixtures, Workspace, World, on_both};

/// How to perform an action on each surface, on records of one workspace.
pub(crate) struct Recipe {
    pub(crate) rest: (Method, String, Option<Value>),
    pub(crate) graphql: Option<(&'static str, Value)>,
}

/// Records for the action to be done to, made by the Owner of the workspace; fresh ones each time.
async fn recipe(world: &World, at: &Workspace, role: Role, action: Action) -> Recipe {
    let day = "2026-06-11";
    let get = |path: String| (Method::GET, path, None);
    let post = |path: &str, body: Value| (Method::POST, path.to_owned(), Some(body));
    let patch = |path: String, body: Value| (Method::PATCH, path, Some(body));
    let delete = |path: String| (Method::DELETE, path, None);
    let asked = |rest, query, variables| Recipe { rest, graphql: Some((query, variables)) };
    match action {
        Action::GetMe => asked(get("/api/v1/me".into()), "{ viewer { orgId role } }", json!({})),
        Action::GetOrganization => asked(get("/api/v1/organization".into()), "{ organization { id } }", json!({})),
        Action::ListMembers => asked(get("/api/v1/members".into()), "{ members { nodes { id } } }", json!({})),
        Action::GetMember => {
            let list = world.get(at.token(role), "/api/v1/members").await.data(200);
            let id = list.as_array().unwrap().iter().find(|m| m["role"] == role.as_str()).unwrap()["id"].clone();
            let path = format!("/api/v1/members/{}", id.as_str().unwrap());
            asked(get(path), "query($id: ID!) { member(id: $id) { id } }", json!({ "id": id }))
        }
        Action::ListTokens => asked(get("/api/v1/tokens".into()), "{ tokens { nodes { id } } }", json!({})),
        Action::RevokeToken => {
            let id = spare_token(world, at, role).await;
            let path = format!("/api/v1/tokens/{id}");
            asked(delete(path), "mutation($id: ID!) { revokeToken(id: $id) { deletedId } }", json!({ "id": id }))
        }
        Action::ListClients => asked(get("/api/v1/clients".into()), "{ clients { nodes { id } } }", json!({})),
        Action::GetClient => {
            let id = at.client(world, "one").await;
            let path = format!("/api/v1/clients/{id}");
            asked(get(path), "query($id: ID!) { client(id: $id) { id } }", json!({ "id": id }))
        }
        Action::CreateClient => asked(
            post("/api/v1/clients", json!({ "name": "new" })),
            "mutation { createClient(input: { name: \"new\" }) { client { id } } }",
            json!({}),
        ),
        Action::UpdateClient => {
            let id = at.client(world, "one").await;
            let query = "mutation($id: ID!) { updateClient(id: $id, input: { name: \"two\" }) { client { id } } }";
            asked(patch(format!("/api/v1/clients/{id}"), json!({ "name": "two" })), query, json!({ "id": id }))
        }
        Action::DeleteClient => {
            let id = at.client(world, "one").await;
            let query = "mutation($id: ID!) { deleteClient(id: $id) { deletedId } }";
            asked(delete(format!("/api/v1/clients/{id}")), query, json!({ "id": id }))
        }
        Action::ListProjects => asked(get("/api/v1/projects".into()), "{ projects { nodes { id } } }", json!({})),
        Action::GetProject => {
            let id = at.project_with_member(world, "one").await;
            let path = format!("/api/v1/projects/{id}");
            asked(get(path), "query($id: ID!) { project(id: $id) { id hourlyRate } }", json!({ "id": id }))
        }
        Action::CreateProject => {
            let client = at.client(world, "one").await;
            let query = "mutation($c: ID!) { createProject(input: { clientId: $c, name: \"p\" }) { project { id } } }";
            asked(post("/api/v1/projects", json!({ "clientId": client, "name": "p" })), query, json!({ "c": client }))
        }
        Action::UpdateProject => {
            let id = at.project_with_member(world, "one").await;
            let query = "mutation($id: ID!) { updateProject(id: $id, input: { name: \"two\" }) { project { id } } }";
            asked(patch(format!("/api/v1/projects/{id}"), json!({ "name": "two" })), query, json!({ "id": id }))
        }
        Action::DeleteProject => {
            let id = at.project_with_member(world, "one").await;
            let query = "mutation($id: ID!) { deleteProject(id: $id) { deletedId } }";
            asked(delete(format!("/api/v1/projects/{id}")), query, json!({ "id": id }))
        }
        Action::ArchiveProject => {
            let id = at.project_with_member(world, "one").await;
            let query = "mutation($id: ID!) { archiveProject(id: $id) { project { id } } }";
            asked((Method::POST, format!("/api/v1/projects/{id}/archive"), None), query, json!({ "id": id }))
        }
        Action::RestoreProject => {
            let id = at.project_with_member(world, "one").await;
            let query = "mutation($id: ID!) { restoreProject(id: $id) { project { id } } }";
            asked((Method::POST, format!("/api/v1/projects/{id}/restore"), None), query, json!({ "id": id }))
        }
        Action::ListProjectMembers => {
            let id = at.project_with_member(world, "one").await;
            Recipe { rest: get(format!("/api/v1/projects/{id}/members")), graphql: None }
        }
        Action::AddProjectMember | Action::RemoveProjectMember => {
            let (id, user) = (at.project_with_member(world, "one").await, at.member_user);
            let path = format!("/api/v1/projects/{id}/members/{user}");
            let variables = json!({ "p": id, "u": user });
            if action == Action::AddProjectMember {
                let query =
                    "mutation($p: ID!, $u: ID!) { addProjectMember(projectId: $p, userId: $u) { member { id } } }";
                asked((Method::PUT, path, None), query, variables)
            } else {
                let query = "mutation($p: ID!, $u: ID!) { removeProjectMember(projectId: $p, userId: $u) { userId } }";
                asked(delete(path), query, variables)
            }
        }
        Action::ListTasks => asked(get("/api/v1/tasks".into()), "{ tasks { nodes { id } } }", json!({})),
        Action::CreateTask => {
            let project = at.project_with_member(world, "one").await;
            let body = json!({ "projectId": project, "name": "t" });
            let query = "mutation($i: CreateTaskInput!) { createTask(input: $i) { task { id } } }";
            asked(post("/api/v1/tasks", body.clone()), query, json!({ "i": body }))
        }
        Action::GetTask | Action::UpdateTask | Action::DeleteTask | Action::ArchiveTask | Action::RestoreTask => {
            let id = at.task(world, "one").await;
            let (path, variables) = (format!("/api/v1/tasks/{id}"), json!({ "id": id }));
            let act = |path: String| (Method::POST, path, None);
            match action {
                Action::GetTask => asked(get(path), "query($id: ID!) { task(id: $id) { id } }", variables),
                Action::UpdateTask => {
                    let query = "mutation($id: ID!) { updateTask(id: $id, input: { status: DONE }) { task { id } } }";
                    asked(patch(path, json!({ "status": "DONE" })), query, variables)
                }
                Action::ArchiveTask => {
                    let query = "mutation($id: ID!) { archiveTask(id: $id) { task { id } } }";
                    asked(act(format!("{path}/archive")), query, variables)
                }
                Action::RestoreTask => {
                    let query = "mutation($id: ID!) { restoreTask(id: $id) { task { id } } }";
                    asked(act(format!("{path}/restore")), query, variables)
                }
                _ => asked(delete(path), "mutation($id: ID!) { deleteTask(id: $id) { deletedId } }", variables),
            }
        }
        Action::ListExpenses => asked(get("/api/v1/expenses".into()), "{ expenses { nodes { id } } }", json!({})),
        Action::CreateExpense => {
            let client = at.client(world, "one").await;
            let body = json!({ "clientId": client, "description": "d", "amount": "150.00", "expenseDate": day });
            let query = "mutation($i: CreateExpenseInput!) { createExpense(input: $i) { expense { id } } }";
            asked(post("/api/v1/expenses", body.clone()), query, json!({ "i": body }))
        }
        Action::GetExpense | Action::UpdateExpense | Action::DeleteExpense => {
            let client = at.client(world, "one").await;
            let id = at.expense(world, &client, "150.00").await;
            let (path, variables) = (format!("/api/v1/expenses/{id}"), json!({ "id": id }));
            match action {
                Action::GetExpense => asked(get(path), "query($id: ID!) { expense(id: $id) { id amount } }", variables),
                Action::UpdateExpense => {
                    let query = "mutation($id: ID!) { updateExpense(id: $id, input: { description: \"x\" }) { expense { id } } }";
                    asked(patch(path, json!({ "description": "x" })), query, variables)
                }
                _ => asked(delete(path), "mutation($id: ID!) { deleteExpense(id: $id) { deletedId } }", variables),
            }
        }
        Action::ListInvoices => asked(get("/api/v1/invoices".into()), "{ invoices { nodes { id } } }", json!({})),
        Action::GetInvoice => {
            let client = at.client(world, "one").await;
            at.expense(world, &client, "150.00").await;
            let id = at.invoice(world, &client).await;
            let path = format!("/api/v1/invoices/{id}");
            asked(get(path), "query($id: ID!) { invoice(id: $id) { id total } }", json!({ "id": id }))
        }
        Action::ListTimeEntries => {
            asked(get("/api/v1/time-entries".into()), "{ timeEntries { nodes { id userId } } }", json!({}))
        }
        Action::GetTimeReport => {
            let project = at.project_with_member(world, "one").await;
            at.entry(world, at.token(role), &project).await;
            let query = "{ timeReport(groupBy: [PROJECT, MONTH]) { rows { seconds amounts { amount } } } }";
            asked(get("/api/v1/reports/time?groupBy=project,month".into()), query, json!({}))
        }
        Action::CreateTimeEntry => {
            let project = at.project_with_member(world, "one").await;
            let body = json!({ "projectId": project, "durationSeconds": 60, "entryDate": day });
            let query = "mutation($i: CreateTimeEntryInput!) { createTimeEntry(input: $i) { timeEntry { id } } }";
            asked(post("/api/v1/time-entries", body.clone()), query, json!({ "i": body }))
        }
        Action::CreateTimeEntries => {
            let project = at.project_with_member(world, "one").await;
            let entry = json!({ "projectId": project, "durationSeconds": 60, "entryDate": day });
            let query =
                "mutation($i: [CreateTimeEntryInput!]!) { createTimeEntries(input: $i) { timeEntries { id } } }";
            asked(post("/api/v1/time-entries/batch", json!({ "timeEntries": [entry] })), query, json!({ "i": [entry] }))
        }
        Action::GetRunningTimer => {
            asked(get("/api/v1/time-entries/running".into()), "{ runningTimer { id } }", json!({}))
        }
        Action::StartTimer => {
            let project = at.project_with_member(world, "one").await;
            let query = "mutation($p: ID!) { startTimer(input: { projectId: $p }) { timeEntry { id } } }";
            asked(post("/api/v1/time-entries/start", json!({ "projectId": project })), query, json!({ "p": project }))
        }
        Action::StopTimer => {
            let project = at.project_with_member(world, "one").await;
            let body = json!({ "projectId": project });
            let id = world.post(at.token(role), "/api/v1/time-entries/start", body).await.id();
            let query = "mutation($id: ID!) { stopTimer(id: $id) { timeEntry { id } } }";
            asked((Method::POST, format!("/api/v1/time-entries/{id}/stop"), None), query, json!({ "id": id }))
        }
        Action::StopRunningTimer => {
            let project = at.project_with_member(world, "one").await;
            world.post(at.token(role), "/api/v1/time-entries/start", json!({ "projectId": project })).await.id();
            Recipe { rest: (Method::POST, "/api/v1/time-entries/running/stop".into(), None), graphql: None }
        }
        Action::GetExpenseReport => {
            let client = at.client(world, "one").await;
            at.expense(world, &client, "150.00").await;
            Recipe { rest: get("/api/v1/reports/expenses?groupBy=client".into()), graphql: None }
        }
        Action::GetInvoiceReport => {
            Recipe { rest: get("/api/v1/reports/invoices?groupBy=client,status".into()), graphql: None }
        }
        Action::GetTimeEntry | Action::UpdateTimeEntry | Action::DeleteTimeEntry => {
            let project = at.project_with_member(world, "one").await;
            let entry = at.entry(world, at.token(role), &project).await;
            let id = entry["id"].as_str().unwrap();
            let (path, variables) = (format!("/api/v1/time-entries/{id}"), json!({ "id": id }));
            match action {
                Action::GetTimeEntry => asked(get(path), "query($id: ID!) { timeEntry(id: $id) { id } }", variables),
                Action::UpdateTimeEntry => {
                    let query =
                        "mutation($id: ID!) { updateTimeEntry(id: $id, input: { note: \"x\" }) { timeEntry { id } } }";
                    asked(patch(path, json!({ "note": "x" })), query, variables)
                }
                _ => asked(delete(path), "mutation($id: ID!) { deleteTimeEntry(id: $id) { deletedId } }", variables),
            }
        }
        Action::ListWebhookEndpoints
        | Action::GetWebhookEndpoint
        | Action::CreateWebhookEndpoint
        | Action::UpdateWebhookEndpoint
        | Action::DeleteWebhookEndpoint
        | Action::RotateWebhookSecret
        | Action::TestWebhookEndpoint
        | Action::ListWebhookDeliveries
        | Action::GetWebhookDelivery
        | Action::ReplayWebhookDelivery
        | Action::ReplayWebhookDeliveries
        | Action::ListEvents
        | Action::GetEvent => crate::webhook::recipes::recipe(world, at, action).await,
        _ => panic!("{action:?} is on no surface that takes a token"),
    }
}

/// What the API offers; the rest is on the settings pages alone, which have a test of their own.
fn api_actions() -> Vec<Action> {
    Action::ALL.iter().copied().filter(|action| !action.needs_session()).collect()
}

/// Another token of the same member, to be ended.
async fn spare_token(world: &World, at: &Workspace, role: Role) -> String {
    at.reader(world, role).await;
    let list = world.get(at.token(role), "/api/v1/tokens").await.data(200);
    let spare = list.as_array().unwrap().iter().find(|token| token["scopes"] == json!(["read"]));
    spare.unwrap()["id"].as_str().unwrap().to_owned()
}

async fn over_rest(world: &World, token: &str, recipe: &Recipe) -> Answer {
    let (method, path, body) = &recipe.rest;
    let mut call = world.call(method.clone(), path).token(token);
    if *method == Method::POST {
        call = call.key(&world.new_key());
    }
    match body {
        Some(body) => call.json(body.clone()).send().await,
        None => call.send().await,
    }
}

async fn over_graphql(world: &World, token: &str, recipe: &Recipe) -> Option<Answer> {
    match &recipe.graphql {
        Some((query, variables)) => Some(world.graphql(token, query, variables.clone()).await),
        None => None,
    }
}

/// The fields of money, which a Member must not see.
const MONEY: [&str; 13] = [
    "amounts",
    "hourlyRate",
    "fixedFeeAmount",
    "budgetAmount",
    "defaultRate",
    "amount",
    "subtotal",
    "discountAmount",
    "taxAmount",
    "total",
    "amountPaid",
    "unitPrice",
    "payment",
];

fn assert_no_money(answer: &Answer, action: Action) {
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    // The total of a report is no amount, but what holds some.
                    if MONEY.contains(&key.as_str()) && !value.is_null() && !value.is_object() {
                        found.push(key.clone());
                    }
                    walk(value, found);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            _ => {}
        }
    }
    if answer.bytes.is_empty() {
        return;
    }
    let mut found = Vec::new();
    walk(&answer.json(), &mut found);
    assert!(found.is_empty(), "{action:?} shows a Member {found:?}: {}", answer.text());
    assert!(!answer.text().contains("150.00"), "{action:?} shows a Member a rate: {}", answer.text());
}

on_both! {
    /// What the policy allows happens; what it does not is 403 on either surface, and nothing is shown.
    async fn every_role_may_do_what_the_policy_says(world: World) {
        let fixtures = Fixtures::new(&world).await;
        for action in &api_actions() {
            for role in Role::ALL {
                let token = fixtures.home.token(*role);
                let allowed = policy::allows(*role, *action);
                let recipe_for_rest = recipe(&world, &fixtures.home, *role, *action).await;
                let rest = over_rest(&world, token, &recipe_for_rest).await;
                let recipe_for_graphql = recipe(&world, &fixtures.home, *role, *action).await;
                let graphql = over_graphql(&world, token, &recipe_for_graphql).await;
                if allowed {
                    assert!(rest.status.is_success(), "{role} {action:?}: {}", rest.text());
                    if let Some(answer) = &graphql {
                        answer.graphql();
                    }
                } else {
                    rest.error(403, "forbidden_scope");
                    if let Some(answer) = &graphql {
                        assert_eq!(answer.graphql_error()["code"], "forbidden_scope", "{role} {action:?}");
                    }
                }
                if *role == Role::Member {
                    assert_no_money(&rest, *action);
                    graphql.iter().for_each(|answer| assert_no_money(answer, *action));
                }
            }
        }
    }
}

on_both! {
    /// A record of another workspace does not exist: 404, or 422 where a body names it. Lists do not hold it.
    async fn another_workspace_does_not_exist(world: World) {
        let fixtures = Fixtures::new(&world).await;
        for action in &api_actions() {
            for role in Role::ALL {
                let recipe = recipe(&world, &fixtures.other, Role::Owner, *action).await;
                let token = fixtures.home.token(*role);
                let names_a_record = recipe.rest.1.contains("-7") || recipe.rest.1.matches('-').count() > 3;
                let names_in_body = matches!(
                    action,
                    Action::CreateProject
                        | Action::CreateTask
                        | Action::CreateTimeEntry
                        | Action::CreateTimeEntries
                        | Action::StartTimer
                        | Action::CreateExpense
                );
                if !names_a_record && !names_in_body {
                    let answer = over_rest(&world, token, &recipe).await;
                    assert!(!answer.text().contains(&fixtures.other.id.to_string()), "{role} {action:?}: {}", answer.text());
                    continue;
                }
                let expected = match (policy::allows(*role, *action), names_in_body) {
                    (false, _) => (403, "forbidden_scope"),
                    (true, true) => (422, "validation_error"),
                    (true, false) => (404, "not_found"),
                };
                over_rest(&world, token, &recipe).await.error(expected.0, expected.1);
                if let Some(answer) = over_graphql(&world, token, &recipe).await {
                    assert_eq!(answer.graphql_error()["code"], expected.1, "{role} {action:?}");
                }
            }
        }
    }
}

on_both! {
    /// A token with scope read reads what its role reads, and writes nothing.
    async fn a_token_that_only_reads_writes_nothing(world: World) {
        let fixtures = Fixtures::new(&world).await;
        for role in Role::ALL {
            let reader = fixtures.home.reader(&world, *role).await;
            for action in &api_actions() {
                if action.access() == Access::Write && *action == Action::RevokeToken {
                    // The recipe ends a reading token; this reader is not to be the one.
                    let answer = world.delete(&reader, "/api/v1/tokens/01890a5d-ac96-774b-bcce-b302099a8057").await;
                    answer.error(403, "forbidden_scope");
                    continue;
                }
                let recipe = recipe(&world, &fixtures.home, *role, *action).await;
                let rest = over_rest(&world, &reader, &recipe).await;
                let graphql = over_graphql(&world, &reader, &recipe).await;
                if action.access() == Access::Write {
                    rest.error(403, "forbidden_scope");
                    if let Some(answer) = graphql {
                        assert_eq!(answer.graphql_error()["code"], "forbidden_scope");
                    }
                } else if policy::allows(*role, *action) {
                    assert!(rest.status.is_success(), "{role} {action:?}: {}", rest.text());
                }
            }
        }
    }
}

on_both! {
    /// A Member sees only their own time, on the projects that they are on, on every path.
    async fn a_member_sees_no_other_time(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, member) = (&fixtures.home, &fixtures.home.member);
        let project = home.project_with_member(&world, "shared").await;
        let hidden = home.project(&world, "hidden").await;
        let theirs = home.entry(&world, &home.owner, &project).await;
        let own = home.entry(&world, member, &project).await;
        let id = |entry: &Value| entry["id"].as_str().unwrap().to_owned();

        world.get(member, &format!("/api/v1/time-entries/{}", id(&theirs))).await.error(404, "not_found");
        world.get(member, &format!("/api/v1/projects/{hidden}")).await.error(404, "not_found");
        for path in ["/api/v1/time-entries".to_owned(), format!("/api/v1/time-entries?userId={}", home.owner_user)] {
            let rows = world.get(member, &path).await.data(200);
            assert_eq!(rows.as_array().unwrap().len(), 1, "{path}");
            assert_eq!(rows[0]["id"], own["id"]);
        }
        let query = "{ projects { nodes { id hourlyRate budgetAmount fixedFeeAmount client { id } timeEntries { nodes { id } } } } }";
        let seen = world.graphql(member, query, json!({})).await.graphql();
        assert_eq!(
            seen["projects"]["nodes"],
            json!([{ "id": project, "hourlyRate": null, "budgetAmount": null, "fixedFeeAmount": null, "client": null,
                "timeEntries": { "nodes": [{ "id": own["id"] }] } }])
        );
        for parameter in ["clientId=01890a5d-ac96-774b-bcce-b302099a8057", "clientName=x", "includeDeleted=true"] {
            world.get(member, &format!("/api/v1/projects?{parameter}")).await.error(403, "forbidden_scope");
        }
        world
            .post(member, "/api/v1/time-entries", json!({ "projectId": project, "userId": home.owner_user,
                "durationSeconds": 60, "entryDate": "2026-06-11" }))
            .await
            .error(403, "forbidden_scope");
        world
            .post(member, "/api/v1/time-entries", json!({ "projectId": hidden, "durationSeconds": 60, "entryDate": "2026-06-11" }))
            .await
            .fields();
        let organization = world.get(member, "/api/v1/organization").await.data(200);
        assert!(organization.get("taxId").is_none() && organization.get("legalName").is_none(), "{organization}");
        let members = world.get(member, "/api/v1/members").await.data(200);
        assert_eq!(members.as_array().unwrap().len(), 1);
        assert_eq!(members[0]["userId"], json!(home.member_user));

        // Off the project, the own time stays readable and is not writable any more.
        let path = format!("/api/v1/projects/{project}/members/{}", home.member_user);
        assert_eq!(world.delete(&home.owner, &path).await.status, 204);
        let path = format!("/api/v1/time-entries/{}", id(&own));
        world.get(member, &path).await.data(200);
        world.patch(member, &path, json!({ "note": "later" })).await.error(403, "forbidden_scope");
        world.delete(member, &path).await.error(403, "forbidden_scope");
    }
}
