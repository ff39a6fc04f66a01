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
    /// Sum time
    ///
    /// Time and what it earns, summed by up to three of client, project, task, member, day, week and month. As JSON, or as a
    /// CSV table by `Accept: text/csv` or `format=csv`. A report costs 10 points more than other requests.
    #[oai(path = "/reports/time", method = "get", operation_id = "getTimeReport")]
    async fn get_time_report(
        &self,
        Access(cx): Access,
        query: ReportQuery<TimeReportArgs>,
    ) -> Result<Report<TimeReport>, Rejection> {
        let report = report::time(&cx, &query.args).await?;
        Ok(Report::new(report, query.table, |report, dialect| csv::time(report, query.args.groups(), dialect)))
    }

    /// Sum expenses
    ///
    /// Expenses counted and their amounts summed per currency, by up to two of client, project, category and month; without
    /// groups only the total. As JSON, or as a CSV table by `Accept: text/csv` or `format=csv`. A report costs 10 points more
    /// than other requests.
    #[oai(path = "/reports/expenses", method = "get", operation_id = "getExpenseReport")]
    async fn get_expense_report(
        &self,
        Access(cx): Access,
        query: ReportQuery<ExpenseReportArgs>,
    ) -> Result<Report<ExpenseReport>, Rejection> {
        let report = report::expenses(&cx, &query.args).await?;
        Ok(Report::new(report, query.table, |report, dialect| csv::expenses(report, query.args.groups(), dialect)))
    }

    /// Sum invoices
    ///
    /// Invoices counted and their totals, payments and outstanding amounts summed per currency, by up to two of client, status,
    /// paymentStatus and month of issue; without groups only the total. As JSON, or as a CSV table by `Accept: text/csv` or
    /// `format=csv`. A report costs 10 points more than other requests.
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

/// The arguments of a report, as they are read and described.
pub trait ReportArgs: Send {
    /// Reads the pairs of a query; `also` are parameters that are read here.
    fn read(pairs: &[(String, String)], also: &[&str]) -> Self;
    /// The errors of the query.
    fn errors(&mut self) -> &mut FieldErrors;
    /// The parameters of this report alone.
    fn own() -> Vec<(&'static str, &'static str, MetaSchema)>;
    /// Its filters.
    fn filters() -> Vec<FieldInfo>;
}

/// One to `most` of some groups, with commas between.
fn groups(all: &[&str], most: usize, example: &str) -> MetaSchema {
    let by = format!("^({0})(,({0})){{0,{1}}}$", all.join("|"), most - 1);
    MetaSchema { pattern: Some(by), example: Some(example.into()), ..MetaSchema::new("string") }
}

impl ReportArgs for TimeReportArgs {
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
            ("groupBy", "The groups, one to three, with commas between. Required.", groups(&all, 3, "project,day")),
            (
                "timeZone",
                "IANA name of the zone in which an entry with instants belongs to the day of its start. Without it, an entry \
                 belongs to its `entryDate`. Filters by `entryDate` go by the same day.",
                TimeZone::openapi(),
            ),
            (
                "amountShown",
                "Whether amounts are shown. Default: `EARNED` for roles that see money, `HIDE_AMOUNT` for Members.",
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
        let by = groups(&all, 2, "client,month");
        vec![("groupBy", "The groups, at most two, with a comma between. Without groups, only the total.", by)]
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
        let by = groups(&all, 2, "client,status");
        vec![("groupBy", "The groups, at most two, with a comma between. Without groups, only the total.", by)]
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
const WRITTEN: [&str; 3] = ["format", "bom", "separator"];

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
        let one_of = |values: &[&str]| MetaSchema {
            enum_items: values.iter().map(|value| (*value).into()).collect(),
            ..MetaSchema::new("string")
        };
        let own = A::own().into_iter().map(|(name, description, schema)| (name, described(description, schema)));
        let mut properties: Vec<_> = own.collect();
        let bom =
            "Whether a CSV table begins with a byte order mark, by which spreadsheets recognise UTF-8. Default: false.";
        properties.extend([
            (
                "format",
                described(
                    "The format of the answer. Default: what `Accept` prefers, else JSON.",
                    one_of(&["json", "csv"]),
                ),
            ),
            ("bom", described(bom, MetaSchema::new("boolean"))),
            ("separator", described("The separator of a CSV table. Default: a comma.", one_of(&[",", ";"]))),
        ]);
        for field in A::filters() {
            let schema = MetaSchema { nullable: false, description: Some(field.description), ..field.schema };
            properties.push((field.name, inline(schema)));
        }
        Some(inline(MetaSchema { title: Some(LIST_QUERY.into()), properties, ..MetaSchema::new("object") }))
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
        match sent("bom").as_slice() {
            [] => {}
            [text] => match bool::parse_text(text) {
                Ok(bom) => dialect.bom = bom,
                Err(wrong) => args.errors().nest("bom", wrong),
            },
            _ => args.errors().add("bom", "must be given once"),
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
        <R as Type>::register(registry);
    }
}
