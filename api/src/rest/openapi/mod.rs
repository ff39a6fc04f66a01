//! The documents of the REST surface: poem-openapi's, completed with what is the same for every operation, and turned
//! into 3.1; a clean 3.0 beside it for generators that read only that. Every pass works on what it finds, so a new noun
//! needs no line here.

mod answers;
mod downgrade;
mod examples;
mod guides;
mod links;
mod operation;
mod order;
mod schemas;
mod upgrade;
mod webhooks;

use poem_openapi::OpenApi;
use serde_json::{Value, json};

use order::{Ordered, Orders};

/// The documents, as they are served.
pub struct Documents {
    /// OpenAPI 3.1.
    pub json: String,
    /// OpenAPI 3.1 in YAML.
    pub yaml: String,
    /// OpenAPI 3.0.
    pub json_3_0: String,
    /// OpenAPI 3.0 in YAML.
    pub yaml_3_0: String,
}

impl Documents {
    /// Makes them; `public_url` is what they call this server.
    pub fn new(public_url: Option<&str>) -> Documents {
        let text = super::document();
        let orders = Orders::of_fields(&text);
        let document = complete(&text, &orders, public_url.unwrap_or_default().trim_end_matches('/'));
        let orders = orders.with_paths(&document);
        let old = downgrade::to_3_0(document.clone());
        let mut new = upgrade::to_3_1(document);
        examples::add_bodies(&mut new);
        let ordered = |value| Ordered { value, orders: &orders };
        Documents {
            json: pretty(&ordered(&new)),
            yaml: order::yaml(&ordered(&new)),
            json_3_0: pretty(&ordered(&old)),
            yaml_3_0: order::yaml(&ordered(&old)),
        }
    }
}

fn pretty(document: &Ordered<'_>) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}

/// Our document in the words of 3.0.
fn complete(text: &str, orders: &Orders, public_url: &str) -> Value {
    let mut document: Value = serde_json::from_str(text).unwrap_or_default();
    document["openapi"] = json!("3.0.3");
    document["info"] = info(public_url);
    let mut servers = vec![json!({ "url": format!("{public_url}/api/v1"), "description": "This server." })];
    if !public_url.is_empty() {
        // A page that is opened at another address may call only that one.
        servers.push(json!({ "url": "/api/v1", "description": "The address that this document was read from." }));
    }
    document["servers"] = servers.into();
    // Once for all: collections that are made of the document have one authorization, not one per request.
    document["security"] = json!([{ super::extract::BEARER: [] }]);
    schemas::tidy(&mut document);
    in_reading_order(&mut document["tags"]);
    for (path, item) in entries_of(&mut document, "paths") {
        for (method, operation) in entries(item) {
            operation::complete(path, method, operation, orders);
        }
    }
    schemas::complete(&mut document["components"]["schemas"]);
    answers::add_components(&mut document["components"]);
    webhooks::add(&mut document);
    schemas::name_answers(&mut document);
    schemas::name_marked(&mut document);
    examples::add_to_schemas(&mut document);
    examples::add_to_operations(&mut document);
    links::add(&mut document);
    guides::add(&mut document, public_url);
    schemas::describe_envelopes(&mut document["components"]["schemas"]);
    document
}

fn info(public_url: &str) -> Value {
    let mut contact = json!({ "name": "The operator of this server" });
    if !public_url.is_empty() {
        contact["url"] = json!(public_url);
    }
    json!({
        "title": "Hoursmith",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Time tracking and billing over REST. The same records are at `/graphql`.\n\nEvery request needs a \
            token: `Authorization: Bearer hsk_…`. Every POST needs an `Idempotency-Key`: repeat it when you retry, and \
            nothing is done twice. Fields, operations, enum values, event types and reasons may be added at any time; \
            ignore what you do not know.\n\nThe identifiers in the samples, such as `019eb5d4-…`, are those of one made-up story: \
            put in their place those of your own records, which the lists give, and your token in place of `YOUR_SECRET_TOKEN`. A sample that \
            names a record of the story is otherwise answered 404, or 422 `not found`.\n\n".to_owned() + &guides::introduction(public_url),
        "contact": contact,
        "license": { "name": "MIT OR Apache-2.0", "url": "https://spdx.org/licenses/MIT.html" },
    })
}

/// Tags in the order in which the operations use them, which is that in which somebody gets to know them.
fn in_reading_order(tags: &mut Value) {
    let operations = super::Operations::meta().into_iter().flat_map(|api| api.paths).flat_map(|path| path.operations);
    let order: Vec<&str> = operations.flat_map(|operation| operation.tags).collect();
    if let Some(tags) = tags.as_array_mut() {
        tags.sort_by_key(|tag| order.iter().position(|name| tag["name"] == *name));
    }
}

/// The entries of an object; none of anything else.
fn entries(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flatten()
}

/// The entries of the object under a key, if there is one.
fn entries_of<'a>(value: &'a mut Value, key: &str) -> impl Iterator<Item = (&'a String, &'a mut Value)> {
    value.get_mut(key).into_iter().flat_map(entries)
}

/// A reference to a component.
fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// A reference with a description of its own, which 3.0 reads beside `allOf` only.
fn described(kind: &str, name: &str, about: &str) -> Value {
    json!({ "allOf": [reference(kind, name)], "description": about })
}

/// The name of the schema that this refers to.
fn referred(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/components/schemas/")
}
