//! `/reports/time`, as JSON or as CSV.

use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Request, RequestBody, Response, Result};
use poem_openapi::registry::{
    MetaMediaType, MetaParamIn, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, OpenApi};
use service::input::Input;
use service::report::{self, TimeReport, TimeReportArgs};
use service::time_entry::TimeEntryFilter;
use service::value::{AmountShown, ReportGroup, TimeZone, Wire};

use super::Tag;
use crate::http::rejection::Rejection;
use crate::http::request::header_text;
use crate::rest::answers::Data;
use crate::rest::csv;
use crate::rest::extract::{Access, LIST_QUERY};

const CSV: &str = "text/csv; charset=utf-8";

pub struct Reports;

#[OpenApi(tag = "Tag::Reports")]
impl Reports {
    /// Get a time report
    ///
    /// Sums the time of all matching entries per group, and what the billable time on hourly projects earns. Returned
    /// as JSON, or as CSV with `Accept: text/csv` or `format=csv`. Costs 10 more rate-limit points. A Member sums their
    /// own time, without amounts.
    #[oai(path = "/reports/time", method = "get", operation_id = "getTimeReport")]
    async fn get_time_report(&self, Access(cx): Access, query: ReportQuery) -> Result<Report, Rejection> {
        let report = report::time(&cx, &query.args).await?;
        Ok(if query.csv { Report::Csv(csv::table(&report, query.args.groups())) } else { Report::Json(report) })
    }
}

/// What a report is asked for, read from the query; as a table, if `format` or `Accept` says so.
pub struct ReportQuery {
    args: TimeReportArgs,
    csv: bool,
}

impl<'a> ApiExtractor<'a> for ReportQuery {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    type ParamType = ();
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Query)
    }

    /// One object; the document's pass makes single parameters of its properties.
    fn param_schema_ref() -> Option<MetaSchemaRef> {
        let inline = |schema| MetaSchemaRef::Inline(Box::new(schema));
        let described = |description, schema| inline(MetaSchema { description: Some(description), ..schema });
        let groups: Vec<_> = ReportGroup::ALL.iter().map(|group| group.as_str().to_ascii_lowercase()).collect();
        let group = MetaSchema {
            title: Some("ReportGroup\nWhat a report sums by: the client, project, task or member, or the day, week or month of the time.".into()),
            enum_items: groups.into_iter().map(Into::into).collect(),
            ..MetaSchema::new("string")
        };
        let by = MetaSchema {
            items: Some(Box::new(inline(group))),
            min_items: Some(1),
            max_items: Some(2),
            unique_items: Some(true),
            example: Some(serde_json::json!(["project", "day"])),
            ..MetaSchema::new("array")
        };
        let format = MetaSchema {
            title: Some("ReportFormat\nFormat of a report: JSON, or CSV for spreadsheets.".into()),
            enum_items: vec!["json".into(), "csv".into()],
            ..MetaSchema::new("string")
        };
        let mut properties = vec![
            (
                "groupBy",
                described(
                    "Groups of the report, one or two, with commas between: the keys of its rows, in this order.",
                    by,
                ),
            ),
            (
                "timeZone",
                described(
                    "IANA time zone in which an entry with instants belongs to a day, such as `Europe/Helsinki`; UTC by default.",
                    TimeZone::openapi(),
                ),
            ),
            (
                "amountShown",
                described(
                    "Whether amounts are shown. By default they are for those who see money; a Member who asks for them is refused (403).",
                    AmountShown::openapi(),
                ),
            ),
            ("format", described("Format of the answer, `json` or `csv`; by default as `Accept` says.", format)),
        ];
        for field in TimeEntryFilter::fields() {
            let schema = MetaSchema { nullable: false, description: Some(field.description), ..field.schema };
            properties.push((field.name, inline(schema)));
        }
        Some(inline(MetaSchema {
            title: Some(LIST_QUERY.into()),
            properties,
            required: vec!["groupBy"],
            ..MetaSchema::new("object")
        }))
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<ReportQuery> {
        let query = request.uri().query().unwrap_or_default();
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let mut args = TimeReportArgs::from_query(&pairs, &["format"]);
        let formats: Vec<&str> =
            pairs.iter().filter(|(name, _)| name == "format").map(|(_, format)| format.as_str()).collect();
        let csv = match formats.as_slice() {
            [] => csv::prefers_csv(header_text(request, header::ACCEPT.as_str()).unwrap_or_default()),
            [format] if format.eq_ignore_ascii_case("csv") => true,
            [format] if format.eq_ignore_ascii_case("json") => false,
            _ => {
                args.not_taken.add("format", "must be json or csv");
                false
            }
        };
        Ok(ReportQuery { args, csv })
    }
}

/// A report in one of its forms.
pub enum Report {
    Json(TimeReport),
    Csv(String),
}

impl IntoResponse for Report {
    fn into_response(self) -> Response {
        match self {
            Report::Json(report) => Data(report).into_response(),
            Report::Csv(table) => {
                let mut response = Response::builder().status(StatusCode::OK).content_type(CSV).body(table);
                let name = HeaderValue::from_static("attachment; filename=\"time-report.csv\"");
                response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
                response
            }
        }
    }
}

impl ApiResponse for Report {
    fn meta() -> MetaResponses {
        let mut meta = Data::<TimeReport>::meta();
        let table = MetaSchema {
            description: Some("A header line, then one line per group and currency (RFC 4180)."),
            ..MetaSchema::new("string")
        };
        let table = MetaMediaType { content_type: "text/csv", schema: MetaSchemaRef::Inline(Box::new(table)) };
        if let Some(MetaResponse { content, .. }) = meta.responses.first_mut() {
            content.push(table);
        }
        meta
    }

    fn register(registry: &mut Registry) {
        <TimeReport as Type>::register(registry);
    }
}
