//! `/reports/time`, as JSON or as CSV.

use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Request, RequestBody, Response, Result};
use poem_openapi::registry::{
    MetaMediaType, MetaParamIn, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, OpenApi};
use service::Visible;
use service::input::Input;
use service::report::{self, TimeReport, TimeReportArgs, TimeReportKeys, TimeReportNoun};
use service::time_entry::TimeEntryFilter;
use service::value::{AmountShown, ReportGroup, TimeZone, Wire};

use super::Tag;
use super::envelope::Data;
use super::error::Fault;
use super::extract::{Access, LIST_QUERY};
use super::pipeline::header_text;
use crate::accept::ranges;

const CSV: &str = "text/csv; charset=utf-8";

pub struct Reports;

#[OpenApi(tag = "Tag::Reports")]
impl Reports {
    /// Sum time
    ///
    /// Time, and what it earns, summed by one or two of what it was spent on, by whom and when. As JSON, or as a CSV table by
    /// `Accept: text/csv` or `format=csv`.
    #[oai(path = "/reports/time", method = "get", operation_id = "getTimeReport")]
    async fn get_time_report(&self, Access(cx): Access, query: ReportQuery) -> Result<Report, Fault> {
        let report = report::time(&cx, &query.args).await?;
        Ok(if query.csv { Report::Csv(csv(&report, query.args.groups())) } else { Report::Json(report) })
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
        let by = format!("^({0})(,({0}))?$", groups.join("|"));
        let by = MetaSchema { pattern: Some(by), example: Some("project,day".into()), ..MetaSchema::new("string") };
        let format = MetaSchema { enum_items: vec!["json".into(), "csv".into()], ..MetaSchema::new("string") };
        let mut properties = vec![
            ("groupBy", described("By what: one or two, with a comma between.", by)),
            ("timeZone", described("Where days begin; UTC unless said.", TimeZone::openapi())),
            (
                "amountShown",
                described("Whether amounts are told; by default to those who see money.", AmountShown::openapi()),
            ),
            ("format", described("The form of the answer, if `Accept` does not say it.", format)),
        ];
        for field in TimeEntryFilter::fields() {
            let schema = MetaSchema { nullable: false, description: Some(field.description), ..field.schema };
            properties.push((field.name, inline(schema)));
        }
        Some(inline(MetaSchema { title: Some(LIST_QUERY.into()), properties, ..MetaSchema::new("object") }))
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
            [] => prefers_csv(header_text(request, header::ACCEPT.as_str()).unwrap_or_default()),
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

/// Whether a table is liked better than JSON; as well, where JSON is liked only with everything else.
fn prefers_csv(accept: &str) -> bool {
    let quality = |names: &[&str]| {
        let of_these = ranges(accept).filter(|(name, _)| names.contains(&name.as_str()));
        of_these.map(|(_, quality)| quality).reduce(f32::max)
    };
    let csv = quality(&["text/csv"]).unwrap_or(0.0);
    let json = quality(&["application/json"]);
    csv > 0.0 && json.map_or_else(|| csv >= quality(&["application/*", "*/*"]).unwrap_or(0.0), |json| csv > json)
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
            description: Some("A header line, then a line for each group and currency."),
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

/// The table of RFC 4180: the keys as they were asked for, then seconds, billableSeconds, entries, and where amounts are told
/// currency and amount. A group in several currencies has a line for each.
fn csv(report: &TimeReport, groups: &[ReportGroup]) -> String {
    let told = report.total.amounts.get().is_some();
    let names = groups.iter().map(|group| group.as_str().to_ascii_lowercase());
    let sums = ["seconds", "billableSeconds", "entries"].into_iter();
    let money = if told { &["currency", "amount"][..] } else { &[] };
    let mut table = line(names.chain(sums.chain(money.iter().copied()).map(str::to_owned)));
    for row in &report.rows {
        for (currency, sums) in &row.by_currency {
            let keys = groups.iter().map(|group| key(&row.keys, *group));
            let counts = [sums.seconds, sums.billable_seconds, sums.entries].map(|count| count.to_string());
            let amount = sums.amounts.get().and_then(|amounts| amounts.first()).map(|earned| earned.amount.to_string());
            let money = [currency.as_ref().map(ToString::to_string).unwrap_or_default(), amount.unwrap_or_default()];
            table += &line(keys.chain(counts).chain(if told { money.to_vec() } else { vec![] }));
        }
    }
    table
}

/// What a row has under one of its keys: a name, or a time.
fn key(keys: &TimeReportKeys, group: ReportGroup) -> String {
    let TimeReportKeys { client, project, task, member, day, week, month } = keys;
    let name = |noun: &Visible<TimeReportNoun>| noun.get().and_then(|noun| noun.name.clone());
    let text = match group {
        ReportGroup::Client => name(client),
        ReportGroup::Project => name(project),
        ReportGroup::Task => name(task),
        ReportGroup::Member => member.get().and_then(|member| member.name.clone()),
        ReportGroup::Day => day.get().map(ToString::to_string),
        ReportGroup::Week => week.get().map(ToString::to_string),
        ReportGroup::Month => month.get().cloned(),
    };
    text.unwrap_or_default()
}

fn line(cells: impl Iterator<Item = String>) -> String {
    cells.map(cell).collect::<Vec<_>>().join(",") + "\r\n"
}

/// In quotes where it must be; what a spreadsheet would take for a formula has an apostrophe in front.
fn cell(text: String) -> String {
    let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_sent_where_it_is_liked_best() {
        for (accept, table) in [
            ("text/csv", true),
            ("TEXT/CSV; charset=utf-8", true),
            ("text/csv, */*", true),
            ("text/csv;q=0.5, */*;q=0.1", true),
            ("application/json;q=0.5, text/csv", true),
            ("application/json, text/csv", false),
            ("application/json, text/csv;q=0.1", false),
            ("text/csv;q=0.5, */*", false),
            ("text/csv;q=0", false),
            ("application/json", false),
            ("", false),
        ] {
            assert_eq!(prefers_csv(accept), table, "{accept}");
        }
    }

    #[test]
    fn a_cell_is_quoted_and_never_a_formula() {
        for (text, written) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
        ] {
            assert_eq!(cell(text.into()), written);
        }
    }
}
