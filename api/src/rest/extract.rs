//! What handlers take: the caller, a body, the query of a list, an id, the versions of `If-Match`. The pipeline has put the
//! first two into the request's extensions; no extractor rejects a request.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{
    MetaMediaType, MetaParamIn, MetaRequest, MetaSchema, MetaSchemaRef, MetaSecurityScheme, Registry,
};
use poem_openapi::types::{ParseFromParameter, ParseResult, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use service::input::FromBody;
use service::sort::SortField;
use service::value::{Id, Json, Wire};
use service::{Cx, Filter, ListArgs, Precondition};

use crate::http::rejection::Rejection;
use crate::http::request::{query_pairs, tags};

/// The name of the security scheme in the document.
pub const BEARER: &str = "bearerAuth";

/// Marks, in poem-openapi's document, the one parameter that stands for a whole list query.
pub const LIST_QUERY: &str = "x-list-query";

/// The caller, whom the pipeline has admitted.
pub struct Access(pub Cx);

impl<'a> ApiExtractor<'a> for Access {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        let scheme = MetaSecurityScheme {
            ty: "http",
            description: Some(
                "API token, sent as `Authorization: Bearer hsk_live_…` or `hsk_test_…`. It acts as the member who made it, on the settings pages or the command line.",
            ),
            name: None,
            key_in: None,
            scheme: Some("bearer"),
            bearer_format: None,
            flows: None,
            openid_connect_url: None,
        };
        registry.create_security_scheme(BEARER, scheme);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![BEARER]
    }

    async fn from_request(request: &'a Request, _: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Access> {
        extension::<Cx>(request).map(Access)
    }
}

fn extension<T: Clone + Send + Sync + 'static>(request: &Request) -> Result<T> {
    let missing = || service::Error::bug("a handler was reached without the pipeline");
    Ok(request.extensions().get::<T>().cloned().ok_or_else(missing).map_err(Rejection::from)?)
}

/// The body that the pipeline has parsed; a handler takes it once.
#[derive(Clone)]
pub struct ParsedBody(Arc<Mutex<Option<Json>>>);

impl ParsedBody {
    /// Around the value of a body.
    pub fn new(json: Json) -> ParsedBody {
        ParsedBody(Arc::new(Mutex::new(Some(json))))
    }
}

/// An input, read from the body.
pub struct Body<T>(pub T);

impl<'a, T: FromBody + Type> ApiExtractor<'a> for Body<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType { content_type: "application/json", schema: T::schema_ref() }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(request: &'a Request, _: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Body<T>> {
        let body = extension::<ParsedBody>(request)?;
        let json = body.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(Body(T::from_json(json.unwrap_or(Json::Null))))
    }
}

/// An input without required fields, read from a body that may be left out.
pub struct OptionalBody<T>(pub T);

impl<'a, T: FromBody + Type> ApiExtractor<'a> for OptionalBody<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Body::<T>::request_meta().map(|meta| MetaRequest { required: false, ..meta })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        options: ExtractParamOptions<()>,
    ) -> Result<OptionalBody<T>> {
        Ok(OptionalBody(Body::from_request(request, body, options).await?.0))
    }
}

/// The arguments of a list, read from the query.
pub struct Query<F, S>(pub ListArgs<F, S>);

impl<'a, F: Filter, S: SortField> ApiExtractor<'a> for Query<F, S> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    type ParamType = ();
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Query)
    }

    /// One object; a pass over the document makes single parameters of its properties.
    fn param_schema_ref() -> Option<MetaSchemaRef> {
        let inline = |schema| MetaSchemaRef::Inline(Box::new(schema));
        let described = |description: &'static str, schema: MetaSchema| {
            inline(MetaSchema { description: Some(description), ..schema })
        };
        let limit =
            MetaSchema { minimum: Some(1.0), maximum: Some(200.0), ..MetaSchema::new_with_format("integer", "int32") };
        let mut properties = vec![
            ("limit", described("Number of records per page, from 1 to 200; 50 by default.", limit)),
            (
                "cursor",
                described(
                    "Cursor of the page: `pagination.nextCursor` of the page before, with the same sort and filters. Without it the first page is returned.",
                    MetaSchema::new("string"),
                ),
            ),
            (
                "sort",
                described(
                    "Field to sort by; a leading `-` means descending. `-createdAt` by default. Ties are broken by `id`.",
                    <service::sort::Sort<S> as Wire>::openapi(),
                ),
            ),
        ];
        if S::SEARCHED {
            let search = MetaSchema { max_length: Some(200), ..MetaSchema::new("string") };
            properties.push((
                "search",
                described("Text that a record must contain, at most 200 characters; case is ignored.", search),
            ));
        }
        let boolean = MetaSchema::new("boolean");
        properties.push((
            "includeDeleted",
            described(
                "Whether to list deleted records too; `false` by default. Only for Owners, Admins and Managers.",
                boolean,
            ),
        ));
        let count = "Whether to count the records on all pages, as `pagination.total`; `false` by default. Costs one \
                     rate-limit point more.";
        properties.push(("count", described(count, MetaSchema::new("boolean"))));
        for field in F::fields() {
            let schema = MetaSchema { description: Some(field.description), ..field.in_query };
            properties.push((field.name, inline(schema)));
        }
        Some(inline(MetaSchema { title: Some(LIST_QUERY.into()), properties, ..MetaSchema::new("object") }))
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Query<F, S>> {
        Ok(Query(ListArgs::from_query(query_pairs(request))))
    }
}

/// An id in a path. Text that is no UUID stands for no row, so that it is answered 404 at the same place as an unknown id.
pub struct PathId(pub Id);

impl Type for PathId {
    const IS_REQUIRED: bool = true;
    type RawValueType = Id;
    type RawElementValueType = Id;

    fn name() -> Cow<'static, str> {
        <Id>::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        <Id>::schema_ref()
    }

    fn as_raw_value(&self) -> Option<&Id> {
        Some(&self.0)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Id> + 'a> {
        Box::new(std::iter::once(&self.0))
    }
}

impl ParseFromParameter for PathId {
    fn parse_from_parameter(value: &str) -> ParseResult<PathId> {
        Ok(PathId(value.parse().unwrap_or(Id::NONE)))
    }
}

impl<T> From<PathId> for Id<T> {
    fn from(id: PathId) -> Id<T> {
        id.0.of()
    }
}

/// The versions in `If-Match` (RFC 9110, section 13.1.1); a weak prefix is ignored.
pub struct IfMatch(pub Precondition);

impl<'a> ApiExtractor<'a> for IfMatch {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    type ParamType = ();
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(MetaSchemaRef::Inline(Box::new(MetaSchema::new("string"))))
    }

    async fn from_request(request: &'a Request, _: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<IfMatch> {
        let sent: Vec<_> = request.headers().get_all("if-match").iter().collect();
        if sent.is_empty() {
            return Ok(IfMatch(Precondition::Any));
        }
        let tags: Vec<&str> = sent.iter().filter_map(|value| value.to_str().ok()).flat_map(tags).collect();
        Ok(IfMatch(if tags.contains(&"*") {
            Precondition::Any
        } else {
            // Tags are compared as texts: `01` is none of ours.
            let version = |tag: &&str| tag.parse().ok().filter(|version: &i32| version.to_string() == **tag);
            Precondition::OneOf(tags.iter().filter_map(version).collect())
        }))
    }
}
