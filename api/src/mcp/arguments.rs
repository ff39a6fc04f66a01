//! The arguments of a call: a JSON object of which the controls of a write are taken first.

use rmcp::model::JsonObject;
use serde_json::Value;
use service::value::{FieldErrors, Json};
use service::{Error, IdempotencyKey, Precondition};
use sha2::{Digest, Sha256};

use super::tools::Effect;

/// The arguments that are not taken yet, in the order sent.
#[derive(Debug, Default)]
pub(super) struct Arguments(Vec<(String, Json)>);

/// What every write takes besides the input of its operation.
#[derive(Debug)]
pub(super) struct Controls {
    /// The key under which the write happens at most once.
    pub(super) key: String,
    /// Whether everything is checked and nothing stays.
    pub(super) dry_run: bool,
    /// The version that the record must have.
    pub(super) expected: Precondition,
    /// Whether the person has confirmed, as a client says that cannot be asked.
    pub(super) confirm: bool,
}

impl Arguments {
    /// Reads the arguments as the library gives them.
    pub(super) fn read(sent: Option<JsonObject>) -> Result<Arguments, Error> {
        let text = serde_json::to_vec(&sent.unwrap_or_default());
        let json = text.ok().and_then(|text| Json::parse(&text).ok());
        match json {
            Some(Json::Object(pairs)) => Ok(Arguments(pairs)),
            _ => Err(Error::BadRequest("the arguments are not a JSON object that can be read".into())),
        }
    }

    /// Takes one argument; null counts as not sent.
    pub(super) fn take(&mut self, name: &str) -> Option<Json> {
        let at = self.0.iter().position(|(own, _)| own == name)?;
        Some(self.0.remove(at).1).filter(|json| *json != Json::Null)
    }

    /// Takes a text.
    ///
    /// # Errors
    /// `Invalid` where it is none.
    pub(super) fn take_text(&mut self, name: &str) -> Result<Option<String>, Error> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(other) => Err(Error::invalid(name, format!("must be a string, not {}", other.kind()))),
        }
    }

    /// The key of a write that is not only tried; none where it is missing or malformed.
    pub(super) fn key(&self) -> Option<String> {
        let sent = |wanted: &str| self.0.iter().find(|(name, _)| name == wanted).map(|(_, json)| json);
        match (sent("idempotencyKey"), sent("dryRun")) {
            (Some(Json::Text(text)), None | Some(Json::Null | Json::Bool(false))) => {
                match IdempotencyKey::read(Some(text), true) {
                    IdempotencyKey::Key(key) => Some(key),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn take_flag(&mut self, name: &str, problems: &mut FieldErrors) -> bool {
        match self.take(name) {
            None => false,
            Some(Json::Bool(flag)) => flag,
            Some(other) => {
                problems.add(name, format!("must be true or false, not {}", other.kind()));
                false
            }
        }
    }

    /// Takes what every write takes, and what writes of this effect take besides; the rest is left, and refused as unknown.
    ///
    /// # Errors
    /// `Invalid` with every one of them that is missing or wrong.
    pub(super) fn take_controls(&mut self, effect: Effect) -> Result<Controls, Error> {
        let mut problems = FieldErrors::none();
        let key = match self.take("idempotencyKey") {
            Some(Json::Text(text)) => match IdempotencyKey::read(Some(&text), true) {
                IdempotencyKey::Key(key) => key,
                _ => {
                    problems.add("idempotencyKey", "must be 1 to 255 visible ASCII characters, such as a UUID");
                    String::new()
                }
            },
            _ => {
                let how = "required: a new UUID for each thing to be done, and the same one when the call is retried";
                problems.add("idempotencyKey", how);
                String::new()
            }
        };
        let dry_run = self.take_flag("dryRun", &mut problems);
        let confirm = effect == Effect::Destroys && self.take_flag("confirm", &mut problems);
        let version = if effect == Effect::Creates { None } else { self.take("expectedVersion") };
        let expected = match version {
            None => Precondition::Any,
            Some(Json::Number(digits)) if digits.parse::<i32>().is_ok() => {
                Precondition::OneOf(digits.parse().into_iter().collect())
            }
            Some(_) => {
                problems.add("expectedVersion", "must be the integer `version` of the record");
                Precondition::Any
            }
        };
        match problems.is_empty() {
            true => Ok(Controls { key, dry_run, expected, confirm }),
            false => Err(Error::Invalid(problems)),
        }
    }

    /// The arguments that nobody has taken, for changes in place.
    pub(super) fn pairs_mut(&mut self) -> &mut Vec<(String, Json)> {
        &mut self.0
    }

    /// Refuses what is left, where a tool has taken all that it knows.
    ///
    /// # Errors
    /// `Invalid` with every argument that is left.
    pub(super) fn refuse_rest(&self) -> Result<(), Error> {
        let mut problems = FieldErrors::none();
        self.0.iter().for_each(|(name, _)| problems.add(name.clone(), "unknown"));
        if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
    }

    /// What is left is the input of the operation.
    pub(super) fn into_body(self) -> Json {
        Json::Object(self.0)
    }

    /// What is left, as the pairs of a query string: a list repeats its name.
    pub(super) fn into_query(self) -> Vec<(String, String)> {
        let text = |json| match json {
            Json::Text(text) | Json::Number(text) => text,
            Json::Bool(flag) => flag.to_string(),
            other => other.canonical(),
        };
        let mut pairs = Vec::new();
        for (name, value) in self.0 {
            match value {
                Json::Null => {}
                Json::List(items) => pairs.extend(items.into_iter().map(|item| (name.clone(), text(item)))),
                one => pairs.push((name, text(one))),
            }
        }
        pairs
    }
}

impl Arguments {
    /// SHA-256 of a call: the tool and all its arguments by value, but for a confirmation.
    pub(super) fn digest(&self, tool: &str) -> [u8; 32] {
        let pairs = self.0.iter().filter(|(name, _)| name != "confirm").cloned();
        let arguments = Json::Object(pairs.collect()).canonical();
        Sha256::new().chain_update(tool).chain_update("\n").chain_update(arguments).finalize().into()
    }
}

/// The same value as the JSON library holds it.
pub(super) fn to_value(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => flag.into(),
        Json::Number(digits) => serde_json::from_str(&digits).unwrap_or_default(),
        Json::Text(text) => text.into(),
        Json::List(items) => items.into_iter().map(to_value).collect(),
        Json::Object(pairs) => Value::Object(pairs.into_iter().map(|(key, value)| (key, to_value(value))).collect()),
    }
}
