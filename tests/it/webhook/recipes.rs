//! How to perform each action of webhooks, for the test of roles, workspaces and tokens.

use poem::http::Method;
use serde_json::json;
use service::Action;
use tests::{Workspace, World};

use super::{execute, new_endpoint};
use crate::roles::Recipe;

const URL: &str = "https://hooks.example.com/in";

/// An endpoint of the workspace: the one that is there, or a new one.
async fn endpoint(world: &World, at: &Workspace) -> String {
    let there = world.get(&at.owner, "/api/v1/webhook-endpoints").await.data(200);
    match there[0]["id"].as_str() {
        Some(id) => id.to_owned(),
        None => new_endpoint(world, at, URL, &["client.created"]).await["id"].as_str().unwrap().to_owned(),
    }
}

/// A delivery of the workspace that has come to its end.
async fn delivery(world: &World, at: &Workspace) -> serde_json::Value {
    let endpoint = endpoint(world, at).await;
    let test = world.post(&at.owner, &format!("/api/v1/webhook-endpoints/{endpoint}/test"), json!({})).await.data(201);
    execute(world, "UPDATE webhook_delivery SET status = 30, next_attempt_at = NULL, due_at = NULL").await;
    test
}

/// Records for the action to be done to, made by the Owner of the workspace.
pub(crate) async fn recipe(world: &World, at: &Workspace, action: Action) -> Recipe {
    let asked = |method, path: String, body, query: &str, variables| Recipe::new(method, &path, body, query, variables);
    match action {
        Action::ListWebhookEndpoints => {
            let query = "{ webhookEndpoints { nodes { id } } }";
            asked(Method::GET, "/webhook-endpoints".into(), None, query, json!({}))
        }
        Action::CreateWebhookEndpoint => {
            let body = json!({ "url": URL, "events": ["client.created"], "enabled": false });
            let query = "mutation($i: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $i) { secret } }";
            asked(Method::POST, "/webhook-endpoints".into(), Some(body.clone()), query, json!({ "i": body }))
        }
        Action::ListWebhookDeliveries => {
            let query = "{ webhookDeliveries { nodes { id } } }";
            asked(Method::GET, "/webhook-deliveries".into(), None, query, json!({}))
        }
        Action::ListEvents => asked(Method::GET, "/events".into(), None, "{ events { nodes { id } } }", json!({})),
        Action::ReplayWebhookDeliveries => {
            let query = "mutation { replayWebhookDeliveries(input: { dryRun: true }) { count } }";
            let body = Some(json!({ "dryRun": true }));
            asked(Method::POST, "/webhook-deliveries/replay".into(), body, query, json!({}))
        }
        Action::GetWebhookDelivery | Action::ReplayWebhookDelivery => {
            let id = delivery(world, at).await["id"].clone();
            let (path, variables) = (format!("/webhook-deliveries/{}", id.as_str().unwrap()), json!({ "id": id }));
            if action == Action::GetWebhookDelivery {
                let query = "query($id: ID!) { webhookDelivery(id: $id) { id attempts { number } event { id } } }";
                return asked(Method::GET, path, None, query, variables);
            }
            let query = "mutation($id: ID!) { replayWebhookDelivery(id: $id) { webhookDelivery { replayOf } } }";
            asked(Method::POST, format!("{path}/replay"), None, query, variables)
        }
        Action::GetEvent => {
            let id = delivery(world, at).await["eventId"].clone();
            let path = format!("/events/{}", id.as_str().unwrap());
            asked(Method::GET, path, None, "query($id: ID!) { event(id: $id) { type data } }", json!({ "id": id }))
        }
        _ => {
            let id = endpoint(world, at).await;
            let (path, variables) = (format!("/webhook-endpoints/{id}"), json!({ "id": id }));
            match action {
                Action::GetWebhookEndpoint => {
                    let query = "query($id: ID!) { webhookEndpoint(id: $id) { id url secret } }";
                    asked(Method::GET, path, None, query, variables)
                }
                Action::UpdateWebhookEndpoint => {
                    let query = "mutation($id: ID!) { updateWebhookEndpoint(id: $id, input: { description: \"x\" }) { \
                        webhookEndpoint { id } } }";
                    asked(Method::PATCH, path, Some(json!({ "description": "x" })), query, variables)
                }
                Action::RotateWebhookSecret => {
                    let query = "mutation($id: ID!) { rotateWebhookSecret(id: $id, overlapSeconds: 60) { secret } }";
                    asked(Method::POST, format!("{path}/rotate-secret"), None, query, variables)
                }
                Action::TestWebhookEndpoint => {
                    let query = "mutation($id: ID!) { testWebhookEndpoint(id: $id, type: \"client.created\") { \
                        webhookDelivery { id } } }";
                    asked(Method::POST, format!("{path}/test"), None, query, variables)
                }
                _ => {
                    let query = "mutation($id: ID!) { deleteWebhookEndpoint(id: $id) { deletedId } }";
                    asked(Method::DELETE, path, None, query, variables)
                }
            }
        }
    }
}
