//! The list of invoices, with its filters in the address.

use maud::{Markup, html};
use poem::Response;
use service::invoice::{self, Invoice};
use service::value::{InvoiceStatus, PaymentStatus};
use service::{Action, policy};

use super::super::fields::{Field, Fields};
use super::super::form::{Form, Problems};
use super::super::parts::{self, Column, Row};
use super::super::visit::Visit;
use super::super::{layout, pager};
use super::{LIST, money, open, state};
use crate::http::rejection::Rejection;

/// The filters, as they stand in the address.
const FILTERS: [&str; 5] = ["search", "status", "paymentStatus", "issueDateFrom", "issueDateTo"];
const STATUSES: [(InvoiceStatus, &str); 4] = [
    (InvoiceStatus::Draft, "Draft"),
    (InvoiceStatus::Sent, "Sent"),
    (InvoiceStatus::Paid, "Paid"),
    (InvoiceStatus::Cancelled, "Cancelled"),
];
const PAYMENTS: [(PaymentStatus, &str); 4] = [
    (PaymentStatus::Unpaid, "Unpaid"),
    (PaymentStatus::PartiallyPaid, "Paid in part"),
    (PaymentStatus::Paid, "Paid"),
    (PaymentStatus::Refunded, "Refunded"),
];

pub(in super::super) async fn list(visit: &Visit<'_>) -> Result<Response, Rejection> {
    policy::ensure_allowed(visit.caller(), Action::ListInvoices)?;
    let args = pager::args(visit, &FILTERS);
    let filtered = FILTERS.iter().any(|name| !visit.facts.parameter(name).is_empty());
    let (invoices, problems) = match invoice::list(&visit.cx, &args).await {
        Ok(page) => (Some(page), Problems::default()),
        Err(error) => (None, Problems::of(error)?),
    };
    let list = html! {
        @if let Some(invoices) = &invoices {
            @if invoices.items.is_empty() && !invoices.continued {
                @if filtered { p { "No invoice fits. " a href=(LIST) { "Show all" } } }
                @else { p { "There are no invoices yet. The first one bills a client's time, fees and expenses that are not billed." } }
            } @else if !invoices.items.is_empty() {
                (table(&invoices.items))
            }
            (pager::ways(visit, invoices))
        }
    };
    let body = html! {
        p { a.button href={ (LIST) "/new" } { "New invoice" } }
        (filters(visit, &problems))
        (parts::live(visit, LIST, list))
    };
    Ok(layout::page_with(visit, problems.status, "Invoices", body))
}

const COLUMNS: [Column; 7] = [
    Column::Text("Number"),
    Column::Text("Client"),
    Column::Text("State"),
    Column::Number("Total"),
    Column::Number("Open"),
    Column::Text("Issued"),
    Column::Text("Due"),
];

fn table(invoices: &[Invoice]) -> Markup {
    let row = |invoice: &Invoice| {
        Row::of([
            html! { a href={ (LIST) "/" (invoice.id) } { (invoice.number) } },
            html! { (invoice.bill_to_name) },
            state(invoice),
            html! { (money(invoice.total, &invoice.currency)) },
            html! { (open(invoice).map_or("–".into(), |open| money(open, &invoice.currency))) },
            html! { @if let Some(day) = invoice.issue_date { (day) } },
            html! { @if let Some(day) = invoice.due_date { (day) } },
        ])
        .named(format!("i{}", invoice.id))
    };
    parts::table("Invoices", &COLUMNS, invoices.iter().map(row))
}

fn filters(visit: &Visit<'_>, problems: &Problems) -> Markup {
    let form = Form::default();
    let fields = Fields { form: &form, problems };
    let field = |name, label| Field { name, label, value: visit.facts.parameter(name), ..Field::default() };
    let any = [("", "all")].into_iter();
    let statuses: Vec<_> = any.clone().chain(STATUSES.map(|(status, name)| (status.as_str(), name))).collect();
    let payments: Vec<_> = any.chain(PAYMENTS.map(|(status, name)| (status.as_str(), name))).collect();
    let [search, status, payment, from, to] = [
        field("search", "Number"),
        field("status", "State"),
        field("paymentStatus", "Payment"),
        field("issueDateFrom", "Issued from"),
        field("issueDateTo", "Issued to"),
    ];
    html! {
        (fields.summary_of(&[search, status, payment, from, to]))
        form.filters method="get" action=(LIST) aria-label="Filters" {
            (fields.filter("search", &search))
            (fields.choice(&status, &statuses))
            (fields.choice(&payment, &payments))
            (fields.filter("date", &from))
            (fields.filter("date", &to))
            button.quiet type="submit" { "Filter" }
        }
    }
}
