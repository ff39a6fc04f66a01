//! Links from the reference to the guides at `/docs`: for the whole document, and for each tag.

use serde_json::{Value, json};

/// The guide of each tag, by its path below `/docs`, with what it is about.
const GUIDES: [(&str, &str, &str); 12] = [
    ("Workspace", "authentication", "Tokens, plans and roles."),
    ("Members", "authentication#roles", "What each role sees and may do."),
    ("Tokens", "authentication#tokens", "Tokens: scope, expiry, revoking."),
    ("Clients", "start", "The first client, project and hours."),
    ("Projects", "workflow", "A day's work as whole programs."),
    ("Tasks", "api-design#tasks", "The rules of tasks."),
    ("Time entries", "api-design#time-entries", "The ways to give a span, and what follows from it."),
    ("Reports", "api-design#time-report", "What reports count and how they round."),
    ("Expenses", "api-design#expenses", "The rules of expenses."),
    ("Invoices", "api-design#invoices", "How invoices come about."),
    ("Webhooks", "webhooks", "Receiving, verifying and replaying events."),
    ("Webhook events", "webhooks#verify", "Verification in five languages."),
];

/// What the introduction of the reference says about the guides.
pub fn introduction(public_url: &str) -> String {
    let link = |title: &str, path: &str| format!("[{title}]({public_url}/docs/{path})");
    format!(
        "The guides explain what all operations share: {}, {}, {}, {}, {}, {}, {}, {} and {}.",
        link("start", "start"),
        link("authentication and roles", "authentication"),
        link("lists", "lists"),
        link("errors", "errors"),
        link("retries", "retrying"),
        link("rate limits and prices", "limits"),
        link("webhooks", "webhooks"),
        link("generated clients", "sdks"),
        link("GraphQL", "graphql"),
    )
}

/// Adds the links to a document.
pub fn add(document: &mut Value, public_url: &str) {
    let docs = |path: &str, about: &str| json!({ "description": about, "url": format!("{public_url}/docs{path}") });
    document["externalDocs"] =
        docs("", "Guides: start, authentication, lists, errors, retries, limits, webhooks, GraphQL, MCP.");
    for tag in document["tags"].as_array_mut().into_iter().flatten() {
        if let Some((_, path, about)) = GUIDES.iter().find(|(name, _, _)| tag["name"] == *name) {
            tag["externalDocs"] = docs(&format!("/{path}"), about);
        }
    }
}
