//! What is done to an invoice: each step has a page that names the invoice and asks, and sends the version that was seen.

use maud::{Markup, html};
use poem::Response;
use poem::http::StatusCode;
use service::input::FromBody;
use service::invoice::settings::{self, RecordFailedPaymentInput, RecordPaymentInput};
use service::invoice::{self, Invoice, InvoiceWithLines};
use service::value::{InvoiceStatus, Json, Money};
use service::{Action, Error, Written, policy};

use super::super::fields::{Field, Fields};
use super::super::form::Problems;
use super::super::visit::Visit;
use super::super::{layout, parts};
use super::document::steps;
use super::{LIST, digits, money, open, state};
use crate::http::rejection::Rejection;

/// A step of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Step {
    Send,
    Pay,
    PaymentFailed,
    Refund,
    Cancel,
}

/// How a step is called and what it does.
struct Words {
    action: Action,
    title: &'static str,
    about: &'static str,
    button: &'static str,
    done: &'static str,
}

impl Step {
    const fn words(self) -> Words {
        match self {
            Step::Send => Words {
                action: Action::SendInvoice,
                title: "Mark as sent",
                about: "No mail is sent from here: mark the invoice once you have sent it. It can be paid then, and webhooks report invoice.sent.",
                button: "Mark as sent",
                done: "invoice-sent",
            },
            Step::Pay => Words {
                action: Action::RecordPayment,
                title: "Record a payment",
                about: "The invoice is paid once nothing is open any more; webhooks report invoice.paid then.",
                button: "Record the payment",
                done: "payment-recorded",
            },
            Step::PaymentFailed => Words {
                action: Action::RecordFailedPayment,
                title: "Record a failed payment",
                about: "The invoice stays as it is; webhooks report invoice.payment_failed.",
                button: "Record the failed payment",
                done: "payment-failed",
            },
            Step::Refund => Words {
                action: Action::RefundInvoice,
                title: "Record a refund",
                about: "Record it once everything that was paid has been given back. What the invoice bills stays billed until it is cancelled.",
                button: "Record the refund",
                done: "invoice-refunded",
            },
            Step::Cancel => Words {
                action: Action::CancelInvoice,
                title: "Cancel the invoice",
                about: "Its time, fees and expenses can be billed again. Its number stays taken, and it cannot be brought back.",
                button: "Cancel the invoice",
                done: "invoice-cancelled",
            },
        }
    }
}

pub(in super::super) async fn ask(visit: &Visit<'_>, step: Step) -> Result<Response, Rejection> {
    page(visit, step, &Problems::default()).await
}

async fn page(visit: &Visit<'_>, step: Step, problems: &Problems) -> Result<Response, Rejection> {
    let words = step.words();
    policy::ensure_allowed(visit.caller(), words.action)?;
    let invoice = invoice::find(&visit.cx, visit.id()?).await?;
    let fields = Fields { form: &visit.form, problems };
    let back = format!("{LIST}/{}", invoice.id);
    let title = format!("{}: {}", words.title, invoice.number);
    // The page may be that of an address which somebody has kept, or of another tab.
    let offered = steps(visit, &invoice).iter().any(|(place, ..)| visit.facts.path().ends_with(&format!("/{place}")));
    let body = html! {
        (fields.summary())
        (named(&invoice))
        @if offered {
            p { (words.about) }
            form method="post" action=(visit.facts.path()) {
                (parts::key(visit.facts))
                input type="hidden" name="version" value=(invoice.version);
                (own_fields(&fields, step, &invoice))
                div.actions {
                    button.danger[step == Step::Cancel] type="submit" { (words.button) }
                    a href=(back) { "Back to the invoice" }
                }
            }
        } @else {
            p { "In this state of the invoice, this cannot be done." }
            p { a href=(back) { "Back to the invoice" } }
        }
    };
    let status = if offered || problems.status != StatusCode::OK { problems.status } else { StatusCode::CONFLICT };
    Ok(layout::page_with(visit, status, &title, body))
}

/// Which invoice it is about.
fn named(invoice: &Invoice) -> Markup {
    html! {
        dl {
            dt { "Number" } dd { (invoice.number) }
            dt { "Client" } dd { (invoice.bill_to_name) }
            dt { "State" } dd { (state(invoice)) }
            dt { "Total" } dd { (money(invoice.total, &invoice.currency)) }
            dt { "Paid" } dd { (money(invoice.amount_paid, &invoice.currency)) }
            @if let (InvoiceStatus::Sent, Some(open)) = (invoice.status, open(invoice)) {
                dt { "Open" } dd { (money(open, &invoice.currency)) }
            }
        }
    }
}

/// The fields of a step, if it has any.
fn own_fields(fields: &Fields<'_>, step: Step, invoice: &Invoice) -> Markup {
    let hint = format!(
        "In {}, at most {}. Left empty, it is all that is open.",
        invoice.currency,
        digits(open(invoice).unwrap_or(Money::ZERO), invoice.currency.decimals())
    );
    let amount = Field { name: "amount", label: "Amount", hint: &hint, ..Field::default() };
    let reason =
        Field { name: "reason", label: "Why it failed", hint: "Such as: the card was declined.", ..Field::default() };
    html! {
        @if matches!(step, Step::Pay | Step::PaymentFailed) { (fields.text("text", &amount)) }
        @if step == Step::PaymentFailed { (fields.text("text", &reason)) }
    }
}

pub(in super::super) async fn perform(visit: &Visit<'_>, step: Step) -> Result<Response, Rejection> {
    let written = written(visit, step).await;
    match written {
        Ok(written) => {
            let invoice = written.into_record()?.invoice;
            let paid = step == Step::Pay && invoice.status == InvoiceStatus::Paid;
            let done = if paid { "invoice-paid" } else { step.words().done };
            Ok(layout::done(&format!("{LIST}/{}", invoice.id), done))
        }
        Err(error) => page(visit, step, &Problems::of(error)?).await,
    }
}

async fn written(visit: &Visit<'_>, step: Step) -> Result<Written<InvoiceWithLines>, Error> {
    let (cx, id, seen) = (&visit.cx, visit.id()?, visit.form.version());
    match step {
        Step::Send => settings::send(cx, id, &seen).await,
        Step::Pay => {
            let input = RecordPaymentInput::from_json(Json::Object(visit.form.filled(&["amount"])));
            settings::record_payment(cx, id, &seen, input).await
        }
        Step::PaymentFailed => {
            let input = RecordFailedPaymentInput::from_json(Json::Object(visit.form.filled(&["amount", "reason"])));
            settings::record_failed_payment(cx, id, &seen, input).await
        }
        Step::Refund => settings::refund(cx, id, &seen).await,
        Step::Cancel => settings::cancel(cx, id, &seen).await,
    }
}
