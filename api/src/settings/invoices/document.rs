//! One invoice: as it is printed, and on its page with what can be done to it now.

use maud::{Markup, html};
use poem::Response;
use service::Action;
use service::client::{self, Client};
use service::invoice::{self, Invoice, InvoiceLine, InvoiceWithLines};
use service::organization::{self, Organization};
use service::value::{Currency, InvoiceStatus, Money, PaymentStatus, Percent};

use super::super::layout;
use super::super::parts::{self, Column, Row, time};
use super::super::visit::Visit;
use super::{LIST, digits, money, open, state};
use crate::http::rejection::Rejection;

/// The page of an invoice.
pub(in super::super) async fn show(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let found = invoice::get(&visit.cx, visit.id()?).await?;
    let invoice = &found.invoice;
    let path = format!("{LIST}/{}", invoice.id);
    let now = html! {
        p { (state(invoice)) }
        div.actions.screen {
            @for (step, label, primary) in steps(visit, invoice) {
                a.button.quiet[!primary] id=(step) href={ (path) "/" (step) } { (label) }
            }
            a href={ (path) "/print" } { "Print view" }
        }
        dl {
            dt { "Client" } dd { (invoice.bill_to_name) }
            @if let Some(day) = invoice.issue_date { dt { "Issued" } dd { (day) } }
            @if let Some(day) = invoice.due_date { dt { "Due" } dd { (day) } }
            @if let Some(at) = invoice.sent_at { dt { "Sent" } dd { (time(at)) } }
            @if let Some(at) = invoice.paid_at { dt { "Paid in full" } dd { (time(at)) } }
            dt { "Paid" } dd { (money(invoice.amount_paid, &invoice.currency)) }
            @if let Some(open) = open(invoice) { dt { "Open" } dd { (money(open, &invoice.currency)) } }
        }
        h2 { "Lines" }
        (sums(&found))
    };
    let body = html! { (parts::live(visit, &path, now)) p.screen { a href=(LIST) { "All invoices" } } };
    Ok(layout::page(visit, &format!("Invoice {}", invoice.number), body))
}

/// What can be done to an invoice in its state: the last part of the path, the label, and whether it is the next step.
pub(super) fn steps(visit: &Visit<'_>, invoice: &Invoice) -> Vec<(&'static str, &'static str, bool)> {
    let refunded = invoice.payment_status == PaymentStatus::Refunded;
    let (draft, sent) = (invoice.status == InvoiceStatus::Draft, invoice.status == InvoiceStatus::Sent);
    let ends = draft || sent || (invoice.status == InvoiceStatus::Paid && refunded);
    [
        (draft, Action::SendInvoice, "send", "Mark as sent", true),
        (sent, Action::RecordPayment, "pay", "Record a payment", true),
        (sent, Action::RecordFailedPayment, "payment-failed", "Record a failed payment", false),
        (invoice.amount_paid > Money::ZERO, Action::RefundInvoice, "refund", "Record a refund", false),
        (ends, Action::CancelInvoice, "cancel", "Cancel the invoice", false),
    ]
    .into_iter()
    .filter(|(offered, action, ..)| *offered && visit.cx.may(*action))
    .map(|(.., step, label, primary)| (step, label, primary))
    .collect()
}

/// The invoice alone, for paper: A4, without what is only for the screen.
pub(in super::super) async fn print(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let found = invoice::get(&visit.cx, visit.id()?).await?;
    let invoice = &found.invoice;
    let workspace = organization::get(&visit.cx).await?;
    let clients = client::by_ids(&visit.cx, &[invoice.client_id]).await?;
    let body = html! {
        p.screen {
            "Print this page with your browser; menus are left out. "
            a href={ (LIST) "/" (invoice.id) } { "Back to the invoice" }
        }
        div.paper {
            div.parties {
                (sender(&workspace))
                (receiver(invoice, clients.first()))
            }
            dl {
                dt { "Number" } dd { (invoice.number) }
                @if let Some(day) = invoice.issue_date { dt { "Issued" } dd { (day) } }
                @if let Some(day) = invoice.due_date { dt { "Due" } dd { (day) } }
                @if matches!(invoice.status, InvoiceStatus::Draft | InvoiceStatus::Cancelled) { dt { "State" } dd { (state(invoice)) } }
            }
            (sums(&found))
            @if let Some(notes) = &invoice.notes { p { (notes) } }
        }
    };
    Ok(layout::page(visit, &format!("Invoice {}", invoice.number), body))
}

fn sender(workspace: &Organization) -> Markup {
    let name = workspace.legal_name.get().unwrap_or(&workspace.name);
    html! {
        address aria-label="From" {
            strong { (name) }
            @if let Some(tax) = workspace.tax_id.get() { br; "Tax number " (tax) }
            @if let Some(email) = &workspace.business_email { br; (email) }
            @if let Some(website) = &workspace.business_website { br; (website) }
        }
    }
}

/// The name is the one that the invoice was made for; the address is the client's of now.
fn receiver(invoice: &Invoice, client: Option<&Client>) -> Markup {
    let parts = client.map(|client| {
        let city = [&client.billing_postal_code, &client.billing_city, &client.billing_region];
        let city: Vec<&str> = city.into_iter().flatten().map(String::as_str).collect();
        let city = Some(city.join(" ")).filter(|city| !city.is_empty());
        let tax = client.tax_number.as_ref().map(|number| format!("Tax number {number}"));
        let [line1, line2] = [client.billing_line1.clone(), client.billing_line2.clone()];
        [client.billing_address.clone(), line1, line2, city, client.billing_country.clone(), tax]
    });
    html! {
        address aria-label="To" {
            strong { (invoice.bill_to_name) }
            @for part in parts.into_iter().flatten().flatten() { @for line in part.lines() { br; (line) } }
        }
    }
}

/// The lines, what they come to, and what is paid of it.
fn sums(found: &InvoiceWithLines) -> Markup {
    let InvoiceWithLines { invoice, lines: all } = found;
    html! {
        (lines(all, &invoice.currency))
        (totals(
            invoice.subtotal, invoice.discount_amount, invoice.tax_rate, invoice.tax_amount, invoice.total, &invoice.currency,
        ))
    }
}

pub(super) fn lines(lines: &[InvoiceLine], currency: &Currency) -> Markup {
    let columns =
        [Column::Text("Description"), Column::Number("Quantity"), Column::Number("Price"), Column::Number("Amount")];
    let row = |line: &InvoiceLine| {
        Row::of([
            html! { (line.description) },
            html! { (line.quantity) },
            html! { (digits(line.unit_price, currency.decimals())) },
            html! { (money(line.amount, currency)) },
        ])
    };
    parts::table("Lines", &columns, lines.iter().map(row))
}

pub(super) fn totals(
    subtotal: Money,
    discount: Money,
    rate: Option<Percent>,
    tax: Money,
    total: Money,
    currency: &Currency,
) -> Markup {
    html! {
        dl.totals {
            dt { "Subtotal" } dd { (money(subtotal, currency)) }
            @if discount > Money::ZERO { dt { "Discount" } dd { "−" (money(discount, currency)) } }
            @if let Some(rate) = rate { dt { "Tax, " (rate) " %" } dd { (money(tax, currency)) } }
            dt { strong { "Total" } } dd { strong { (money(total, currency)) } }
        }
    }
}
