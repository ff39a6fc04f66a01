//! Invoices: bills to clients, snapshots that do not change when their sources do. Read over the surfaces; made, sent and
//! paid on the settings pages and by the operator.

pub mod amounts;
mod create;
mod list;
mod payment;
pub mod settings;

use std::collections::HashMap;

use entity::value::{
    ClientId, Currency, Date, Decimal, Id, InvoiceId, InvoiceStatus, Money, OrganizationId, PaymentStatus, Percent,
    ProjectId, TaskId, Timestamp,
};
use entity::{invoice, invoice_line};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};

pub use create::{NewInvoice, create};
pub use list::{InvoiceArgs, InvoiceFilter, InvoiceSort, list, list_of_clients};
pub use payment::{Payment, all_of, cancel, fail_payment, pay, refund, send, show};

use crate::access::action::Action;
use crate::contract::error::Error;
use crate::contract::outcome::Record;
use crate::door::Cx;
use crate::door::write::Write;

crate::contract::record::record! {
    /// An invoice to a client. Invoices are read only here: they are created, sent and settled on the settings pages. Only Owners,
    /// Admins and Managers see invoices.
    #[graphql(name = "InvoiceFields")]
    pub struct Invoice from invoice without number_rank number_key {
        /// Identifier of the invoice (UUID v7).
        pub id: InvoiceId,
        /// Identifier of the workspace that the invoice belongs to.
        pub org_id: OrganizationId,
        /// Identifier of the client that the invoice bills.
        pub client_id: ClientId,
        /// Number of the invoice: the workspace's prefix and a number that runs without gaps.
        pub number: String,
        /// State of the invoice.
        pub status: InvoiceStatus,
        /// How much of the invoice has been paid.
        pub payment_status: PaymentStatus,
        /// Sum of the lines before discount and tax.
        pub subtotal: Money,
        /// Discount, subtracted from the subtotal before tax; `0.00` if there is none.
        pub discount_amount: Money,
        /// Tax rate in percent from 0 to 100; null means no tax.
        #[oai(nullable)]
        pub tax_rate: Option<Percent>,
        /// Tax on the subtotal less the discount.
        pub tax_amount: Money,
        /// Total to be paid: subtotal less discount plus tax.
        pub total: Money,
        /// Amount that has been paid and not been refunded.
        pub amount_paid: Money,
        /// Currency of every amount of the invoice (ISO 4217 code).
        pub currency: Currency,
        /// Notes printed on the invoice; null if there are none.
        #[oai(nullable)]
        pub notes: Option<String>,
        /// Name of the client at the time the invoice was created; it does not follow later changes.
        pub bill_to_name: String,
        /// Issue date printed on the invoice; null if it has none.
        #[oai(nullable)]
        pub issue_date: Option<Date>,
        /// Day by which the invoice is to be paid; null if it has none.
        #[oai(nullable)]
        pub due_date: Option<Date>,
        /// Time at which the invoice was sent (UTC); null while it is a draft.
        #[oai(nullable)]
        pub sent_at: Option<Timestamp>,
        /// Time at which the invoice was paid in full (UTC); null while it is not.
        #[oai(nullable)]
        pub paid_at: Option<Timestamp>,
        /// Version of the invoice: 1 at creation, higher after every change of it.
        pub version: i32,
        /// Time at which the invoice was created (UTC).
        pub created_at: Timestamp,
        /// Time of the last change of the invoice (UTC); strictly later with every change.
        pub updated_at: Timestamp,
        /// Always null: an invoice is cancelled, never deleted.
        #[oai(nullable)]
        pub deleted_at: Option<Timestamp>,
    }
}

/// One line of an invoice.
#[derive(Clone, Debug, Serialize, Deserialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
#[graphql(name = "InvoiceLineFields")]
pub struct InvoiceLine {
    /// What the line bills, such as the project and its task.
    pub description: String,
    /// Hours of time, rounded up to the quarter hour per entry; 1 for a fee or an expense.
    pub quantity: Decimal,
    /// Price of one unit, in the invoice's currency.
    pub unit_price: Money,
    /// Quantity times unit price, rounded to the currency's own number of decimals.
    pub amount: Money,
    /// Identifier of the project that the line bills; null if it bills none.
    #[oai(nullable)]
    pub project_id: Option<ProjectId>,
    /// Identifier of the task whose time the line bills; null if it bills none.
    #[oai(nullable)]
    pub task_id: Option<TaskId>,
}

crate::contract::record::written!(InvoiceLine);

/// An invoice with its lines.
#[derive(Clone, Debug, Serialize, Deserialize, poem_openapi::Object)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct InvoiceWithLines {
    /// The invoice.
    #[serde(flatten)]
    #[oai(flatten)]
    pub invoice: Invoice,
    /// Lines of the invoice, in the order in which they are printed.
    pub lines: Vec<InvoiceLine>,
}

impl From<invoice_line::Model> for InvoiceLine {
    fn from(row: invoice_line::Model) -> InvoiceLine {
        let invoice_line::Model {
            id: _,
            organization_id: _,
            invoice_id: _,
            position: _,
            description,
            quantity,
            unit_price,
            amount,
            project_id,
            task_id,
        } = row;
        InvoiceLine { description, quantity, unit_price, amount, project_id, task_id }
    }
}

impl Record for Invoice {
    fn id(&self) -> Id {
        self.id.any()
    }

    fn version(&self) -> Option<i32> {
        Some(self.version)
    }
}

impl Record for InvoiceWithLines {
    fn id(&self) -> Id {
        self.invoice.id.any()
    }

    fn version(&self) -> Option<i32> {
        Some(self.invoice.version)
    }
}

/// One invoice with its lines.
///
/// # Errors
/// `Forbidden` (role or scope), `NotFound` (or not visible to the caller), or `Internal` (database).
#[crate::boxed]
pub async fn get(cx: &Cx, id: InvoiceId) -> Result<InvoiceWithLines, Error> {
    let invoice = find(cx, id).await?;
    let lines = lines_of(cx, &[id]).await?.remove(&id).unwrap_or_default();
    Ok(InvoiceWithLines { invoice, lines })
}

/// One invoice, without its lines.
///
/// # Errors
/// `Forbidden` (role or scope), `NotFound` (or not visible to the caller), or `Internal` (database).
#[crate::boxed]
pub async fn find(cx: &Cx, id: InvoiceId) -> Result<Invoice, Error> {
    Ok(cx.read(Action::GetInvoice)?.get::<invoice::Entity>(id).await?.into())
}

/// Invoices by id.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
#[crate::boxed]
pub async fn by_ids(cx: &Cx, ids: &[InvoiceId]) -> Result<Vec<Invoice>, Error> {
    let rows = cx.read(Action::GetInvoice)?.by_ids::<invoice::Entity>(ids).await?;
    Ok(rows.into_iter().map(Invoice::from).collect())
}

/// The lines of each of these invoices, in order, in one statement.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
#[crate::boxed]
pub async fn lines_of(cx: &Cx, invoices: &[InvoiceId]) -> Result<HashMap<InvoiceId, Vec<InvoiceLine>>, Error> {
    let read = cx.read(Action::GetInvoice)?;
    let rows = read.all::<invoice_line::Entity>(|query| {
        let of_these = query.filter(invoice_line::Column::InvoiceId.is_in(invoices.iter().copied()));
        of_these.order_by_asc(invoice_line::Column::InvoiceId).order_by_asc(invoice_line::Column::Position)
    });
    let mut found: HashMap<InvoiceId, Vec<InvoiceLine>> = HashMap::new();
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
