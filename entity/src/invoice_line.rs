//! One line of an invoice.

use crate::value::{Decimal, InvoiceId, InvoiceLineId, Money, OrganizationId, ProjectId, TaskId};

crate::table! {
    "invoice_line" key { id: InvoiceLineId, organization_id: OrganizationId }
    invoice_id: InvoiceId,
    position: i32,
    description: String,
    quantity: Decimal,
    unit_price: Money,
    amount: Money,
    project_id: Option<ProjectId>,
    task_id: Option<TaskId>,
}
