//! How each action is performed on each surface.

use poem::http::Method;
use serde_json::{Value, json};
use service::Action;
use service::value::Role;
use tests::{NOUNS, Noun, Workspace, World, camel};

/// How to perform an action on each surface, on records of one workspace.
pub(crate) struct Recipe {
    pub(crate) rest: (Method, String, Option<Value>),
    pub(crate) graphql: Option<(String, Value)>,
}

impl Recipe {
    pub(crate) fn new(method: Method, path: &str, body: Option<Value>, query: &str, variables: Value) -> Recipe {
        Recipe { rest: (method, format!("/api/v1{path}"), body), graphql: Some((query.to_owned(), variables)) }
    }

    /// Whether its body names a record by its id.
    pub(super) fn names_in_body(&self) -> bool {
        fn names(value: &Value) -> bool {
            match value {
                Value::String(text) => text.len() == 36 && text.as_bytes()[14] == b'7',
                Value::Array(items) => items.iter().any(names),
                Value::Object(fields) => fields.values().any(names),
                _ => false,
            }
        }
        self.rest.2.as_ref().is_some_and(names)
    }
}

/// A record for the action to be done to, made by the Owner of the workspace; a fresh one each time.
async fn record(world: &World, at: &Workspace, role: Role, noun: &str) -> String {
    match noun {
        "Client" => at.client(world, "one").await,
        "Project" => at.project_with_member(world, "one").await,
        "Task" => at.task(world, "one").await,
        "Expense" => {
            let client = at.client(world, "one").await;
            at.expense(world, &client, "150.00").await
        }
        "Invoice" => {
            let client = at.client(world, "one").await;
            at.expense(world, &client, "150.00").await;
            at.invoice(world, &client).await
        }
        "TimeEntry" => {
            let project = at.project_with_member(world, "one").await;
            at.entry(world, at.token(role), &project).await["id"].as_str().unwrap().to_owned()
        }
        "Member" => {
            let list = world.get(at.token(role), "/api/v1/members").await.data(200);
            let own = list.as_array().unwrap().iter().find(|member| member["role"] == role.as_str());
            own.unwrap()["id"].as_str().unwrap().to_owned()
        }
        _ => {
            let noun = Noun::of(noun);
            world.post(&at.owner, &format!("/api/v1/{}", noun.path), noun.body(world, at).await).await.id()
        }
    }
}

/// How a plain operation of a noun is performed, `List…`, `Get…`, `Create…`, `Update…`, `Delete…`, `Archive…` or `Restore…`;
/// none for others.
async fn plain(world: &World, at: &Workspace, role: Role, action: Action) -> Option<Recipe> {
    let words = action.name();
    let plain = || NOUNS.iter().filter_map(|noun| Some((noun, noun.reads?)));
    if let Some((noun, reads)) = plain().find(|(noun, _)| words.strip_prefix("List") == Some(noun.many)) {
        let query = format!("{{ {} {{ nodes {{ {reads} }} }} }}", noun.list());
        return Some(Recipe::new(Method::GET, &format!("/{}", noun.path), None, &query, json!({})));
    }
    let verbs = ["Get", "Create", "Update", "Delete", "Archive", "Restore"];
    let (verb, (noun, reads)) = verbs.iter().find_map(|verb| {
        let named = words.strip_prefix(verb)?;
        plain().find(|(noun, _)| noun.one == named).map(|found| (*verb, found))
    })?;
    let (path, field, mutation) = (format!("/{}", noun.path), noun.field(), camel(words));
    if verb == "Create" {
        let body = noun.body(world, at).await;
        let query = format!("mutation($i: {words}Input!) {{ {mutation}(input: $i) {{ {field} {{ id }} }} }}");
        return Some(Recipe::new(Method::POST, &path, Some(body.clone()), &query, json!({ "i": body })));
    }
    let id = record(world, at, role, noun.one).await;
    let (path, variables) = (format!("{path}/{id}"), json!({ "id": id }));
    Some(match verb {
        "Get" => {
            let query = format!("query($id: ID!) {{ {field}(id: $id) {{ {reads} }} }}");
            Recipe::new(Method::GET, &path, None, &query, variables)
        }
        "Update" => {
            let query = format!(
                "mutation($id: ID!, $i: {words}Input!) {{ {mutation}(id: $id, input: $i) {{ {field} {{ id }} }} }}"
            );
            let change = noun.written.as_ref().map_or_else(|| json!({}), |written| (written.change)());
            Recipe::new(Method::PATCH, &path, Some(change.clone()), &query, json!({ "id": id, "i": change }))
        }
        "Delete" => {
            let query = format!("mutation($id: ID!) {{ {mutation}(id: $id) {{ deletedId }} }}");
            Recipe::new(Method::DELETE, &path, None, &query, variables)
        }
        verb => {
            let query = format!("mutation($id: ID!) {{ {mutation}(id: $id) {{ {field} {{ id }} }} }}");
            Recipe::new(Method::POST, &format!("{path}/{}", verb.to_lowercase()), None, &query, variables)
        }
    })
}

/// How an action is performed, on records made for it.
pub(super) async fn recipe(world: &World, at: &Workspace, role: Role, action: Action) -> Recipe {
    if let Some(plain) = plain(world, at, role, action).await {
        return plain;
    }
    let get = |path: &str, query: &str| Recipe::new(Method::GET, path, None, query, json!({}));
    let rest = |method: Method, path: &str| Recipe { rest: (method, format!("/api/v1{path}"), None), graphql: None };
    match action {
        Action::GetMe => get("/me", "{ viewer { orgId role } }"),
        Action::GetOrganization => get("/organization", "{ organization { id } }"),
        Action::ListTokens => get("/tokens", "{ tokens { nodes { id } } }"),
        Action::RevokeToken => {
            let id = spare_token(world, at, role).await;
            let query = "mutation($id: ID!) { revokeToken(id: $id) { deletedId } }";
            Recipe::new(Method::DELETE, &format!("/tokens/{id}"), None, query, json!({ "id": id }))
        }
        Action::ListProjectMembers => {
            let id = at.project_with_member(world, "one").await;
            rest(Method::GET, &format!("/projects/{id}/members"))
        }
        Action::AddProjectMember | Action::RemoveProjectMember => {
            let (id, user) = (at.project_with_member(world, "one").await, at.member_user);
            let path = format!("/projects/{id}/members/{user}");
            let (method, query) = match action {
                Action::AddProjectMember => (
                    Method::PUT,
                    "mutation($p: ID!, $u: ID!) { addProjectMember(projectId: $p, userId: $u) { member { id } } }",
                ),
                _ => (
                    Method::DELETE,
                    "mutation($p: ID!, $u: ID!) { removeProjectMember(projectId: $p, userId: $u) { userId } }",
                ),
            };
            Recipe::new(method, &path, None, query, json!({ "p": id, "u": user }))
        }
        Action::CreateTimeEntries => {
            let entry = Noun::of("TimeEntry").body(world, at).await;
            let query =
                "mutation($i: [CreateTimeEntryInput!]!) { createTimeEntries(input: $i) { timeEntries { id } } }";
            let body = json!({ "timeEntries": [entry] });
            Recipe::new(Method::POST, "/time-entries/batch", Some(body), query, json!({ "i": [entry] }))
        }
        Action::GetRunningTimer => get("/time-entries/running", "{ runningTimer { id } }"),
        Action::StartTimer => {
            let project = at.project_with_member(world, "one").await;
            let query = "mutation($p: ID!) { startTimer(input: { projectId: $p }) { timeEntry { id } } }";
            let body = json!({ "projectId": project });
            Recipe::new(Method::POST, "/time-entries/start", Some(body), query, json!({ "p": project }))
        }
        Action::StopTimer => {
            let id = start_timer(world, at, role).await;
            let query = "mutation($id: ID!) { stopTimer(id: $id) { timeEntry { id } } }";
            Recipe::new(Method::POST, &format!("/time-entries/{id}/stop"), None, query, json!({ "id": id }))
        }
        Action::StopRunningTimer => {
            start_timer(world, at, role).await;
            rest(Method::POST, "/time-entries/running/stop")
        }
        Action::GetTimeReport => {
            record(world, at, role, "TimeEntry").await;
            let query = "{ timeReport(groupBy: [PROJECT, MONTH]) { rows { seconds amounts { amount } } } }";
            get("/reports/time?groupBy=project,month", query)
        }
        Action::GetExpenseReport => {
            record(world, at, role, "Expense").await;
            rest(Method::GET, "/reports/expenses?groupBy=client")
        }
        Action::GetInvoiceReport => rest(Method::GET, "/reports/invoices?groupBy=client,status"),
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

async fn start_timer(world: &World, at: &Workspace, role: Role) -> String {
    let project = at.project_with_member(world, "one").await;
    world.post(at.token(role), "/api/v1/time-entries/start", json!({ "projectId": project })).await.id()
}

/// Another token of the same member, to be ended.
async fn spare_token(world: &World, at: &Workspace, role: Role) -> String {
    at.reader(world, role).await;
    let list = world.get(at.token(role), "/api/v1/tokens").await.data(200);
    let spare = list.as_array().unwrap().iter().find(|token| token["scopes"] == json!(["read"]));
    spare.unwrap()["id"].as_str().unwrap().to_owned()
}
