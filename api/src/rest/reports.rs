//! `/reports/time`, as JSON or as CSV.

use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Request, RequestBody, Response, Result};
use poem_openapi::registry::{
    MetaMediaType, MetaParamIn, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, OpenApi};
use service::input::Input;
use service::report::{self, TimeReport, TimeReportArgs, TimeReportKeys};
use service::time_entry::TimeEntryFilter;
use service::value::{AmountShown, ReportGroup, TimeZone, Wire};

use super::Tag;
use super::envelope::Data;
use super::error::Fault;
use super::extract::{Access, LIST_QUERY};
use super::gate::header_text;

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
        Ok(if query.csv { Report::Csv(csv(&report)) } else { Report::Json(report) })
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
            [] => {
                let accept = header_text(request, header::ACCEPT.as_str()).unwrap_or_default();
                accept.split(',').any(|range| {
                    range.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/csv"))
                })
            }
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

/// The table of RFC 4180: the keys, then seconds, billableSeconds, entries, and where amounts are told currency and amount.
/// A group in several currencies has a line for each.
fn csv(report: &TimeReport) -> String {
    let told = report.total.amounts.get().is_some();
    let names = report.rows.first().map(|row| columns(&row.keys)).unwrap_or_default();
    let mut head: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    head.extend(["seconds", "billableSeconds", "entries"]);
    if told {
        head.extend(["currency", "amount"]);
    }
    let mut table = line(head.iter().map(|name| (*name).to_owned()));
    for row in &report.rows {
        for (currency, sums) in &row.by_currency {
            let keys = columns(&row.keys).into_iter().map(|(_, value)| value);
            let counts = [sums.seconds, sums.billable_seconds, sums.entries].map(|count| count.to_string());
            let amount = sums.amounts.get().and_then(|amounts| amounts.first()).map(|earned| earned.amount.to_string());
            let money = [currency.as_ref().map(ToString::to_string).unwrap_or_default(), amount.unwrap_or_default()];
            table += &line(keys.chain(counts).chain(if told { money.to_vec() } else { vec![] }));
        }
    }
    table
}

/// The keys of a row that are there, by name.
fn columns(keys: &TimeReportKeys) -> Vec<(&'static str, String)> {
    let TimeReportKeys { client, project, task, member, day, week, month } = keys;
    let nouns = [("client", client), ("project", project), ("task", task)];
    let named = nouns.into_iter().filter(|(_, key)| !key.is_hidden());
    let mut columns: Vec<_> =
        named.map(|(name, key)| (name, key.get().and_then(|noun| noun.name.clone()).unwrap_or_default())).collect();
    if let Some(member) = member.get() {
        columns.push(("member", member.name.clone().unwrap_or_default()));
    }
    columns.extend(day.get().map(|day| ("day", day.to_string())));
    columns.extend(week.get().map(|week| ("week", week.to_string())));
    columns.extend(month.get().map(|month| ("month", month.clone())));
    columns
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
