//! Input schemas, made from the contract types: names, types and enums of the fields; hints only where a name does not
//! say enough, since an assistant pays for every word.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use rmcp::model::JsonObject;
use serde_json::{Map, Value, json};
use service::input::{Input, REQUIRED};

/// The properties of a tool's arguments, and which of them are required.
#[derive(Clone, Default)]
pub(super) struct Schema {
    properties: Map<String, Value>,
    required: Vec<&'static str>,
}

impl Schema {
    /// The fields of an input.
    pub(super) fn of<I: Input>() -> Schema {
        let mut schema = Schema::default();
        for field in I::fields() {
            let mut property = property(&field.schema);
            if let Some(hint) = hint(field.name) {
                property.insert("description".into(), hint.into());
            }
            schema.properties.insert(field.name.into(), Value::Object(property));
            if field.kind == REQUIRED {
                schema.required.push(field.name);
            }
        }
        schema
    }

    /// These arguments of a change may be null, which clears what they name.
    pub(super) fn nullable(mut self, names: impl IntoIterator<Item = &'static str>) -> Schema {
        for name in names {
            if let Some(kind) = self.properties.get_mut(name).and_then(|property| property.get_mut("type")) {
                *kind = json!([kind.take(), "null"]);
            }
        }
        self
    }

    /// The arguments of both.
    pub(super) fn and(mut self, other: Schema) -> Schema {
        self.properties.extend(other.properties);
        self.required.extend(other.required);
        self
    }

    /// One more argument.
    pub(super) fn with(mut self, name: &'static str, property: Value) -> Schema {
        self.properties.insert(name.into(), property);
        self
    }

    /// One more argument that must be sent.
    pub(super) fn with_required(mut self, name: &'static str, property: Value) -> Schema {
        self.required.push(name);
        self.with(name, property)
    }

    /// The arguments of a list besides its filters.
    pub(super) fn listed(self) -> Schema {
        self.with("search", json!({"type": "string"}))
            .with("sort", json!({"type": "string", "description": "field or -field"}))
            .with("limit", json!({"type": "integer", "maximum": 200}))
            .with("cursor", json!({"type": "string", "description": "nextCursor of the page before"}))
    }

    /// What every write takes; `expectedVersion` where it changes a record, `confirm` where it destroys one.
    pub(super) fn written(self, changes: bool, destroys: bool) -> Schema {
        let mut schema = self.with_required("idempotencyKey", json!({"type": "string"}));
        schema = schema.with("dryRun", json!({"type": "boolean"}));
        if changes {
            schema = schema.with("expectedVersion", json!({"type": "integer"}));
        }
        if destroys {
            schema = schema.with("confirm", json!({"type": "boolean"}));
        }
        schema
    }

    /// For a role that does not see clients: without filters and groups by them, which would be refused.
    pub(super) fn without_clients(mut self) -> Schema {
        let by_clients = ["clientId", "clientName"];
        self.properties.retain(|name, _| !by_clients.contains(&name.as_str()));
        self.required.retain(|name| !by_clients.contains(name));
        let groups = self.properties.get_mut("groupBy").and_then(|group| group["items"]["enum"].as_array_mut());
        if let Some(groups) = groups {
            groups.retain(|group| group != "client");
        }
        self
    }

    /// As JSON Schema.
    pub(super) fn into_object(self) -> JsonObject {
        let mut object = Map::new();
        object.insert("type".into(), "object".into());
        if !self.properties.is_empty() {
            object.insert("properties".into(), Value::Object(self.properties));
        }
        if !self.required.is_empty() {
            object.insert("required".into(), self.required.into());
        }
        object
    }
}

fn property(schema: &MetaSchema) -> Map<String, Value> {
    let mut property = Map::new();
    // Money is `string or number` over REST; a string is what keeps its digits.
    let kind = if schema.ty.is_empty() { "string" } else { schema.ty };
    property.insert("type".into(), kind.into());
    if !schema.enum_items.is_empty() {
        property.insert("enum".into(), Value::Array(schema.enum_items.clone()));
    }
    if let Some(items) = &schema.items {
        let inner = match &**items {
            MetaSchemaRef::Inline(inner) => Value::Object(self::property(inner)),
            MetaSchemaRef::Reference(_) => json!({"type": "string"}),
        };
        property.insert("items".into(), inner);
    }
    property
}

/// What a name alone does not say.
fn hint(name: &str) -> Option<&'static str> {
    Some(match name {
        "clientId" | "projectId" | "taskId" => "id or exact name",
        "duration" => "such as 1h30m, 1:30, 90m",
        "entryDate" | "startDate" | "dueDate" | "expenseDate" => "YYYY-MM-DD",
        "startedAt" => "RFC 3339 with offset",
        "amount" | "hourlyRate" => "decimal string",
        "timeZone" => "IANA name",
        "color" => "#rrggbb",
        _ => return None,
    })
}
