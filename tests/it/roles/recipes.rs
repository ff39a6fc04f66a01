//! How each action is performed on each surface.

use poem::http::Method;
use serde_json::{Value, json};
use service::Action;
use service::value::Role;
use tests::{Workspace, World};

/// How to perform an action on each surface, on records of one workspace.
pub(crate) struct Recipe {
    pub(crate) rest: (Method, String, Option<Value>),
    pub(crate) graphql: Option<(&'static str, Value)>,
}

/// Records for the action to be done to, made by the Owner of the workspace; fresh ones each time.
pub(super) async fn recipe(world: &World, at: &Workspace, role: Role, action: Action) -> Recipe {
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

/// Another token of the same member, to be ended.
async fn spare_token(world: &World, at: &Workspace, role: Role) -> String {
    at.reader(world, role).await;
    let list = world.get(at.token(role), "/api/v1/tokens").await.data(200);
    let spare = list.as_array().unwrap().iter().find(|token| token["scopes"] == json!(["read"]));
    spare.unwrap()["id"].as_str().unwrap().to_owned()
}
