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

/// Adds the links to a document. `externalDocs` must be whole URLs, so without a public URL the tags link in their words.
pub fn add(document: &mut Value, public_url: &str) {
    let guide = |tag: &Value| GUIDES.iter().find(|(name, _, _)| tag["name"] == *name);
    if public_url.is_empty() {
        for tag in document["tags"].as_array_mut().into_iter().flatten() {
            if let Some((_, path, about)) = guide(tag) {
                let words = tag["description"].as_str().unwrap_or_default().trim_end().to_owned();
                tag["description"] = format!("{words}\n\n[Guide](/docs/{path}): {about}").trim_start().into();
            }
        }
        return;
    }
    let docs = |path: &str, about: &str| json!({ "description": about, "url": format!("{public_url}/docs{path}") });
    document["externalDocs"] =
        docs("", "Guides: start, authentication, lists, errors, retries, limits, webhooks, GraphQL, MCP.");
    for tag in document["tags"].as_array_mut().into_iter().flatten() {
        if let Some((_, path, about)) = guide(tag) {
            tag["externalDocs"] = docs(&format!("/{path}"), about);
        }
    }
}
