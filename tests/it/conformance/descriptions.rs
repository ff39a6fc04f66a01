//! Descriptions are the reference, and the comments of every generated client: each is a sentence of its own.

use std::collections::BTreeMap;

use serde_json::Value;
use service::Action;

use super::{document, operations};

/// A sentence: at least three words and a full stop.
pub(crate) fn is_sentence(text: &str) -> bool {
    text.split_whitespace().count() >= 3 && text.trim_end().ends_with('.')
}

#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn look(&mut self, place: &str, described: &Value) {
        let text = described["description"].as_str().unwrap_or_default();
        if !is_sentence(text) {
            self.0.push(format!("{place} is described as {text:?}"));
        }
    }

    /// Things beside each other: each is described, and as something else than its neighbours.
    fn look_at_all<'a>(&mut self, place: &str, all: impl Iterator<Item = (&'a str, &'a Value)>) {
        let mut seen = BTreeMap::new();
        for (name, described) in all {
            self.look(&format!("{place}.{name}"), described);
            let text = described["description"].as_str().unwrap_or_default();
            if let Some(other) = seen.insert(text, name) {
                self.0.push(format!("{place}.{name} is described as {other} is: {text:?}"));
            }
        }
    }
}

fn named(map: &Value) -> impl Iterator<Item = (&str, &Value)> {
    map.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn listed(list: &Value) -> impl Iterator<Item = (&str, &Value)> {
    list.as_array().into_iter().flatten().map(|item| (item["name"].as_str().unwrap(), item))
}

#[test]
fn everything_in_openapi_is_described_by_a_sentence_of_its_own() {
    let document = document();
    let mut found = Found::default();
    let webhooks =
        named(&document["webhooks"]).map(|(name, item)| (name.to_owned(), "post".to_owned(), item["post"].clone()));
    for (path, method, operation) in operations(&document).into_iter().chain(webhooks) {
        let place = format!("{method} {path}");
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.ends_with('.')), "{place}");
        found.look(&place, &operation);
        found.look_at_all(&place, listed(&operation["parameters"]));
        for (status, response) in named(&operation["responses"]).filter(|(_, response)| response.get("$ref").is_none())
        {
            found.look(&format!("{place} {status}"), response);
        }
    }
    for (name, schema) in named(&document["components"]["schemas"]) {
        found.look(name, schema);
        found.look_at_all(name, named(&schema["properties"]));
    }
    named(&document["components"]["responses"]).for_each(|(name, response)| found.look(name, response));
    found.look_at_all("headers", named(&document["components"]["headers"]));
    found.look_at_all("tags", listed(&document["tags"]));
    assert!(found.0.is_empty(), "{}", found.0.join("\n"));
}

/// Who may call an operation is what the policy says.
#[test]
fn every_operation_says_who_may_call_it() {
    for (path, method, operation) in operations(&document()) {
        let action =
            Action::ALL.iter().find(|action| action.operation_id() == operation["operationId"].as_str().unwrap());
        let audience = service::audience(*action.unwrap());
        assert!(operation["description"].as_str().unwrap().ends_with(&audience), "{method} {path}: {audience}");
    }
    let create = service::audience(Action::CreateWebhookEndpoint);
    assert_eq!(create, "**Roles:** Owner, Admin. **Plans:** Agency. **Token scope:** `write`.");
    let list = service::audience(Action::ListClients);
    assert_eq!(list, "**Roles:** Owner, Admin, Manager. **Plans:** Studio, Agency. **Token scope:** `read`.");
}

/// Which states block an operation is what the door holds it to.
#[test]
fn every_write_names_the_reasons_of_its_conflicts() {
    let document = document();
    for (path, method, operation) in operations(&document) {
        let action = Action::ALL.iter().find(|action| operation["operationId"] == *action.operation_id());
        let (Some(action), false) = (action, method == "get") else { continue };
        let text = operation["description"].as_str().unwrap();
        assert!(text.contains("(409)"), "{method} {path}: {text}");
        for reason in service::Reason::ALL {
            let named = text.split("(409)").nth(1).is_some_and(|text| text.contains(&format!("`{reason}`")));
            assert_eq!(named, action.conflicts().contains(reason), "{method} {path}: {reason}");
        }
    }
}

/// GraphQL has one description for each root, which names every field with its audience.
#[test]
fn the_roots_of_graphql_say_who_may_use_their_fields() {
    let sdl = schema::sdl();
    for (line, field) in
        [(Action::CreateClient, "createClient"), (Action::ListEvents, "events"), (Action::GetMe, "viewer")]
    {
        let audience = service::audience(line);
        let line = sdl.lines().find(|line| line.starts_with("- `") && line.contains(&format!("`{field}`")));
        assert!(line.is_some_and(|line| line.ends_with(&audience)), "{field}: {audience}");
    }
}
