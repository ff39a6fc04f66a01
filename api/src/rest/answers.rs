//! The answers of REST to a request that succeeds: envelopes written from the struct straight to bytes.

use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;
use serde::Serialize;
use service::{Deleted, Page, Record, StoredReply, WriteJson, Written};

use crate::http::budget::REPLAYED;

const JSON: &str = "application/json";

/// 200: `{"data": …}` of a value without a version.
pub struct Data<T>(pub T);

/// 200: a record, with its version as `ETag`.
pub struct Tagged<T>(pub T);

/// 201: a new record, with `Location` and `ETag`.
pub struct Created<T> {
    /// The new record, or the stored reply to the same request.
    pub written: Written<T>,
    /// The path of its list; its own path is that and its id.
    pub list: &'static str,
}

/// 201: a new timer, with `Location` and `ETag`; 200 if the timer that runs already is the answer.
pub struct Started<T>(pub Created<T>);

/// 201: a new record without a version, with `Location`.
pub struct Queued<T> {
    /// The new record, or the stored reply to the same request.
    pub written: Written<T>,
    /// The path of its list; its own path is that and its id.
    pub list: &'static str,
}

/// 201: new records, all at once.
pub struct CreatedAll<T>(pub Written<Vec<T>>);

/// 200: a changed record, with its new `ETag`.
pub struct Changed<T>(pub Written<T>);

/// 200: a record without a version, after a change.
pub struct Put<T>(pub Written<T>);

/// 204: the record was deleted.
pub struct NoContent(pub Written<Deleted>);

/// 200: `{"data": […], "pagination": {…}}`.
pub struct List<T>(pub Page<T>);

/// The cursor of the next page, among the extensions of an answer; the pipeline makes the header `Link` of it.
#[derive(Clone)]
pub(super) struct NextCursor(pub(super) String);

#[derive(Serialize)]
struct Enveloped<'a, T> {
    data: &'a T,
}

/// Bytes that most records take.
const USUAL_RECORD: usize = 600;

fn json(status: StatusCode, bytes: Vec<u8>) -> Response {
    Response::builder().status(status).content_type(JSON).body(bytes)
}

fn data<T: Serialize>(status: StatusCode, data: &T) -> Response {
    match serde_json::to_vec(&Enveloped { data }) {
        Ok(bytes) => json(status, bytes),
        Err(cause) => {
            tracing::error!(%cause, "an answer does not serialize");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn tag(response: &mut Response, version: Option<i32>) {
    if let Some(Ok(tag)) = version.map(|version| HeaderValue::from_str(&format!("\"{version}\""))) {
        response.headers_mut().insert(header::ETAG, tag);
    }
}

/// The answer to a write: fresh from the record, or from what was stored, byte for byte.
fn reply<T: Record>(written: &Written<T>, status: StatusCode) -> Response {
    match written {
        Written::Fresh { record, .. } => {
            let mut response = data(status, record);
            tag(&mut response, record.version());
            response
        }
        Written::Replayed(stored) => {
            let mut response = json(status, format!("{{\"data\":{}}}", stored.body).into_bytes());
            tag(&mut response, stored.version);
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            response
        }
    }
}

fn id_of<T: Record>(written: &Written<T>) -> service::value::Id {
    match written {
        Written::Fresh { record, .. } => record.id(),
        Written::Replayed(StoredReply { id, .. }) => *id,
    }
}

/// Adds the path of a new record.
fn add_location<T: Record>(response: &mut Response, list: &str, written: &Written<T>) {
    if let Ok(path) = HeaderValue::from_str(&format!("{}{list}/{}", super::BASE, id_of(written))) {
        response.headers_mut().insert(header::LOCATION, path);
    }
}

impl<T: Serialize + Send> IntoResponse for Data<T> {
    fn into_response(self) -> Response {
        data(StatusCode::OK, &self.0)
    }
}

impl<T: Record> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut response = data(StatusCode::OK, &self.0);
        tag(&mut response, self.0.version());
        response
    }
}

impl<T: Record> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let is_new = match &self.written {
            Written::Fresh { created, .. } | Written::Replayed(StoredReply { created, .. }) => *created,
        };
        let mut response = reply(&self.written, if is_new { StatusCode::CREATED } else { StatusCode::OK });
        add_location(&mut response, self.list, &self.written);
        response
    }
}

impl<T: Record> IntoResponse for Queued<T> {
    fn into_response(self) -> Response {
        let mut response = reply(&self.written, StatusCode::CREATED);
        add_location(&mut response, self.list, &self.written);
        response
    }
}

impl<T: Record> IntoResponse for Started<T> {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl<T: Record> IntoResponse for CreatedAll<T> {
    fn into_response(self) -> Response {
        reply(&self.0, StatusCode::CREATED)
    }
}

impl<T: Record> IntoResponse for Changed<T> {
    fn into_response(self) -> Response {
        reply(&self.0, StatusCode::OK)
    }
}

impl<T: Record> IntoResponse for Put<T> {
    fn into_response(self) -> Response {
        reply(&self.0, StatusCode::OK)
    }
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        let mut response = StatusCode::NO_CONTENT.into_response();
        if matches!(self.0, Written::Replayed(_)) {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

impl<T: WriteJson + Send> IntoResponse for List<T> {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Pagination {
            next_cursor: Option<String>,
            limit: i32,
            #[serde(skip_serializing_if = "Option::is_none")]
            total: Option<i64>,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            total_is_capped: bool,
        }
        let pagination = Pagination {
            next_cursor: self.0.next_cursor(),
            limit: self.0.limit,
            total: self.0.total.map(|total| total.rows),
            total_is_capped: self.0.total.is_some_and(|total| total.capped),
        };
        let next = pagination.next_cursor.clone();
        // As much as most records take, so that a page is not copied each time that it outgrows its space.
        let mut bytes = Vec::with_capacity(128 + self.0.items.len() * USUAL_RECORD);
        match write_list(&self.0.items, &pagination, &mut bytes) {
            Ok(()) => {
                let mut response = json(StatusCode::OK, bytes);
                if let Some(cursor) = next {
                    response.extensions_mut().insert(NextCursor(cursor));
                }
                response
            }
            Err(cause) => {
                tracing::error!(%cause, "a list does not serialize");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// `{"data": […], "pagination": {…}}`
fn write_list<T: WriteJson>(items: &[T], pagination: &impl Serialize, into: &mut Vec<u8>) -> serde_json::Result<()> {
    into.extend_from_slice(b"{\"data\":[");
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            into.push(b',');
        }
        item.write_json(into)?;
    }
    into.extend_from_slice(b"],\"pagination\":");
    serde_json::to_writer(&mut *into, pagination)?;
    into.push(b'}');
    Ok(())
}

fn object(properties: Vec<(&'static str, MetaSchemaRef)>) -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(MetaSchema {
        required: properties.iter().map(|(name, _)| *name).collect(),
        properties,
        ..MetaSchema::new("object")
    }))
}

fn one<T: Type>() -> MetaSchemaRef {
    let data = T::schema_ref();
    // What may be absent is null.
    let data = if T::IS_REQUIRED { data } else { data.merge(MetaSchema { nullable: true, ..MetaSchema::ANY }) };
    object(vec![("data", data)])
}

fn many<T: Type>() -> MetaSchemaRef {
    let items = MetaSchema { items: Some(Box::new(T::schema_ref())), ..MetaSchema::new("array") };
    object(vec![("data", MetaSchemaRef::Inline(Box::new(items)))])
}

fn page<T: Type>() -> MetaSchemaRef {
    let items = MetaSchema { items: Some(Box::new(T::schema_ref())), ..MetaSchema::new("array") };
    let cursor = MetaSchema {
        nullable: true,
        description: Some("Cursor of the next page; null on the last page."),
        ..MetaSchema::new("string")
    };
    let limit = MetaSchema {
        minimum: Some(1.0),
        maximum: Some(200.0),
        description: Some("Number of records per page that was asked for."),
        ..MetaSchema::new_with_format("integer", "int32")
    };
    let inline = |schema| MetaSchemaRef::Inline(Box::new(schema));
    let total = MetaSchema {
        minimum: Some(0.0),
        maximum: Some(100_000.0),
        description: Some("Number of records on all pages, up to 100,000. Present with `count=true` only."),
        ..MetaSchema::new_with_format("integer", "int32")
    };
    let capped = MetaSchema {
        description: Some("Present and true if the list has more than the 100,000 records that are counted."),
        ..MetaSchema::new("boolean")
    };
    let pagination = MetaSchema {
        required: vec!["nextCursor", "limit"],
        properties: vec![
            ("nextCursor", inline(cursor)),
            ("limit", inline(limit)),
            ("total", inline(total)),
            ("totalIsCapped", inline(capped)),
        ],
        ..MetaSchema::new("object")
    };
    object(vec![("data", inline(items)), ("pagination", inline(pagination))])
}

fn headers(names: &[(&'static str, &'static str, bool)]) -> Vec<MetaHeader> {
    let header = |(name, description, required): &(&'static str, &'static str, bool)| MetaHeader {
        name: (*name).into(),
        description: Some((*description).into()),
        required: *required,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("string"))),
    };
    names.iter().map(header).collect()
}

const ETAG: (&str, &str, bool) = ("ETag", "The version of the record, in quotes.", true);
const LOCATION: (&str, &str, bool) = ("Location", "The path of the new record.", true);
const LINK: (&str, &str, bool) = ("Link", "The next page, as `<…>; rel=\"next\"`; absent on the last page.", false);
const REPLAY: (&str, &str, bool) =
    ("Idempotent-Replayed", "`true` when the answer is of an earlier request with the same key.", false);

macro_rules! documented {
    ($name:ident $(<$t:ident>)?: $status:literal $description:literal, $schema:expr, $headers:expr) => {
        impl $(<$t: Type>)? ApiResponse for $name $(<$t>)? {
            fn meta() -> MetaResponses {
                let schema: Option<MetaSchemaRef> = $schema;
                MetaResponses {
                    responses: vec![MetaResponse {
                        description: $description,
                        status: Some($status),
                        status_range: None,
                        content: schema.map(|schema| MetaMediaType { content_type: JSON, schema }).into_iter().collect(),
                        headers: headers($headers),
                    }],
                }
            }

            fn register(_registry: &mut Registry) {
                $($t::register(_registry);)?
            }
        }
    };
}

documented!(Data<T>: 200 "Found.", Some(one::<T>()), &[]);
documented!(Tagged<T>: 200 "Found.", Some(one::<T>()), &[ETAG]);
documented!(Created<T>: 201 "Made.", Some(one::<T>()), &[ETAG, LOCATION, REPLAY]);
documented!(Queued<T>: 201 "Made.", Some(one::<T>()), &[LOCATION, REPLAY]);

impl<T: Type> ApiResponse for Started<T> {
    fn meta() -> MetaResponses {
        let mut meta = Created::<T>::meta();
        for created in Created::<T>::meta().responses {
            meta.responses.insert(0, MetaResponse { status: Some(200), description: "Goes on.", ..created });
        }
        meta
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

documented!(CreatedAll<T>: 201 "Made.", Some(many::<T>()), &[REPLAY]);
documented!(Changed<T>: 200 "Changed.", Some(one::<T>()), &[ETAG, REPLAY]);
documented!(Put<T>: 200 "Done.", Some(one::<T>()), &[REPLAY]);
documented!(NoContent: 204 "Gone.", None, &[REPLAY]);
documented!(List<T>: 200 "A page.", Some(page::<T>()), &[LINK]);
