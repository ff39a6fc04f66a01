//! Money spent for a client.

use crate::value::{
    ClientId, Currency, Date, ExpenseCategory, ExpenseId, InvoiceId, Money, OrganizationId, ProjectId, Timestamp,
};

crate::table! {
    "expense" key { id: ExpenseId, organization_id: OrganizationId }
    external_id: Option<String>,
    client_id: ClientId,
    project_id: Option<ProjectId>,
    invoice_id: Option<InvoiceId>,
    category: ExpenseCategory,
    custom_category: Option<String>,
    description: String,
    search_key: String,
    amount: Money,
    currency: Currency,
    billable: bool,
    expense_date: Date,
    version: i32,
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted_at: Option<Timestamp>,
}
