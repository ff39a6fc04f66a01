//! The order in which a document is written, which is the one in which it is read: fields as the server sends them, paths
//! by noun, and of each noun list, create, get, change, delete, then other actions.

use poem_openapi::OpenApi;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use service::value::Json;

/// The words of OpenAPI, in the order in which they are read.
const WORDS: &str = "openapi jsonSchemaDialect info title servers security get post patch put delete name in url operationId summary description tags externalDocs version contact license identifier paths webhooks x-webhooks components schemas required style explode $ref allOf anyOf oneOf type format scheme nullable enum x-enum-varnames items properties additionalProperties minLength maxLength pattern minimum maximum minItems maxItems uniqueItems schema default parameters requestBody responses headers content application/json text/csv example examples value links securitySchemes";

/// Known orders of keys.
pub struct Orders {
    /// Fields of records and inputs.
    fields: Vec<Vec<String>>,
    paths: Vec<String>,
}

/// A document, or a part of it, in its order.
pub struct Ordered<'a> {
    pub value: &'a Value,
    pub orders: &'a Orders,
}

impl Orders {
    /// The fields of records, inputs and queries as their structs have them, read from poem-openapi's text.
    pub fn of_fields(text: &str) -> Orders {
        let mut fields = Vec::new();
        if let Ok(json) = Json::parse(text.as_bytes()) {
            collect(&json, &mut fields);
        }
        Orders { fields, paths: vec![] }
    }

    /// The paths too: by noun in the order of the tags, of each noun the list, the record, then what is done with it.
    pub fn with_paths(self, document: &Value) -> Orders {
        let tags: Vec<&Value> = document["tags"].as_array().into_iter().flatten().map(|tag| &tag["name"]).collect();
        let declared: Vec<String> = super::super::Operations::meta()
            .into_iter()
            .flat_map(|api| api.paths)
            .map(|path| path.path.split('/').map(segment).collect::<Vec<_>>().join("/"))
            .collect();
        let place = |path: &str| declared.iter().position(|known| known == path);
        let rank = |path: &&String| {
            let item = document["paths"][path.as_str()].as_object();
            let tag = item.and_then(|item| item.values().next()).map(|operation| &operation["tags"][0]);
            let noun = tags.iter().position(|name| Some(*name) == tag);
            let (parts, ids) = (path.split('/').count(), path.split("/{").count());
            let list = place(path.split("/{").next().unwrap_or_default()).filter(|_| parts > 2).or(place(path));
            let list =
                if parts == 3 && ids == 1 { place(path.rsplit_once('/').map_or("", |(list, _)| list)) } else { list };
            let is_action = parts > 3 || (parts == 3 && ids == 1);
            (noun, list, is_action, place(path))
        };
        let mut paths: Vec<&String> =
            document["paths"].as_object().into_iter().flatten().map(|(path, _)| path).collect();
        paths.sort_by_key(rank);
        let paths = paths.into_iter().cloned().collect();
        Orders { paths, ..self }
    }

    /// Keys of one object, in order.
    pub fn sort(&self, keys: &mut [&String]) {
        let known = |order: &[String]| keys.iter().all(|key| order.contains(*key));
        let by = |order: &[String], key: &String| order.iter().position(|known| known == key);
        let word = |key: &String| WORDS.split(' ').position(|word| word == key);
        if known(&self.paths) {
            keys.sort_by_key(|key| by(&self.paths, key));
        } else if keys.iter().all(|key| word(key).is_some()) {
            keys.sort_by_key(|key| word(key));
        } else if let Some(order) = self.fields.iter().find(|order| known(order)) {
            keys.sort_by_key(|key| by(order, key));
        }
    }
}

/// A segment of a path as the document writes it.
fn segment(text: &str) -> String {
    text.strip_prefix(':').map_or_else(|| text.to_owned(), |name| format!("{{{name}}}"))
}

/// The keys of everything under `properties`, wherever it stands.
fn collect(json: &Json, fields: &mut Vec<Vec<String>>) {
    match json {
        Json::Object(pairs) => {
            for (key, value) in pairs {
                if key == "properties"
                    && let Json::Object(properties) = value
                {
                    fields.push(properties.iter().map(|(name, _)| name.clone()).collect());
                }
                collect(value, fields);
            }
        }
        Json::List(items) => items.iter().for_each(|item| collect(item, fields)),
        _ => {}
    }
}

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let below = |value| Ordered { value, orders: self.orders };
        match self.value {
            Value::Object(map) => {
                let mut keys: Vec<&String> = map.keys().collect();
                self.orders.sort(&mut keys);
                let mut out = serializer.serialize_map(Some(keys.len()))?;
                for key in keys {
                    out.serialize_entry(key, &below(&map[key]))?;
                }
                out.end()
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(below)),
            other => other.serialize(serializer),
        }
    }
}

/// The document in YAML. Readers of YAML 1.1 make dates of plain days and numbers of `1:30`, so both
/// are quoted.
pub fn yaml(ordered: &Ordered<'_>) -> String {
    let text = serde_yaml::to_string(ordered).unwrap_or_default();
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let indent = line.len() - line.trim_start_matches([' ', '-']).len();
        let start = line[indent..].find(": ").map_or(indent, |colon| indent + colon + 2);
        let scalar = &line[start..];
        let is_text = scalar.starts_with(|c: char| c.is_ascii_digit()) && scalar.contains(['-', ':']);
        match is_text && !scalar.ends_with(':') && !scalar.contains([' ', '\'', '"']) {
            true => out.extend([&line[..start], "'", scalar, "'\n"]),
            false => out.extend([line, "\n"]),
        }
    }
    out
}
