//! `/reports/…`, as JSON or as CSV.

use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Request, RequestBody, Response, Result};
use poem_openapi::registry::{
    MetaMediaType, MetaParamIn, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, OpenApi};
use serde::Serialize;
use service::expense::ExpenseFilter;
use service::input::{FieldInfo, Input};
use service::invoice::InvoiceFilter;
use service::report::{
    self, ExpenseReport, ExpenseReportArgs, InvoiceReport, InvoiceReportArgs, TimeReport, TimeReportArgs,
};
use service::time_entry::TimeEntryFilter;
use service::value::{AmountShown, ExpenseReportGroup, FieldErrors, InvoiceReportGroup, ReportGroup, TimeZone, Wire};

use super::Tag;
use crate::http::rejection::Rejection;
use crate::http::request::{header_text, query_pairs};
use crate::rest::answers::Data;
use crate::rest::csv::{self, Dialect};
use crate::rest::extract::{Access, LIST_QUERY};

const CSV: &str = "text/csv; charset=utf-8";

pub struct Reports;

#[OpenApi(tag = "Tag::Reports")]
impl Reports {
    /// Get a time report
    ///
    /// Sums the time of all matching entries per group, and what the billable time on hourly projects earns. Returned as
    /// JSON, or as CSV with `Accept: text/csv` or `format=csv`. Costs 10 more rate-limit points. A Member sums their own
    /// time, without amounts.
    #[oai(path = "/reports/time", method = "get", operation_id = "getTimeReport")]
    async fn get_time_report(
        &self,
        Access(cx): Access,
        query: ReportQuery<TimeReportArgs>,
    ) -> Result<Report<TimeReport>, Rejection> {
        let report = report::time(&cx, &query.args).await?;
        Ok(Report::new(report, query.table, |report, dialect| csv::time(report, query.args.groups(), dialect)))
    }

    /// Get a report of expenses
    ///
    /// Counts the matching expenses per group and sums their amounts per currency; without groups only the total. Returned
    /// as JSON, or as CSV with `Accept: text/csv` or `format=csv`. Costs 10 more rate-limit points.
    #[oai(path = "/reports/expenses", method = "get", operation_id = "getExpenseReport")]
    async fn get_expense_report(
        &self,
        Access(cx): Access,
        query: ReportQuery<ExpenseReportArgs>,
    ) -> Result<Report<ExpenseReport>, Rejection> {
        let report = report::expenses(&cx, &query.args).await?;
        Ok(Report::new(report, query.table, |report, dialect| csv::expenses(report, query.args.groups(), dialect)))
    }

    /// Get a report of invoices
    ///
    /// Counts the matching invoices per group and sums their totals, payments and outstanding amounts per currency; without
    /// groups only the total. Returned as JSON, or as CSV with `Accept: text/csv` or `format=csv`. Costs 10 more rate-limit
    /// points.
    #[oai(path = "/reports/invoices", method = "get", operation_id = "getInvoiceReport")]
    async fn get_invoice_report(
        &self,
        Access(cx): Access,
        query: ReportQuery<InvoiceReportArgs>,
    ) -> Result<Report<InvoiceReport>, Rejection> {
        let report = report::invoices(&cx, &query.args).await?;
        Ok(Report::new(report, query.table, |report, dialect| csv::invoices(report, query.args.groups(), dialect)))
    }
}

/// Names and descriptions of the closed lists that only reports have, as components of the document.
const TIME_GROUPS: &str = "ReportGroup\nWhat a time report sums by: the client, project, task or member, or the day, week or \
                           month of the time.";
const EXPENSE_GROUPS: &str =
    "ExpenseReportGroup\nWhat a report of expenses sums by: the client, project, category or month of the expenses.";
const INVOICE_GROUPS: &str = "InvoiceReportGroup\nWhat a report of invoices sums by: the client, the state, the payment state or \
                              the month of issue.";
const FORMAT: &str = "ReportFormat\nFormat of a report: JSON, or CSV for spreadsheets.";

/// The arguments of a report, as they are read and described.
pub trait ReportArgs: Send {
    /// The parameters that must be sent.
    const REQUIRED: &'static [&'static str] = &[];

    /// Reads the pairs of a query; `also` are parameters that are read here.
    fn read(pairs: &[(String, String)], also: &[&str]) -> Self;
    /// The errors of the query.
    fn errors(&mut self) -> &mut FieldErrors;
    /// The parameters of this report alone.
    fn own() -> Vec<(&'static str, &'static str, MetaSchema)>;
    /// Its filters.
    fn filters() -> Vec<FieldInfo>;
}

/// At most so many of some groups, with commas between.
fn groups(title: &str, all: &[&str], most: usize, example: &[&str]) -> MetaSchema {
    let inline = |schema| MetaSchemaRef::Inline(Box::new(schema));
    let group = MetaSchema {
        title: Some(title.to_owned()),
        enum_items: all.iter().map(|group| (*group).into()).collect(),
        ..MetaSchema::new("string")
    };
    MetaSchema {
        items: Some(Box::new(inline(group))),
        min_items: Some(1),
        max_items: Some(most),
        unique_items: Some(true),
        example: Some(serde_json::json!(example)),
        ..MetaSchema::new("array")
    }
}

impl ReportArgs for TimeReportArgs {
    const REQUIRED: &'static [&'static str] = &["groupBy"];

    fn read(pairs: &[(String, String)], also: &[&str]) -> TimeReportArgs {
        TimeReportArgs::from_query(pairs, also)
    }

    fn errors(&mut self) -> &mut FieldErrors {
        &mut self.not_taken
    }

    fn own() -> Vec<(&'static str, &'static str, MetaSchema)> {
        let all: Vec<_> = ReportGroup::ALL.iter().map(|group| group.as_str().to_ascii_lowercase()).collect();
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        vec![
            (
                "groupBy",
                "Groups of the report, one to three, with commas between: the keys of its rows, in this order.",
                groups(TIME_GROUPS, &all, 3, &["project", "day"]),
            ),
            (
                "timeZone",
                "IANA time zone in which an entry with instants belongs to the day of its start, such as `Europe/Helsinki`. \
                 Without it an entry belongs to its `entryDate`. Filters by `entryDate` go by the same day.",
                TimeZone::openapi(),
            ),
            (
                "amountShown",
                "Whether amounts are shown. By default they are for those who see money; a Member who asks for them is refused \
                 (403).",
                AmountShown::openapi(),
            ),
        ]
    }

    fn filters() -> Vec<FieldInfo> {
        TimeEntryFilter::fields()
    }
}

impl ReportArgs for ExpenseReportArgs {
    fn read(pairs: &[(String, String)], also: &[&str]) -> ExpenseReportArgs {
        ExpenseReportArgs::from_query(pairs, also)
    }

    fn errors(&mut self) -> &mut FieldErrors {
        &mut self.not_taken
    }

    fn own() -> Vec<(&'static str, &'static str, MetaSchema)> {
        let all: Vec<_> = ExpenseReportGroup::ALL.iter().map(|group| group.as_str().to_ascii_lowercase()).collect();
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        let by = groups(EXPENSE_GROUPS, &all, 2, &["client", "month"]);
        vec![(
            "groupBy",
            "Groups of the report, at most two, with a comma between: the keys of its rows, in this order. Without groups only the \
             total is returned.",
            by,
        )]
    }

    fn filters() -> Vec<FieldInfo> {
        ExpenseFilter::fields()
    }
}

impl ReportArgs for InvoiceReportArgs {
    fn read(pairs: &[(String, String)], also: &[&str]) -> InvoiceReportArgs {
        InvoiceReportArgs::from_query(pairs, also)
    }

    fn errors(&mut self) -> &mut FieldErrors {
        &mut self.not_taken
    }

    fn own() -> Vec<(&'static str, &'static str, MetaSchema)> {
        let all: Vec<_> = InvoiceReportGroup::ALL.iter().map(|group| csv::invoice_group(*group)).collect();
        let by = groups(INVOICE_GROUPS, &all, 2, &["client", "status"]);
        vec![(
            "groupBy",
            "Groups of the report, at most two, with a comma between: the keys of its rows, in this order. Without groups only the \
             total is returned.",
            by,
        )]
    }

    fn filters() -> Vec<FieldInfo> {
        InvoiceFilter::fields()
    }
}

/// The arguments of a report, and how its table is written if one is asked for by `format` or `Accept`.
pub struct ReportQuery<A> {
    args: A,
    table: Option<Dialect>,
}

/// The parameters that say how a report is written.
const WRITTEN: [&str; 4] = ["format", "bom", "separator", "ids"];

impl<'a, A: ReportArgs> ApiExtractor<'a> for ReportQuery<A> {
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
        let one_of = |title: &str, values: &[&str]| MetaSchema {
            title: Some(title.to_owned()),
            enum_items: values.iter().map(|value| (*value).into()).collect(),
            ..MetaSchema::new("string")
        };
        let own = A::own().into_iter().map(|(name, description, schema)| (name, described(description, schema)));
        let mut properties: Vec<_> = own.collect();
        let bom = "Whether a CSV table begins with a byte order mark, by which spreadsheets recognise UTF-8; `false` by \
                   default.";
        let ids = "Whether a CSV table ends with the ids of what its rows are grouped by (`clientId`, `projectId`, `taskId`, `userId`), \
                   since names may repeat; `false` by default.";
        properties.extend([
            (
                "format",
                described(
                    "Format of the answer, `json` or `csv`; by default as `Accept` says.",
                    one_of(FORMAT, &["json", "csv"]),
                ),
            ),
            ("bom", described(bom, MetaSchema::new("boolean"))),
            ("ids", described(ids, MetaSchema::new("boolean"))),
            (
                "separator",
                described(
                    "Separator of a CSV table; a comma by default.",
                    MetaSchema { pattern: Some("^[,;]$".into()), ..MetaSchema::new("string") },
                ),
            ),
        ]);
        for field in A::filters() {
            let schema = MetaSchema { description: Some(field.description), ..field.in_query };
            properties.push((field.name, inline(schema)));
        }
        let required = A::REQUIRED.to_vec();
        Some(inline(MetaSchema { title: Some(LIST_QUERY.into()), properties, required, ..MetaSchema::new("object") }))
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<ReportQuery<A>> {
        let pairs = query_pairs(request);
        let mut args = A::read(&pairs, &WRITTEN);
        let sent = |name: &str| -> Vec<&str> {
            let of_name = pairs.iter().filter(|(own, value)| own == name && !value.is_empty());
            of_name.map(|(_, value)| value.as_str()).collect()
        };
        let is_csv = match sent("format").as_slice() {
            [] => csv::prefers_csv(header_text(request, header::ACCEPT.as_str()).unwrap_or_default()),
            [format] if format.eq_ignore_ascii_case("csv") => true,
            [format] if format.eq_ignore_ascii_case("json") => false,
            _ => {
                args.errors().add("format", "must be json or csv");
                false
            }
        };
        let mut dialect = Dialect::default();
        for (name, switch) in [("bom", &mut dialect.bom), ("ids", &mut dialect.ids)] {
            match sent(name).as_slice() {
                [] => {}
                [text] => match bool::parse_text(text) {
                    Ok(on) => *switch = on,
                    Err(wrong) => args.errors().nest(name, wrong),
                },
                _ => args.errors().add(name, "must be given once"),
            }
        }
        match sent("separator").as_slice() {
            [] | [","] => {}
            [";"] => dialect.separator = ';',
            _ => args.errors().add("separator", "must be a comma or a semicolon"),
        }
        Ok(ReportQuery { args, table: is_csv.then_some(dialect) })
    }
}

/// A report in one of its forms.
pub enum Report<R> {
    Json(R),
    Csv(String, &'static str),
}

/// A report that can be sent.
pub trait Sendable: Serialize + Type + Send {
    /// The name of the file that it is saved as.
    const FILE: &'static str;
}

impl Sendable for TimeReport {
    const FILE: &'static str = "attachment; filename=\"time-report.csv\"";
}

impl Sendable for ExpenseReport {
    const FILE: &'static str = "attachment; filename=\"expense-report.csv\"";
}

impl Sendable for InvoiceReport {
    const FILE: &'static str = "attachment; filename=\"invoice-report.csv\"";
}

impl<R: Sendable> Report<R> {
    fn new(report: R, table: Option<Dialect>, csv: impl FnOnce(&R, Dialect) -> String) -> Report<R> {
        match table {
            Some(dialect) => Report::Csv(csv(&report, dialect), R::FILE),
            None => Report::Json(report),
        }
    }
}

impl<R: Sendable> IntoResponse for Report<R> {
    fn into_response(self) -> Response {
        match self {
            Report::Json(report) => Data(report).into_response(),
            Report::Csv(table, file) => {
                let mut response = Response::builder().status(StatusCode::OK).content_type(CSV).body(table);
                response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(file));
                response
            }
        }
    }
}

impl<R: Sendable> ApiResponse for Report<R> {
    fn meta() -> MetaResponses {
        let mut meta = Data::<R>::meta();
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
        <R as Type>::register(registry);
    }
}
