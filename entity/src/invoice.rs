//! A bill to a client: a snapshot that does not change when its sources do.

use crate::value::{
    ClientId, Currency, Date, InvoiceId, InvoiceStatus, Money, OrganizationId, PaymentStatus, Percent, Timestamp,
};

crate::table! {
    "invoice" key { id: InvoiceId, organization_id: OrganizationId }
    client_id: ClientId,
    number: String,
    number_rank: i64,
    number_key: String,
    status: InvoiceStatus,
    payment_status: PaymentStatus,
    subtotal: Money,
    discount_amount: Money,
    tax_rate: Option<Percent>,
    tax_amount: Money,
    total: Money,
    amount_paid: Money,
    currency: Currency,
    notes: Option<String>,
    bill_to_name: String,
    issue_date: Option<Date>,
    due_date: Option<Date>,
    sent_at: Option<Timestamp>,
    paid_at: Option<Timestamp>,
    version: i32,
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted_at: Option<Timestamp>,
}
