//! Invoices, as Managers and above make, send and settle them on the settings pages: by the rules of the command line.

use entity::value::{ClientId, Currency, Date, FieldErrors, InvoiceId, Money, Percent, Text};

use super::create::bill;
use super::payment::{cancelled, paid, payment_failed, refunded, sent, step_in};
use super::{InvoiceLine, InvoiceWithLines, NewInvoice};
use crate::access::action::Action;
use crate::contract::error::Error;
use crate::contract::input::{Field, Input, Reference, Required, Validate, references};
use crate::contract::outcome::{Precondition, Written};
use crate::contract::reason::Reason;
use crate::door::Cx;

crate::input! {
    /// What a new invoice bills, and how.
    pub struct CreateInvoiceInput {
        /// Id of the client to bill.
        pub client_id: Required<ClientId>,
        /// First day whose time and expenses are billed.
        pub from: Required<Date>,
        /// Last day whose time and expenses are billed; not before the first.
        pub to: Required<Date>,
        /// Discount, subtracted from the subtotal before tax, in the client's currency; null means none.
        pub discount: Field<Money>,
        /// Tax rate in percent from 0 to 100; null means the client's default.
        pub tax_rate: Field<Percent>,
        /// Total that a preview has shown: an invoice that comes to another one is not made. Null means any.
        pub expected_total: Field<Money>,
    }
}

impl CreateInvoiceInput {
    fn into_new(self) -> Result<NewInvoice, Error> {
        let CreateInvoiceInput { client_id, from, to, discount, tax_rate, expected_total: _, not_taken: _ } = self;
        let (client, from, to) = (client_id.value()?, from.value()?, to.value()?);
        Ok(NewInvoice { client, from, to, discount: discount.take(), tax_rate: tax_rate.take() })
    }
}

impl Validate for CreateInvoiceInput {
    fn references(&self) -> Vec<(String, Reference)> {
        references(&[("clientId", self.client_id.get().map(|id| Reference::Client(*id)))])
    }

    fn problems(&self) -> FieldErrors {
        let mut problems = self.field_problems();
        if let (Some(from), Some(to)) = (self.from.get(), self.to.get())
            && let Some(problem) = NewInvoice::order_problem(*from, *to)
        {
            problems.add("to", problem);
        }
        problems
    }
}

crate::input! {
    /// A payment that was received.
    pub struct RecordPaymentInput {
        /// Amount, in the invoice's currency; null means the whole open amount.
        pub amount: Field<Money>,
    }
}

impl Validate for RecordPaymentInput {
    fn problems(&self) -> FieldErrors {
        self.field_problems()
    }
}

crate::input! {
    /// A payment that has failed.
    pub struct RecordFailedPaymentInput {
        /// Amount, in the invoice's currency; null means the whole open amount.
        pub amount: Field<Money>,
        /// Why the payment has failed, for the event.
        pub reason: Field<Text<1000>>,
    }
}

impl Validate for RecordFailedPaymentInput {
    fn problems(&self) -> FieldErrors {
        self.field_problems()
    }
}

/// What an invoice would bill and come to, if it were made now.
#[derive(Clone, Debug)]
pub struct InvoicePreview {
    /// The client to bill.
    pub client_id: ClientId,
    /// Name of the client.
    pub bill_to_name: String,
    /// Currency of every amount (ISO 4217 code).
    pub currency: Currency,
    /// Day that the invoice would carry.
    pub issue_date: Option<Date>,
    /// Day by which it would be due.
    pub due_date: Option<Date>,
    /// Lines, in the order in which they would be printed.
    pub lines: Vec<InvoiceLine>,
    /// Sum of the lines before discount and tax.
    pub subtotal: Money,
    /// Discount, subtracted from the subtotal before tax.
    pub discount_amount: Money,
    /// Tax rate in percent; none means no tax.
    pub tax_rate: Option<Percent>,
    /// Tax on the subtotal less the discount.
    pub tax_amount: Money,
    /// Total to be paid.
    pub total: Money,
}

impl From<InvoiceWithLines> for InvoicePreview {
    fn from(InvoiceWithLines { invoice, lines }: InvoiceWithLines) -> InvoicePreview {
        InvoicePreview {
            client_id: invoice.client_id,
            bill_to_name: invoice.bill_to_name,
            currency: invoice.currency,
            issue_date: invoice.issue_date,
            due_date: invoice.due_date,
            lines,
            subtotal: invoice.subtotal,
            discount_amount: invoice.discount_amount,
            tax_rate: invoice.tax_rate,
            tax_amount: invoice.tax_amount,
            total: invoice.total,
        }
    }
}

/// The lines and totals that `create` would make of the same input. Nothing is stored, and no number is used: it is made and
/// rolled back.
///
/// # Errors
/// As `create`, without a key.
#[crate::boxed]
pub async fn preview(cx: &Cx, input: CreateInvoiceInput) -> Result<InvoicePreview, Error> {
    let made = cx.rehearse(Action::PreviewInvoice, input, async |write, input| bill(write, &input.into_new()?).await);
    Ok(made.await?.into())
}

/// Bills a client's time, fees and expenses that are not billed yet, as a DRAFT with the workspace's next number.
///
/// # Errors
/// `Forbidden` (role, or a token asks), `Invalid` (input, no such client, a project without a rate, a discount over the
/// subtotal), `Conflict` (nothing to bill, another currency, another total than the preview's, an amount too large, or key), or
/// `Internal` (database).
#[crate::boxed]
pub async fn create(cx: &Cx, input: CreateInvoiceInput) -> Result<Written<InvoiceWithLines>, Error> {
    cx.create(Action::CreateInvoice, input, async |write, input| {
        let expected = input.expected_total.get().copied();
        let made = bill(write, &input.into_new()?).await?;
        match expected {
            Some(total) if total != made.invoice.total => {
                let message = "what is to be billed has changed since the preview; look at it again";
                Err(Error::conflict(Reason::PreviewOutdated, message))
            }
            _ => Ok(made),
        }
    })
    .await
}

/// DRAFT becomes SENT; fires `invoice.sent`.
///
/// # Errors
/// `Forbidden` (role, or a token asks), `NotFound`, `Stale`, `Conflict` (state or key), or `Internal` (database).
#[crate::boxed]
pub async fn send(cx: &Cx, id: InvoiceId, expected: &Precondition) -> Result<Written<InvoiceWithLines>, Error> {
    cx.write(Action::SendInvoice, (), async |write, ()| step_in(write, id, expected, sent).await).await
}

/// Records a payment of a SENT invoice, by default of the whole open amount. A fully paid invoice becomes PAID and fires
/// `invoice.paid`.
///
/// # Errors
/// `Forbidden` (role, or a token asks), `Invalid` (more than is open), `NotFound`, `Stale`, `Conflict` (state or key), or
/// `Internal` (database).
#[crate::boxed]
pub async fn record_payment(
    cx: &Cx,
    id: InvoiceId,
    expected: &Precondition,
    input: RecordPaymentInput,
) -> Result<Written<InvoiceWithLines>, Error> {
    cx.write(Action::RecordPayment, input, async |write, input| {
        step_in(write, id, expected, async |write, row| paid(write, row, input.amount.take()).await).await
    })
    .await
}

/// Reports that a payment of a SENT invoice has failed: fires `invoice.payment_failed`, and leaves the invoice as it is.
///
/// # Errors
/// As `record_payment`.
#[crate::boxed]
pub async fn record_failed_payment(
    cx: &Cx,
    id: InvoiceId,
    expected: &Precondition,
    input: RecordFailedPaymentInput,
) -> Result<Written<InvoiceWithLines>, Error> {
    cx.write(Action::RecordFailedPayment, input, async |write, input| {
        let RecordFailedPaymentInput { amount, reason, not_taken: _ } = input;
        let reason = reason.take().map(String::from);
        step_in(write, id, expected, async |write, row| payment_failed(write, row, amount.take(), reason).await).await
    })
    .await
}

/// Records that all that was paid was given back. A PAID invoice stays PAID, and its time and expenses stay on it.
///
/// # Errors
/// `Forbidden` (role, or a token asks), `NotFound`, `Stale`, `Conflict` (state or key), or `Internal` (database).
#[crate::boxed]
pub async fn refund(cx: &Cx, id: InvoiceId, expected: &Precondition) -> Result<Written<InvoiceWithLines>, Error> {
    cx.write(Action::RefundInvoice, (), async |write, ()| {
        step_in(write, id, expected, async |_, row| refunded(row)).await
    })
    .await
}

/// Cancels an invoice: its time, fees and expenses can be billed again, its number stays taken. A PAID invoice can be
/// cancelled once it was refunded in full, or if its total is 0.
///
/// # Errors
/// `Forbidden` (role, or a token asks), `NotFound`, `Stale`, `Conflict` (state or key), or `Internal` (database).
#[crate::boxed]
pub async fn cancel(cx: &Cx, id: InvoiceId, expected: &Precondition) -> Result<Written<InvoiceWithLines>, Error> {
    cx.write(Action::CancelInvoice, (), async |write, ()| step_in(write, id, expected, cancelled).await).await
}
