//! The changes of an invoice's state: sent, paid in part or in full, refunded, cancelled. Each step locks the row.

use entity::invoice;
use entity::value::{Currency, EventType, InvoiceId, InvoiceStatus, Money, OrganizationId, PaymentStatus, Timestamp};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use serde::Serialize;

use super::create::release;
use super::{Invoice, InvoiceWithLines, with_lines};
use crate::access::scope::Scoped;
use crate::contract::error::Error;
use crate::contract::outcome::Precondition;
use crate::contract::reason::Reason;
use crate::door::operator::Operator;
use crate::door::write::Write;
use crate::outbox;

impl outbox::EventRecord for InvoiceWithLines {
    const KEY: &'static str = "invoice";
}

impl outbox::EventRecord for Payment {
    const KEY: &'static str = "payment";
}

/// A payment or a failed attempt at one, as the events of invoices carry it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// Its id.
    pub id: InvoiceId,
    /// How much.
    pub amount: Money,
    /// In which currency.
    pub currency: Currency,
    /// How; `manual` when the operator says so.
    pub method: &'static str,
    /// When it came; null if it did not.
    pub received_at: Option<Timestamp>,
    /// Why it did not come; null if it did.
    pub failure_reason: Option<String>,
}

/// The invoices of a workspace, the oldest first, without their lines.
///
/// # Errors
/// `NotFound` where there is no such workspace.
pub async fn all_of(operator: &Operator, organization: OrganizationId) -> Result<Vec<Invoice>, Error> {
    crate::nouns::organization::find(operator.reader(), organization).await?;
    let query = invoice::Entity::all_of(organization).order_by_asc(invoice::Column::CreatedAt);
    let rows = query.order_by_asc(invoice::Column::Id).all(operator.reader()).await?;
    Ok(rows.into_iter().map(Invoice::from).collect())
}

/// One invoice with its lines.
///
/// # Errors
/// `NotFound` where there is no such invoice.
pub async fn show(operator: &Operator, id: InvoiceId) -> Result<InvoiceWithLines, Error> {
    step(operator, id, async |_, row| Ok(row)).await
}

/// Runs one step on an invoice; the workspace is found by the invoice's id.
async fn step(
    operator: &Operator,
    id: InvoiceId,
    body: impl AsyncFnOnce(&Write, invoice::Model) -> Result<invoice::Model, Error>,
) -> Result<InvoiceWithLines, Error> {
    let found = invoice::Entity::everywhere().filter(invoice::Column::Id.eq(id)).one(operator.reader()).await?;
    let organization = found.ok_or(Error::NotFound("invoice"))?.organization_id;
    operator.write(organization, async |write| step_in(write, id, &Precondition::Any, body).await).await
}

/// Runs one step on an invoice, inside a write: locks the row, changes it, and gives it as GET does.
pub(super) async fn step_in(
    write: &Write,
    id: InvoiceId,
    expected: &Precondition,
    body: impl AsyncFnOnce(&Write, invoice::Model) -> Result<invoice::Model, Error>,
) -> Result<InvoiceWithLines, Error> {
    let before = write.lock_exclusive::<invoice::Entity>(id).await?;
    expected.check(before.version)?;
    let after = body(write, before.clone()).await?;
    let row = write.update::<invoice::Entity>(&before, after).await?;
    with_lines(write, row).await
}

fn blocked(row: &invoice::Model, what: &str) -> Error {
    let status = row.status;
    match status {
        InvoiceStatus::Draft => {
            Error::conflict(Reason::InvoiceDraft, format!("a DRAFT cannot be {what}; send it first"))
        }
        InvoiceStatus::Sent => {
            Error::conflict(Reason::InvoiceSent, format!("the invoice is SENT and cannot be {what}"))
        }
        InvoiceStatus::Paid => {
            Error::conflict(Reason::InvoicePaid, format!("the invoice is PAID and cannot be {what}"))
        }
        InvoiceStatus::Cancelled => {
            Error::conflict(Reason::InvoiceCancelled, format!("the invoice is CANCELLED and cannot be {what}"))
        }
    }
}

/// DRAFT becomes SENT.
///
/// # Errors
/// `NotFound`, `Invalid` (input), `Conflict` (state), or `Internal` (database).
pub async fn send(operator: &Operator, id: InvoiceId) -> Result<InvoiceWithLines, Error> {
    step(operator, id, sent).await
}

pub(super) async fn sent(write: &Write, row: invoice::Model) -> Result<invoice::Model, Error> {
    if row.status != InvoiceStatus::Draft {
        return Err(blocked(&row, "sent again"));
    }
    let sent = invoice::Model { status: InvoiceStatus::Sent, sent_at: Some(write.now), ..row };
    outbox::emit(write, EventType::InvoiceSent, &as_stored(write, &sent).await?).await?;
    Ok(sent)
}

/// Records a payment of a SENT invoice, by default of the whole open amount. A fully paid invoice becomes PAID.
///
/// # Errors
/// `NotFound`, `Invalid` (input), `Conflict` (state), or `Internal` (database).
pub async fn pay(operator: &Operator, id: InvoiceId, amount: Option<Money>) -> Result<InvoiceWithLines, Error> {
    step(operator, id, async |write, row| paid(write, row, amount).await).await
}

pub(super) async fn paid(write: &Write, row: invoice::Model, amount: Option<Money>) -> Result<invoice::Model, Error> {
    if row.status != InvoiceStatus::Sent {
        return Err(blocked(&row, "paid"));
    }
    let amount = payable(&row, amount)?;
    let paid = Money::from_units(row.amount_paid.units() + amount.units());
    if paid < row.total {
        return Ok(invoice::Model { amount_paid: paid, payment_status: PaymentStatus::PartiallyPaid, ..row });
    }
    let (status, payment_status) = (InvoiceStatus::Paid, PaymentStatus::Paid);
    let paid = invoice::Model { amount_paid: paid, payment_status, status, paid_at: Some(write.now), ..row };
    let payment = payment(write, &paid, amount, None);
    outbox::emit(write, EventType::InvoicePaid, (&as_stored(write, &paid).await?, &payment)).await?;
    Ok(paid)
}

/// Reports that a payment of a SENT invoice failed. The invoice does not change.
///
/// # Errors
/// `NotFound`, `Invalid` (input), `Conflict` (state), or `Internal` (database).
pub async fn fail_payment(
    operator: &Operator,
    id: InvoiceId,
    amount: Option<Money>,
    reason: Option<String>,
) -> Result<InvoiceWithLines, Error> {
    step(operator, id, async |write, row| payment_failed(write, row, amount, reason).await).await
}

pub(super) async fn payment_failed(
    write: &Write,
    row: invoice::Model,
    amount: Option<Money>,
    reason: Option<String>,
) -> Result<invoice::Model, Error> {
    if row.status != InvoiceStatus::Sent {
        return Err(blocked(&row, "paid"));
    }
    let reason = reason.unwrap_or_else(|| "the payment was not received".into());
    let payment = payment(write, &row, payable(&row, amount)?, Some(reason));
    let invoice = with_lines(write, row.clone()).await?;
    outbox::emit(write, EventType::InvoicePaymentFailed, (&invoice, &payment)).await?;
    Ok(row)
}

/// Refunds all that was paid. A PAID invoice stays PAID, and its time and expenses stay on it.
///
/// # Errors
/// `NotFound`, `Invalid` (input), `Conflict` (state), or `Internal` (database).
pub async fn refund(operator: &Operator, id: InvoiceId) -> Result<InvoiceWithLines, Error> {
    step(operator, id, async |_, row| refunded(row)).await
}

pub(super) fn refunded(row: invoice::Model) -> Result<invoice::Model, Error> {
    if row.amount_paid == Money::ZERO {
        return Err(Error::conflict(Reason::NothingToRefund, "nothing is paid that could be given back"));
    }
    Ok(invoice::Model { amount_paid: Money::ZERO, payment_status: PaymentStatus::Refunded, ..row })
}

/// Cancels an invoice: its time, fees and expenses can be billed again, its number stays taken. A PAID invoice can be
/// cancelled once nothing of it is paid any more: it was refunded in full, or its total is 0.
///
/// # Errors
/// `NotFound`, `Invalid` (input), `Conflict` (state), or `Internal` (database).
pub async fn cancel(operator: &Operator, id: InvoiceId) -> Result<InvoiceWithLines, Error> {
    step(operator, id, cancelled).await
}

pub(super) async fn cancelled(write: &Write, row: invoice::Model) -> Result<invoice::Model, Error> {
    // Of an invoice of nothing, nothing is left to refund.
    let refunded =
        row.amount_paid == Money::ZERO && (row.payment_status == PaymentStatus::Refunded || row.total == Money::ZERO);
    match row.status {
        InvoiceStatus::Cancelled => return Err(blocked(&row, "cancelled")),
        InvoiceStatus::Paid if !refunded => return Err(blocked(&row, "cancelled; refund it first")),
        _ => {}
    }
    release(write, row.id).await?;
    Ok(invoice::Model { status: InvoiceStatus::Cancelled, ..row })
}

/// The amount of a payment: by default the whole open amount, never more, with the decimals of the currency.
fn payable(row: &invoice::Model, amount: Option<Money>) -> Result<Money, Error> {
    let open = Money::from_units(row.total.units() - row.amount_paid.units());
    let Some(amount) = amount else { return Ok(open) };
    if amount > open {
        return Err(Error::invalid("amount", format!("must be at most what is open, {open}")));
    }
    if amount == Money::ZERO && open != Money::ZERO {
        return Err(Error::invalid("amount", "must be more than 0"));
    }
    super::amounts::check_decimals("amount", amount, &row.currency)?;
    Ok(amount)
}

fn payment(write: &Write, row: &invoice::Model, amount: Money, failure_reason: Option<String>) -> Payment {
    let received_at = failure_reason.is_none().then_some(write.now);
    Payment {
        id: write.new_id(),
        amount,
        currency: row.currency.clone(),
        method: "manual",
        received_at,
        failure_reason,
    }
}

/// The record as it will be stored: an event holds what GET gives afterwards, version and all.
async fn as_stored(write: &Write, row: &invoice::Model) -> Result<InvoiceWithLines, Error> {
    let mut row = row.clone();
    <invoice::Entity as crate::access::scope::Versioned>::touch(&mut row, write.now);
    with_lines(write, row).await
}
