//! Lists of invoices: what they are sorted and filtered by.

use entity::invoice;
use entity::value::{
    ClientId, Date, DateOrDateTime, Id, InvoiceId, InvoiceStatus, Money, Name, PaymentStatus, Timestamp,
};
use sea_orm::Condition;

use super::Invoice;
use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::contract::error::Error;
use crate::contract::input::Field;
use crate::door::Cx;
use crate::list::filter::{at_least, at_most, of_client_named, one_of, since, until};
use crate::list::nested::{CursorList, Relation};
use crate::list::page::{Filter, Key, ListArgs, Listed, Page};

crate::sort! {
    /// What invoices are sorted by.
    pub enum InvoiceSort of invoice {
        CreatedAt "createdAt" by "created_at" => |row| row.created_at.into(),
        AmountPaid "amountPaid" by "amount_paid" => |row| Key::Number(row.amount_paid.units()),
        DueDate "dueDate" by "due_date_key" => |row| row.due_date.into(),
        Id "id" by "id" => |_row| Key::Id,
        IssueDate "issueDate" by "issue_date_key" => |row| row.issue_date.into(),
        Number "number" by "number_rank" => |row| Key::Number(row.number_rank),
        PaidAt "paidAt" by "paid_at_key" => |row| instant(row.paid_at),
        PaymentStatus "paymentStatus" by "payment_status" => |row| Key::Number(row.payment_status.rank().into()),
        SentAt "sentAt" by "sent_at_key" => |row| instant(row.sent_at),
        Status "status" by "status" => |row| Key::Number(row.status.rank().into()),
        Total "total" by "total" => |row| Key::Number(row.total.units()),
        UpdatedAt "updatedAt" by "updated_at" => |row| row.updated_at.into(),
    }
}

/// Nothing is before everything: the first instant of the year 1, as in the key columns.
fn instant(at: Option<Timestamp>) -> Key {
    const LEAST: i64 = -62_135_596_800_000;
    Key::Number(at.map_or(LEAST, Timestamp::millis))
}

crate::input! {
    /// Filters of the list of invoices; an invoice must match all of them.
    pub struct InvoiceFilter {
        /// Only invoices with one of these identifiers.
        pub id: Field<Vec<InvoiceId>>,
        /// Only invoices to one of these clients.
        pub client_id: Field<Vec<ClientId>>,
        /// Only invoices to a client with one of these names; case is ignored.
        pub client_name: Field<Vec<Name>>,
        /// Only invoices in one of these states.
        pub status: Field<Vec<InvoiceStatus>>,
        /// Only invoices with one of these payment states.
        pub payment_status: Field<Vec<PaymentStatus>>,
        /// Only invoices issued on this day or later.
        pub issue_date_from: Field<Date>,
        /// Only invoices issued on this day or earlier.
        pub issue_date_to: Field<Date>,
        /// Only invoices due on this day or later.
        pub due_date_from: Field<Date>,
        /// Only invoices due on this day or earlier.
        pub due_date_to: Field<Date>,
        /// Only invoices sent at or after this instant; a date means the start of that UTC day.
        pub sent_at_from: Field<DateOrDateTime>,
        /// Only invoices sent at or before this instant; a date means the end of that UTC day.
        pub sent_at_to: Field<DateOrDateTime>,
        /// Only invoices paid in full at or after this instant; a date means the start of that UTC day.
        pub paid_at_from: Field<DateOrDateTime>,
        /// Only invoices paid in full at or before this instant; a date means the end of that UTC day.
        pub paid_at_to: Field<DateOrDateTime>,
        /// Only invoices with at least this total, whatever the currency.
        pub total_min: Field<Money>,
        /// Only invoices with at most this total, whatever the currency.
        pub total_max: Field<Money>,
        /// Only invoices created at or after this instant; a date means the start of that UTC day.
        pub created_at_from: Field<DateOrDateTime>,
        /// Only invoices created at or before this instant; a date means the end of that UTC day.
        pub created_at_to: Field<DateOrDateTime>,
        /// Only invoices last changed at or after this instant; a date means the start of that UTC day. Records may
        /// appear up to 60 seconds late, so let polls overlap by that much.
        pub updated_at_from: Field<DateOrDateTime>,
        /// Only invoices last changed at or before this instant; a date means the end of that UTC day.
        pub updated_at_to: Field<DateOrDateTime>,
    }
}

impl Filter for InvoiceFilter {
    fn condition(&self, caller: &Caller) -> Condition {
        use invoice::Column;
        Condition::all()
            .add_option(one_of(Column::Id, &self.id))
            .add_option(one_of(Column::ClientId, &self.client_id))
            .add_option(of_client_named(Column::ClientId, &self.client_name, caller.organization_id))
            .add_option(one_of(Column::Status, &self.status))
            .add_option(one_of(Column::PaymentStatus, &self.payment_status))
            .add_option(at_least(Column::IssueDate, &self.issue_date_from))
            .add_option(at_most(Column::IssueDate, &self.issue_date_to))
            .add_option(at_least(Column::DueDate, &self.due_date_from))
            .add_option(at_most(Column::DueDate, &self.due_date_to))
            .add_option(since(Column::SentAt, &self.sent_at_from))
            .add_option(until(Column::SentAt, &self.sent_at_to))
            .add_option(since(Column::PaidAt, &self.paid_at_from))
            .add_option(until(Column::PaidAt, &self.paid_at_to))
            .add_option(at_least(Column::Total, &self.total_min))
            .add_option(at_most(Column::Total, &self.total_max))
            .add_option(since(Column::CreatedAt, &self.created_at_from))
            .add_option(until(Column::CreatedAt, &self.created_at_to))
            .add_option(since(Column::UpdatedAt, &self.updated_at_from))
            .add_option(until(Column::UpdatedAt, &self.updated_at_to))
    }
}

impl Listed for invoice::Entity {
    type Sort = InvoiceSort;
    type Filter = InvoiceFilter;
    const SEARCH: Option<invoice::Column> = Some(invoice::Column::NumberKey);
}

/// The arguments of an invoice list.
pub type InvoiceArgs = ListArgs<InvoiceFilter, InvoiceSort>;

/// A page of invoices, without their lines.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list(cx: &Cx, args: &InvoiceArgs) -> Result<Page<Invoice>, Error> {
    Ok(cx.list::<invoice::Entity>(Action::ListInvoices, args).await?.map(Invoice::from))
}

/// The first invoices to each of these clients, in one statement.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list_of_clients(
    cx: &Cx,
    clients: &[Id],
    args: &InvoiceArgs,
) -> Result<crate::list::page::Pages<Invoice>, Error> {
    let relation = Relation::<invoice::Entity>::by(
        invoice::Column::ClientId,
        CursorList::Filtered(|filter: &mut InvoiceFilter, parent| filter.client_id = Field::Value(vec![parent.of()])),
    );
    cx.list_of_parents(Action::ListInvoices, relation, clients, args, Invoice::from).await
}
