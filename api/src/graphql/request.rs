//! Reads what a request asks: by POST as JSON, by GET in its query, over a WebSocket as the payload of a message; and the
//! media types that its client accepts.

use std::collections::HashSet;

use async_graphql::Variables;
use poem::Request;
use poem::http::header;
use schema::Sent;
use service::Error;
use service::value::Json;

use crate::http::accept::ranges;
use crate::http::events::EVENTS;
use crate::http::request::header_text;

/// The media type of the specification, and the one that most clients ask for.
pub(super) const GRAPHQL: &str = "application/graphql-response+json";
pub(super) const JSON: &str = "application/json";

/// The media types that a client accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accepts {
    /// For a single answer.
    pub(super) single: Option<&'static str>,
    /// Whether it accepts a stream of events.
    pub(super) events: bool,
}

impl Accepts {
    /// Reads `Accept` (RFC 9110, section 12.5.1); without one, JSON is sent.
    pub(super) fn of(request: &Request) -> Accepts {
        match header_text(request, header::ACCEPT.as_str()) {
            Some(accept) => Accepts::read(accept),
            None => Accepts { single: Some(JSON), events: false },
        }
    }

    fn read(accept: &str) -> Accepts {
        let (mut single, mut best, mut events) = (None, 0.0, false);
        for (name, quality) in ranges(accept).filter(|(_, quality)| *quality > 0.0) {
            let kind = match name.as_str() {
                GRAPHQL => GRAPHQL,
                JSON | "application/*" | "*/*" | "" => JSON,
                EVENTS => {
                    events = true;
                    continue;
                }
                _ => continue,
            };
            // Of two that are as good, the one of the specification.
            if quality > best || (quality == best && kind == GRAPHQL) {
                (single, best) = (Some(kind), quality);
            }
        }
        Accepts { single, events }
    }

    /// The media type of a rejection.
    pub(super) fn for_rejections(self) -> &'static str {
        self.single.unwrap_or(JSON)
    }
}

/// What the query of a GET may say; whatever else it has is ignored.
const PARAMETERS: [&str; 5] = ["query", "operationName", "variables", "extensions", "documentId"];

/// Reads the parameters of a GET.
pub(super) fn from_query(request: &Request) -> Result<Sent, Error> {
    let mut sent = Sent::default();
    let mut seen = HashSet::new();
    for (name, value) in form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
        if PARAMETERS.contains(&name.as_ref()) && !seen.insert(name.clone()) {
            return Err(bad(format!("`{name}` is sent twice")));
        }
        match name.as_ref() {
            "query" => sent.query = value.into_owned(),
            "operationName" if !value.is_empty() => sent.operation_name = Some(value.into_owned()),
            "variables" if !value.is_empty() => {
                let json = Json::parse(value.as_bytes()).map_err(|why| bad(format!("variables: {why}")))?;
                sent.variables = variables(json)?;
            }
            "extensions" if !value.is_empty() => {
                let json = Json::parse(value.as_bytes()).map_err(|why| bad(format!("extensions: {why}")))?;
                persisted(&json, &mut sent);
            }
            "documentId" if !value.is_empty() => sent.document_id = Some(value.into_owned()),
            _ => {}
        }
    }
    with_document(sent)
}

/// Reads the object of a POST or of a message.
pub(super) fn from_json(body: Json) -> Result<Sent, Error> {
    let Json::Object(pairs) = body else {
        return Err(bad("send one JSON object with `query`; batches are not taken"));
    };
    let mut sent = Sent::default();
    for (name, value) in pairs {
        match (name.as_str(), value) {
            ("query", Json::Text(query)) => sent.query = query,
            ("operationName", Json::Text(name)) => sent.operation_name = Some(name),
            ("variables", json @ Json::Object(_)) => sent.variables = variables(json)?,
            ("documentId", Json::Text(id)) => sent.document_id = Some(id),
            ("query" | "operationName" | "variables" | "extensions" | "documentId", Json::Null) => {}
            ("extensions", json @ Json::Object(_)) => persisted(&json, &mut sent),
            ("query", _) => return Err(bad("`query` must be a string")),
            ("operationName", _) => return Err(bad("`operationName` must be a string or null")),
            ("documentId", _) => return Err(bad("`documentId` must be a string or null")),
            ("variables", _) => return Err(bad("`variables` must be an object or null")),
            ("extensions", _) => return Err(bad("`extensions` must be an object or null")),
            _ => {}
        }
    }
    with_document(sent)
}

/// A request has a document, or names one by its id or its hash; a hash may come with its document, an id may not.
fn with_document(sent: Sent) -> Result<Sent, Error> {
    match (sent.query.is_empty(), sent.document_id.is_some() || sent.is_persisted) {
        (true, false) => Err(bad("send the document as `query`")),
        (false, true) if !sent.is_persisted => Err(bad("send `query` or `documentId`, not both")),
        _ => Ok(sent),
    }
}

/// Takes the hash by which `extensions` name a document, as Apollo's clients do.
fn persisted(extensions: &Json, sent: &mut Sent) {
    fn of<'a>(json: &'a Json, key: &str) -> Option<&'a Json> {
        let Json::Object(pairs) = json else { return None };
        pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }
    let Some(query @ Json::Object(_)) = of(extensions, "persistedQuery") else { return };
    sent.is_persisted = sent.document_id.is_none();
    if let (Some(Json::Text(hash)), true) = (of(query, "sha256Hash"), sent.is_persisted) {
        sent.document_id = Some(hash.clone());
    }
}

pub(super) fn bad(message: impl Into<String>) -> Error {
    Error::BadRequest(message.into().into())
}

fn variables(json: Json) -> Result<Variables, Error> {
    let Json::Object(pairs) = json else { return Err(bad("`variables` must be an object")) };
    let mut variables = Variables::default();
    for (name, value) in pairs {
        variables.insert(async_graphql::Name::new(name), value.into());
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_media_type_is_taken() {
        for (accept, single, events) in [
            ("application/json", Some(JSON), false),
            ("application/graphql-response+json, application/json", Some(GRAPHQL), false),
            ("application/json, application/graphql-response+json;charset=utf-8", Some(GRAPHQL), false),
            ("application/graphql-response+json;q=0.5, application/json", Some(JSON), false),
            ("application/json;q=0, application/graphql-response+json; q=0.1", Some(GRAPHQL), false),
            ("*/*", Some(JSON), false),
            ("text/html", None, false),
            ("application/json;q=0", None, false),
            ("text/event-stream", None, true),
            ("application/graphql-response+json, application/json, text/event-stream", Some(GRAPHQL), true),
        ] {
            assert_eq!(Accepts::read(accept), Accepts { single, events }, "{accept}");
        }
    }
}
