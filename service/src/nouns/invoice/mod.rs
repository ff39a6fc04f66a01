//! Invoices: bills to clients, snapshots that do not change when their sources do. Read over the surfaces; made, sent and
//! paid by the operator.

pub mod amounts;
mod create;
mod list;
mod payment;

use std::collections::HashMap;

use entity::value::{Currency, Date, Decimal, Id, InvoiceStatus, Money, PaymentStatus, Percent, Timestamp};
use entity::{invoice, invoice_line};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};

pub use create::{NewInvoice, create};
pub use list::{InvoiceArgs, InvoiceFilter, InvoiceSort, list, list_of_clients};
pub use payment::{Payment, cancel, fail_payment, pay, refund, send};

use crate::access::action::Action;
use crate::contract::error::Error;
use crate::contract::outcome::Record;
use crate::door::Cx;
use crate::door::write::Write;

/// A bill to a client.
#[derive(Clone, Debug, Serialize, Deserialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
#[graphql(name = "InvoiceFields")]
pub struct Invoice {
    /// The id.
    pub id: Id,
    /// The workspace.
    pub org_id: Id,
    /// Whom it bills.
    pub client_id: Id,
    /// Its number, without gaps in the workspace.
    pub number: String,
    /// Where it is on its way.
    pub status: InvoiceStatus,
    /// How much of it is paid.
    pub payment_status: PaymentStatus,
    /// The sum of its lines.
    pub subtotal: Money,
    /// What is taken off the subtotal, before tax.
    pub discount_amount: Money,
    /// The tax rate, in percent.
    #[oai(nullable)]
    pub tax_rate: Option<Percent>,
    /// The tax on subtotal less discount.
    pub tax_amount: Money,
    /// What is to be paid.
    pub total: Money,
    /// What has been paid and not been given back.
    pub amount_paid: Money,
    /// The currency of every amount in it, ISO 4217.
    pub currency: Currency,
    /// Anything else.
    #[oai(nullable)]
    pub notes: Option<String>,
    /// The client's name when it was made.
    pub bill_to_name: String,
    /// The day that it carries.
    #[oai(nullable)]
    pub issue_date: Option<Date>,
    /// The day until which it is to be paid.
    #[oai(nullable)]
    pub due_date: Option<Date>,
    /// When it was sent.
    #[oai(nullable)]
    pub sent_at: Option<Timestamp>,
    /// When it was paid in full.
    #[oai(nullable)]
    pub paid_at: Option<Timestamp>,
    /// Grows with every change.
    pub version: i32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Always null: an invoice is cancelled, not deleted.
    #[oai(nullable)]
    pub deleted_at: Option<Timestamp>,
}

/// One line of an invoice.
#[derive(Clone, Debug, Serialize, Deserialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
#[graphql(name = "InvoiceLineFields")]
pub struct InvoiceLine {
    /// What it bills.
    pub description: String,
    /// How many hours; 1 for a fee or an expense.
    pub quantity: Decimal,
    /// What one costs.
    pub unit_price: Money,
    /// Quantity times price, rounded half to even at the currency's own number of decimals.
    pub amount: Money,
    /// The project, if it bills one.
    #[oai(nullable)]
    pub project_id: Option<Id>,
    /// The task, if it bills the time on one.
    #[oai(nullable)]
    pub task_id: Option<Id>,
}

/// An invoice with its lines.
#[derive(Clone, Debug, Serialize, Deserialize, poem_openapi::Object)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct InvoiceWithLines {
    /// The invoice.
    #[serde(flatten)]
    #[oai(flatten)]
    pub invoice: Invoice,
    /// What it bills, in order.
    pub lines: Vec<InvoiceLine>,
}

impl From<invoice::Model> for Invoice {
    fn from(row: invoice::Model) -> Invoice {
        let invoice::Model {
            id,
            organization_id,
            client_id,
            number,
            number_rank: _,
            number_key: _,
            status,
            payment_status,
            subtotal,
            discount_amount,
            tax_rate,
            tax_amount,
            total,
            amount_paid,
            currency,
            notes,
            bill_to_name,
            issue_date,
            due_date,
            sent_at,
            paid_at,
            version,
            created_at,
            updated_at,
            deleted_at,
        } = row;
        Invoice {
            id,
            org_id: organization_id,
            client_id,
            number,
            status,
            payment_status,
            subtotal,
            discount_amount,
            tax_rate,
            tax_amount,
            total,
            amount_paid,
            currency,
            notes,
            bill_to_name,
            issue_date,
            due_date,
            sent_at,
            paid_at,
            version,
            created_at,
            updated_at,
            deleted_at,
        }
    }
}

impl From<invoice_line::Model> for InvoiceLine {
    fn from(row: invoice_line::Model) -> InvoiceLine {
        let invoice_line::Model { id: _, organization_id: _, invoice_id: _, position: _, .. } = row;
        let invoice_line::Model { description, quantity, unit_price, amount, project_id, task_id, .. } = row;
        InvoiceLine { description, quantity, unit_price, amount, project_id, task_id }
    }
}

impl Record for Invoice {
    fn id(&self) -> Id {
        self.id
    }

    fn version(&self) -> Option<i32> {
        Some(self.version)
    }
}

impl Record for InvoiceWithLines {
    fn id(&self) -> Id {
        self.invoice.id
    }

    fn version(&self) -> Option<i32> {
        Some(self.invoice.version)
    }
}

/// One invoice with its lines.
pub async fn get(cx: &Cx, id: Id) -> Result<InvoiceWithLines, Error> {
    let invoice = find(cx, id).await?;
    let lines = lines_of(cx, &[id]).await?.remove(&id).unwrap_or_default();
    Ok(InvoiceWithLines { invoice, lines })
}

/// One invoice, without its lines.
pub async fn find(cx: &Cx, id: Id) -> Result<Invoice, Error> {
    Ok(cx.read(Action::GetInvoice)?.get::<invoice::Entity>(id).await?.into())
}

/// Invoices by id.
pub async fn by_ids(cx: &Cx, ids: &[Id]) -> Result<Vec<Invoice>, Error> {
    let rows = cx.read(Action::GetInvoice)?.by_ids::<invoice::Entity>(ids).await?;
    Ok(rows.into_iter().map(Invoice::from).collect())
}

/// The lines of each of these invoices, in order, in one statement.
pub async fn lines_of(cx: &Cx, invoices: &[Id]) -> Result<HashMap<Id, Vec<InvoiceLine>>, Error> {
    let read = cx.read(Action::GetInvoice)?;
    let rows = read.all::<invoice_line::Entity>(|query| {
        let of_these = query.filter(invoice_line::Column::InvoiceId.is_in(invoices.iter().copied()));
        of_these.order_by_asc(invoice_line::Column::InvoiceId).order_by_asc(invoice_line::Column::Position)
    });
    let mut found: HashMap<Id, Vec<InvoiceLine>> = HashMap::new();
    for row in rows.await? {
        found.entry(row.invoice_id).or_default().push(row.into());
    }
    Ok(found)
}

/// An invoice as GET gives it, inside a write.
async fn with_lines(write: &Write, row: invoice::Model) -> Result<InvoiceWithLines, Error> {
    let lines = write.all::<invoice_line::Entity>(|query| {
        query.filter(invoice_line::Column::InvoiceId.eq(row.id)).order_by_asc(invoice_line::Column::Position)
    });
    let lines = lines.await?.into_iter().map(InvoiceLine::from).collect();
    Ok(InvoiceWithLines { invoice: row.into(), lines })
}
